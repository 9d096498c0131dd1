"""Bytes of any encoding as units: one byte for each character, with the way back.

A unit is the ASCII character, the plain twin of a full-width one (４ is 4, － is -), or 200 for
everything else, so that the kernel needs to know nothing of encodings.
"""

from __future__ import annotations

from typing import Final

import numba as nb
import numpy as np
from numpy.typing import NDArray

from sekisho.discovery.kernel import OTHER, Bytes

Offsets = NDArray[np.int32]

_DASH: Final = 45
_BLANK: Final = 32


def to_units(data: bytes, encoding: str) -> tuple[Bytes, Offsets | None]:
    """Return the units of ``data`` and the byte each begins at; None where both are the same.

    The offsets have one more entry than there are units: the length of ``data``.
    """
    raw = np.frombuffer(data, dtype=np.uint8)
    if encoding == "binary" or (not encoding.startswith("utf-16") and data.isascii()):
        return raw, None
    units = np.empty(len(raw), dtype=np.uint8)
    offsets = np.empty(len(raw) + 1, dtype=np.int32)
    if encoding.startswith("utf-16"):
        count = _utf16(raw, encoding == "utf-16-le", units, offsets)
    elif encoding == "utf-8":
        count = _utf8(raw, units, offsets)
    else:
        count = _double_byte(raw, encoding == "cp932", units, offsets)
    return units[:count], offsets[: count + 1]


@nb.njit(cache=True)
def _of_code(code: int) -> int:
    """The unit of a character by its Unicode number."""
    if code < 128:
        return code
    if 0xFF01 <= code <= 0xFF5E:
        return code - 0xFEE0
    if code in (0x3000, 0xA0):
        return _BLANK
    if 0x2010 <= code <= 0x2015 or code in (0x2212, 0x30FC, 0x30A0):
        return _DASH
    return OTHER


@nb.njit(cache=True)
def _utf8(raw: Bytes, units: Bytes, offsets: Offsets) -> int:
    count, at, size = 0, 0, len(raw)
    while at < size:
        first = raw[at]
        offsets[count] = at
        width = 1
        if first < 128:
            units[count] = first
        elif first >= 0xE0 and first < 0xF0 and at + 2 < size:
            code = ((first & 15) << 12) | ((raw[at + 1] & 63) << 6) | (raw[at + 2] & 63)
            broken = raw[at + 1] >> 6 != 2 or raw[at + 2] >> 6 != 2
            units[count] = OTHER if broken else _of_code(code)
            width = 1 if broken else 3
        elif first >= 0xC2 and first < 0xE0 and at + 1 < size and raw[at + 1] >> 6 == 2:
            units[count] = _of_code(((first & 31) << 6) | (raw[at + 1] & 63))
            width = 2
        elif first >= 0xF0 and at + 3 < size and raw[at + 1] >> 6 == 2 and raw[at + 3] >> 6 == 2:
            units[count] = OTHER
            width = 4
        else:
            units[count] = OTHER
        count += 1
        at += width
    offsets[count] = size
    return count


@nb.njit(cache=True)
def _utf16(raw: Bytes, little: bool, units: Bytes, offsets: Offsets) -> int:  # noqa: FBT001
    count = len(raw) // 2
    for index in range(count):
        one, two = nb.int64(raw[2 * index]), nb.int64(raw[2 * index + 1])
        units[index] = _of_code(two * 256 + one if little else one * 256 + two)
        offsets[index] = 2 * index
    offsets[count] = len(raw)
    return count


@nb.njit(cache=True)
def _of_row(row: int, cell: int) -> int:  # noqa: PLR0911 - one return for each character
    """The unit of a character of JIS X 0208 by row and cell."""
    if row == 3:
        return cell + 32  # digits and letters stand in the order of ASCII
    if row != 1:
        return OTHER
    if cell == 1:
        return _BLANK
    if cell in (28, 29, 30, 61, 62):
        return _DASH
    if cell == 4:
        return 44
    if cell == 5:
        return 46
    if cell == 7:
        return 58
    if cell == 65:
        return 61
    return OTHER


@nb.njit(cache=True)
def _double_byte(raw: Bytes, cp932: bool, units: Bytes, offsets: Offsets) -> int:  # noqa: FBT001
    """Shift JIS as Windows has it, or EUC-JP."""
    count, at, size = 0, 0, len(raw)
    while at < size:
        first = nb.int64(raw[at])
        second = nb.int64(raw[at + 1]) if at + 1 < size else 0
        offsets[count] = at
        width = 1
        if first < 128:
            units[count] = first
        elif cp932 and (0x81 <= first <= 0x9F or 0xE0 <= first <= 0xFC) and second >= 0x40:
            row = (first - 0x81 if first <= 0x9F else first - 0xC1) * 2 + 1
            cell = second - 0x3F if second < 0x80 else second - 0x40
            if cell > 94:
                row, cell = row + 1, cell - 94
            units[count] = _of_row(row, cell)
            width = 2
        elif not cp932 and first >= 0xA1 and second >= 0xA1:
            units[count] = _of_row(first - 0xA0, second - 0xA0)
            width = 2
        else:
            units[count] = OTHER
        count += 1
        at += width
    offsets[count] = size
    return count
