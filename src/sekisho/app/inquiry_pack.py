"""An evidence pack made: the finding, its transactions, the pages, one ZIP file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, Literal

from sekisho.app.bars import drawn
from sekisho.app.inquiry import (
    Results,
    csv_text,
    looks_like_card,
    refuse_card_columns,
    refuse_card_numbers,
    subject_of,
    write_zip,
)
from sekisho.app.tracing import lasting_workdir
from sekisho.commonpoint.evidence import (
    Asked,
    Inquiry,
    Run,
    Sample,
    ask_keys,
    evidence_document,
    inquiry_id_of,
    members_of,
    pick,
    table_of,
    windows_of,
)
from sekisho.commonpoint.inquiry import digest_of
from sekisho.commonpoint.reply import FIELDS, HEAD, blank_form, help_of
from sekisho.domain.errors import BadInput, ClearCardNumbers
from sekisho.domain.finding import Finding, Member
from sekisho.vault.columns import column_holds_card_numbers
from sekisho.vault.pan import mask_embedded
from sekisho.warehouse.exposing import exposing_transactions
from sekisho.warehouse.intake import InputRequest, open_history
from sekisho.web.inquiry import render_form, render_letter
from sekisho.web.report.findings_reader import finding_from

STEPS: Final = {
    "open_inputs": "opening the files",
    "read_transactions": "reading the transactions",
    "look_up": "looking up the exposed cards",
}
_NAMED_MERCHANTS: Final = ("acquirer_id", "merchant_id")

Language = Literal["en", "ja"]


@dataclass(frozen=True, slots=True)
class PackRequest:
    """What a pack is made from, apart from the results themselves."""

    entity: str
    asked: Asked
    at: datetime
    draft: bool = False
    acquirer: str = ""
    languages: tuple[Language, ...] = ("en", "ja")
    transactions: tuple[Path, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    sample_size: int = 100
    with_card_refs: bool = False


@dataclass(frozen=True, slots=True)
class PackMade:
    """A pack that was written."""

    inquiry: Inquiry
    names: tuple[str, ...]
    sha256: str
    notes: tuple[str, ...]


def make_pack(results: Results, request: PackRequest, out: Path) -> PackMade:
    """Write the pack about one finding to ``out``, whole or not at all.

    A finding that two people have not accepted gets a draft, marked so on every page. Raises
    BadInput for what is not a finding; ClearCardNumbers where something could be read as a card
    number; OutputFailed.
    """
    document = results.finding(request.entity)
    digest = made_of = digest_of(document)
    standing = results.standing(subject_of(document))
    accepted = standing.may_be_sent(digest)
    draft = request.draft or not accepted
    finding = _masked(finding_from(document))
    members, left_out = members_of(finding, request.acquirer)
    if not members:
        raise BadInput(
            f"{finding.entity_id} has no shop of acquirer {request.acquirer}",
            hint="Its shops are in findings.json, as acquirer/merchant.",
        )
    run = run_of(results, digest)
    inquiry = Inquiry(
        inquiry_id=inquiry_id_of(digest),
        draft=draft,
        accepted=accepted,
        prepared_on=request.at.date(),
        asked=request.asked,
        finding=finding,
        members=members,
        members_left_out=left_out,
        run=run,
        sample=_sample(results, request, run, finding, members),
    )
    files = pack_files(inquiry, request.languages)
    refuse_card_numbers(files, [finding.entity_id, *_merchant_ids(inquiry)])
    top = f"DRAFT-{inquiry.inquiry_id}" if inquiry.draft else inquiry.inquiry_id
    digest = write_zip(out, top, files, request.at)
    notes = _notes(inquiry, request)
    if not accepted:
        notes = (_why_draft(standing.accepted_by, changed=standing.finding != made_of), *notes)
    return PackMade(inquiry, tuple(files), digest, notes)


def _why_draft(accepted_by: tuple[str, ...], *, changed: bool) -> str:
    """Why a pack is a draft, and what makes it one that may be sent."""
    if accepted_by and changed:
        why = "the finding was accepted, but its figures have changed since"
    else:
        who = f"only {accepted_by[0]} has accepted it" if accepted_by else "nobody has accepted it"
        why = f"two different people must accept the finding first, {who}"
    return f"This is a draft: {why}. sekisho inquiry accept DIR --entity ID --by NAME"


def _masked(finding: Finding) -> Finding:
    """Names come from files: what could be a card number in them is masked."""
    members = tuple(replace(one, name=mask_embedded(one.name)) for one in finding.members)
    return replace(finding, name=mask_embedded(finding.name), members=members)


def run_of(results: Results, finding_sha256: str) -> Run:
    """What the pack says of the trace; raises BadInput where ``findings.json`` lacks it."""
    document, day = results.document, date.fromisoformat
    try:
        history, method = document["history"], document["method"]
        return Run(
            as_of=day(document["as_of"]),
            history_start=day(history["start"]),
            history_end=day(history["end"]),
            timezone=method["timezone"],
            cases=document["cases"],
            controls=document["controls"],
            version=method["version"],
            family_wise_error=method["family_wise_error"],
            entities_tested=method["entities_tested"],
            strata=tuple(method["strata"]),
            findings_sha256=results.sha256,
            finding_sha256=finding_sha256,
            inputs=tuple((one["role"], one["sha256"]) for one in document["inputs"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(
            f"findings.json: {type(error).__name__} {error}", hint="Trace again."
        ) from None


def _sample(
    results: Results,
    request: PackRequest,
    run: Run,
    finding: Finding,
    members: tuple[Member, ...],
) -> Sample | None:
    """The transactions to enclose; None where no files were handed in."""
    if not request.transactions:
        return None
    asked = InputRequest(
        transactions=request.transactions,
        columns=request.columns,
        timezone=run.timezone,
        as_of=run.as_of,
    )
    with lasting_workdir() as work, drawn(STEPS) as bars:
        history = open_history(
            asked,
            workdir=Path(work),
            memory_limit="2GB",
            threads=2,
            progress=bars,
            holds_card_numbers=column_holds_card_numbers,
        )
        bars.step("look_up")
        found = exposing_transactions(
            history.connection,
            history.columns,
            results.folder / "exposed_cards.parquet",
            (finding.entity_kind.value, finding.entity_id),
            windows_of(members),
        )
        history.connection.close()
    traced = {digest for role, digest in run.inputs if role == "transactions"}
    sample = pick(
        found,
        request.sample_size,
        looks_like_card,
        with_card_refs=request.with_card_refs,
        same_files={file.sha256 for file in history.files} == traced,
    )
    if sample.left_out and not sample.rows:
        raise ClearCardNumbers(
            "every transaction_id or terminal_id of the sample can be read as a card number",
            hint="Replace them first: sekisho import FILES... --card-key KEYFILE --out DIR",
        )
    if not sample.rows:
        raise BadInput(
            f"no transaction of a misused card at {finding.entity_id} is in these files",
            hint="Hand in the files that were traced, with the same --columns.",
        )
    return sample


def _merchant_ids(inquiry: Inquiry) -> set[str]:
    ids = {member.entity_id for member in inquiry.members}
    rows = inquiry.sample.rows if inquiry.sample else ()
    return ids | {row.merchant_id for row in rows}


def pack_files(inquiry: Inquiry, languages: tuple[Language, ...]) -> dict[str, str]:
    """Every file of the pack by its name; raises ClearCardNumbers for a column of card numbers."""
    files = {}
    for language in languages:
        files[f"letter.{language}.html"] = render_letter(inquiry, language=language)
        files[f"answer-form.{language}.html"] = render_form(inquiry, language=language)
    finding = inquiry.finding
    form = blank_form(inquiry.inquiry_id, finding.entity_kind.value, finding.entity_id)
    files["answer-form.json"] = _json(form)
    # With a byte-order mark: spreadsheets in Japan read the table as cp932 otherwise.
    files["answer-form.csv"] = "\ufeff" + csv_text(_form_table(form))
    if inquiry.sample is not None:
        table = table_of(inquiry.sample, inquiry.run.timezone)
        refuse_card_columns(table, _NAMED_MERCHANTS)
        files["transactions.csv"] = csv_text(table)
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    asks = ask_keys(inquiry.asked, with_sample=inquiry.sample is not None)
    evidence = _json(evidence_document(inquiry, asks, hashes))
    return {"evidence.json": evidence, **dict(sorted(files.items()))}


def _form_table(form: Mapping[str, Any]) -> list[list[str]]:
    head = [[key, str(form[key]), ""] for key in HEAD]
    return [["key", "value", "help"], *head, *([one.key, "", help_of(one)] for one in FIELDS)]


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def _notes(inquiry: Inquiry, request: PackRequest) -> tuple[str, ...]:
    """What whoever sends the pack should know."""
    notes = []
    acquirers = {m.entity_id.rpartition("/")[0] for m in inquiry.members}
    if inquiry.asked.recipient_kind.value == "acquirer" and len(acquirers) > 1:
        notes.append(
            f"The shops belong to {len(acquirers)} acquirers: --acquirer ID makes a pack for each."
        )
    if inquiry.sample is None:
        notes.append("No transactions enclosed: hand in the traced files with --transactions.")
        return tuple(notes)
    if not inquiry.sample.same_files:
        notes.append("The transactions files are not those that were traced (other hashes).")
    if not inquiry.sample.has_references:
        notes.append("The transactions have no transaction_id: the recipient may not find them.")
    if inquiry.sample.left_out:
        notes.append(
            f"{inquiry.sample.left_out} transactions were passed over: a reference of theirs "
            "could be read as a card number."
        )
    if request.with_card_refs:
        notes.append("Card references are enclosed: see that the recipient may have them.")
    return tuple(notes)
