"""What an evidence pack says: the finding, who asks whom for what, and sample transactions.

Other shops stay out of it: of places that the data cannot tell apart only the number is given,
and of innocent explanations only that they were tested, because none of them has been heard.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from sekisho.commonpoint.inquiry import SCHEMA
from sekisho.domain.finding import EntityKind, Finding, Interval, Member
from sekisho.domain.inquiry import ExposingTransaction, ShopWindow

NOT_STATED: Final = "not stated"
P_VALUE_FLOOR: Final = 1e-300
COLUMNS: Final = (
    "transaction_id", "authorized_at", "acquirer_id", "merchant_id", "terminal_id",
    "amount_minor", "currency", "approved",
)  # fmt: skip
CARD_REF: Final = "card_ref"
# Not the merchant's own number, whatever it looks like: it names the merchant.
_CHECKED: Final = ("transaction_id", "terminal_id", "currency")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class Recipient(StrEnum):
    """Who is asked: the ways that lead to a merchant."""

    ACQUIRER = "acquirer"
    PROCESSOR = "processor"
    SCHEME = "scheme"


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks whom, by when and on which ground: all of it handed in, nothing made up.

    Empty texts are places to fill in by hand. ``reply_by`` is a proposal, never a deadline.
    """

    recipient_kind: Recipient
    recipient: str = ""
    asked_by: str = ""
    contact: str = ""
    reference: str = ""
    reply_by: date | None = None
    legal_basis: str = NOT_STATED


@dataclass(frozen=True, slots=True)
class Run:
    """The trace that the finding comes from. Hashes are SHA-256 in hexadecimal."""

    as_of: date
    history_start: date
    history_end: date
    timezone: str
    cases: int
    controls: int
    version: str
    family_wise_error: float
    entities_tested: int
    strata: tuple[str, ...]
    findings_sha256: str
    finding_sha256: str
    inputs: tuple[tuple[str, str], ...]  # role and hash of every file read


@dataclass(frozen=True, slots=True)
class Sample:
    """The transactions of a pack. ``found`` were there to choose from.

    ``left_out`` were passed over because something in them could be read as a card number;
    ``same_files`` says that they come from the very files that were traced.
    """

    rows: tuple[ExposingTransaction, ...]
    found: int
    left_out: int
    with_card_refs: bool
    same_files: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of ``transactions.csv``."""
        return (*COLUMNS, CARD_REF) if self.with_card_refs else COLUMNS

    @property
    def has_references(self) -> bool:
        """Whether at least one transaction carries its own reference."""
        return any(row.transaction_id for row in self.rows)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Everything that a pack says, in no language yet.

    ``members`` are the shops of the finding that this recipient is asked about;
    ``members_left_out`` belong to other acquirers. ``accepted`` is false in drafts.
    """

    inquiry_id: str
    draft: bool
    accepted: bool
    prepared_on: date
    asked: Asked
    finding: Finding
    members: tuple[Member, ...]
    members_left_out: int
    run: Run
    sample: Sample | None


def inquiry_id_of(finding_sha256: str) -> str:
    """The number of an inquiry: the same for the same evidence."""
    return f"SEK-{finding_sha256[:10]}"


def members_of(finding: Finding, acquirer: str = "") -> tuple[tuple[Member, ...], int]:
    """The shops to ask about, and how many are left out as those of other acquirers."""
    members = finding.members or (
        Member(
            finding.entity_id,
            finding.name,
            finding.window_start,
            finding.window_end,
            finding.cards_exposed,
            finding.cards_defrauded,
            finding.cards_expected,
        ),
    )
    kept = tuple(m for m in members if not acquirer or m.entity_id.startswith(f"{acquirer}/"))
    return kept, len(members) - len(kept)


def windows_of(members: Iterable[Member]) -> tuple[ShopWindow, ...]:
    """The windows in which transactions are looked for."""
    return tuple(ShopWindow(m.entity_id, m.window_start, m.window_end) for m in members)


def pick(
    found: Sequence[ExposingTransaction],
    size: int,
    looks_like_card: Callable[[str], bool],
    *,
    with_card_refs: bool,
    same_files: bool,
) -> Sample:
    """Choose up to ``size`` transactions: the shops in turn, within each by the hash of the card.

    A transaction in whose own references ``looks_like_card`` sees a card number is passed over.
    """
    shown = (*_CHECKED, CARD_REF) if with_card_refs else _CHECKED
    safe = [row for row in found if not any(looks_like_card(getattr(row, key)) for key in shown)]
    turns: defaultdict[str, int] = defaultdict(int)
    placed = []
    for row in sorted(safe, key=lambda row: (row.card_order, row.entity_id)):
        placed.append((turns[row.entity_id], row.entity_id, row))
        turns[row.entity_id] += 1
    placed.sort(key=lambda place: place[:2])
    chosen = [row for _, _, row in placed[:size]]
    chosen.sort(key=lambda row: (row.authorized_at, row.entity_id, row.transaction_id))
    return Sample(tuple(chosen), len(found), len(found) - len(safe), with_card_refs, same_files)


def table_of(sample: Sample, timezone: str) -> list[list[str]]:
    """``transactions.csv`` as rows of text, its header first; times carry their offset."""
    zone = ZoneInfo(timezone)
    return [list(sample.columns), *(_cells(row, zone, sample.columns) for row in sample.rows)]


def _cells(row: ExposingTransaction, zone: ZoneInfo, columns: Sequence[str]) -> list[str]:
    values: dict[str, Any] = {name: getattr(row, name) for name in columns}
    values["authorized_at"] = _instant(row.authorized_at, zone)
    values["approved"] = "" if row.approved is None else str(row.approved).lower()
    return [_harmless("" if value is None else str(value)) for value in values.values()]


def _instant(at: datetime, zone: ZoneInfo) -> str:
    return at.replace(tzinfo=zone).isoformat(timespec="seconds")


def _harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def evidence_document(
    inquiry: Inquiry, asks: Sequence[str], files: Mapping[str, str]
) -> dict[str, Any]:
    """``evidence.json`` as plain values. ``files`` are the pack's other files with their hashes.

    Numbers are rounded to six figures: long fractions can read as card numbers.
    """
    asked = inquiry.asked
    return {
        "schema": SCHEMA,
        "draft": inquiry.draft,
        "inquiry_id": inquiry.inquiry_id,
        "prepared_on": inquiry.prepared_on.isoformat(),
        "reference": asked.reference,
        "asked_by": asked.asked_by,
        "contact": asked.contact,
        "recipient_kind": asked.recipient_kind.value,
        "recipient": asked.recipient,
        "reply_proposed_by": asked.reply_by.isoformat() if asked.reply_by else None,
        "legal_basis": asked.legal_basis,
        "meaning": "A statistical association, never a verdict. Confidential: the merchant has "
        "not been heard.",
        "accepted_by_two": inquiry.accepted,
        "asks": list(asks),
        "finding": _finding(inquiry),
        "run": _run(inquiry.run),
        "transactions": _transactions(inquiry),
        "files": dict(sorted(files.items())),
    }


def _finding(inquiry: Inquiry) -> dict[str, Any]:
    finding = inquiry.finding
    return {
        "entity_kind": finding.entity_kind.value,
        "entity_id": finding.entity_id,
        "name": finding.name,
        "members": [_member(member) for member in inquiry.members],
        "members_left_out": inquiry.members_left_out,
        "alternatives": len(finding.alternatives),
        "window_start": finding.window_start.isoformat(),
        "window_end": finding.window_end.isoformat(),
        "window_start_interval": _interval(finding.window_start_interval),
        "window_end_interval": _interval(finding.window_end_interval),
        "window_left_censored": finding.window_left_censored,
        "window_ongoing": finding.window_ongoing,
        "misuse_span": [day.isoformat() for day in finding.misuse_span]
        if finding.misuse_span
        else None,
        "first_misuse": finding.first_misuse.isoformat() if finding.first_misuse else None,
        "cards_exposed": finding.cards_exposed,
        "cards_defrauded": finding.cards_defrauded,
        "cards_expected": _rounded(finding.cards_expected),
        "reported_misuse_rate": _rounded(finding.reported_misuse_rate),
        "p_value": max(_rounded(finding.p_value), P_VALUE_FLOOR),
        "data_taken": list(finding.data_taken),
        "terminals": [one.terminal_id for one in finding.terminals.terminals]
        if finding.terminals
        else None,
        "theft": finding.theft.kind.value if finding.theft else None,
        "explanations_excluded": [e.name for e in finding.explanations if e.excluded],
        "explanations_open": [e.name for e in finding.explanations if not e.excluded],
    }


def _member(member: Member) -> dict[str, Any]:
    return {
        "entity_id": member.entity_id,
        "name": member.name,
        "window_start": member.window_start.isoformat(),
        "window_end": member.window_end.isoformat(),
        "cards_exposed": member.cards_exposed,
        "cards_defrauded": member.cards_defrauded,
        "cards_expected": _rounded(member.cards_expected),
    }


def _interval(interval: Interval) -> dict[str, Any]:
    return {
        "lower": interval.lower.isoformat(),
        "upper": interval.upper.isoformat(),
        "confidence": _rounded(interval.confidence),
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "as_of": run.as_of.isoformat(),
        "history_start": run.history_start.isoformat(),
        "history_end": run.history_end.isoformat(),
        "timezone": run.timezone,
        "cases": run.cases,
        "controls": run.controls,
        "entities_tested": run.entities_tested,
        "family_wise_error": _rounded(run.family_wise_error),
        "matched_on": list(run.strata),
        "version": run.version,
        "findings_sha256": run.findings_sha256,
        "finding_sha256": run.finding_sha256,
        "inputs": [{"role": role, "sha256": digest} for role, digest in run.inputs],
    }


def _transactions(inquiry: Inquiry) -> dict[str, Any]:
    sample = inquiry.sample
    if sample is None:
        return {"included": False, "why": "no transactions files were handed in"}
    return {
        "included": True,
        "rows": len(sample.rows),
        "found": sample.found,
        "left_out_unreadable": sample.left_out,
        "columns": list(sample.columns),
        "references": sample.has_references,
        "same_files_as_traced": sample.same_files,
        "meaning": "Of each card that was misused later, its first transaction at the shop inside "
        "the window.",
    }


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


def ask_keys(asked: Asked, *, with_sample: bool) -> tuple[str, ...]:
    """What the recipient is asked, as stable keys in the order of the letter."""
    first = {
        Recipient.ACQUIRER: ("tell_merchant", "known_event"),
        Recipient.PROCESSOR: ("own_systems", "tell_merchant", "known_event"),
        Recipient.SCHEME: ("pass_on", "open_event"),
    }[asked.recipient_kind]
    sample = ("look_at_transactions",) if with_sample else ()
    return (*first, *sample, "keep_traces", "say_what_was_at_risk", "answer")


def default_recipient(kind: EntityKind) -> Recipient:
    """Whom to ask where nobody says: the processor about itself, else the acquirer."""
    return Recipient.PROCESSOR if kind is EntityKind.PROCESSOR else Recipient.ACQUIRER
