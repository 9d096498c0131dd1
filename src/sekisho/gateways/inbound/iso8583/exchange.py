"""One message in, one answer out: the rules of ISO 8583:1987 over a `Desk`.

The engine decides and has written it down when it returns; an answer may leave only after
`Desk.durable`. Should that fail, `Reply.stand_in` makes the answer that the operator chose.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sekisho.domain.authorization import Decision, DecisionKind, Desk
from sekisho.domain.errors import BadInput, SekishoError, StoreUnavailable
from sekisho.gateways.inbound.iso8583.codec import Codec, Message
from sekisho.gateways.inbound.iso8583.log import LOG
from sekisho.gateways.inbound.iso8583.mapping import (
    FORMAT_ERROR,
    NOT_SUPPORTED,
    Meaning,
    Refused,
)
from sekisho.gateways.inbound.iso8583.settings import DoorSettings, StandIn

OK: Final = "00"
BROKEN: Final = "96"
_NETWORK_CODES: Final = {"001": "sign-on", "002": "sign-off", "301": "echo test"}


class Outcome(StrEnum):
    """What became of a message; counted by the door."""

    APPROVED = "approved"
    DECLINED = "declined"
    ADVICE = "advice"
    REVERSED = "reversed"
    NETWORK = "network"
    REFUSED = "refused"
    STAND_IN = "stand_in"
    IGNORED = "ignored"
    FAILED = "failed"


_WRITTEN: Final = frozenset({Outcome.APPROVED, Outcome.DECLINED, Outcome.ADVICE, Outcome.REVERSED})
"""What depends on something that the desk wrote down."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that waits for the desk. ``content``: b"" where nothing is sent.

    ``stand_in``: the answer instead, if what was decided cannot be made durable.
    """

    content: bytes
    outcome: Outcome
    stand_in: Callable[[], bytes]


class Exchange:
    """Answers the messages of one door; to be called from one thread."""

    def __init__(
        self,
        settings: DoorSettings,
        desk: Desk,
        meaning: Meaning,
        response_code: Callable[[Decision], str],
    ) -> None:
        """``response_code``: field 39 for a decision (rulebook)."""
        self.codec = Codec(settings.variant)
        self._settings = settings
        self._desk = desk
        self._meaning = meaning
        self._response_code = response_code
        self._handlers: Mapping[str, Callable[[Message, int], Reply]] = {
            "010": self._request,
            "012": self._advice,
            "040": self._reversal,
            "042": self._reversal,
            "080": self._network,
            "082": self._network,
        }

    def answer(self, content: bytes, now: int) -> Reply:
        """Answer one message. Raises ``Unreadable`` where there is nothing to answer to."""
        message = self.codec.decode(content)
        kind = message.type
        handle = self._handlers.get(kind[:3])
        if handle is None or kind[3] > "5":
            return self._unknown(message)
        try:
            return handle(message, now)
        except Refused as refused:
            LOG.info("%s (trace %s) answered %s: %s", kind, _trace(message),
                      refused.response_code, refused.message)  # fmt: skip
            return self._reply(message, refused.response_code, Outcome.REFUSED)
        except StoreUnavailable as trouble:
            LOG.warning("%s (trace %s) stood in for: %s", kind, _trace(message), trouble.message)
            return Reply(self._stood_in(message), Outcome.STAND_IN, lambda: b"")
        except SekishoError as trouble:
            LOG.warning("%s (trace %s) answered 30: %s", kind, _trace(message), trouble.message)
            return self._reply(message, FORMAT_ERROR, Outcome.REFUSED)
        except Exception:
            # Whatever it is, the peer waits for an answer and the other peers for theirs.
            LOG.exception("%s (trace %s) could not be handled", kind, _trace(message))
            return self._reply(message, BROKEN, Outcome.FAILED)

    def _request(self, message: Message, now: int) -> Reply:
        decision = self._desk.decide(self._meaning.authorization(message, now))
        code = self._response_code(decision)
        if decision.kind is DecisionKind.APPROVE:
            return self._reply(message, code, Outcome.APPROVED, approval_of(decision.decision_id))
        return self._reply(message, code, Outcome.DECLINED)

    def _advice(self, message: Message, now: int) -> Reply:
        self._desk.decide(self._meaning.authorization(message, now))
        return self._reply(message, OK, Outcome.ADVICE)

    def _reversal(self, message: Message, now: int) -> Reply:
        known = self._desk.reverse(self._meaning.reversal(message, now))
        if not known:
            LOG.info("%s (trace %s) reverses what is not known", message.type, _trace(message))
        return self._reply(message, OK, Outcome.REVERSED)

    def _network(self, message: Message, _now: int) -> Reply:
        code = message.fields.get(70, "")
        if message.wrong or 7 not in message.fields or 11 not in message.fields:
            raise Refused(FORMAT_ERROR, "a network message that cannot be read")
        if code not in _NETWORK_CODES:
            raise Refused(NOT_SUPPORTED, "field 70: a function that is not supported")
        if code != "301":
            LOG.info("%s from the network", _NETWORK_CODES[code])
        return self._reply(message, OK, Outcome.NETWORK)

    def _unknown(self, message: Message) -> Reply:
        """Requests of a kind that is not handled are told so; anything else gets no answer."""
        kind = message.type
        if kind[0] == "0" and kind[2] in "024" and kind[3] <= "5":
            LOG.info("%s (trace %s) is not supported", kind, _trace(message))
            return self._reply(message, NOT_SUPPORTED, Outcome.REFUSED)
        LOG.info("%s is no message that is answered", kind)
        return Reply(b"", Outcome.IGNORED, lambda: b"")

    def _reply(self, message: Message, code: str, outcome: Outcome, approval: str = "") -> Reply:
        content = self._response(message, code, approval)
        if not content:
            return Reply(b"", Outcome.IGNORED, lambda: b"")
        if outcome in _WRITTEN:
            return Reply(content, outcome, lambda: self._stood_in(message))
        return Reply(content, outcome, lambda: content)

    def _response(self, message: Message, code: str, approval: str = "") -> bytes:
        """The response with everything that is echoed; b"" where the peer could not match it."""
        fields = message.fields
        echo = self._settings.echo if message.type[1] != "8" else (7, 11, 70)
        left_out = message.own
        if message.wrong:
            left_out = left_out.union(number for number, _ in message.wrong)
        told = {
            number: fields[number] for number in echo if number in fields and number not in left_out
        }
        if 11 not in told:
            return b""
        told[39] = code
        if approval:
            told[38] = approval
        try:
            return self.codec.encode(response_type(message.type), told)
        except BadInput as trouble:
            # A variant of the installation's own may lack field 39, or read what it cannot write.
            LOG.error("%s: the answer cannot be written: %s", message.type, trouble.message)
            return b""

    def _stood_in(self, message: Message) -> bytes:
        policy = self._settings.stand_in
        if policy.answer is StandIn.SILENCE:
            return b""
        if message.type[1:3] != "10":
            return self._response(message, BROKEN)  # sent again until it can be written down
        if policy.answer is StandIn.APPROVE_SMALL and self._is_small(message, policy.limits):
            key = ".".join(message.fields.get(number, "") for number in self._settings.key)
            return self._response(message, OK, approval_of(key))
        return self._response(message, policy.code)

    @staticmethod
    def _is_small(message: Message, limits: Mapping[str, int]) -> bool:
        limit = limits.get(message.fields.get(49, ""))
        amount = message.fields.get(4, "")
        return limit is not None and amount.isdecimal() and int(amount) <= limit


def response_type(kind: str) -> str:
    """The type that answers ``kind``: a repeat is answered like the first one.

    >>> response_type("0100"), response_type("0421"), response_type("0100")
    ('0110', '0430', '0110')
    """
    return f"{kind[:2]}{int(kind[2]) + 1}{int(kind[3]) // 2 * 2}"


def approval_of(decision_id: str) -> str:
    """An approval code (field 38) that is the same for a repeat: six digits and letters."""
    return hashlib.blake2b(decision_id.encode(), digest_size=3).hexdigest().upper()


def _trace(message: Message) -> str:
    """Field 11 for the log: nothing else of a message is ever logged.

    Not of a message with something wrong in it: bytes that were lost before field 11 would let
    digits of the card number slip into its place.
    """
    return "unknown" if message.wrong else message.fields.get(11, "unknown")
