"""``POST /v1/authorizations``, the hot route, and ``POST /v1/reversals``."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import msgspec

from sekisho.domain.authorization import AuthorizationRequest, Decision, Reversal
from sekisho.web.api import problems
from sekisho.web.api.asgi import Answer
from sekisho.web.api.bodies import AuthorizationBody, DecisionBody, ReversalBody, ReversedBody
from sekisho.web.api.ports import Rooms
from sekisho.web.api.problems import Problem, unreadable
from sekisho.web.api.reading import (
    card_of,
    country_of,
    currency_of,
    filled,
    outcome_of,
    seconds,
)
from sekisho.web.api.routes import Call

_AUTHORIZATION: Final = msgspec.json.Decoder(AuthorizationBody)
_REVERSAL: Final = msgspec.json.Decoder(ReversalBody)
_ENCODER: Final = msgspec.json.Encoder()


async def authorize(rooms: Rooms, call: Call) -> Answer:
    """Decide one authorization; answered after the decision is written down."""
    try:
        body = _AUTHORIZATION.decode(call.body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise unreadable(error) from None
    request = request_of(rooms, body)
    decision = rooms.desk.decide(request)
    if decision.repeated:
        _require_same(request, rooms.desk.request_of(decision.decision_id))
    await rooms.desk.durable()
    return Answer(200, _ENCODER.encode(answer_of(decision, rooms.response_code(decision))))


def _require_same(request: AuthorizationRequest, before: AuthorizationRequest | None) -> None:
    """Raise `Problem` where a ``request_id`` comes again with another content."""
    if before is None or before == replace(request, received_at=before.received_at):
        return
    raise Problem(
        problems.CONFLICT,
        "this request_id was used for another authorization",
        pointer="/request_id",
        todo="Give each authorization an id of its own; repeat one unchanged",
    )


def request_of(rooms: Rooms, body: AuthorizationBody) -> AuthorizationRequest:
    """The engine's request; raises `Problem` that names the field."""
    return AuthorizationRequest(
        request_id=body.request_id,
        card_ref=card_of(rooms, body.pan, body.card_ref),
        acquirer_id=body.acquirer_id or "",
        merchant_id=body.merchant_id,
        authorized_at=seconds(rooms, body.authorized_at, "/authorized_at"),
        received_at=int(rooms.clock().timestamp()),
        amount_minor=body.amount_minor,
        currency=currency_of(body.currency, "/currency"),
        merchant_name=body.merchant_name or "",
        terminal_id=body.terminal_id or "",
        mcc=filled(body.mcc, 4, "/mcc"),
        processing_code=filled(body.processing_code, 6, "/processing_code"),
        entry_mode=filled(body.entry_mode, 3, "/entry_mode"),
        eci=filled(body.eci, 2, "/eci"),
        code_result=outcome_of(body.security_code_result),
        expiry_matches=body.expiry_matches,
        initiator=body.initiator or "",
        country=country_of(body.country, "/country"),
    )


def answer_of(decision: Decision, response_code: str) -> DecisionBody:
    """What is answered."""
    return DecisionBody(
        decision=decision.kind.value,
        ask=decision.ask,
        reasons=decision.reasons,
        response_code=response_code,
        score=decision.score,
        decision_id=decision.decision_id,
        repeated=decision.repeated,
    )


async def reverse(rooms: Rooms, call: Call) -> Answer:
    """Take an authorization back, wholly or in part."""
    try:
        body = _REVERSAL.decode(call.body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise unreadable(error) from None
    reversal = Reversal(
        request_id=body.request_id,
        original_id=body.original_request_id,
        card_ref=card_of(rooms, body.pan, body.card_ref),
        received_at=int(rooms.clock().timestamp()),
        replacement_minor=body.replacement_minor,
    )
    known = rooms.desk.reverse(reversal)
    await rooms.desk.durable()
    return Answer(200, _ENCODER.encode(ReversedBody(known)))
