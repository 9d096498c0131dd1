"""What a printing house gets: PDFs of a hundred letters, and an index that counts and checks them.

::

    letters-0001.pdf ...   one PDF/A for each batch
    index.csv              one row for each letter: sequence, file, place, pages, number, postcode
    index.json             the same with totals, and a SHA-256 of every file

Sequence numbers run through all batches, so that a missing or doubled sheet is seen. Neither names
nor addresses stand in the index.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final

from sekisho.gateways.outbound.letter.page import Letter
from sekisho.gateways.outbound.letter.typeset import Batch, Typesetter

BATCH: Final = 100
# typst uses every processor for one batch by itself; a second one fills the gaps.
_THREADS: Final = 2
SCHEMA: Final = "sekisho.letters/1"


@dataclass(frozen=True, slots=True)
class Sheet:
    """Where one letter lies."""

    sequence: int
    file: str
    place: int
    first_page: int
    pages: int
    number: str
    postcode: str


@dataclass(frozen=True, slots=True)
class Printed:
    """What was written: the sheets in order and the SHA-256 of each PDF by its name."""

    sheets: tuple[Sheet, ...]
    files: dict[str, str]
    pages: int


def write(
    folder: Path, letters: Iterable[Letter], typesetter: Typesetter, *, at: datetime
) -> Printed:
    """Set ``letters`` into ``folder``; it has to be there and empty of earlier letters.

    While batches are set in threads of their own, the next letters are taken from ``letters``.
    """
    sheets: list[Sheet] = []
    files: dict[str, str] = {}
    pages = 0
    for count, (some, batch) in enumerate(_set(letters, typesetter, at), start=1):
        name = f"letters-{count:04}.pdf"
        (folder / name).write_bytes(batch.pdf)
        files[name] = hashlib.sha256(batch.pdf).hexdigest()
        sheets += _sheets(name, some, batch, len(sheets))
        pages += batch.pages
    printed = Printed(tuple(sheets), files, pages)
    _write_csv(folder / "index.csv", printed.sheets)
    files["index.csv"] = hashlib.sha256((folder / "index.csv").read_bytes()).hexdigest()
    _write_json(folder / "index.json", printed, at)
    return printed


def _set(
    letters: Iterable[Letter], typesetter: Typesetter, at: datetime
) -> Iterator[tuple[list[Letter], Batch]]:
    """Each batch with its letters, in order; few are held at a time."""
    under_way: deque[tuple[list[Letter], Future[Batch]]] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        for some in _in_batches(letters):
            under_way.append((some, pool.submit(typesetter.set, some, at=at)))
            if len(under_way) > _THREADS:
                first, future = under_way.popleft()
                yield first, future.result()
        while under_way:
            first, future = under_way.popleft()
            yield first, future.result()


def _in_batches(letters: Iterable[Letter]) -> Iterator[list[Letter]]:
    left = iter(letters)
    while some := list(islice(left, BATCH)):
        yield some


def _sheets(name: str, letters: Sequence[Letter], batch: Batch, before: int) -> Iterator[Sheet]:
    each = zip(letters, batch.first_pages, batch.pages_each, strict=True)
    for place, (letter, first, count) in enumerate(each, start=1):
        digits = "".join(c for line in letter.postal[:1] for c in line if c.isdigit())
        yield Sheet(before + place, name, place, first, count, letter.number, digits)


def _write_csv(path: Path, sheets: Sequence[Sheet]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Sheet.__dataclass_fields__)
        writer.writerows(asdict(sheet).values() for sheet in sheets)


def _write_json(path: Path, printed: Printed, at: datetime) -> None:
    document = {
        "schema": SCHEMA,
        "made_at": at.isoformat(),
        "letters": len(printed.sheets),
        "pages": printed.pages,
        "files": [{"name": name, "sha256": digest} for name, digest in printed.files.items()],
        "sheets": [asdict(sheet) for sheet in printed.sheets],
    }
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
