"""Whole columns of card numbers: judged together, read together.

One number in ten passes the check digit by chance, so a single value proves nothing; a column
in which nearly every distinct value has a known brand's first digits, that brand's length and
a fitting check digit is a column of card numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sekisho.vault.pan import (
    BIN_DIGITS,
    BRAND_RANGES,
    DIGITS_MAX,
    DIGITS_MIN,
    SEPARATORS,
    Trouble,
)

# At least this share of the distinct values, and all of them where there are fewer than
# _DISTINCT_FEW. Ids that start like cards pass at 0.1: five of them reach 0.7 with
# probability 5e-4, ten with 9e-6, a hundred never. Fewer than five are taken for card numbers
# if all pass: refusing a file costs a word, storing card numbers in clear costs more.
_SHARE_MIN: Final = 0.7
_DISTINCT_FEW: Final = 5
_DOUBLED: Final = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Evidence:
    """How many distinct values were looked at, and how many could be card numbers."""

    distinct: int = 0
    cards: int = 0

    def __add__(self, other: Evidence) -> Evidence:
        return Evidence(self.distinct + other.distinct, self.cards + other.cards)

    @property
    def holds_card_numbers(self) -> bool:
        """The verdict on the column."""
        if self.distinct < _DISTINCT_FEW:
            return 0 < self.distinct == self.cards
        return self.cards >= _SHARE_MIN * self.distinct


@dataclass(frozen=True, slots=True)
class Reading:
    """Values read as card numbers, all of length n.

    ``digits``: normalised strings (whatever was there where unreadable); ``trouble``: codes of
    ``Trouble``; ``branded``: whether first digits and length are those of a known brand.
    """

    digits: pa.StringArray
    trouble: NDArray[np.uint8]
    branded: NDArray[np.bool_]

    def __repr__(self) -> str:  # the digits stay out of tracebacks and debuggers
        return f"Reading({len(self.trouble)} values)"


def column_holds_card_numbers(values: Sequence[str | None]) -> bool:
    """Whether ``values``, one column or a sample of it, are card numbers as a whole.

    Blanks do not count, repeats count once, a minority of broken values does not matter.
    """
    return evidence_in(pa.array(values, type=pa.string())).holds_card_numbers


def evidence_in(values: pa.StringArray) -> Evidence:
    """Return what the values of a column say about it; blanks and repeats do not count."""
    reading = read_numbers(pc.unique(values.drop_null()))
    counted = reading.trouble != Trouble.EMPTY
    cards = (reading.trouble == Trouble.NONE) & reading.branded
    return Evidence(int(counted.sum()), int(cards.sum()))


def read_numbers(values: pa.StringArray) -> Reading:
    """Read every value (length n, no nulls) as a card number; the twin of ``pan.trouble_with``."""
    digits = _normalise(values)
    length = pc.binary_length(digits).to_numpy(zero_copy_only=False).astype(np.int64)
    numeric = pc.ascii_is_decimal(digits).to_numpy(zero_copy_only=False)
    trouble = np.full(len(digits), Trouble.NONE, dtype=np.uint8)
    fits = (length >= DIGITS_MIN) & (length <= DIGITS_MAX)
    trouble[~fits] = Trouble.LENGTH
    trouble[~numeric] = Trouble.NOT_DIGITS
    trouble[length == 0] = Trouble.EMPTY
    candidates = np.flatnonzero(trouble == Trouble.NONE)
    matrix = _digit_matrix(digits, candidates, length[candidates])
    wrong = candidates[_luhn_sums(matrix) % 10 != 0]
    trouble[wrong] = Trouble.CHECK_DIGIT
    branded = np.zeros(len(digits), dtype=np.bool_)
    branded[candidates] = _branded(matrix, length[candidates])
    return Reading(digits, trouble, branded)


def _normalise(values: pa.StringArray) -> pa.StringArray:
    if not pc.all(pc.string_is_ascii(values), min_count=0).as_py():
        values = pc.utf8_normalize(values, form="NFKC")
    return pc.replace_substring_regex(values, pattern=SEPARATORS, replacement="")


def _digit_matrix(
    digits: pa.StringArray, rows: NDArray[np.int64], length: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return (rows, DIGITS_MAX) digits flush right, zeros before: zeros do not change Luhn."""
    matrix = np.zeros((len(rows), DIGITS_MAX), dtype=np.int64)
    if not len(rows):
        return matrix
    _, offsets_buffer, data_buffer = digits.buffers()
    offsets = np.frombuffer(offsets_buffer, dtype=np.int32)[digits.offset :]
    data = np.frombuffer(data_buffer, dtype=np.uint8)
    ends = offsets[rows + 1].astype(np.int64)
    for place in range(DIGITS_MAX):
        inside = place < length
        matrix[inside, DIGITS_MAX - 1 - place] = data[ends[inside] - 1 - place] - 48
    return matrix


def _luhn_sums(matrix: NDArray[np.int64]) -> NDArray[np.int64]:
    plain = matrix[:, DIGITS_MAX - 1 :: -2].sum(axis=1)
    doubled = _DOUBLED[matrix[:, DIGITS_MAX - 2 :: -2]].sum(axis=1)
    sums: NDArray[np.int64] = plain + doubled
    return sums


def _branded(matrix: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.bool_]:
    first = DIGITS_MAX - length
    prefix = np.zeros(len(matrix), dtype=np.int64)
    every = np.arange(len(matrix))
    for place in range(BIN_DIGITS):
        prefix = prefix * 10 + matrix[every, first + place]
    known = np.zeros(len(matrix), dtype=np.bool_)
    for brand_range in BRAND_RANGES:
        length_fits = np.isin(length, list(brand_range.lengths))
        known |= (prefix >= brand_range.first) & (prefix <= brand_range.last) & length_fits
    return known


def as_text(values: Any) -> pa.StringArray | None:
    """Return a column as text, or None for a type that cannot hold a card number in one cell.

    Whole numbers stored as floating point (a column of integers with blanks, as pandas writes
    it) become their digits.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.dictionary_decode()
        kind = values.type
    if pa.types.is_floating(kind):
        whole = pc.equal(pc.floor(values), values)
        values = pc.cast(pc.if_else(whole, values, None), pa.int64(), safe=False)
        kind = values.type
    if pa.types.is_string(kind):
        return values
    if is_binary(kind):
        try:
            return pc.cast(values, pa.string())
        except pa.ArrowInvalid:  # not text; the message would quote the bytes
            return None
    if is_text(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return pc.cast(values, pa.string())
    return None


def is_binary(kind: pa.DataType) -> bool:
    """Whether a column holds bytes; some writers of Parquet leave text that way."""
    types = pa.types
    plain = types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind)
    return bool(plain or types.is_fixed_size_binary(kind))


def is_text(kind: pa.DataType) -> bool:
    """Whether a column holds text, or bytes that may be text."""
    types = pa.types
    plain = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    return bool(plain or is_binary(kind))
