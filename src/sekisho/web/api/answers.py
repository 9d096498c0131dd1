"""``POST /v1/answers`` and ``POST /v1/messages/events``: what holders and providers tell."""

from __future__ import annotations

from typing import Final

import msgspec

from sekisho.domain.caller import Caller
from sekisho.web.api import problems
from sekisho.web.api.asgi import Answer
from sekisho.web.api.bodies import AnswerBody, AnswerTaken, EventTaken
from sekisho.web.api.ports import AnswerWord, HolderAnswer, Rooms
from sekisho.web.api.problems import Problem, unreadable
from sekisho.web.api.routes import Call

_ANSWER: Final = msgspec.json.Decoder(AnswerBody)


async def answer(rooms: Rooms, call: Call) -> Answer:
    """Take what a signed-in holder said in the issuer's own channel."""
    if rooms.answers is None or call.caller is None:
        raise Problem(
            problems.NOT_HERE, "this installation does not ask holders",
            todo="Start sekisho serve with --ask SETTINGS",
        )  # fmt: skip
    try:
        body = _ANSWER.decode(call.body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise unreadable(error) from None
    given = _given(body, call.caller)
    try:
        state = await rooms.answers.answer(given)
    except LookupError:
        raise Problem(
            problems.NOT_FOUND, "there is no such case", pointer="/case_id",
            todo="Send the case_id that came with the question",
        ) from None  # fmt: skip
    return Answer(200, msgspec.json.encode(AnswerTaken(body.case_id, state)))


def _given(body: AnswerBody, caller: Caller) -> HolderAnswer:
    word = AnswerWord(body.answer)
    return HolderAnswer(body.case_id, word, body.answered_by, body.answer_id, caller)


async def event(rooms: Rooms, call: Call) -> Answer:
    """Take a provider's report on a message; it is signed, and has no API key."""
    if rooms.deliveries is None:
        raise Problem(
            problems.NOT_HERE, "this installation hears no delivery reports",
            todo="Start sekisho serve with --events-secret FILE",
        )  # fmt: skip
    changed = await rooms.deliveries.take(call.body, call.signature)
    return Answer(200, msgspec.json.encode(EventTaken(changed)))
