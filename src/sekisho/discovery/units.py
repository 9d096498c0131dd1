"""Bytes of any encoding as units: one byte for each character, with the way back.

A unit is the ASCII character, the plain twin of a full-width one (４ is 4, － is -), or `OTHER` and
more for everything else, so that the kernel needs to know nothing of encodings.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numba as nb
import numpy as np
from numpy.typing import NDArray

from sekisho.discovery.kernel import OTHER, Bytes

Offsets = NDArray[np.int32]

# Characters that names of security codes begin with have units of their own, so that the names
# are found in one go with the others (`code_names`): セキュリティコード, カード確認番号, ｾｷｭﾘﾃｨｺｰﾄﾞ.
SE, KI, YU, KA, DO, KAKU, KO, BAN = range(OTHER + 1, OTHER + 9)
_NAMED: Final = {"セ": SE, "キ": KI, "ュ": YU, "カ": KA, "ド": DO, "確": KAKU, "コ": KO, "番": BAN}
_NAMED_HALF: Final = {"ｾ": SE, "ｷ": KI, "ｭ": YU}
_DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc\u30a0"
_AT_ONCE: Final = 64
_BLANKS: Final = "\u3000\u00a0"


def _unit_table() -> Bytes:
    """The unit of each character of the basic plane, by its Unicode number."""
    table = np.full(1 << 16, OTHER, dtype=np.uint8)
    table[:128] = np.arange(128)
    table[0xFF01:0xFF5F] = np.arange(0x21, 0x7F)
    for characters, unit in ((_DASHES, ord("-")), (_BLANKS, ord(" "))):
        table[[ord(one) for one in characters]] = unit
    for one, unit in (*_NAMED.items(), *_NAMED_HALF.items()):
        table[ord(one)] = unit
    return table


UNIT_OF: Final = _unit_table()


@cache
def _pair_table(encoding: str) -> Bytes:
    """The unit of each pair of bytes of a double-byte encoding; 0 where no character begins so."""
    table = np.zeros(1 << 16, dtype=np.uint8)
    cp932 = encoding == "cp932"
    firsts = (*range(0x81, 0xA0), *range(0xE0, 0xFD)) if cp932 else (0x8E, *range(0xA1, 0xFF))
    for first in firsts:
        for second in range(0x40 if cp932 else 0xA1, 0x100):
            text = bytes((first, second)).decode(encoding, "replace")
            plain = len(text) == 1 and text < "\uffff"
            table[first << 8 | second] = UNIT_OF[ord(text)] if plain else OTHER
    return table


@cache
def _single_table(encoding: str) -> Bytes:
    """The unit of each byte that stands for itself; half-width kana in Shift JIS are such."""
    table = np.full(256, OTHER, dtype=np.uint8)
    table[:128] = np.arange(128)
    if encoding == "cp932":
        for byte in range(0xA1, 0xE0):
            table[byte] = UNIT_OF[ord(bytes((byte,)).decode(encoding))]
    return table


def to_units(data: bytes, encoding: str) -> tuple[Bytes, Offsets | None]:
    """Return the units of ``data`` and the byte each begins at; None where both are the same.

    The offsets have one more entry than there are units: the length of ``data``.
    """
    raw = np.frombuffer(data, dtype=np.uint8)
    if encoding == "binary" or (not encoding.startswith("utf-16") and data.isascii()):
        return raw, None
    if encoding.startswith("utf-16"):
        wide = np.frombuffer(data, dtype="<u2" if encoding == "utf-16-le" else ">u2",
                             count=len(data) // 2)  # fmt: skip
        places = np.arange(0, 2 * len(wide) + 1, 2, dtype=np.int32)
        places[-1] = len(data)
        return UNIT_OF[wide], places
    units = np.empty(len(raw), dtype=np.uint8)
    offsets = np.empty(len(raw) + 1, dtype=np.int32)
    if encoding == "utf-8":
        count = _utf8(raw, UNIT_OF, units, offsets)
    else:
        tables = _single_table(encoding), _pair_table(encoding)
        count = _double_byte(raw, tables, units, offsets)
    return units[:count], offsets[: count + 1]


@nb.njit(cache=True)
def _copy_ascii(raw: Bytes, units: Bytes, offsets: Offsets, at: int) -> bool:
    """Copy plain characters if all of ``raw`` are; ``at``: the place of the first.

    One loop to look and one to copy, each without a branch: so they are compiled to vectors.
    """
    high = nb.uint8(0)
    for place in range(len(raw)):
        high = nb.uint8(high | raw[place])
    if high >= 128:
        return False
    for place in range(len(raw)):
        units[place] = raw[place]
    for place in range(len(raw)):
        offsets[place] = nb.int32(at + place)
    return True


@nb.njit(cache=True)
def _utf8(raw: Bytes, unit_of: Bytes, units: Bytes, offsets: Offsets) -> int:
    count, at, size, next_try = 0, 0, len(raw), 0
    while at < size:
        first = raw[at]
        if first < 128 and at >= next_try and at + _AT_ONCE <= size:
            end, into = at + _AT_ONCE, count + _AT_ONCE
            if _copy_ascii(raw[at:end], units[count:into], offsets[count:into], at):
                at, count = end, into
                continue
            next_try = at + _AT_ONCE
        offsets[count] = at
        width, unit = 1, nb.int64(OTHER)
        if first < 128:
            unit = nb.int64(first)
        elif first >= 0xE0 and first < 0xF0 and at + 2 < size:
            if raw[at + 1] >> 6 == 2 and raw[at + 2] >> 6 == 2:
                code = ((first & 15) << 12) | ((raw[at + 1] & 63) << 6) | (raw[at + 2] & 63)
                unit, width = nb.int64(unit_of[code]), 3
        elif first >= 0xC2 and first < 0xE0 and at + 1 < size and raw[at + 1] >> 6 == 2:
            unit, width = nb.int64(unit_of[((first & 31) << 6) | (raw[at + 1] & 63)]), 2
        elif first >= 0xF0 and at + 3 < size and raw[at + 1] >> 6 == 2 and raw[at + 3] >> 6 == 2:
            width = 4
        units[count] = unit
        count += 1
        at += width
    offsets[count] = size
    return count


@nb.njit(cache=True)
def _double_byte(raw: Bytes, tables: tuple[Bytes, Bytes], units: Bytes, offsets: Offsets) -> int:
    """Shift JIS as Windows has it, or EUC-JP."""
    single, pairs = tables
    euc = pairs[0xA1A1] != 0
    count, at, size = 0, 0, len(raw)
    while at < size:
        first = nb.int64(raw[at])
        pair = pairs[first << 8 | nb.int64(raw[at + 1])] if at + 1 < size else nb.uint8(0)
        offsets[count] = at
        width = 1
        if euc and first == 0x8F and at + 2 < size:  # three bytes: JIS X 0212
            units[count] = OTHER
            width = 3
        elif pair:
            units[count] = pair
            width = 2
        else:
            units[count] = single[first]
        count += 1
        at += width
    offsets[count] = size
    return count
