"""A piece of a stream, with the way from units back to bytes, characters and lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np

from sekisho.discovery.encodings import BINARY
from sekisho.discovery.kernel import Bytes
from sekisho.discovery.units import Offsets, to_units, without_escapes

# One character for one, so that places stay: full-width forms and dashes become plain.
_NARROW: Final = {
    **{0xFF01 + at: 0x21 + at for at in range(94)},
    **dict.fromkeys((*range(0x2010, 0x2016), 0x2212), 0x2D),
    0x3000: 0x20,
    0xA0: 0x20,
}

_LINE_END: Final = re.compile(r"\n(?!\s*<)")


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
    _counted: list[int] = field(default_factory=lambda: [0, 0])

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
        text = raw.decode(encoding, errors="replace")
        return narrow(text if self.encoding == BINARY else without_escapes(text))

    @cached_property
    def _plain(self) -> bytes:
        """The units as bytes, in which the library of C looks for line ends."""
        return self.data if self.offsets is None else self.units.tobytes()

    def line(self, unit: int) -> int:
        """The number of the line that a unit stands in; quick where units are asked in order."""
        at, lines = self._counted if self._counted[0] <= unit else (0, 0)
        lines += self._plain.count(b"\n", at, unit)
        self._counted[:] = unit, lines
        return self.first_line + lines

    def line_start(self, unit: int) -> int:
        """The first unit of a line, as far as it is in this block."""
        return self._plain.rfind(b"\n", 0, unit) + 1

    def line_end(self, unit: int) -> int:
        """The unit of the line's end, as far as it is in this block."""
        at = self._plain.find(b"\n", unit)
        return at if at >= 0 else len(self.units)

    def before(self, unit: int, most: int) -> str:
        """Text of the same line before a unit, at most ``most`` characters."""
        return self.text(unit - most, unit).rpartition("\n")[2]

    def after(self, unit: int, most: int) -> str:
        """Text of the same line from a unit on; markup may go on in the next."""
        return _LINE_END.split(self.text(unit, unit + most), maxsplit=1)[0]

    def lines_until(self, byte: int) -> int:
        """How many lines end in the first ``byte`` bytes."""
        return self.line(self.unit_at(byte)) - self.first_line

    def units_of(self, word: str, since: int) -> Iterator[int]:
        """Where an ASCII word may begin, between ``since`` and `high`."""
        sought = word.encode()
        at = self._plain.find(sought, since)
        while 0 <= at < self.high:
            yield at
            at = self._plain.find(sought, at + 1)
