"""Codes of networks and files as the small numbers that features are made of.

Used for the history that a model learns from and for the traffic that it judges, so that a code
cannot mean two things.
"""

from __future__ import annotations

from typing import Final

from sekisho.domain.authorization import CodeResult
from sekisho.scoring.messages import Entry

_ENTRIES: Final = {
    "chip": Entry.CHIP, "05": Entry.CHIP, "contactless": Entry.CONTACTLESS,
    "07": Entry.CONTACTLESS, "stripe": Entry.STRIPE, "02": Entry.STRIPE, "90": Entry.STRIPE,
    "magstripe": Entry.STRIPE, "fallback": Entry.STRIPE, "80": Entry.STRIPE,
    "91": Entry.CONTACTLESS, "manual": Entry.KEYED, "keyed": Entry.KEYED, "01": Entry.KEYED,
    "ecommerce": Entry.KEYED, "81": Entry.KEYED, "stored": Entry.STORED,
    "on_file": Entry.STORED, "10": Entry.STORED,
}  # fmt: skip
"""Ways of entry as files spell them: words, or the first two digits of field 22."""
_ECI: Final = {"05": 3, "02": 3, "06": 2, "01": 2, "07": 1, "00": 1}
_CODES: Final = {CodeResult.MATCH: 1, CodeResult.NO_MATCH: 2, "m": 1, "n": 2}
MOST_MINOR: Final = 10**12 - 1
"""Amounts are cut to this: the kernel's integers hold no more (field 4 has twelve digits)."""


def entry_number(text: str) -> int:
    """A way of entry: a word, or point-of-service digits, of which the first two count."""
    told = text.strip().lower()
    return _ENTRIES.get(told[:2] if told.isdecimal() else told, Entry.UNKNOWN)


def eci_number(text: str) -> int:
    """0 absent, 1 not authenticated, 2 attempted, 3 authenticated."""
    told = text.strip()
    return _ECI.get(told.zfill(2), 0) if told else 0


def code_number(text: str) -> int:
    """The security code: 0 absent, 1 match, 2 no match."""
    return _CODES.get(text.strip().lower(), 0)


def country_number(text: str) -> int:
    """A small number for a country's code, numeric or letters; only equality is looked at."""
    told = text.strip().lower()
    if told.isdecimal():
        return int(told) % 1_000
    number = 0
    for letter in told[:3]:
        number = number * 31 + ord(letter) % 31
    return 1_000 + number % 30_000 if told else 0
