"""Rows that could not be read: kept apart in one file, counted by reason, never echoed.

The reject file has the columns ``file,row,field,reason`` and no content of the row, which may
hold card numbers.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path

from sekisho.domain.errors import Rejected
from sekisho.domain.notes import note
from sekisho.warehouse.times import END_DAY, FIRST_DAY

NAME = "rejects.csv"
KEPT_IN_MEMORY = 1_000

MISSING = "missing"
UNREADABLE = "cannot be read"
BEFORE_START = "before the window begins"
TOO_EARLY = f"before {FIRST_DAY.isoformat()}"
TOO_LATE = f"not before {END_DAY.isoformat()}"


@dataclass
class RejectFile:
    """The open reject file of one run, with counts by file and reason."""

    path: Path
    counts: defaultdict[str, Counter[tuple[str, str]]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    first: list[Rejected] = field(default_factory=list)
    stream: TextIOWrapper | None = None

    def add(self, rows: Iterable[Rejected]) -> None:
        """Write ``rows`` and count them."""
        if self.stream is None:
            self.stream = self.path.open("w", encoding="utf-8", newline="")
            csv.writer(self.stream).writerow(["file", "row", "field", "reason"])
        writer = csv.writer(self.stream)
        for row in rows:
            writer.writerow([row.file, row.row, row.field, row.reason])
            self.counts[row.file][row.field, row.reason] += 1
            if len(self.first) < KEPT_IN_MEMORY:
                self.first.append(row)

    def total(self, file: str) -> int:
        """Rejected rows of ``file`` so far."""
        return self.counts[file].total()

    def close(self) -> None:
        """Write out what is buffered; a run without rejected rows leaves an empty table."""
        self.add(())
        assert self.stream is not None  # noqa: S101 - add() has just opened it
        self.stream.close()

    def notes(self, file: str) -> tuple[str, ...]:
        """One sentence for each reason, most frequent first."""
        return tuple(
            note("rejected_in", count=count, column=where, reason=reason)
            if where
            else note("rejected", count=count, reason=reason)
            for (where, reason), count in sorted(
                self.counts[file].items(), key=lambda item: (-item[1], item[0])
            )
        )
