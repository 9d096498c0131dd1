"""The compiled look at every byte for what may be a name of a security code.

Names are rare, so a chunk of units is first looked at as a whole, without a branch: the compiler
turns that into instructions that take dozens of units at once.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from sekisho.discovery.kernel import Bytes
from sekisho.discovery.units import BAN, DO, KA, KAKU, KI, KO, SE, URA, YU

_AT_ONCE = 512
_CLOSER = 32
_BLANK_BIT = nb.uint8(32)  # what makes a letter small
_THREE = ord("3")
_DASH = 45  # also the long vowel
_U8 = nb.uint8
_A, _C, _D, _E, _I, _N = (_U8(ord(letter)) for letter in "acdein")
_R, _S, _U, _V, _TWO = (_U8(ord(letter)) for letter in "rsuv2")


@nb.njit(cache=True)
def _letter(unit: int) -> bool:
    return 65 <= unit <= 90 or 97 <= unit <= 122


@nb.njit(cache=True)
def name_begins(units: Bytes, at: int) -> bool:
    """Whether a name of a security code may begin at ``at``.

    cvv, cvc, cvn, cvd, cv2; csc, cid and cav as words of their own; secu(rity ...), veri(fication
    ...), セキュ(リティ...), カード確認番(号), カード確認コ(ード), 裏(面の)3(桁).
    """
    first, second, third = units[at] | 32, units[at + 1] | 32, units[at + 2] | 32
    hit = False
    if first == _C:
        if second == _V:
            hit = third in (_V, _C, _N, _D, _TWO)
        elif (second, third) in ((_S, _C), (_I, _D), (_A, _V)):
            hit = not (_letter(units[at - 1]) or _letter(units[at + 3]))
    elif first == _S:
        hit = second == _E and third == _C and units[at + 3] | 32 == _U
    elif first == _V:
        hit = second == _E and third == _R and units[at + 3] | 32 == _I
    elif units[at] == SE:
        hit = units[at + 1] == KI and units[at + 2] == YU
    elif units[at] == KA:
        hit = units[at + 1] == _DASH and units[at + 2] == DO and units[at + 3] == KAKU
        hit = hit and units[at + 5] in (BAN, KO)
    elif units[at] == URA:
        hit = units[at + 1] == _THREE or units[at + 2] == _THREE or units[at + 3] == _THREE
    return hit


@nb.njit(cache=True)
def _within(units: Bytes, at: int, end: int) -> Any:
    """Not 0 if the first units of a name stand anywhere in ``at``..``end``.

    One byte wide throughout, no branch and no early end: so it is compiled to vectors.
    """
    one, two, three = units[at:end], units[at + 1 : end + 1], units[at + 2 : end + 2]
    four = units[at + 3 : end + 3]
    hit = _U8(0)
    for place in range(len(one)):
        a, b, c = one[place], two[place], three[place]
        first, second, third = _U8(a | _BLANK_BIT), _U8(b | _BLANK_BIT), _U8(c | _BLANK_BIT)
        after_v = (third == _V) | (third == _C) | (third == _N) | (third == _D) | (third == _TWO)
        short = ((second == _S) & (third == _C)) | ((second == _I) & (third == _D))
        short |= ((second == _A) & (third == _V)) | ((second == _V) & after_v)
        long = ((first == _S) & (third == _C)) | ((first == _V) & (third == _R))
        kana = (
            (a == _U8(URA))
            | ((a == _U8(SE)) & (b == _U8(KI)) & (c == _U8(YU)))
            | ((a == _U8(KA)) & (c == _U8(DO)) & (four[place] == _U8(KAKU)))
        )
        hit = _U8(hit | _U8(((first == _C) & short) | ((second == _E) & long) | kana))
    return hit


@nb.njit(cache=True)
def find_names(units: Bytes, low: int, high: int, out: NDArray[np.int64]) -> tuple[int, int]:
    """Write where a name of a security code may begin (`name_begins`) to ``out``.

    ``units`` must hold at least 8 units before ``low`` and after ``high``. Returns how many were
    written and where to go on: below ``high`` only if ``out`` was full.
    """
    found, at = 0, low
    while at < high:
        if at + _AT_ONCE <= high and not _within(units, at, at + _AT_ONCE):
            at += _AT_ONCE
            continue
        last = min(at + _AT_ONCE, high)
        while at < last:
            end = min(at + _CLOSER, last)
            if _within(units, at, end):
                for place in range(at, end):
                    if name_begins(units, place):
                        if found == len(out):
                            return found, place
                        out[found] = place
                        found += 1
            at = end
    return found, at
