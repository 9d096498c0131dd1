"""Mailings and their messages: every change of a message's state, in audited transactions.

A mailing is planned by one person and approved by another (`store.proposals`); its messages then
become jobs of the outbox, some hundreds in each. The audit log names the messages of every change
by their ids, so that each message's way can be read back from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, insert, select, update

from sekisho.domain.errors import BadInput, Conflict
from sekisho.domain.message import FOLLOWING, OPEN_STATES, Channel, MessageState, may_follow
from sekisho.store.canonical import Plain, canonical
from sekisho.store.outbox import NewJob, enqueue
from sekisho.store.people import require
from sekisho.store.proposals import Proposal, execute, propose
from sekisho.store.tables_messages import mailing, message
from sekisho.store.transaction import Transaction

SEND: Final = "notice.send"
_ROWS: Final = 2_000
_LOOKED_UP: Final = 1_000
_READY: Final = (MessageState.APPROVED, MessageState.RENDERED)


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be planned.

    ``reference``: the caller's own name for the recipient, once in each mailing and channel.
    ``trouble``: why it is kept back; empty if it is not.
    """

    reference: str
    channel: Channel
    template: str
    recipient: Mapping[str, Plain]
    text_sha256: str
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Mailing:
    """A mailing as it stands."""

    mailing_id: str
    kind: str
    settings: Mapping[str, Any]
    proposal_id: str
    planned_us: int
    released: bool


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it stands. ``recipient`` is None once it was erased."""

    message_id: int
    mailing_id: str
    number: str
    reference: str
    channel: Channel
    template: str
    recipient: Mapping[str, Any] | None
    state: MessageState
    text_sha256: str
    attempts: int
    next_us: int
    first_us: int | None
    attempt_us: int | None
    changed_us: int
    trouble: str


@dataclass(frozen=True, slots=True)
class Change:
    """A new state for one message. ``next_us``: when it may be tried again.

    ``attempt``: which attempt it is about (from 1). It is left out where the message is at another
    one by now: what a worker knows of an attempt says nothing of one that somebody else began.
    """

    message_id: int
    state: MessageState
    trouble: str = ""
    next_us: int = 0
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """Messages of one mailing and channel from ``first`` to ``last``, both included."""

    mailing_id: str
    channel: Channel
    first: int
    last: int


def plan(
    tx: Transaction,
    mailing_id: str,
    kind: str,
    settings: Mapping[str, Plain],
    drafts: Sequence[Draft],
    numbers: Sequence[str],
) -> Proposal:
    """Write the mailing with its messages and propose to send it; the acting person proposes.

    ``mailing_id``: new, not guessable. ``numbers``: one for each draft, in order. The payload that
    is approved holds the counts and a digest of every text.
    """
    payload: dict[str, Plain] = {"mailing": mailing_id, "kind": kind, "messages": len(drafts)}
    payload["digest"] = _digest(drafts, numbers)
    payload["held"] = sum(bool(draft.trouble) for draft in drafts)
    proposed = propose(tx, SEND, f"mailing:{mailing_id}", payload)
    values = {"mailing_id": mailing_id, "kind": kind, "settings": canonical(settings)}
    values |= {"proposal_id": proposed.proposal_id}
    tx.execute(insert(mailing).values(**values, planned_us=tx.now_us))
    ids = tx.next_numbers("message", len(drafts)) if drafts else range(0)
    rows = [
        _row(tx, mailing_id, one, draft, number)
        for one, draft, number in zip(ids, drafts, numbers, strict=True)
    ]
    for start in range(0, len(rows), _ROWS):
        tx.execute(insert(message), rows[start : start + _ROWS])
    details: dict[str, Plain] = {"messages": len(drafts), "held": payload["held"]}
    details |= {"first": ids[0], "last": ids[-1]} if drafts else {}
    tx.record("message.plan", f"mailing:{mailing_id}", details)
    return proposed


def _row(
    tx: Transaction, mailing_id: str, message_id: int, draft: Draft, number: str
) -> dict[str, object]:
    state = MessageState.HELD if draft.trouble else MessageState.PLANNED
    return {
        "message_id": message_id,
        "mailing_id": mailing_id,
        "number": number,
        "reference": draft.reference,
        "channel": draft.channel.value,
        "template": draft.template,
        "recipient": canonical(draft.recipient),
        "state": state.value,
        "text_sha256": draft.text_sha256,
        "attempts": 0,
        "next_us": 0,
        "changed_us": tx.now_us,
        "trouble": draft.trouble,
    }


def _digest(drafts: Sequence[Draft], numbers: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for draft, number in zip(drafts, numbers, strict=True):
        parts = (draft.reference, draft.channel.value, draft.template, number, draft.text_sha256)
        digest.update(canonical(list(parts)).encode("utf-8") + b"\n")
    return digest.hexdigest()


def release(tx: Transaction, mailing_id: str, per_job: int) -> int:
    """Hand the messages of an approved mailing to the outbox; how many. A second time, none.

    Raises ``NotAllowed`` or ``BadInput`` unless another person has approved the proposal.
    """
    found = mailing_of(tx, mailing_id)
    if found.released:
        return 0
    execute(tx, found.proposal_id, SEND)
    mine = (message.c.mailing_id == mailing_id, message.c.state == MessageState.PLANNED)
    columns = message.c.message_id, message.c.channel
    rows = tx.execute(select(*columns).where(*mine).order_by(message.c.message_id)).all()
    approved = {"state": MessageState.APPROVED.value, "changed_us": tx.now_us}
    tx.execute(update(message).where(*mine).values(**approved))
    done = update(mailing).where(mailing.c.mailing_id == mailing_id)
    tx.execute(done.values(released_us=tx.now_us))
    enqueue(tx, list(_jobs(mailing_id, rows, per_job)))
    tx.record("message.approve", f"mailing:{mailing_id}", {"messages": len(rows)})
    return len(rows)


def _jobs(mailing_id: str, rows: Sequence[Row[Any]], per_job: int) -> Iterable[NewJob]:
    """Letters and calls are no jobs: a person takes their files out."""
    for channel in (Channel.EMAIL, Channel.SMS, Channel.PUSH):
        ids = [row.message_id for row in rows if row.channel == channel.value]
        for start in range(0, len(ids), per_job):
            some = ids[start : start + per_job]
            payload: dict[str, Plain] = {"mailing": mailing_id, "channel": channel.value}
            payload |= {"first": some[0], "last": some[-1]}
            yield NewJob(f"message.{channel}", f"{mailing_id}/{channel}/{some[0]}", payload)


def slice_of(payload: Mapping[str, Any]) -> Slice:
    """The slice that a job of the outbox is about."""
    channel = Channel(payload["channel"])
    return Slice(payload["mailing"], channel, payload["first"], payload["last"])


def mailing_of(place: Transaction | Connection, mailing_id: str) -> Mailing:
    """The mailing as it stands; ``BadInput`` where there is none."""
    row = place.execute(select(mailing).where(mailing.c.mailing_id == mailing_id)).one_or_none()
    if row is None:
        raise BadInput(
            f"there is no mailing {mailing_id[:40]!r}", hint="See: sekisho message status"
        )
    settings = json.loads(row.settings)
    released = row.released_us is not None
    return Mailing(row.mailing_id, row.kind, settings, row.proposal_id, row.planned_us, released)


def mailings(connection: Connection) -> list[Mailing]:
    """Every mailing, the newest first."""
    found = select(mailing.c.mailing_id).order_by(mailing.c.planned_us.desc())
    return [mailing_of(connection, row.mailing_id) for row in connection.execute(found).all()]


def ready(connection: Connection, part: Slice, now_us: int, limit: int) -> list[Message]:
    """Up to ``limit`` messages of ``part`` that may be sent now, the longest waiting first."""
    found = _in(part).where(message.c.state.in_(_READY), message.c.next_us <= now_us)
    ordered = found.order_by(message.c.next_us, message.c.message_id).limit(limit)
    return [_message(row) for row in connection.execute(ordered)]


def of_channel(connection: Connection, mailing_id: str, channel: Channel) -> list[Message]:
    """Every message of the mailing by this channel, in order."""
    found = select(message).where(message.c.mailing_id == mailing_id, message.c.channel == channel)
    return [_message(row) for row in connection.execute(found.order_by(message.c.message_id))]


def in_state(connection: Connection, part: Slice, state: MessageState) -> list[Message]:
    """The messages of ``part`` in ``state``, in order."""
    found = _in(part).where(message.c.state == state).order_by(message.c.message_id)
    return [_message(row) for row in connection.execute(found)]


def next_due_us(connection: Connection, part: Slice) -> int | None:
    """When the next waiting message of ``part`` may be sent; None if none waits."""
    found = select(func.min(message.c.next_us)).where(
        message.c.mailing_id == part.mailing_id,
        message.c.channel == part.channel,
        message.c.message_id.between(part.first, part.last),
        message.c.state.in_(_READY),
    )
    due: int | None = connection.execute(found).scalar()
    return due


def _in(part: Slice) -> Any:
    return select(message).where(
        message.c.mailing_id == part.mailing_id,
        message.c.channel == part.channel,
        message.c.message_id.between(part.first, part.last),
    )


def begin(tx: Transaction, found: Sequence[Message]) -> None:
    """Note that an attempt at each begins: written before anything leaves the house.

    Raises `Conflict` (and nothing is changed) where another worker has taken one of them.
    """
    ids = [one.message_id for one in found]
    begun = 0
    for first in range(0, len(ids), _LOOKED_UP):
        some = message.c.message_id.in_(ids[first : first + _LOOKED_UP])
        values = {
            "state": MessageState.SENDING.value,
            "attempts": message.c.attempts + 1,
            "first_us": func.coalesce(message.c.first_us, tx.now_us),
            "attempt_us": tx.now_us,
            "changed_us": tx.now_us,
        }
        beginning = update(message).where(some, message.c.state.in_(_READY)).values(values)
        begun += tx.execute(beginning).rowcount
    if begun != len(found):
        raise Conflict("another worker has taken one of these messages")
    _record(tx, "message.begin", found[0].mailing_id, ids)


def change(tx: Transaction, mailing_id: str, changes: Sequence[Change]) -> int:
    """Give messages their new states; how many changed.

    A change that may not follow the state found is left out: a late report never moves a message
    backwards. All messages belong to the mailing.
    """
    wanted: dict[MessageState, list[Change]] = {}
    for one in changes:
        wanted.setdefault(one.state, []).append(one)
    count = 0
    for state, alike in wanted.items():
        fit = _fit(tx, state, alike)
        rows = [
            {"the_message": one.message_id, "why": one.trouble, "again_us": one.next_us}
            for one in alike
            if one.message_id in fit
        ]
        if rows:
            tx.execute(_changing(state, tx.now_us), rows)
            _record(tx, f"message.{state.value}", mailing_id, sorted(fit))
        count += len(fit)
    return count


def _changing(state: MessageState, now_us: int) -> Any:
    """One statement for many messages: each has an answer of its own from the mail server."""
    return (
        update(message)
        .where(message.c.message_id == bindparam("the_message"))
        .values(
            state=state.value,
            trouble=bindparam("why"),
            next_us=bindparam("again_us"),
            changed_us=now_us,
        )
    )


def _fit(tx: Transaction, after: MessageState, changes: Sequence[Change]) -> set[int]:
    """The messages whose state ``after`` may follow (writers stand in line: it stays so)."""
    before = [str(state) for state in FOLLOWING if may_follow(state, after)]
    about = {one.message_id: one.attempt for one in changes}
    ids = list(about)
    fit: set[int] = set()
    for first in range(0, len(ids), _LOOKED_UP):
        some = message.c.message_id.in_(ids[first : first + _LOOKED_UP])
        columns = message.c.message_id, message.c.attempts
        found = tx.execute(select(*columns).where(some, message.c.state.in_(before)))
        fit |= {row.message_id for row in found if about[row.message_id] in (None, row.attempts)}
    return fit


def _record(tx: Transaction, action: str, mailing_id: str, ids: Sequence[int]) -> None:
    tx.record(action, f"mailing:{mailing_id}", {"messages": list(ids)})


def counts(connection: Connection, mailing_id: str) -> dict[tuple[Channel, MessageState], int]:
    """How many messages of the mailing are in each state, by channel."""
    found = (
        select(message.c.channel, message.c.state, func.count())
        .where(message.c.mailing_id == mailing_id)
        .group_by(message.c.channel, message.c.state)
    )
    rows = connection.execute(found)
    return {(Channel(row[0]), MessageState(row[1])): row[2] for row in rows}


def reasons(connection: Connection, mailing_id: str, state: MessageState) -> dict[str, int]:
    """Why messages of the mailing are in ``state``, with how many each."""
    found = (
        select(message.c.trouble, func.count())
        .where(message.c.mailing_id == mailing_id, message.c.state == state)
        .group_by(message.c.trouble)
        .order_by(func.count().desc())
    )
    return {row[0]: row[1] for row in connection.execute(found)}


def by_number(connection: Connection, number: str) -> Message | None:
    """The message with that number, if there is one."""
    row = connection.execute(select(message).where(message.c.number == number)).one_or_none()
    return None if row is None else _message(row)


def latest_sent(connection: Connection, mailing_id: str, before_us: int, limit: int) -> list[str]:
    """Numbers of messages that were sent before ``before_us``, the latest first."""
    found = (
        select(message.c.number)
        .where(
            message.c.mailing_id == mailing_id,
            message.c.channel == Channel.EMAIL,
            message.c.state.in_((MessageState.SENT, MessageState.DELIVERED)),
            message.c.attempt_us <= before_us,
        )
        .order_by(message.c.attempt_us.desc())
        .limit(limit)
    )
    return [row.number for row in connection.execute(found)]


def erase_recipients(tx: Transaction, mailing_id: str) -> int:
    """Empty the personal data of every message of the mailing that is finished; how many.

    Needs ``message.erase``. Raises ``BadInput`` where there is no such mailing.
    """
    require(tx, "message.erase")
    mailing_of(tx, mailing_id)
    erased = _empty(tx, message.c.mailing_id == mailing_id)
    tx.record("message.erase", f"mailing:{mailing_id}", {"messages": erased})
    return erased


def erase_numbers(tx: Transaction, numbers: Sequence[str]) -> int:
    """Empty the personal data of the finished ones of these messages; the caller records it."""
    return _empty(tx, message.c.number.in_(list(numbers)))


def _empty(tx: Transaction, which: ColumnElement[bool]) -> int:
    closed = [str(state) for state in MessageState if state not in OPEN_STATES]
    found = update(message).where(
        which, message.c.state.in_(closed), message.c.recipient.is_not(None)
    )
    return tx.execute(found.values(recipient=None)).rowcount


def _message(row: Row[Any]) -> Message:
    values = row._asdict()
    values["channel"] = Channel(row.channel)
    values["state"] = MessageState(row.state)
    values["recipient"] = None if row.recipient is None else json.loads(row.recipient)
    return Message(**values)
