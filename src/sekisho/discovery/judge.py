"""How sure a finding is: odds that add up, as a number from 0 to 1.

Of random numbers of a brand's first digits and length, one in ten passes the check digit; of card
numbers nearly all do. Every other number of the same column is a witness in the same way: it
raises the odds if it passes and lowers them if it does not (Bayes, with 0.97 against 0.1). What
stands around the number adds its weight. The weights are written down in
docs/reference/discover.md, and a test compares the two.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from sekisho.discovery import kernel
from sekisho.discovery.names import Says
from sekisho.vault.pan import BRAND_RANGES, Brand

_CARDS_PASS: Final = 0.97
_IDS_PASS: Final = 0.1
PASSED: Final = math.log(_CARDS_PASS / _IDS_PASS)
FAILED: Final = math.log((1 - _CARDS_PASS) / (1 - _IDS_PASS))

WEIGHTS: Final[Mapping[str, float]] = MappingProxyType({
    "column_most": 5.0,
    "column_least": -12.0,
    "column_least_if_named": -2.0,
    "named_a_card": 3.5,
    "named_otherwise": -2.5,
    "grouped": 1.5,
    "more_groups": -3.0,
    "glued_to_a_word": -2.0,
    "plus_before": -4.0,
    "expiry_beside": 3.0,
    "code_beside": 3.0,
    "track": 6.0,
    "in_binary": -3.0,
    "few_digits_repeat": -3.0,
})  # fmt: skip
# Lengths that a brand allows and hardly uses.
_RARE: Final[Mapping[tuple[Brand, int], float]] = MappingProxyType({
    (Brand.VISA, 13): -1.5, (Brand.VISA, 18): -2.0, (Brand.VISA, 19): -1.0,
    (Brand.JCB, 17): -2.0, (Brand.JCB, 18): -2.0, (Brand.JCB, 19): -1.5,
    (Brand.DINERS, 16): -0.7, (Brand.DINERS, 17): -2.0, (Brand.DINERS, 18): -2.0,
    (Brand.DINERS, 19): -1.5, (Brand.DISCOVER, 17): -2.0, (Brand.DISCOVER, 18): -2.0,
    (Brand.DISCOVER, 19): -1.5, (Brand.UNIONPAY, 17): -1.5, (Brand.UNIONPAY, 18): -1.5,
    (Brand.MAESTRO, 16): -0.7, (Brand.MAESTRO, 19): -1.0, (Brand.MAESTRO, 18): -1.0,
})  # fmt: skip
_RARE_MAESTRO: Final = -2.2
_FEW_DIGITS: Final = 2
_BITS: Final = 64
_BITS_TELL: Final = 44


@dataclass(frozen=True, slots=True)
class Column:
    """Distinct numbers of card length seen in a column, and how many pass as cards."""

    seen: float
    passed: float

    @property
    def odds(self) -> float:
        """What the other numbers say about one that passes."""
        others = PASSED * max(self.passed - 1, 0) + FAILED * max(self.seen - self.passed, 0)
        return min(max(others, WEIGHTS["column_least"]), WEIGHTS["column_most"])


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around one number."""

    says: Says = Says.NOTHING
    expiry: bool = False
    code: bool = False
    track: bool = False
    binary: bool = False


def column_of(row: Any) -> Column:
    """Read a row of the kernel's table of columns."""
    seen, passed = float(row["seen"]), float(row["passed"])
    bits = int(row["seen_bits"]).bit_count()
    if bits < _BITS_TELL:  # few distinct values: count those, not how often they come
        seen = min(seen, _distinct(bits))
        passed = min(passed, _distinct(int(row["passed_bits"]).bit_count()), seen)
    return Column(seen, passed)


def _distinct(bits: int) -> float:
    """How many distinct values set ``bits`` of 64 bits (linear counting)."""
    return float(round(-_BITS * math.log(1 - bits / _BITS)))


def number_odds(number: Any, column: Column, around: Around) -> float:
    """The log odds that a number that passes is a card number. ``number``: of `kernel.NUMBER`."""
    flags, digits = int(number["flags"]), int(number["digits"])
    brand = BRAND_RANGES[int(number["brand"])].brand
    usual = 0.0 if brand is not Brand.MAESTRO else _RARE_MAESTRO
    total = PASSED + _RARE.get((brand, digits), usual)
    of_column = column.odds
    if around.says is Says.A_CARD or around.track:
        of_column = max(of_column, WEIGHTS["column_least_if_named"])
    total += of_column
    holds = {
        "named_a_card": around.says is Says.A_CARD,
        "named_otherwise": around.says is Says.NOT_A_CARD,
        "grouped": bool(flags & kernel.GROUPED),
        "more_groups": bool(flags & kernel.MORE_GROUPS),
        "glued_to_a_word": bool(flags & kernel.LETTER_BEFORE),
        "plus_before": bool(flags & kernel.PLUS_BEFORE),
        "expiry_beside": around.expiry,
        "code_beside": around.code,
        "track": around.track,
        "in_binary": around.binary,
        "few_digits_repeat": len(set(str(int(number["value"])))) <= _FEW_DIGITS,
    }
    return total + sum(WEIGHTS[name] for name, true in holds.items() if true)


def confidence(odds: float) -> float:
    """Log odds as a share, with two decimals, never quite 0 or 1."""
    return round(min(max(1 / (1 + math.exp(-odds)), 0.01), 0.99), 2)


MOST_UNNAMED: Final = (
    PASSED + WEIGHTS["grouped"] + WEIGHTS["expiry_beside"] + WEIGHTS["code_beside"]
)
"""The most that a number can have that no word calls a card: what its column takes away beyond
this needs no closer look."""
