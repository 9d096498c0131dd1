"""Values that a message is filled with: each has a type, is read strictly, and shown per language.

A date is always absolute, an amount always has its currency, and nothing that is free text can
carry a link, a line break or markup into a message.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final, Literal
from urllib.parse import urlsplit

Language = Literal["ja", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("ja", "en")
TEXT_LONGEST: Final = 400


class ValueType(StrEnum):
    """What a value is."""

    DATE = "date"
    INSTANT = "instant"
    AMOUNT = "amount"
    COUNT = "count"
    NAME = "name"
    TEXT = "text"
    PHONE = "phone"
    EMAIL = "email"
    HOME_PAGE = "home_page"
    LAST4 = "last4"


@dataclass(frozen=True, slots=True)
class Style:
    """How values are shown: the language, and Japanese years by era or by the western count."""

    language: Language
    era: bool = False


class BadValue(ValueError):
    """A value is not what its type says; the text says what is expected, never the value."""


# Eras by their first day (Era Name Act and the cabinet orders of 1989-01-07 and 2019-04-01).
ERAS: Final = (
    (date(2019, 5, 1), "令和"),
    (date(1989, 1, 8), "平成"),
    (date(1926, 12, 25), "昭和"),
)
# Digits after the point, ISO 4217; others are refused rather than guessed.
MINOR_DIGITS: Final[Mapping[str, int]] = {
    "JPY": 0, "KRW": 0, "USD": 2, "EUR": 2, "GBP": 2, "AUD": 2, "CNY": 2, "HKD": 2, "SGD": 2,
    "TWD": 2, "THB": 2, "CAD": 2, "CHF": 2,
}  # fmt: skip
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_AMOUNT: Final = re.compile(r"([A-Z]{3}) ?(\d{1,12}(?:\.\d{1,2})?)")
_PHONE: Final = re.compile(r"\+?\d[\d-]{6,16}\d")
_EMAIL: Final = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_LINKISH: Final = re.compile(r"https?:|www\.|://|<|>", re.IGNORECASE)


@lru_cache(maxsize=512)  # most values are the same in every message of a mailing
def shown(kind: ValueType, raw: str, style: Style) -> str:
    """The text of ``raw`` in a message; raises `BadValue` where it is not of this type.

    >>> shown(ValueType.AMOUNT, "JPY 70000", Style("ja"))
    '70,000円'
    >>> shown(ValueType.DATE, "2026-11-23", Style("ja", era=True))
    '令和8年11月23日'
    """
    text = raw.strip()
    if not text:
        raise BadValue("is empty")
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise BadValue("holds a line break or another control character")
    return _SHOWN[kind](text, style)


def show_date(day: date, style: Style) -> str:
    """``day`` in words of the language; Japanese eras where the style asks for them."""
    if style.language == "en":
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
    return f"{_year(day, style)}年{day.month}月{day.day}日"


def _year(day: date, style: Style) -> str:
    if style.era:
        for first, name in ERAS:
            if day >= first:
                count = day.year - first.year + 1
                return f"{name}{'元' if count == 1 else count}"
    return str(day.year)


def _date(text: str, style: Style) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadValue("is not a date: write it as 2026-11-23") from None
    return show_date(day, style)


def _instant(text: str, style: Style) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadValue("is not an instant with a zone: write it as 2026-08-18T00:30+09:00")
    day = show_date(moment.date(), style)
    if style.language == "ja":
        return f"{day}{moment.hour}時{moment.minute:02}分"
    offset = moment.strftime("%z")
    zone = "Japan time" if offset == "+0900" else f"UTC{offset[:3]}:{offset[3:]}"
    return f"{day}, {moment.hour:02}:{moment.minute:02} ({zone})"


def _amount(text: str, style: Style) -> str:
    found = _AMOUNT.fullmatch(text)
    if found is None or found[1] not in MINOR_DIGITS:
        raise BadValue("is not an amount with a known currency: write it as JPY 70000")
    currency, number = found[1], found[2]
    whole, _, minor = number.partition(".")
    digits = MINOR_DIGITS[currency]
    if len(minor) not in (0, digits):
        raise BadValue(f"has the wrong number of digits after the point: {currency} has {digits}")
    figure = f"{int(whole):,}" + (f".{minor.ljust(digits, '0')}" if digits else "")
    if style.language == "ja" and currency == "JPY":
        return f"{figure}円"
    return f"{currency} {figure}"


def _count(text: str, _style: Style) -> str:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise BadValue("is not a count: write digits only")
    return f"{int(text):,}"


def _text(text: str, _style: Style) -> str:
    if _LINKISH.search(unicodedata.normalize("NFKC", text)):
        raise BadValue("holds a link or markup: only the home page may be linked, by its own value")
    if len(text) > TEXT_LONGEST:
        raise BadValue(f"is longer than {TEXT_LONGEST} characters")
    return text


def _phone(text: str, _style: Style) -> str:
    if not (text.isascii() and _PHONE.fullmatch(text)):
        raise BadValue("is not a telephone number: write it as 0120-000-000")
    return text


def _email(text: str, _style: Style) -> str:
    if not _EMAIL.fullmatch(text):
        raise BadValue("is not an e-mail address")
    return text


def _home_page(text: str, _style: Style) -> str:
    parts = urlsplit(text)
    plain = parts.scheme == "https" and parts.hostname and "." in parts.hostname
    if not plain or parts.query or parts.fragment or parts.username or parts.port:
        raise BadValue("is not the address of a home page: write it as https://www.example.jp/")
    return text


def _last4(text: str, _style: Style) -> str:
    if not (text.isascii() and re.fullmatch(r"\d{4}", text)):
        raise BadValue("is not four digits")
    return text


_SHOWN: Final = {
    ValueType.DATE: _date,
    ValueType.INSTANT: _instant,
    ValueType.AMOUNT: _amount,
    ValueType.COUNT: _count,
    ValueType.NAME: _text,
    ValueType.TEXT: _text,
    ValueType.PHONE: _phone,
    ValueType.EMAIL: _email,
    ValueType.HOME_PAGE: _home_page,
    ValueType.LAST4: _last4,
}
