"""``/v1/cards/{card_ref}``: what is done with a card; stopped at once, opened with a record."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from sekisho.domain.authorization import CardStatus
from sekisho.web.api import problems
from sekisho.web.api.asgi import Answer
from sekisho.web.api.bodies import CardBody, CardChangeBody, CardChanged
from sekisho.web.api.ports import Rooms
from sekisho.web.api.problems import Problem, unreadable
from sekisho.web.api.reading import card_of
from sekisho.web.api.routes import Call

_CHANGE: Final = msgspec.json.Decoder(CardChangeBody)
_REF: Final = re.compile(r"[0-9A-Za-z_.:\-]{1,64}")


async def show(rooms: Rooms, call: Call) -> Answer:
    """What is done with the card."""
    card_ref = _card(rooms, call)
    status = rooms.desk.status(card_ref)
    if status is None:
        raise Problem(problems.NOT_FOUND, "no authorization of this card was seen yet")
    return Answer(200, msgspec.json.encode(CardBody(card_ref, status.value)))


async def stop(rooms: Rooms, call: Call) -> Answer:
    """Stop the card for now. The card comes first, the log second: a thief does not wait."""
    card_ref, change = _card(rooms, call), _read(call)
    if rooms.desk.status(card_ref) is not CardStatus.BLOCKED:
        rooms.desk.set_status(_change_id(call, "stop", change), card_ref, CardStatus.STOPPED)
        await rooms.desk.durable()
    logged = await _log(rooms, call, "card.stop", card_ref, change)
    status = rooms.desk.status(card_ref) or CardStatus.STOPPED
    return Answer(200, msgspec.json.encode(CardChanged(card_ref, status.value, logged)))


async def reopen(rooms: Rooms, call: Call) -> Answer:
    """Open a stopped card. The log comes first: nothing is opened that nobody answers for."""
    card_ref, change = _card(rooms, call), _read(call)
    if rooms.desk.status(card_ref) is CardStatus.BLOCKED:
        raise Problem(
            problems.CONFLICT,
            "the card is blocked for good: its misuse is confirmed",
            todo="Issue a new one",
        )
    if not await _log(rooms, call, "card.open", card_ref, change):
        raise Problem(
            problems.AWAY, "the audit log cannot be written to now, so the card stays as it is",
            todo="Try again when the state store is back: GET /readyz",
        )  # fmt: skip
    rooms.desk.set_status(_change_id(call, "open", change), card_ref, CardStatus.OPEN)
    await rooms.desk.durable()
    status = rooms.desk.status(card_ref) or CardStatus.OPEN
    return Answer(200, msgspec.json.encode(CardChanged(card_ref, status.value, True)))


def _card(rooms: Rooms, call: Call) -> str:
    ref = call.path["card_ref"]
    if not _REF.fullmatch(ref):
        raise Problem(
            problems.NOT_FOUND, "this is no card reference",
            todo="A card_ref has 1 to 64 letters, digits or _.:-",
        )  # fmt: skip
    return card_of(rooms, None, ref)


def _read(call: Call) -> CardChangeBody:
    try:
        return _CHANGE.decode(call.body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise unreadable(error) from None


def _change_id(call: Call, verb: str, change: CardChangeBody) -> str:
    """Callers cannot take one another's ids away, and a stop is another change than an opening."""
    return f"api:{call.caller.key_id if call.caller else ''}:{verb}:{change.change_id}"


async def _log(
    rooms: Rooms, call: Call, action: str, card_ref: str, change: CardChangeBody
) -> bool:
    actor = call.caller.actor if call.caller else "system:api"
    details = {"change_id": change.change_id, "person": change.person, "reason": change.reason}
    return await rooms.log.write(actor, action, f"card:{card_ref}", details)
