"""Questions to holders as they are kept: every change in an audited transaction of the caller.

The reasoning is elsewhere (`domain.asking` has the words); here a case is read, written and found.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from sekisho.domain.asking import (
    Answered,
    AnswerGiven,
    CaseState,
    Closing,
    Counted,
    Effect,
    HolderCase,
    Outreach,
    OutreachState,
    Purchase,
)
from sekisho.domain.errors import BadInput, Conflict
from sekisho.domain.message import Channel
from sekisho.store.canonical import Plain, canonical
from sekisho.store.tables_cases import (
    case_answer,
    case_decision,
    case_draft,
    case_outreach,
    feed_cursor,
    holder_case,
)
from sekisho.store.transaction import Transaction

DECISIONS_MOST: Final = 200
"""Decisions that are written down with one case; a flood on one card does not fill the store."""
_SECOND_US: Final = 1_000_000
_LOOKUP: Final = 400


def read_cursor(place: Transaction | Connection, name: str) -> int:
    """How far the follower ``name`` has read; 0 at the beginning."""
    found = select(feed_cursor.c.value).where(feed_cursor.c.name == name)
    return place.execute(found).scalar() or 0


def write_cursor(tx: Transaction, name: str, value: int) -> None:
    """Note how far the follower has read, in the transaction of what it did."""
    found = select(feed_cursor.c.value).where(feed_cursor.c.name == name)
    place = tx.bookkeeping  # where nothing followed from what was read, the log has no entry
    if place.execute(found).scalar() is None:
        place.execute(insert(feed_cursor).values(name=name, value=value))
    else:
        place.execute(update(feed_cursor).where(feed_cursor.c.name == name).values(value=value))


def find_case(place: Transaction | Connection, asked: str) -> HolderCase:
    """The case with that id, or that of a decision; ``BadInput`` where there is none."""
    row = place.execute(select(holder_case).where(holder_case.c.case_id == asked)).one_or_none()
    if row is None:
        found = select(case_decision.c.case_id).where(case_decision.c.decision_id == asked)
        case_id = place.execute(found).scalar()
        if case_id is None:
            raise BadInput(
                f"there is no case {asked[:60]!r}, and no case for a decision of that id",
                hint="See: sekisho case list",
            )
        row = place.execute(select(holder_case).where(holder_case.c.case_id == case_id)).one()
    return _case(row, _outreach(place, [row.case_id])[row.case_id])


def open_cases(place: Transaction | Connection, card_refs: Iterable[str]) -> dict[str, HolderCase]:
    """The cases of these cards that are not closed, by card (there is one at most)."""
    wanted, found = sorted(set(card_refs)), dict[str, HolderCase]()
    for first in range(0, len(wanted), _LOOKUP):
        some = holder_case.c.card_ref.in_(wanted[first : first + _LOOKUP])
        rows = place.execute(
            select(holder_case).where(some, holder_case.c.state != CaseState.CLOSED)
        ).all()
        tries = _outreach(place, [row.case_id for row in rows])
        found |= {row.card_ref: _case(row, tries[row.case_id]) for row in rows}
    return found


def is_known(tx: Transaction, decision_id: str) -> bool:
    """Whether the decision belongs to a case already."""
    found = select(case_decision.c.case_id).where(case_decision.c.decision_id == decision_id)
    return tx.execute(found).first() is not None


def add_case(tx: Transaction, case: HolderCase, purchase: Purchase) -> None:
    """Write a new case with the purchase that it asks about."""
    tx.execute(insert(holder_case).values(**_row(case), case_id=case.case_id))
    _add_purchase(tx, case.case_id, purchase, 0)
    _save_outreach(tx, case.case_id, (), case.outreach)
    details: dict[str, Plain] = {"decision": case.decision_id, "declined": case.declined}
    tx.record("case.open", f"case:{case.case_id}", details)


def add_purchase(tx: Transaction, case_id: str, purchase: Purchase) -> bool:
    """Write a decision that joined the case; False where it is known, or the case is full."""
    if is_known(tx, purchase.decision_id):
        return False
    count = tx.execute(
        select(func.count()).select_from(case_decision).where(case_decision.c.case_id == case_id)
    ).scalar_one()
    if count >= DECISIONS_MOST:
        return False
    _add_purchase(tx, case_id, purchase, count)
    details: dict[str, Plain] = {"decision": purchase.decision_id, "declined": purchase.declined}
    tx.record("case.join", f"case:{case_id}", details)
    return True


def _add_purchase(tx: Transaction, case_id: str, one: Purchase, place: int) -> None:
    tx.execute(
        insert(case_decision).values(
            decision_id=one.decision_id,
            case_id=case_id,
            place=place,
            authorized_us=one.authorized_at * _SECOND_US,
            amount_minor=one.amount_minor,
            currency=one.currency,
            acquirer_id=one.acquirer_id,
            merchant_id=one.merchant_id,
            merchant_name=one.merchant_name,
            mcc=one.mcc,
            country=one.country,
            declined=int(one.declined),
            asked=int(one.asked),
        )
    )


def purchases(place: Transaction | Connection, case_id: str) -> list[Purchase]:
    """The decisions of a case, in the order in which they came; the first is asked about."""
    found = select(case_decision).where(case_decision.c.case_id == case_id)
    return [_purchase(row) for row in place.execute(found.order_by(case_decision.c.place))]


def split_case(tx: Transaction, case: HolderCase, decision_ids: Sequence[str]) -> None:
    """Write a new case about decisions of another one that its answer did not cover.

    The first of ``decision_ids`` is what the new case asks about.
    """
    tx.execute(insert(holder_case).values(**_row(case), case_id=case.case_id))
    for place, decision_id in enumerate(decision_ids):
        one = update(case_decision).where(case_decision.c.decision_id == decision_id)
        tx.execute(one.values(case_id=case.case_id, place=place))
    _save_outreach(tx, case.case_id, (), case.outreach)
    details: dict[str, Plain] = {"decision": case.decision_id, "declined": case.declined}
    tx.record("case.open", f"case:{case.case_id}", details)


def was_refused(tx: Transaction, card_ref: str, since: int) -> bool:
    """Whether the holder said "not mine" of this card ``since`` then (seconds): it is blocked."""
    found = select(holder_case.c.case_id).where(
        holder_case.c.card_ref == card_ref,
        holder_case.c.closed_as == Closing.NOT_MINE,
        holder_case.c.closed_us >= since * _SECOND_US,
    )
    return tx.execute(found.limit(1)).first() is not None


def save_case(tx: Transaction, before: HolderCase, after: HolderCase) -> None:
    """Write what changed between the two; the caller records why."""
    if _row(before) != _row(after):
        tx.execute(
            update(holder_case).where(holder_case.c.case_id == after.case_id).values(**_row(after))
        )
    _save_outreach(tx, after.case_id, before.outreach, after.outreach)


def _save_outreach(
    tx: Transaction, case_id: str, before: Sequence[Outreach], after: Sequence[Outreach]
) -> None:
    known = {one.step: one for one in before}
    for one in after:
        if known.get(one.step) == one:
            continue
        values = {
            "channel": one.channel.value,
            "state": one.state.value,
            "made_us": one.made_at * _SECOND_US,
            "changed_us": one.changed_at * _SECOND_US,
        }
        if one.step in known:
            mine = (case_outreach.c.case_id == case_id, case_outreach.c.step == one.step)
            tx.execute(update(case_outreach).where(*mine).values(**values))
        else:
            key = {"case_id": case_id, "step": one.step, "number": ""}
            tx.execute(insert(case_outreach).values(**key, **values))


def note_number(tx: Transaction, case_id: str, step: int, number: str) -> None:
    """Tie an outreach to the message that was sent for it."""
    mine = (case_outreach.c.case_id == case_id, case_outreach.c.step == step)
    tx.execute(update(case_outreach).where(*mine).values(number=number))


def numbers(place: Transaction | Connection, case_id: str) -> dict[int, str]:
    """The message numbers of a case's outreach, by step."""
    found = select(case_outreach.c.step, case_outreach.c.number).where(
        case_outreach.c.case_id == case_id, case_outreach.c.number != ""
    )
    return {row.step: row.number for row in place.execute(found)}


def answer_known(place: Transaction | Connection, given: AnswerGiven) -> Answered | None:
    """What became of the answer with that id, if it came before.

    Raises `Conflict` where the id was used for another answer.
    """
    found = select(case_answer).where(case_answer.c.answer_id == given.answer_id)
    row = place.execute(found).one_or_none()
    if row is None:
        return None
    if (row.answer, row.way) != (given.answer.value, given.way.value):
        raise Conflict(
            "this answer id was used for another answer", hint="Give each answer an id of its own."
        )
    result = json.loads(row.result)
    return Answered(
        case_id=row.case_id,
        counted=Counted(result["counted"]),
        state=CaseState(result["state"]),
        closed_as=Closing(result["closed_as"]) if result["closed_as"] else None,
        effects=tuple(map(Effect, result["effects"])),
        more=tuple(purchases(place, row.case_id)) if Effect.SHOW_MORE in result["effects"] else (),
    )


def write_answer(tx: Transaction, given: AnswerGiven, result: Answered) -> None:
    """Write an answer down with what became of it, and its audit entry."""
    kept: dict[str, Plain] = {
        "counted": result.counted.value,
        "state": result.state.value,
        "closed_as": result.closed_as.value if result.closed_as else None,
        "effects": [one.value for one in result.effects],
    }
    tx.execute(
        insert(case_answer).values(
            answer_id=given.answer_id,
            case_id=result.case_id,
            answer=given.answer.value,
            way=given.way.value,
            who=given.who,
            result=canonical(kept),
            at_us=tx.now_us,
        )
    )
    details = {"answer": given.answer.value, "way": given.way.value, **kept}
    personal = {"note": given.note} if given.note else {}
    tx.record("case.answer", f"case:{result.case_id}", details, personal=personal)


def answers(connection: Connection, case_id: str) -> list[Mapping[str, Any]]:
    """Every answer to the case, in the order in which they came."""
    found = select(case_answer).where(case_answer.c.case_id == case_id)
    ordered = found.order_by(case_answer.c.at_us, case_answer.c.answer_id)
    return [
        {**row._asdict(), "result": json.loads(row.result)} for row in connection.execute(ordered)
    ]


def write_draft(tx: Transaction, case_id: str, kind: str, content: Mapping[str, Plain]) -> None:
    """Keep what the desk sends on: one draft of each kind for a case."""
    values = {"draft_id": f"{case_id}/{kind}", "case_id": case_id, "kind": kind}
    tx.execute(insert(case_draft).values(**values, content=canonical(content), made_us=tx.now_us))


def drafts(connection: Connection, case_id: str) -> dict[str, Any]:
    """The drafts of a case, by kind."""
    found = select(case_draft).where(case_draft.c.case_id == case_id).order_by(case_draft.c.kind)
    return {row.kind: json.loads(row.content) for row in connection.execute(found)}


def list_cases(
    connection: Connection, *, waiting: bool = False, limit: int = 100
) -> list[HolderCase]:
    """Cases, the newest first; ``waiting``: only those that a person at the desk has to see."""
    found = select(holder_case).order_by(holder_case.c.opened_us.desc(), holder_case.c.case_id)
    if waiting:
        desk = holder_case.c.state.in_((CaseState.STOPPED, CaseState.WITH_AGENT))
        found = found.where(or_(desk, holder_case.c.contradicted == 1))
    rows = connection.execute(found.limit(limit)).all()
    tries = _outreach(connection, [row.case_id for row in rows])
    return [_case(row, tries[row.case_id]) for row in rows]


def _outreach(
    place: Transaction | Connection, case_ids: Sequence[str]
) -> dict[str, tuple[Outreach, ...]]:
    found: dict[str, tuple[Outreach, ...]] = dict.fromkeys(case_ids, ())
    if not case_ids:
        return found
    some = case_outreach.c.case_id.in_(list(case_ids))
    for row in place.execute(select(case_outreach).where(some).order_by(case_outreach.c.step)):
        one = Outreach(
            step=row.step,
            channel=Channel(row.channel),
            state=OutreachState(row.state),
            made_at=row.made_us // _SECOND_US,
            changed_at=row.changed_us // _SECOND_US,
        )
        found[row.case_id] = (*found[row.case_id], one)
    return found


def _row(case: HolderCase) -> dict[str, object]:
    return {
        "card_ref": case.card_ref,
        "decision_id": case.decision_id,
        "declined": int(case.declined),
        "state": case.state.value,
        "opened_us": case.opened_at * _SECOND_US,
        "unsure": case.unsure,
        "moved_us": _us(case.moved_at),
        "stopped_us": _us(case.stopped_at),
        "closed_us": _us(case.closed_at),
        "closed_as": case.closed_as.value if case.closed_as else None,
        "contradicted": int(case.contradicted),
    }


def _case(row: Row[Any], outreach: tuple[Outreach, ...]) -> HolderCase:
    return HolderCase(
        case_id=row.case_id,
        card_ref=row.card_ref,
        decision_id=row.decision_id,
        declined=bool(row.declined),
        state=CaseState(row.state),
        opened_at=row.opened_us // _SECOND_US,
        outreach=outreach,
        unsure=row.unsure,
        moved_at=_s(row.moved_us),
        stopped_at=_s(row.stopped_us),
        closed_at=_s(row.closed_us),
        closed_as=Closing(row.closed_as) if row.closed_as else None,
        contradicted=bool(row.contradicted),
    )


def _purchase(row: Row[Any]) -> Purchase:
    return Purchase(
        decision_id=row.decision_id,
        authorized_at=row.authorized_us // _SECOND_US,
        amount_minor=row.amount_minor,
        currency=row.currency,
        acquirer_id=row.acquirer_id,
        merchant_id=row.merchant_id,
        merchant_name=row.merchant_name,
        mcc=row.mcc,
        country=row.country,
        declined=bool(row.declined),
        asked=bool(row.asked),
    )


def _us(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * _SECOND_US


def _s(micros: int | None) -> int | None:
    return None if micros is None else micros // _SECOND_US
