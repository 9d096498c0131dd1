"""What a message means: authorizations, advices and reversals as the engine takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from sekisho.domain.authorization import (
    AuthorizationRequest,
    CodeResult,
    RequestKind,
    Reversal,
)
from sekisho.domain.errors import SekishoError
from sekisho.gateways.inbound.iso8583 import private
from sekisho.gateways.inbound.iso8583.codec import NUMBER, Message
from sekisho.gateways.inbound.iso8583.settings import DoorSettings
from sekisho.gateways.inbound.iso8583.times import UTC_ZONE, ImpossibleTime, instant

FORMAT_ERROR: Final = "30"
INVALID_NUMBER: Final = "14"
INVALID_AMOUNT: Final = "13"
NOT_SUPPORTED: Final = "40"
APPROVED: Final = frozenset({"00", "08", "10", "11", "16", "85"})
"""Codes of an advice that say yes: approved, with identification, in part, VIP, no reason."""
_YEAR_S: Final = 366 * 86_400


class Refused(SekishoError):
    """A message that is answered with a code of its own; the message says why, without values."""

    code = "refused_message"

    def __init__(self, response_code: str, why: str) -> None:
        super().__init__(why)
        self.response_code = response_code


@dataclass(frozen=True, slots=True)
class CardReader:
    """What the vault does for the door.

    ``surrogate``: a card number as received to its reference; None where it is no card number.
    ``expiry_matches``: reference and expiry (YYMM) to whether it is the card's; None: not known.
    """

    surrogate: Callable[[str], str | None]
    expiry_matches: Callable[[str, str], bool | None] | None = None


class Meaning:
    """Reads messages by one door's settings. Holds nothing of any message."""

    def __init__(
        self, settings: DoorSettings, cards: CardReader, countries: Mapping[str, str]
    ) -> None:
        """``countries``: two letters to the three digits of ISO 3166-1."""
        self._settings = settings
        self._cards = cards
        self._countries = countries
        split = settings.name_split
        self._country_at = split.name + split.city + split.state

    def authorization(self, message: Message, now: int) -> AuthorizationRequest:
        """The authorization in a 0100 or an 0120; raises `Refused`. ``now``: seconds, UTC."""
        fields = message.fields
        self._require(message)
        sent_at = _instant("7", fields[7], now)
        card_ref = self._card_ref(message)
        amount, currency = self._amount(fields)
        told = private.found(self._settings.private, fields) if self._settings.private else {}
        advice = message.type[2] == "2"
        place = fields.get(43, "")
        expiry = fields.get(14)
        matches = self._cards.expiry_matches
        return AuthorizationRequest(
            request_id=self._id(fields, sent_at),
            card_ref=card_ref,
            acquirer_id=fields[32],
            merchant_id=fields.get(42, "").strip(),
            authorized_at=self._local(fields, sent_at, now),
            received_at=now,
            amount_minor=amount,
            currency=currency,
            kind=RequestKind.ADVICE if advice else RequestKind.REQUEST,
            merchant_name=place[: self._settings.name_split.name].strip(),
            terminal_id=fields.get(41, "").strip(),
            mcc=fields.get(18, ""),
            processing_code=fields.get(3, ""),
            entry_mode=fields.get(22, "")[:2],
            eci=told.get(private.ECI, ""),
            code_result=CodeResult(told.get(private.SECURITY_CODE, CodeResult.ABSENT)),
            expiry_matches=matches(card_ref, expiry) if expiry and matches is not None else None,
            initiator=told.get(private.INITIATOR, ""),
            country=self._country(fields, place),
            approved=_approved(fields) if advice else None,
        )

    def reversal(self, message: Message, now: int) -> Reversal:
        """The reversal in a 0400 or an 0420; raises `Refused`."""
        fields = message.fields
        self._require(message)
        sent_at = _instant("7", fields[7], now)
        return Reversal(
            request_id=self._id(fields, sent_at),
            original_id=self._original(fields, sent_at, now),
            card_ref=self._card_ref(message),
            received_at=now,
            replacement_minor=self._replacement(fields),
        )

    def _require(self, message: Message) -> None:
        if message.wrong:
            number, reason = message.wrong[0]
            only_number = {one for one, _ in message.wrong} == {NUMBER}
            code = INVALID_NUMBER if only_number else FORMAT_ERROR
            raise Refused(code, f"field {number}: {reason}")
        for number in self._settings.required:
            if number not in message.fields:
                raise Refused(FORMAT_ERROR, f"field {number} is missing")

    def _card_ref(self, message: Message) -> str:
        card_ref = self._cards.surrogate(message.fields[NUMBER])
        if card_ref is None:
            raise Refused(INVALID_NUMBER, "field 2: not a card number (length or check digit)")
        return card_ref

    def _amount(self, fields: Mapping[int, str]) -> tuple[int, str]:
        """Minor units and currency: what the holder is billed where told, else of the purchase."""
        number, unit = (6, 51) if 6 in fields and 51 in fields else (4, 49)
        return self._minor(number, fields[number], fields[unit]), fields[unit]

    def _minor(self, number: int, digits: str, currency: str) -> int:
        if not currency.isdecimal():
            raise Refused(FORMAT_ERROR, f"field {number}: its currency is not three digits")
        minor = int(digits)
        surplus = self._settings.exponents.get(currency, 0)
        if surplus:
            minor, rest = divmod(minor, 10**surplus)
            if rest:
                raise Refused(
                    INVALID_AMOUNT, f"field {number}: decimals that currency {currency} lacks"
                )
        return minor

    def _replacement(self, fields: Mapping[int, str]) -> int | None:
        """What is left of the amount: the first twelve digits of field 95; None for nothing."""
        told = fields.get(95)
        if told is None:
            return None
        if not told[:12].isdecimal():
            raise Refused(FORMAT_ERROR, "field 95: the amount is not digits")
        return self._minor(95, told[:12], fields[49]) or None

    def _local(self, fields: Mapping[int, str], sent_at: int, now: int) -> int:
        """When the purchase was: its local date and time where the zone is known, else field 7."""
        time, day = fields.get(12), fields.get(13)
        zones = self._settings.zones
        zone = zones.get(fields.get(19, "")) or zones.get("")
        if time is None or day is None or zone is None:
            return sent_at
        return _instant("12 or 13", day + time, now, zone)

    def _country(self, fields: Mapping[int, str], place: str) -> str:
        """Where the shop is: field 43 where its letters are a country's, else the acquirer's."""
        split = self._settings.name_split
        letters = place[self._country_at : self._country_at + split.country].strip()
        return self._countries.get(letters) or fields.get(19, "")

    def _id(self, fields: Mapping[int, str], sent_at: int) -> str:
        parts = [
            str(sent_at) if number == 7 else _in_id(number, fields.get(number, ""))
            for number in self._settings.key
        ]
        return ".".join(parts)

    def _original(self, fields: Mapping[int, str], sent_at: int, now: int) -> str:
        """The id of what is reversed: field 90 where there is one, else the reversal's own fields.

        Field 90 is message type, 11, 7, 32 and 33; field 37 stays the same through a transaction.
        """
        told = fields.get(90)
        if told is None or not told[4:20].strip("0"):
            return self._id(fields, sent_at)
        first = {
            **fields,
            11: told[4:10],
            32: told[20:31] if told[20:31].strip("0") else fields[32],
        }
        return self._id(first, _instant("90", told[10:20], now))


def _in_id(number: int, value: str) -> str:
    # Field 90 writes the acquirer with zeros before it, field 32 without.
    return value.lstrip("0") if number == 32 else value.strip()


def _instant(where: str, digits: str, now: int, zone: ZoneInfo = UTC_ZONE) -> int:
    try:
        return instant(digits, now, zone)
    except ImpossibleTime as trouble:
        raise Refused(FORMAT_ERROR, f"field {where}: {trouble.message}") from None


def _approved(fields: Mapping[int, str]) -> bool:
    """What an advice says was decided; without field 39 an approval code says yes."""
    code = fields.get(39)
    return code in APPROVED if code is not None else bool(fields.get(38, "").strip())
