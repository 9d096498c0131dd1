"""Integers of 128 bits as two words of 64, for sums of squares that must be exact."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sekisho.scoring.compiled import compiled

_LOW = np.uint64(0xFFFF_FFFF)
_HALF = np.uint64(32)
_TWO64 = 2.0**64


@compiled
def product(a: int, b: int) -> tuple[np.uint64, np.uint64]:
    """``a * b`` of two integers from 0 to 2**63 - 1, as high and low word (schoolbook)."""
    x, y = np.uint64(a), np.uint64(b)
    x0, x1, y0, y1 = x & _LOW, x >> _HALF, y & _LOW, y >> _HALF
    low, left, right = x0 * y0, x1 * y0, x0 * y1
    middle = (low >> _HALF) + (left & _LOW) + (right & _LOW)
    high = x1 * y1 + (left >> _HALF) + (right >> _HALF) + (middle >> _HALF)
    return high, (low & _LOW) | (middle << _HALF)


@compiled
def add_square(words: NDArray[np.int64], at: int, amount: int) -> None:
    """Add ``amount ** 2`` to the number in ``words[at]`` (high) and ``words[at + 1]`` (low)."""
    high, low = product(amount, amount)
    before = np.uint64(words[at + 1])
    after = before + low
    words[at + 1] = np.int64(after)
    words[at] += np.int64(high) + np.int64(after < before)


@compiled
def take_square(words: NDArray[np.int64], at: int, amount: int) -> None:
    """Take ``amount ** 2`` away from the number in ``words[at]`` and ``words[at + 1]``."""
    high, low = product(amount, amount)
    before = np.uint64(words[at + 1])
    words[at + 1] = np.int64(before - low)
    words[at] -= np.int64(high) + np.int64(before < low)


@compiled
def spread(count: int, total: int, high: int, low: int) -> float:
    """``count * squares - total ** 2``, exact until it becomes a float: n**2 times the variance."""
    top, bottom = product(count, low & 0x7FFF_FFFF_FFFF_FFFF)
    if low < 0:  # the word's highest bit, which is no sign here: count * 2**63
        extra_top, extra = product(count, 1 << 62)
        bottom2 = bottom + extra
        top += extra_top + np.uint64(bottom2 < bottom)
        bottom3 = bottom2 + extra
        top += extra_top + np.uint64(bottom3 < bottom2)
        bottom = bottom3
    top += np.uint64(count * high)
    minus_top, minus = product(total, total)
    rest = bottom - minus
    top = top - minus_top - np.uint64(bottom < minus)
    return float(top) * _TWO64 + float(rest)
