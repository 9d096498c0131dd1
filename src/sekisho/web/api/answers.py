"""``POST /v1/answers`` and ``POST /v1/messages/events``: what holders and providers tell."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec

from sekisho.domain.asking import Answer as HolderWord
from sekisho.domain.asking import Answered, AnswerGiven, Way
from sekisho.web.api import problems
from sekisho.web.api.asgi import Answer
from sekisho.web.api.bodies import AnswerBody, AnswerTaken, EventTaken, MorePurchase
from sekisho.web.api.ports import Rooms
from sekisho.web.api.problems import Problem, unreadable
from sekisho.web.api.routes import Call

_ANSWER: Final = msgspec.json.Decoder(AnswerBody)


async def answer(rooms: Rooms, call: Call) -> Answer:
    """Take what a signed-in holder said in the issuer's own channel."""
    if rooms.answers is None or call.caller is None:
        raise Problem(
            problems.NOT_HERE, "this installation does not ask holders",
            todo="Start sekisho serve with --settings FILE",
        )  # fmt: skip
    try:
        body = _ANSWER.decode(call.body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise unreadable(error) from None
    taken = await rooms.answers.answer(
        AnswerGiven(
            answer_id=f"api:{call.caller.key_id}:{body.answer_id}",
            asked=body.case_id,
            answer=HolderWord(body.answer),
            way=Way(body.way),
            who=call.caller.actor,
            note=body.answered_by,
        )
    )
    return Answer(200, msgspec.json.encode(_told(taken)))


def _told(taken: Answered) -> AnswerTaken:
    more = tuple(
        MorePurchase(
            decision_id=one.decision_id,
            authorized_at=datetime.fromtimestamp(one.authorized_at, UTC),
            amount_minor=one.amount_minor,
            currency=one.currency,
            merchant_name=one.merchant_name,
            mcc=one.mcc,
            country=one.country,
            declined=one.declined,
        )
        for one in taken.more
    )
    effects = tuple(str(one) for one in taken.effects)
    closed_as = str(taken.closed_as) if taken.closed_as else None
    return AnswerTaken(
        taken.case_id, str(taken.counted), str(taken.state), closed_as, effects, more
    )


async def event(rooms: Rooms, call: Call) -> Answer:
    """Take a provider's report on a message; it is signed, and has no API key."""
    if rooms.deliveries is None:
        raise Problem(
            problems.NOT_HERE, "this installation hears no delivery reports",
            todo="Start sekisho serve with --settings FILE that has [sms] or [push]",
        )  # fmt: skip
    changed = await rooms.deliveries.take(call.body, call.signature)
    return Answer(200, msgspec.json.encode(EventTaken(changed)))
