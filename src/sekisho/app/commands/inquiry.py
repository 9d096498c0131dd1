"""``sekisho inquiry``: ask acquirer, processor or scheme about a finding, and keep the answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from sekisho.app.inquiry import (
    Results,
    add_step,
    head_of,
    open_results,
    pack_details,
    read_answer,
    subject_of,
)
from sekisho.app.inquiry_pack import Language, PackMade, PackRequest, make_pack
from sekisho.app.options import column_pairs, day_of
from sekisho.commonpoint.evidence import NOT_STATED, Asked, Recipient, default_recipient
from sekisho.commonpoint.inquiry import Action, Entry, State, Step, Subject, digest_of
from sekisho.domain.errors import BadInput
from sekisho.domain.finding import EntityKind
from sekisho.vault.pan import mask_embedded

PACK: Final = "pack"
SUMMARY_SCHEMA: Final = "sekisho.inquiries/1"


class Languages(StrEnum):
    """In which languages the pages are written."""

    EN = "en"
    JA = "ja"
    BOTH = "both"


_LANGUAGES: Final[Mapping[Languages, tuple[Language, ...]]] = {
    Languages.EN: ("en",),
    Languages.JA: ("ja",),
    Languages.BOTH: ("en", "ja"),
}


class End(StrEnum):
    """How asking about a finding can end."""

    CONFIRMED = "confirmed"
    NOT_DETERMINED = "not_determined"
    CLEARED = "cleared"


class InquiryGroup(TyperGroup):
    """``sekisho inquiry DIR`` is ``sekisho inquiry pack DIR``; a folder named sent is ./sent."""

    default_command = PACK

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the word in where the first one is not a command."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [PACK, *args]
        return super().parse_args(ctx, args)


Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder that sekisho trace wrote.")]
Entity = Annotated[
    str, typer.Option(help="Id of the finding; kind:id where two findings have the same.")
]
By = Annotated[str, typer.Option(help="Who does it.")]
At = Annotated[
    str | None, typer.Option(help="When, as 2026-04-02T10:00:00+09:00; now if left out.")
]
Why = Annotated[str, typer.Option(help="On what it rests.")]

inquiries = typer.Typer(
    cls=InquiryGroup,
    no_args_is_help=True,
    help="Ask about a finding: two people accept it, the pack goes out, the answer is kept. "
    "`sekisho inquiry DIR ...` is short for `sekisho inquiry pack DIR ...`.",
)


@inquiries.command(PACK)
def pack(  # noqa: PLR0913, PLR0917 - options of the command line
    folder: Folder,
    entity: Entity,
    out: Annotated[Path, typer.Option(metavar="FILE.zip", help="The pack. Must not exist.")],
    language: Annotated[Languages, typer.Option(help="Language of the pages.")] = Languages.BOTH,
    to: Annotated[
        Recipient | None, typer.Option(help="Who is asked; processors about themselves, else the "
                                            "acquirer.")
    ] = None,
    recipient: Annotated[str, typer.Option(help="Name of who is asked.")] = "",
    asked_by: Annotated[str, typer.Option(help="Who asks: company, department, person.")] = "",
    contact: Annotated[str, typer.Option(help="Where the answer goes.")] = "",
    reference: Annotated[str, typer.Option(help="Your own reference.")] = "",
    reply_by: Annotated[
        str | None, typer.Option(help="Day by which you propose an answer (YYYY-MM-DD).")
    ] = None,
    legal_basis: Annotated[
        str, typer.Option(help="Legal basis for handing the data over, in your words.")
    ] = NOT_STATED,
    transactions: Annotated[
        list[Path] | None,
        typer.Option(help="A file that was traced, for the sample of transactions. Repeatable."),
    ] = None,
    columns: Annotated[str, typer.Option(help="As for trace: card_ref=NAME,...")] = "",
    sample: Annotated[int, typer.Option(min=1, max=10_000, help="Most transactions.")] = 100,
    include_card_refs: Annotated[  # noqa: FBT002
        bool, typer.Option("--include-card-refs", help="Add card references to the sample.")
    ] = False,
    acquirer: Annotated[
        str, typer.Option(help="Only shops of this acquirer, as in acquirer/merchant.")
    ] = "",
    draft: Annotated[  # noqa: FBT002
        bool, typer.Option("--draft", help="Look at the pack before two people accepted it.")
    ] = False,
    at: At = None,
) -> None:  # fmt: skip
    """Write the evidence pack about a finding. The word `pack` may be left out."""
    results = open_results(folder)
    kind = EntityKind(results.finding(entity)["entity_kind"])
    asked = Asked(
        recipient_kind=to or default_recipient(kind),
        recipient=_line(recipient),
        asked_by=_line(asked_by),
        contact=_line(contact),
        reference=_line(reference),
        reply_by=day_of("--reply-by", reply_by),
        legal_basis=_line(legal_basis) or NOT_STATED,
    )
    request = PackRequest(
        entity=entity,
        asked=asked,
        at=_instant(at),
        draft=draft,
        acquirer=acquirer.strip(),
        languages=_LANGUAGES[language],
        transactions=tuple(transactions or ()),
        columns=column_pairs(columns),
        sample_size=sample,
        with_card_refs=include_card_refs,
    )
    _tell_pack(make_pack(results, request, out), out)


@inquiries.command("accept")
def accept(folder: Folder, entity: Entity, by: By, why: Why = "", at: At = None) -> None:
    """Accept a finding as strong enough to ask about: two different people have to."""
    finding = open_results(folder).finding(entity)
    action = Action(Step.ACCEPT, _safe(by), _instant(at), _safe(why), digest_of(finding))
    _tell_step(add_step(folder, subject_of(finding), action))


@inquiries.command("sent")
def sent(  # noqa: PLR0913, PLR0917 - options of the command line
    folder: Folder,
    entity: Entity,
    by: By,
    to: Annotated[str, typer.Option(help="To whom it was sent.")] = "",
    pack: Annotated[
        Path | None, typer.Option(help="The pack that was sent: its hash is kept.")
    ] = None,
    why: Why = "",
    at: At = None,
) -> None:
    """Note that the inquiry was sent."""
    results = open_results(folder)
    subject = results.subject(entity)
    details = {"sent_to": _safe(to)}
    if pack is not None:
        details |= pack_details(pack, results.standing(subject))
    action = Action(Step.SENT, _safe(by), _instant(at), _safe(why), details=details)
    _tell_step(add_step(folder, subject, action))


@inquiries.command("answer")
def answer(
    folder: Folder,
    entity: Entity,
    file: Annotated[Path, typer.Option(help="The filled answer-form.json or answer-form.csv.")],
    by: Annotated[str, typer.Option(help="Who keeps it; whoever answered if left out.")] = "",
    why: Why = "",
    at: At = None,
) -> None:
    """Keep an answer with the finding. Card numbers in it are masked first."""
    results = open_results(folder)
    subject = results.subject(entity)
    details = read_answer(file, results, subject)
    who = _safe(by) or details["answer"]["answered_by"]
    action = Action(Step.ANSWER, who, _instant(at), _safe(why), details=details)
    entry = add_step(folder, subject, action)
    if details["card_numbers_masked"]:
        _console().print("[yellow]Card numbers in the answer were masked; delete its file.[/]")
    _tell_step(entry)
    _tell_answer(details["answer"])


@inquiries.command("close")
def close(
    folder: Folder,
    entity: Entity,
    end: Annotated[End, typer.Option("--as", help="How it ended; confirmed by a forensic report.")],
    by: By,
    why: Annotated[str, typer.Option(help="On what it rests.")],
    at: At = None,
) -> None:
    """Say how the asking ended: confirmed, not determined, or cleared."""
    subject = open_results(folder).subject(entity)
    action = Action(Step.CLOSE, _safe(by), _instant(at), _safe(why), end=State(end.value))
    _tell_step(add_step(folder, subject, action))


@inquiries.command("status")
def status(
    folder: Folder,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,  # noqa: FBT002
) -> None:
    """Show where every finding stands, what was answered, and by whom each step was taken."""
    results = open_results(folder)
    rows = [_summary(results, subject) for subject in _subjects(results)]
    if as_json:
        document = {"schema": SUMMARY_SCHEMA, "record_sha256": head_of(folder), "inquiries": rows}
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    console = _console()
    for row in rows:
        _tell_summary(console, row)
    if not rows:
        console.print("There are no findings to ask about.")
    if results.entries:
        console.print(f"{len(results.entries)} steps; the record's last hash: {head_of(folder)}")


def _subjects(results: Results) -> list[Subject]:
    """Findings in their order, then what only the record still knows."""
    found = [subject_of(finding) for finding in results.document["findings"]]
    return list(dict.fromkeys([*found, *(entry.subject for entry in results.entries)]))


def _summary(results: Results, subject: Subject) -> dict[str, Any]:
    """One finding with its standing and steps, as plain values."""
    found = [one for one in results.document["findings"] if subject_of(one) == subject]
    standing = results.standing(subject)
    changed = bool(found and standing.finding and digest_of(found[0]) != standing.finding)
    return {
        "entity_kind": subject.entity_kind,
        "entity_id": subject.entity_id,
        "name": found[0]["name"] if found else "",
        "in_findings": bool(found),
        "state": standing.state.value,
        "accepted_by": list(standing.accepted_by),
        "figures_changed_since_accepted": changed,
        "steps": [_step(entry) for entry in results.entries if entry.subject == subject],
    }


def _step(entry: Entry) -> dict[str, Any]:
    return {
        "at": entry.at.isoformat(),
        "step": entry.step.value,
        "by": entry.by,
        "from": entry.before.value,
        "to": entry.after.value,
        "why": entry.why,
        **entry.details,
    }


def _tell_summary(console: Console, row: Mapping[str, Any]) -> None:
    name = escape(f"{row['name'] or row['entity_id']} ({row['entity_kind']} {row['entity_id']})")
    console.print(f"[bold]{name}: {row['state']}[/]")
    if not row["in_findings"]:
        console.print("  not among the findings of the last trace")
    if row["figures_changed_since_accepted"]:
        console.print("  [yellow]its figures have changed since it was accepted[/]")
    for step in row["steps"]:
        why = f": {step['why']}" if step["why"] else ""
        to = f" to {step['sent_to']}" if step.get("sent_to") else ""
        console.print(escape(f"  {step['at']} {step['step']}{to} by {step['by']}{why}"))
        _tell_answer(step.get("answer", {}), indent="    ")


def _tell_answer(answer: Mapping[str, Any], indent: str = "  ") -> None:
    for key, value in answer.items():
        shown = ", ".join(value) if isinstance(value, list) else str(value)
        _console().print(escape(f"{indent}{key}: {shown}"))


def _tell_step(entry: Entry) -> None:
    who = escape(f"{entry.subject.entity_id}")
    _console().print(f"{who}: {entry.before.value} → [bold]{entry.after.value}[/]")


def _tell_pack(made: PackMade, out: Path) -> None:
    console = _console()
    inquiry = made.inquiry
    mark = "[bold red]DRAFT[/] " if inquiry.draft else ""
    console.print(f"{mark}Wrote {escape(str(out))}: {', '.join(made.names)}")
    if inquiry.sample:
        console.print(
            f"{len(inquiry.sample.rows)} of {inquiry.sample.found} transactions enclosed."
        )
    for note in made.notes:
        console.print(f"[yellow]{escape(note)}[/]")
    for name in ("asked_by", "contact"):
        if not getattr(inquiry.asked, name):
            option = name.replace("_", "-")
            console.print(f"[yellow]--{option} is empty: fill it in by hand.[/]")
    console.print(f"sha256 {made.sha256}")
    if not inquiry.draft:
        console.print(
            "A person sends it. Then: sekisho inquiry sent DIR --entity ID --by NAME --to WHOM "
            f"--pack {escape(str(out))}"
        )


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)


def _line(text: str) -> str:
    """A text of an option in one line."""
    return " ".join(text.split())


def _safe(text: str) -> str:
    """What is kept for good holds no card number."""
    return mask_embedded(_line(text))


def _instant(text: str | None) -> datetime:
    """The instant handed in, else the clock's; in a zone, to the second."""
    if text is None:
        return datetime.now(tz=UTC).astimezone().replace(microsecond=0)  # noqa: TID251
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(
            f"--at: {text!r} is not an instant.", hint="Write it as 2026-04-02T10:00:00+09:00."
        ) from None


def register(app: typer.Typer) -> None:
    """Join this command to the command line."""
    app.add_typer(inquiries, name="inquiry")
