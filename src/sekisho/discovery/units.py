"""Bytes of any encoding as units: one byte for each character, with the way back.

A unit is the ASCII character, the plain twin of a full-width one (４ is 4, － is -), or `OTHER` and
more for everything else, so that the kernel needs to know nothing of encodings.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

import numba as nb
import numpy as np
from numpy.typing import NDArray

from sekisho.discovery.kernel import OTHER, Bytes

Offsets = NDArray[np.int32]

# Characters that names of security codes begin with have units of their own, so that the names
# are found in one go with the others (`code_names`): セキュリティコード, カード確認番号, ｾｷｭﾘﾃｨｺｰﾄﾞ,
# 裏の3桁.
SE, KI, YU, KA, DO, KAKU, KO, BAN, URA = range(OTHER + 1, OTHER + 10)
_NAMED: Final = {
    "セ": SE,
    "キ": KI,
    "ュ": YU,
    "カ": KA,
    "ド": DO,
    "確": KAKU,
    "コ": KO,
    "番": BAN,
    "裏": URA,
}
_NAMED_HALF: Final = {"ｾ": SE, "ｷ": KI, "ｭ": YU}
_DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc\u30a0"
_AT_ONCE: Final = 64
_LOOKED_AT: Final = 4096
_NBSP: Final = np.frombuffer(b"&nbsp;", dtype=np.uint8)
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

    The offsets have one more entry than there are units: the length of ``data``. What `ESCAPE`
    matches is one unit.
    """
    units, offsets = _plain_units(data, encoding)
    if encoding == "binary" or not has_escapes(units):
        return units, offsets
    places = np.arange(len(units) + 1, dtype=np.int32) if offsets is None else offsets.copy()
    count = _join_escapes(units, UNIT_OF, joined := units.copy(), places)
    return joined[:count], places[: count + 1]


ESCAPE: Final = re.compile(r"&nbsp;|\\u([0-9a-fA-F]{4})|\x1b\[[0-9;]{0,15}m")
"""Characters written out: a blank of HTML, any character of JSON, colours of a terminal."""


def without_escapes(text: str) -> str:
    """Return ``text`` with one character for each unit, as `to_units` has it."""
    return ESCAPE.sub(_escaped, text) if ESCAPE.search(text) else text


def _escaped(match: re.Match[str]) -> str:
    if match[1] is None:
        return " " if match[0] == "&nbsp;" else "\x1b"
    code = int(match[1], 16)
    return chr(code) if 32 <= code < 0xD800 or code >= 0xE000 else "\ufffd"


def _plain_units(data: bytes, encoding: str) -> tuple[Bytes, Offsets | None]:
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
def _escape_within(units: Bytes, at: int, end: int) -> Any:
    """Not 0 if an escape may begin in ``at``..``end``; without a branch, for vectors."""
    one, two, three = units[at:end], units[at + 1 : end + 1], units[at + 2 : end + 2]
    hit = nb.uint8(0)
    for place in range(len(one)):
        a, b, c = one[place], two[place], three[place]
        blank = (a == nb.uint8(38)) & (b == nb.uint8(110)) & (c == nb.uint8(98))  # &nb
        code = (a == nb.uint8(92)) & (b == nb.uint8(117))  # \\u
        colour = (a == nb.uint8(27)) & (b == nb.uint8(91))  # ESC [
        hit = nb.uint8(hit | nb.uint8(blank | code | colour))
    return hit


@nb.njit(cache=True)
def has_escapes(units: Bytes) -> bool:
    """Whether something that could be an escape stands anywhere."""
    at, last = 0, len(units) - 2
    while at < last:
        end = min(at + _LOOKED_AT, last)
        if _escape_within(units, at, end):
            return True
        at = end
    return False


@nb.njit(cache=True)
def _hex_value(unit: int) -> int:
    if 48 <= unit <= 57:
        return unit - 48
    small = unit | 32
    return small - 87 if 97 <= small <= 102 else -1


@nb.njit(cache=True)
def _escape_at(units: Bytes, at: int, unit_of: Bytes) -> tuple[int, int]:
    """Width and unit of the escape at ``at``; width 0 if there is none (`ESCAPE`)."""
    size = len(units)
    first = units[at]
    if first == 38 and at + 6 <= size:
        for place in range(6):
            if units[at + place] != _NBSP[place]:
                return 0, 0
        return 6, 32
    if first == 92 and at + 6 <= size and units[at + 1] == 117:
        code = 0
        for place in range(2, 6):
            digit = _hex_value(nb.int64(units[at + place]))
            if digit < 0:
                return 0, 0
            code = code * 16 + digit
        return 6, nb.int64(unit_of[code]) if code >= 32 else OTHER
    if first == 27 and at + 3 <= size and units[at + 1] == 91:
        end = at + 2
        while end < size and end < at + 17 and (48 <= units[end] <= 57 or units[end] == 59):
            end += 1
        if end < size and units[end] == 109:
            return end + 1 - at, 27
    return 0, 0


@nb.njit(cache=True)
def _join_escapes(units: Bytes, unit_of: Bytes, joined: Bytes, offsets: Offsets) -> int:
    """Write ``units`` with each escape as one to ``joined``; ``offsets`` are moved in place."""
    count, at, size = 0, 0, len(units)
    while at < size:
        width, unit = 0, nb.int64(units[at])
        if unit in (27, 38, 92):
            width, escaped = _escape_at(units, at, unit_of)
            if width:
                unit = escaped
        joined[count], offsets[count] = unit, offsets[at]
        count += 1
        at += max(width, 1)
    offsets[count] = offsets[size]
    return count


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
