"""Asking about a finding: who accepted it, what was sent and answered, and how it ended.

A finding is *observed*. Two different people accept it, then the inquiry may be *sent*; the
answer is kept; at the end it is *confirmed* (by a forensic investigation), *not determined* or
*cleared*. Every step is one line of ``inquiries.jsonl``; each line holds the SHA-256 of the line
before it, so that no line can be changed or taken out later unnoticed (lines cut off at the end
can: note the last hash elsewhere). Nothing here reads a file or a clock.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sekisho.domain.errors import BadInput

SCHEMA: Final = "sekisho.inquiry/1"
RECORD_SCHEMA: Final = "sekisho.inquiry-record/1"
FILE: Final = "inquiries.jsonl"

Document = Mapping[str, Any]


class State(StrEnum):
    """How far the asking about one finding is."""

    OBSERVED = "observed"
    ACCEPTED_BY_ONE = "accepted_by_one"
    ACCEPTED = "accepted"
    SENT = "sent"
    ANSWERED = "answered"
    CONFIRMED = "confirmed"
    NOT_DETERMINED = "not_determined"
    CLEARED = "cleared"


class Step(StrEnum):
    """What a person did."""

    ACCEPT = "accept"
    SENT = "sent"
    ANSWER = "answer"
    CLOSE = "close"


ENDS: Final = frozenset({State.CONFIRMED, State.NOT_DETERMINED, State.CLEARED})
_ASKED: Final = frozenset({State.SENT, State.ANSWERED})
_MAY_SEND: Final = frozenset({State.ACCEPTED, State.SENT, State.ANSWERED})


@dataclass(frozen=True, slots=True)
class Subject:
    """The finding that a step is about."""

    entity_kind: str
    entity_id: str


@dataclass(frozen=True, slots=True)
class Action:
    """What somebody does, before it is known whether it may be done.

    ``finding`` is the digest of the finding as it stands in the results (`digest_of`); ``end`` is
    the state that a closing leads to; ``details`` are kept as they are (plain values).
    """

    step: Step
    by: str
    at: datetime
    why: str = ""
    finding: str = ""
    end: State | None = None
    details: Document = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the record: a step that was taken."""

    subject: Subject
    step: Step
    by: str
    at: datetime
    before: State
    after: State
    why: str
    finding: str
    details: Document


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one finding stands: its state, whose acceptance counts, and for which evidence.

    ``asked`` says that an inquiry about it was sent at some time.
    """

    state: State = State.OBSERVED
    accepted_by: tuple[str, ...] = ()
    finding: str = ""
    asked: bool = False

    def may_be_sent(self, finding: str) -> bool:
        """Whether two people accepted this very evidence and the matter is not closed."""
        return self.state in _MAY_SEND and self.finding == finding


def digest_of(finding: Document) -> str:
    """SHA-256 of a finding as it stands in ``findings.json``, whatever the order of its keys."""
    text = json.dumps(finding, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def standing_of(entries: Iterable[Entry], subject: Subject) -> Standing:
    """Where ``subject`` stands after ``entries`` (of all subjects, in order)."""
    standing = Standing()
    for entry in entries:
        if entry.subject == subject:
            standing = _after(standing, entry)
    return standing


def _after(standing: Standing, entry: Entry) -> Standing:
    if entry.step is Step.ACCEPT:
        others = standing.accepted_by if standing.finding == entry.finding else ()
        return Standing(entry.after, (*others, entry.by), entry.finding, standing.asked)
    if entry.step is Step.CLOSE:  # whoever asks again starts with two acceptances again
        return Standing(entry.after, asked=standing.asked)
    asked = standing.asked or entry.step is Step.SENT
    return Standing(entry.after, standing.accepted_by, standing.finding, asked)


def take(entries: Sequence[Entry], subject: Subject, action: Action) -> Entry:
    """Return the entry that ``action`` adds to the record.

    Raises BadInput where the step may not be taken, with what has to come first.
    """
    _refuse_blank(action)
    standing = standing_of(entries, subject)
    after = _TAKEN[action.step](standing, action, subject)
    return Entry(
        subject=subject,
        step=action.step,
        by=_plain(action.by),
        at=action.at,
        before=standing.state,
        after=after,
        why=action.why.strip(),
        finding=action.finding if action.step is Step.ACCEPT else standing.finding,
        details=dict(action.details),
    )


def _refuse_blank(action: Action) -> None:
    if not _plain(action.by):
        raise BadInput("nobody is named", hint="Say who does it: --by NAME.")
    if action.at.tzinfo is None:
        raise BadInput(
            f"--at: {action.at.isoformat()} has no time zone",
            hint="Write it as 2026-04-02T10:00:00+09:00.",
        )


def _accept(standing: Standing, action: Action, subject: Subject) -> State:
    same = standing.finding == action.finding
    if standing.may_be_sent(action.finding):
        raise BadInput(
            f"{subject.entity_id} is accepted already by {' and '.join(standing.accepted_by)}",
            hint="Make the pack: sekisho inquiry DIR --entity ID --out FILE.zip.",
        )
    if same and _key(action.by) in {_key(name) for name in standing.accepted_by}:
        raise BadInput(
            f"{_plain(action.by)} has accepted {subject.entity_id} already",
            hint="The second acceptance must come from another person.",
        )
    return State.ACCEPTED if same and standing.accepted_by else State.ACCEPTED_BY_ONE


def _sent(standing: Standing, _: Action, subject: Subject) -> State:
    if standing.state is State.ACCEPTED:
        return State.SENT
    if standing.state in _ASKED:
        raise BadInput(
            f"the inquiry about {subject.entity_id} was sent already",
            hint="After a new trace, two people accept the new figures, then it is sent again.",
        )
    raise BadInput(
        f"{subject.entity_id} is {standing.state.value}: not accepted by two different people",
        hint="sekisho inquiry accept DIR --entity ID --by NAME",
    )


def _answer(standing: Standing, _: Action, subject: Subject) -> State:
    if standing.asked:  # a late answer, or one to an earlier round, is kept and decides nothing
        return State.ANSWERED if standing.state in _ASKED else standing.state
    raise BadInput(
        f"nothing was asked about {subject.entity_id} yet, so there is nothing to answer",
        hint="sekisho inquiry sent DIR --entity ID --by NAME",
    )


def _close(standing: Standing, action: Action, subject: Subject) -> State:
    end = action.end
    if end not in ENDS:
        raise BadInput("a closing needs an end", hint="--as confirmed, not_determined or cleared")
    if not action.why.strip():
        raise BadInput("a closing needs its reason", hint="Say on what it rests: --why TEXT.")
    if standing.state is end:
        raise BadInput(f"{subject.entity_id} is {end.value} already")
    if end is State.CONFIRMED and not standing.asked:
        raise BadInput(
            f"{subject.entity_id} is {standing.state.value}: nobody was asked, so nothing can be "
            "confirmed",
            hint="Send the inquiry first: the merchant has a right to answer.",
        )
    return end


_TAKEN: Final = {
    Step.ACCEPT: _accept,
    Step.SENT: _sent,
    Step.ANSWER: _answer,
    Step.CLOSE: _close,
}


def _plain(name: str) -> str:
    kept = "".join(char for char in name if unicodedata.category(char) not in {"Cc", "Cf", "Cs"})
    return " ".join(kept.split())


def _key(name: str) -> str:
    """A name as it is compared: 山田 太郎 and 山田太郎 are one person, so are SATO and Sato."""
    return "".join(unicodedata.normalize("NFKC", _plain(name)).casefold().split())


# ---------------------------------------------------------------- the record as lines


def line_of(entry: Entry, previous: str | None) -> str:
    """The line for ``entry``, without its end; ``previous`` is the line before it, or None."""
    document = {
        "schema": RECORD_SCHEMA,
        "at": entry.at.isoformat(),
        "entity_kind": entry.subject.entity_kind,
        "entity_id": entry.subject.entity_id,
        "step": entry.step.value,
        "by": entry.by,
        "from": entry.before.value,
        "to": entry.after.value,
        "why": entry.why,
        "finding": entry.finding,
        "details": dict(entry.details),
        "previous": hash_of(previous) if previous is not None else None,
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False)


def hash_of(line: str) -> str:
    """SHA-256 of a line without its end."""
    return hashlib.sha256(line.encode()).hexdigest()


def read_lines(text: str) -> tuple[Entry, ...]:
    """Read the record and check it: every hash, and every step against the state before it.

    Raises BadInput with the number of the first line that does not fit.
    """
    if text and not text.endswith("\n"):
        raise BadInput(
            f"{FILE}: its last line is cut off",
            hint="Take that line out by hand, then do the step again.",
        )
    entries: list[Entry] = []
    previous: str | None = None
    for number, line in enumerate(text.split("\n")[:-1], start=1):
        entry, said = _entry_of(line, number)
        if said != (hash_of(previous) if previous is not None else None):
            raise BadInput(
                f"{FILE}, line {number}: the line before it was changed or taken out",
                hint="Restore the file from a copy; the record must stay as it was written.",
            )
        if take(entries, entry.subject, _action_of(entry)) != entry:
            raise BadInput(
                f"{FILE}, line {number}: this step does not follow from those before it",
                hint="Restore the file from a copy; the record must stay as it was written.",
            )
        entries.append(entry)
        previous = line
    return tuple(entries)


def _action_of(entry: Entry) -> Action:
    end = entry.after if entry.step is Step.CLOSE else None
    return Action(
        entry.step, entry.by, entry.at, entry.why, entry.finding, end=end, details=entry.details
    )


def _entry_of(line: str, number: int) -> tuple[Entry, str | None]:
    try:
        document = json.loads(line)
        entry = Entry(
            subject=Subject(document["entity_kind"], document["entity_id"]),
            step=Step(document["step"]),
            by=document["by"],
            at=datetime.fromisoformat(document["at"]),
            before=State(document["from"]),
            after=State(document["to"]),
            why=document["why"],
            finding=document["finding"],
            details=document["details"],
        )
        return entry, document["previous"]
    except (ValueError, TypeError, KeyError) as error:
        raise BadInput(
            f"{FILE}, line {number}: not a line of this record ({type(error).__name__})",
            hint="Restore the file from a copy.",
        ) from None
