"""From the fields of a body to the words of the engine; every refusal names the field."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sekisho.domain.authorization import CodeResult
from sekisho.rulebook.codes import codes
from sekisho.vault.pan import mask_embedded
from sekisho.web.api import problems
from sekisho.web.api.ports import Rooms
from sekisho.web.api.problems import Problem

_LATEST: Final = 4_102_444_800  # 2100-01-01: a later instant is milliseconds taken for seconds
_CODES = codes()
_OUTCOMES: Final = {
    None: CodeResult.ABSENT,
    "match": CodeResult.MATCH,
    "M": CodeResult.MATCH,
    "no_match": CodeResult.NO_MATCH,
    "N": CodeResult.NO_MATCH,
}


def card_of(rooms: Rooms, pan: str | None, card_ref: str | None, above: str = "") -> str:
    """The card's reference, from exactly one of the two; the number goes no further."""
    if (pan is None) == (card_ref is None):
        both = "both" if pan is not None else "neither"
        raise Problem(
            problems.INVALID,
            f"exactly one of pan and card_ref names the card, and {both} is there",
            pointer=f"{above}/card_ref",
            todo="Send card_ref, or pan, which becomes one at the door",
        )
    if pan is not None:
        found = rooms.card_ref(pan)
        if found is None:
            raise Problem(
                problems.INVALID,
                "this is no card number: not 13 to 19 digits, or the check digit does not fit",
                pointer=f"{above}/pan",
                todo="Look at where the number was typed or cut off",
            )
        return found
    ref = card_ref or ""
    if ref.isdigit() and mask_embedded(ref) != ref:
        raise Problem(
            problems.INVALID,
            "a clear card number stands where its reference belongs",
            pointer=f"{above}/card_ref",
            todo="Send it as pan: the door makes the reference",
        )
    return ref


def seconds(rooms: Rooms, at: datetime, pointer: str) -> int:
    """Seconds since 1970 UTC; an instant without a zone is the installation's."""
    if at.tzinfo is None:
        at = at.replace(tzinfo=rooms.zone)
    stamp = int(at.timestamp())
    if not 0 <= stamp < _LATEST:
        raise Problem(
            problems.INVALID, "this instant is before 1970 or after 2099", pointer=pointer,
            todo="Look at the clock, or at the order of day, month and year",
        )  # fmt: skip
    return stamp


def filled(value: str | int | None, width: int, pointer: str, most: int = 20) -> str:
    """A code as text: a bare number gets its zeros back, to ``width`` digits."""
    if value is None:
        return ""
    text = f"{value:0{width}d}" if isinstance(value, int) else value.strip()
    if len(text) > most or (isinstance(value, int) and value < 0):
        raise Problem(
            problems.INVALID, f"this has more than {most} characters, or a minus", pointer=pointer,
            todo="See /v1/openapi.json",
        )  # fmt: skip
    return text


def currency_of(value: str | int, pointer: str) -> str:
    """The three digits of a currency (ISO 4217) in letters or digits."""
    found = _CODES.currencies.get(filled(value, 3, pointer).upper())
    if found is None:
        raise Problem(
            problems.INVALID, "this is no currency of ISO 4217", pointer=pointer,
            todo='Write letters or digits in quotes: "JPY" or "392"',
        )  # fmt: skip
    return found


def country_of(value: str | int | None, pointer: str) -> str:
    """The three digits of a country (ISO 3166-1) in letters or digits; empty where none is told."""
    text = filled(value, 3, pointer).upper()
    if not text:
        return ""
    found = _CODES.countries.get(text)
    if found is None:
        raise Problem(
            problems.INVALID, "this is no country of ISO 3166-1", pointer=pointer,
            todo='Write letters or digits in quotes: "JP", "JPN" or "392"',
        )  # fmt: skip
    return found


def outcome_of(value: str | None) -> CodeResult:
    """What the check of the security code came to; the networks' letters are known too."""
    return _OUTCOMES.get(value, CodeResult.ABSENT)
