"""Tables with columns of their own: databases, Parquet, spreadsheets.

Each column is read as a stream of lines, so that the same kernel looks at it, and is judged as a
whole; what a finding is called is the cell.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from sekisho.discovery.finding import Finding, Kind, Report
from sekisho.discovery.names import Says, is_code_name, what_says
from sekisho.discovery.text import Machine, TextScan

_CODE: Final = re.compile(r"\s*\d{3,4}(?:\.0)?\s*")
_CODE_CONFIDENCE: Final = 0.9

CellName = Callable[[str, int], str]
"""A cell's name from the column's name and the row, counted from 1."""


SHORTEST: Final = 7
"""Bytes of the shortest value that holds something by itself: a name and a code."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The values of a column as a library has them ready: one line for each, ended.

    ``values`` gives them one by one, for columns of codes; ``count``: how many there are.
    """

    text: bytes
    count: int
    values: Callable[[], Sequence[str | bytes | None]]

    def __len__(self) -> int:
        return self.count


Values = Sequence[str | bytes | None] | Lines


@dataclass(slots=True)
class GridScan:
    """One table: feed it batches of rows, column by column, then ask for the rest.

    ``names``: of the columns; ``cell``: how a place is written, such as ``Sheet1!B3``.
    """

    machine: Machine
    path: str
    names: Sequence[str]
    cell: CellName
    _rows: int = 0
    _columns: dict[int, _Column] = field(default_factory=dict)

    def feed(self, columns: Sequence[Values]) -> Iterator[Report]:
        """Take in the next rows: one sequence for each column, all of one length."""
        count = len(columns[0]) if columns else 0
        for place, values in enumerate(columns):
            name = self.names[place] if place < len(self.names) else ""
            if is_code_name(name):
                single = values.values() if isinstance(values, Lines) else values
                yield from self._codes(name, single)
                continue
            column = self._columns.get(place)
            if column is None:
                column = self._columns[place] = _Column(self.machine, self.path, name, self.cell)
            yield from column.feed(values, self._rows)
        self._rows += count

    def _codes(self, name: str, values: Sequence[str | bytes | None]) -> Iterator[Finding]:
        for row, value in enumerate(values, start=self._rows + 1):
            text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
            if not text or len(text) > 8:
                continue
            text = unicodedata.normalize("NFKC", text)
            if _CODE.fullmatch(text):
                shown = "*" * len(text.strip().removesuffix(".0"))
                yield Finding(
                    self.path, Kind.SECURITY_CODE, None, shown, _CODE_CONFIDENCE,
                    cell=self.cell(name, row),
                )  # fmt: skip


class _Column:
    """A column that is read in batches; what its batches say of it adds up."""

    def __init__(self, machine: Machine, path: str, name: str, cell: CellName) -> None:
        says = what_says(name) if name else Says.NOTHING
        self._scan = TextScan(machine, path, "utf-8", says=says)
        self._name, self._cell = name, cell

    def feed(self, values: Values, before: int) -> Iterator[Report]:
        """Look through the next values; ``before``: rows that came earlier."""
        rows: Sequence[int]
        if isinstance(values, Lines):
            text, rows = values.text, range(before + 1, before + len(values) + 1)
        else:
            text, rows = _joined(values, before)
        if not text:
            return
        self._scan.cells = lambda line: self._cell(self._name, rows[min(line, len(rows)) - 1])
        yield from self._scan.run(_Once(text))


def _joined(values: Sequence[str | bytes | None], before: int) -> tuple[bytes, Sequence[int]]:
    """The values that could hold something as lines, and the row of each line."""
    lines, rows = [], []
    for row, value in enumerate(values, start=before + 1):
        if value is None or len(value) < SHORTEST:
            continue
        line = value if isinstance(value, bytes) else value.encode("utf-8", "replace")
        lines.append(line)
        rows.extend([row] * (line.count(b"\n") + 1))
    return b"\n".join(lines), rows


class _Once:
    """Bytes as a stream."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)

    def __call__(self, size: int) -> bytes:
        part, self._data = self._data[:size], self._data[size:]
        return bytes(part)
