"""The compiled look at every byte for numbers.

Plain loops over *units*: one byte for each character, ASCII as it is, full-width digits and dashes
made plain, anything else 200 or more (``units``). Numbers are recognised in groups as people
write them, with brand, length and check digit; only what could be one comes back, as positions.
Alongside, each *column* of the text is counted: all numbers that follow the same name, or stand in
the same place of a line, so that one in ten random ids passing the check digit is seen for what it
is (``judge``).

The naive twin of `find_numbers` is in tests/discovery/naive.py.
"""

from __future__ import annotations

from typing import Any, Final

import numba as nb
import numpy as np
from numpy.typing import NDArray

from sekisho.vault.pan import BRAND_RANGES, DIGITS_MAX, DIGITS_MIN

Bytes = NDArray[np.uint8]
Ends = NDArray[np.int64]


# Bits of `NUMBER.flags`.
LETTER_BEFORE: Final = 1
LETTER_AFTER: Final = 2
LONGER_BEFORE: Final = 4  # a hyphen or dot and more digits: part of a longer number
LONGER_AFTER: Final = 8
PLUS_BEFORE: Final = 16  # an international telephone number
MORE_GROUPS: Final = 32  # a group of four digits on either side of four groups of four
GROUPED: Final = 64
TRACK_AFTER: Final = 128  # the separator of a magnetic stripe
MAYBE_NAMED: Final = 256  # what could be a word for cards stands before; the words are in `names`

NUMBER: Final = np.dtype([
    ("start", np.int64), ("end", np.int64), ("key", np.uint64), ("value", np.uint64),
    ("digits", np.uint8), ("brand", np.uint8), ("flags", np.uint16),
])  # fmt: skip
"""One number that passes brand, length and check digit. ``start``, ``end``: places in the units;
``key``: its column; ``value``: the digits; ``brand``: index into BRAND_RANGES."""

COLUMN: Final = np.dtype([
    ("key", np.uint64), ("seen", np.int64), ("passed", np.int64),
    ("seen_bits", np.uint64), ("passed_bits", np.uint64), ("last", np.uint64),
])  # fmt: skip
"""What a column has shown so far; the bits count distinct values while they are few."""

OTHER: Final = 200
"""The least unit of anything beyond ASCII: in Japanese text numbers stand between letters."""
PAD: Final = 64
"""Units that are no digits before the first and after the last byte of a stream."""
BACK: Final = 512
"""Units that are looked back over for a number's name or place."""
_COLUMNS: Final = 1 << 14
_PREFIXES: Final = 1_000_000
_MOST_GROUP: Final = 13
# Numbers of no brand are counted too, as long as they are few: in a small file they show what
# a column is; in a large one those of a brand show it alone.
_BRANDLESS: Final = 4096

# Of what numbers are made: 1 for the marks between groups, 2 for digits.
_DIGIT: Final = 2
_PART: Final = np.array(
    [2 if 48 <= unit <= 57 else unit in {32, 37, 43, 45, 46} for unit in range(256)], dtype=np.uint8
)
# What a unit counts as in a name before a number: all digits as one, all beyond ASCII as one.
_IN_NAME: Final = np.array(
    [
        48 if 48 <= unit <= 57 else OTHER if unit >= OTHER
        else unit if chr(unit) in "-_" or (unit < 128 and chr(unit).isalpha()) else 0
        for unit in range(256)
    ],
    dtype=np.uint8,
)  # fmt: skip
_STRIDE: Final = DIGITS_MIN - 1

# Lengths of the groups that cards are printed and typed in, as hexadecimal digits.
_SHAPES: Final = (
    0x4444, 0x465, 0x464, 0x44443, 0x44442, 0x44441, 0x4333, 0x4445, 0x6D, 0x6A, 0x88,
    0x448, 0x4C, 0x4443, 0x4442, 0x4441, 0x555, 0x446, 0x484,
)  # fmt: skip


def brand_tables() -> tuple[Bytes, NDArray[np.uint32]]:
    """Return range index + 1 by first six digits (0: no brand), and a bit set of lengths by it."""
    by_prefix = np.zeros(_PREFIXES, dtype=np.uint8)
    lengths = np.zeros(len(BRAND_RANGES) + 1, dtype=np.uint32)
    for index in range(len(BRAND_RANGES) - 1, -1, -1):
        known = BRAND_RANGES[index]
        by_prefix[known.first : known.last + 1] = index + 1
        lengths[index + 1] = sum(1 << length for length in known.lengths)
    return by_prefix, lengths


def new_columns() -> NDArray[Any]:
    """An empty table of columns."""
    return np.zeros(_COLUMNS, dtype=COLUMN)


@nb.njit(cache=True)
def _is_digit(unit: int) -> bool:
    return 48 <= unit <= 57


@nb.njit(cache=True)
def _letter(unit: int) -> bool:
    return 65 <= unit <= 90 or 97 <= unit <= 122


@nb.njit(cache=True)
def _hex(unit: int) -> bool:
    return 48 <= unit <= 57 or 65 <= unit <= 70 or 97 <= unit <= 102


@nb.njit(cache=True)
def _separator(units: Bytes, at: int) -> tuple[int, int]:
    """Kind (0: none) and width of a separator of groups at ``at``."""
    unit = units[at]
    if unit in (32, 45, 46, 43):  # blank - . +
        return unit, 1
    if unit == 37 and units[at + 1] == 50 and units[at + 2] == 48:  # %20
        return 37, 3
    return 0, 0


@nb.njit(cache=True)
def _flags_before(units: Bytes, start: int) -> int:
    one, two = units[start - 1], units[start - 2]
    flag = 0
    if _letter(one):
        escape = two == 92 and one in (110, 114, 116)  # \\n \\r \\t written out
        percent = _hex(one) and _hex(two) and units[start - 3] == 37  # %3D
        track = one == 66 and two in (0, 10, 32, 34, 37, 39, 61)  # %B: track 1
        flag = 0 if escape or percent or track else LETTER_BEFORE
    elif one == 95:
        flag = LETTER_BEFORE if _letter(two) or _is_digit(two) else 0
    elif one in (45, 46):
        flag = LONGER_BEFORE if _is_digit(two) else 0
    elif one == 43:
        flag = 0 if _letter(two) or _is_digit(two) or two == 61 else PLUS_BEFORE
    return flag


@nb.njit(cache=True)
def _digits_from(units: Bytes, at: int) -> int:
    count = 0
    while count < 20 and _is_digit(units[at + count]):
        count += 1
    return count


@nb.njit(cache=True)
def _flags_after(units: Bytes, end: int) -> int:
    one, two = units[end], units[end + 1]
    flag = 0
    if one == 94 or (one in (61, 68) and _digits_from(units, end + 1) >= 7):  # ^ = D
        flag = TRACK_AFTER
    elif _letter(one) or one == 95:
        flag = LETTER_AFTER
    elif one == 46 and _is_digit(two):
        # Spreadsheets and data frames write whole numbers as 123.0
        zeros = 0
        while zeros < 8 and units[end + 1 + zeros] == 48:
            zeros += 1
        rest = units[end + 1 + zeros]
        flag = LONGER_AFTER if _is_digit(rest) or _letter(rest) else 0
    elif one == 45 and (_is_digit(two) or (_hex(two) and _hex(units[end + 2]))):
        flag = LONGER_AFTER
    return flag


@nb.njit(cache=True)
def _key(units: Bytes, start: int) -> Any:
    """The column that a number belongs to: the name before it, or its place in the line."""
    at = start - 1
    least = max(start - BACK, 0)
    key = nb.uint64(1469598103934665603)
    while at > start - 8 and units[at] in (
        61,
        58,
        62,
        32,
        34,
        39,
        92,
        91,
        40,
        27,
    ):  # =:> "'\\[( ESC
        at -= 1
    unit = units[at]
    if (_letter(unit) or unit >= OTHER) and at >= least:
        last = max(at - 24, least)
        while at >= last and _IN_NAME[units[at]]:
            key = (key ^ nb.uint64(_IN_NAME[units[at]])) * nb.uint64(1099511628211)
            at -= 1
        return key
    delimiters, blanks = 0, 0
    at = start - 1
    while at >= least:
        unit = units[at]
        if unit in (10, 13, 123, 91, 40):  # the line, or { [ (
            break
        if unit in (44, 9, 59, 124):  # , tab ; |
            delimiters += 1
        elif unit == 32:
            blanks += 1
        at -= 1
    place = nb.uint64(delimiters * 2 + 1) if delimiters else nb.uint64(blanks * 2)
    return (key ^ place) * nb.uint64(1099511628211)


@nb.njit(cache=True)
def _maybe_named(units: Bytes, start: int) -> bool:
    """Whether one of the words of `names` for cards could begin in the 48 units before."""
    for at in range(max(start - 48, 0), start - 1):
        first = units[at]
        if first >= OTHER:
            return True
        second = units[at + 1] | 32
        first |= 32
        if first == 99:  # card, cc, credit
            if second in (97, 99, 114):
                return True
        elif second == 97:  # pan, master
            if first in (112, 109):
                return True
        elif second == 105:  # visa, diners
            if first in (118, 100):
                return True
        elif (first, second) in ((106, 99), (97, 109), (97, 99), (117, 110), (112, 114)):
            return True  # jcb, amex, acct, unionpay, primary account
    return False


@nb.njit(cache=True)
def _bit(value: Any) -> Any:
    return nb.uint64(1) << ((value * nb.uint64(0x9E3779B97F4A7C15)) >> nb.uint64(58))


@nb.njit(cache=True)
def _count(columns: NDArray[Any], key: Any, value: Any, passed: bool) -> None:  # noqa: FBT001
    """Count one value in its column; a value that repeats in a row counts once."""
    slot = nb.int64(key >> nb.uint64(50))
    for probe in range(8):
        row = columns[(slot + probe) & (_COLUMNS - 1)]
        if row["seen"] and row["key"] != key:
            continue
        if not row["seen"]:
            row["key"] = key
        elif row["last"] == value:
            return
        row["last"] = value
        row["seen"] += 1
        row["seen_bits"] |= _bit(value)
        if passed:
            row["passed"] += 1
            row["passed_bits"] |= _bit(value)
        return


@nb.njit(cache=True)
def _brand(places: Bytes, count: int, prefixes: Bytes, lengths: NDArray[np.uint32]) -> int:
    """The brand by first digits and length: index + 1, 0 if none."""
    prefix = 0
    for place in range(6):
        prefix = prefix * 10 + nb.int64(places[place])
    brand = nb.int64(prefixes[prefix])
    return brand if (lengths[brand] >> nb.uint32(count)) & nb.uint32(1) else 0


@nb.njit(cache=True)
def _value(places: Bytes, count: int) -> tuple[Any, bool]:
    """The digits as a number, and whether the check digit fits."""
    value = nb.uint64(0)
    total = 0
    double = (count & 1) == 0
    for place in range(count):
        one = nb.int64(places[place])
        value = value * nb.uint64(10) + nb.uint64(one)
        if double:
            one = one * 2
            if one > 9:
                one -= 9
        double = not double
        total += one
    return value, total % 10 == 0


@nb.njit(cache=True)
def _read_groups(units: Bytes, start: int, first: int, places: Bytes, ends: Ends) -> int:
    """Write digits and end of each printed shape that begins at ``start``, the shortest first.

    ``first``: the length of the first group. Fills ``places`` with the digits; returns how many
    shapes there are. Four groups of four may be a number and the month after it a fifth group.
    """
    separator, _ = _separator(units, start + first)
    if separator == 0:
        return 0
    for step in range(first):
        places[step] = units[start + step] - 48
    total, shape, at, shapes = first, first, start + first, 0
    for _ in range(4):
        kind, gap = _separator(units, at)
        if kind != separator or at + PAD > len(units):
            break
        at += gap
        length = 0
        while length <= _MOST_GROUP and _is_digit(units[at]):
            if total + length < 20:
                places[total + length] = units[at] - 48
            length += 1
            at += 1
        if length == 0 or length > _MOST_GROUP or total + length > DIGITS_MAX:
            break
        total += length
        shape = shape * 16 + length
        if total >= DIGITS_MIN and shape in _SHAPES:
            ends[shapes, 0], ends[shapes, 1] = total, at
            shapes += 1
    return shapes


@nb.njit(cache=True)
def _take_run(units: Bytes, start: int, count: int, places: Bytes, ends: Ends) -> None:
    """Write ``count`` digits that stand together, as `_read_groups` does for groups."""
    for place in range(count):
        places[place] = units[start + place] - 48
    ends[0, 0], ends[0, 1] = count, start + count


@nb.njit(cache=True)
def _more_groups(units: Bytes, start: int, end: int) -> bool:
    """Whether another group of exactly four digits stands right beside, by a blank."""
    if units[start - 1] == 32:
        count = 0
        while count < 5 and _is_digit(units[start - 2 - count]):
            count += 1
        if count == 4:
            return True
    return units[end] == 32 and _digits_from(units, end + 1) == 4


@nb.njit(cache=True)
def next_stretch(units: Bytes, low: int, last: int) -> tuple[int, int]:
    """Start and end of the next stretch of digits and marks that could hold a number.

    It holds `DIGITS_MIN` digits or more and has a digit before ``last``; what is left of ``low``
    does not count. ``last`` twice where there is none. Of two neighbours inside a number one is
    a digit, so two in `_STRIDE` units tell whether a number of `DIGITS_MIN` digits can be there.
    """
    size = len(units)
    at = low + _STRIDE - 1
    while at < last + _STRIDE:
        if _PART[units[at]] != _DIGIT and _PART[units[at + 1]] != _DIGIT:
            at += _STRIDE
            continue
        start = at if _PART[units[at]] else at + 1
        while start > low and _PART[units[start - 1]]:
            start -= 1
        end, digits = start, 0
        while end < size and _PART[units[end]]:
            digits += _PART[units[end]] >> 1
            end += 1
        if start >= last:
            break
        if digits >= DIGITS_MIN:
            return start, end
        low = end
        at = end + _STRIDE
    return last, last


@nb.njit(cache=True)
def find_numbers(  # noqa: C901, PLR0912, PLR0913, PLR0915, PLR0917 - one compiled loop
    units: Bytes, low: int, high: int, prefixes: Bytes, lengths: NDArray[np.uint32],
    columns: NDArray[Any], out: NDArray[Any],
) -> tuple[int, int]:  # fmt: skip
    """Write numbers that begin in ``low``..``high`` to ``out``; count them in ``columns``.

    ``units`` must hold at least `PAD` units before ``low`` and after ``high``. Returns how many
    were written and where to go on: below ``high`` only if ``out`` was full.
    """
    places, ends = np.zeros(24, dtype=np.uint8), np.zeros((4, 2), dtype=np.int64)
    found, reach, brandless = 0, high, _BRANDLESS
    at, until = next_stretch(units, low, high)
    while at < high:
        if at >= until:
            at, until = next_stretch(units, at, high)
            continue
        if not _is_digit(units[at]):
            at += 1
            continue
        run, start, end = at, at, at + 1
        while end < until and _is_digit(units[end]):
            end += 1
        count = end - start
        at = end
        if _is_digit(units[start - 1]) or count > 21 or count < 4:  # begun before `low`: seen then
            continue
        if units[start - 1] == 37 and units[start] in (50, 51):  # %20, %3D and the like
            start, count = start + 2, count - 2
        grouped, shapes = 0, 1
        if DIGITS_MIN <= count <= DIGITS_MAX:
            _take_run(units, start, count, places, ends)
        elif 4 <= count <= 8:
            shapes = _read_groups(units, start, count, places, ends)
            grouped = GROUPED
        else:
            continue
        while shapes > 0:
            shapes -= 1
            count, end = ends[shapes, 0], ends[shapes, 1]
            brand = _brand(places, count, prefixes, lengths)
            if brand == 0 and brandless == 0:
                continue
            brandless -= brand == 0
            value, fits = _value(places, count)
            passed = brand > 0 and fits
            flags = grouped | _flags_before(units, start) | _flags_after(units, end)
            if grouped and _more_groups(units, start, end):
                flags |= MORE_GROUPS
            if not passed and flags & ~(GROUPED | MORE_GROUPS | PLUS_BEFORE):
                continue
            key = _key(units, start) ^ nb.uint64(count * 2 + (1 if grouped else 0))
            if not flags & (LETTER_BEFORE | LETTER_AFTER | LONGER_BEFORE | LONGER_AFTER):
                _count(columns, key, value, passed)
            if not passed:
                continue
            if found == len(out):
                return found, run
            if _maybe_named(units, start):
                flags |= MAYBE_NAMED
            row = out[found]
            row["start"], row["end"], row["key"], row["value"] = start, end, key, value
            row["digits"], row["brand"], row["flags"] = count, brand - 1, flags
            found += 1
            at = end
            reach = max(end, high)
            shapes = 0
    return found, reach
