"""A piece of a stream, with the way from units back to bytes, characters and lines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sekisho.discovery.encodings import BINARY
from sekisho.discovery.kernel import Bytes
from sekisho.discovery.units import Offsets, to_units

# One character for one, so that places stay: full-width forms and dashes become plain.
_NARROW: Final = {
    **{0xFF01 + at: 0x21 + at for at in range(94)},
    **dict.fromkeys((*range(0x2010, 0x2016), 0x2212), 0x2D),
    0x3000: 0x20,
    0xA0: 0x20,
}


def narrow(text: str) -> str:
    """Return ``text`` of the same length with full-width forms made plain."""
    return text if text.isascii() else text.translate(_NARROW)


@dataclass(frozen=True)
class Block:
    """Bytes of a stream from ``base`` on; ``first_line``: the number of its first line, from 1.

    ``low``, ``high``: units between which numbers and names may begin; around them is margin.
    """

    data: bytes
    encoding: str
    base: int
    first_line: int
    units: Bytes
    offsets: Offsets | None
    low: int
    high: int

    @classmethod
    def of(
        cls, data: bytes, encoding: str, base: int, first_line: int, bounds: tuple[int, int]
    ) -> Block:
        """Convert ``data``; ``bounds`` are those of `low` and `high` in bytes."""
        units, offsets = to_units(data, encoding)
        low, high = bounds
        if offsets is not None:
            low, high = (int(offsets[:-1].searchsorted(np.int32(at))) for at in bounds)
        return cls(data, encoding, base, first_line, units, offsets, low, high)

    def byte_at(self, unit: int) -> int:
        """Where in `data` a unit begins."""
        return unit if self.offsets is None else int(self.offsets[unit])

    def unit_at(self, byte: int) -> int:
        """The unit that begins at, or first after, a byte of `data`."""
        return byte if self.offsets is None else int(self.offsets.searchsorted(np.int32(byte)))

    def offset(self, unit: int) -> int:
        """Where in the stream a unit begins, in bytes."""
        return self.base + self.byte_at(unit)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Bytes of the stream that units ``start``..``end`` are made of."""
        return self.offset(start), self.offset(end)

    def text(self, start: int, end: int) -> str:
        """Characters of units ``start``..``end`` with full-width forms made plain."""
        start, end = max(start, 0), min(end, len(self.units))
        raw = self.data[self.byte_at(start) : self.byte_at(end)]
        encoding = "latin-1" if self.encoding == BINARY else self.encoding
        return narrow(raw.decode(encoding, errors="replace"))

    @cached_property
    def _newlines(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.units == 10)

    def line(self, unit: int) -> int:
        """The number of the line that a unit stands in."""
        return self.first_line + int(self._newlines.searchsorted(unit))

    def line_start(self, unit: int) -> int:
        """The first unit of a line, as far as it is in this block."""
        at = int(self._newlines.searchsorted(unit))
        return int(self._newlines[at - 1]) + 1 if at else 0

    def line_end(self, unit: int) -> int:
        """The unit of the line's end, as far as it is in this block."""
        at = int(self._newlines.searchsorted(unit))
        return int(self._newlines[at]) if at < len(self._newlines) else len(self.units)

    def before(self, unit: int, most: int) -> str:
        """Text of the same line before a unit, at most ``most`` characters."""
        return self.text(unit - most, unit).rpartition("\n")[2]

    def after(self, unit: int, most: int) -> str:
        """Text of the same line from a unit on."""
        return self.text(unit, unit + most).partition("\n")[0]

    def lines_until(self, byte: int) -> int:
        """How many lines end in the first ``byte`` bytes."""
        return int(np.count_nonzero(self.units[: self.unit_at(byte)] == 10))
