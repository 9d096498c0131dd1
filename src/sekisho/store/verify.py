"""Is the audit log what was written? Says where it is not.

Found are: any changed byte of an entry or of a kept value, entries taken out, moved or put in, a
head that does not fit, values that were removed without an erasure in the log. Not found,
by any log of this kind: the end cut off or the whole written anew by somebody who may write to
the database. Against that a head that was kept outside is compared (``kept``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, func, select

from sekisho.domain.errors import BadInput
from sekisho.domain.progress import Progress, Silent
from sekisho.store.audit import ERASE, GENESIS, Entry, commitment_of, entry_of
from sekisho.store.tables import audit_entry, audit_value, chain_head

_PAGE: Final = 5_000
_BREAKS_MAX: Final = 100
_HASH: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry's number and hash: ``12:ab34...``. Keep it outside the database."""

    sequence: int
    entry_hash: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.entry_hash}"


def head_of(text: str) -> Head:
    """Read ``NUMBER:HASH``; ``BadInput`` where it is none."""
    number, _, entry_hash = text.strip().partition(":")
    if not (number.isascii() and number.isdigit() and _HASH.fullmatch(entry_hash)):
        raise BadInput(
            "the kept head is not NUMBER:HASH",
            hint="Give the line that sekisho audit verify printed as head, as it was.",
        )
    return Head(int(number), entry_hash)


@dataclass(frozen=True, slots=True)
class Break:
    """Something is not as it was written."""

    sequence: int
    what: str


@dataclass
class Verdict:
    """What the verification came to. ``breaks`` holds at most the first hundred of ``broken``."""

    entries: int = 0
    values: int = 0
    erased: int = 0
    left_out: int = 0
    broken: int = 0
    breaks: list[Break] = field(default_factory=list)
    head: Head = field(default_factory=lambda: Head(0, GENESIS))

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return not self.broken

    def add(self, sequence: int, what: str) -> None:
        """Note a break."""
        self.broken += 1
        if len(self.breaks) < _BREAKS_MAX:
            self.breaks.append(Break(sequence, what))


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as found: ``entry`` is None where it cannot be read, ``entry_hash`` as noted.

    ``values``: name to (salt, value, erased by); None where they were left out on purpose.
    """

    sequence: int
    entry: Entry | None
    entry_hash: str
    values: Mapping[str, tuple[str | None, str | None, int | None]] | None


class Verification:
    """Takes the lines in the order of their numbers and builds the verdict."""

    def __init__(self, kept: Sequence[Head] = ()) -> None:
        self.verdict = Verdict()
        self._kept = {head.sequence: head for head in kept}
        # What is said to be erased by an entry, until that entry comes: it always comes later.
        self._waiting: dict[int, set[tuple[int, str]]] = {}

    def take(self, line: Line) -> None:
        """Check one line against everything before it."""
        verdict, before = self.verdict, self.verdict.head
        if line.sequence != before.sequence + 1:
            verdict.add(line.sequence, f"entry {before.sequence + 1} is missing before it")
        found_hash = _hash_of(line.entry)
        if line.entry is None or found_hash is None:
            verdict.add(line.sequence, "the entry cannot be read: it was changed")
        elif found_hash != line.entry_hash:
            verdict.add(line.sequence, "the entry does not fit its hash: one of them was changed")
        elif line.entry.previous_hash != before.entry_hash:
            verdict.add(line.sequence, "it does not follow from the entry before it")
        kept = self._kept.pop(line.sequence, None)
        if kept and kept.entry_hash != line.entry_hash:
            verdict.add(line.sequence, "its hash is not the one that was kept outside")
        if line.entry is not None:
            self._take_values(line.sequence, line.entry, line.values)
            self._take_erasure(line.sequence, line.entry)
        verdict.entries += 1
        verdict.head = Head(line.sequence, line.entry_hash)

    def end(self, head: Head | None) -> Verdict:
        """Nothing more comes; ``head`` as noted in the database, if it is known."""
        verdict = self.verdict
        if head is not None and head != verdict.head:
            verdict.add(
                head.sequence,
                f"the noted head is {head.sequence}, the last entry {verdict.head.sequence}, or "
                "their hashes differ: the end was cut off or added to",
            )
        for eraser, values in self._waiting.items():
            for sequence, name in sorted(values):
                verdict.add(sequence, f"{name} is gone, and entry {eraser} does not say so")
        self._kept.pop(0, None)  # the head of an empty log says nothing
        for sequence in self._kept:
            verdict.add(sequence, "the entry of the head that was kept outside is not there")
        return verdict

    def _take_values(
        self,
        sequence: int,
        entry: Entry,
        values: Mapping[str, tuple[str | None, str | None, int | None]] | None,
    ) -> None:
        if values is None:
            self.verdict.left_out += len(entry.commitments)
            return
        for name in sorted(values.keys() - entry.commitments.keys()):
            self.verdict.add(sequence, f"a value {name!r} was added to it")
        for name, commitment in entry.commitments.items():
            if name not in values:
                self.verdict.add(sequence, f"its value {name!r} was removed without an erasure")
                continue
            salt, value, eraser = values[name]
            if eraser is not None and salt is None and value is None:
                self._waiting.setdefault(eraser, set()).add((sequence, name))
                self.verdict.erased += 1
            elif eraser is not None or not _fits(salt, value, commitment):
                self.verdict.add(sequence, f"its value {name!r} was changed")
            self.verdict.values += 1

    def _take_erasure(self, sequence: int, entry: Entry) -> None:
        claimed = self._waiting.pop(sequence, set())
        said = set(erased_by(entry))
        for other, name in sorted(claimed - said):
            self.verdict.add(other, f"{name} is gone, and entry {sequence} does not say so")
        if not self.verdict.left_out:
            for other, name in sorted(said - claimed):
                self.verdict.add(other, f"{name} is there, and entry {sequence} says it was erased")


def erased_by(entry: Entry) -> Iterator[tuple[int, str]]:
    """What an entry says it has erased: numbers of entries and names of values."""
    listed = entry.details.get("values") if entry.action == ERASE else None
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict):
            sequence, name = one.get("sequence"), one.get("name")
            if isinstance(sequence, int) and isinstance(name, str):
                yield sequence, name


def _fits(salt: str | None, value: str | None, commitment: str) -> bool:
    if salt is None or value is None or not _HASH.fullmatch(salt):
        return False
    return commitment_of(salt, value) == commitment


def verify(
    connection: Connection, *, kept: Sequence[Head] = (), progress: Progress | None = None
) -> Verdict:
    """Check the whole log of a database, in one snapshot."""
    watch = progress or Silent()
    total = connection.execute(select(func.count()).select_from(audit_entry)).scalar_one()
    watch.step("verify", total=total)
    verification = Verification(kept)
    for page in lines(connection):
        for line in page:
            verification.take(line)
        watch.advance(len(page))
    row = connection.execute(select(chain_head.c.sequence, chain_head.c.entry_hash)).one_or_none()
    if row is None:
        verification.verdict.add(0, "the head of the chain is gone")
    verdict = verification.end(Head(row.sequence, row.entry_hash) if row else None)
    stray = select(func.count()).select_from(audit_value)
    stray = stray.where(audit_value.c.sequence.not_in(select(audit_entry.c.sequence)))
    if connection.execute(stray).scalar_one():
        verdict.add(0, "there are values that belong to no entry")
    return verdict


def lines(connection: Connection) -> Iterator[list[Line]]:
    """The log in the order of its numbers, some thousand lines at a time."""
    last = None
    while True:
        wanted = select(audit_entry).order_by(audit_entry.c.sequence).limit(_PAGE)
        if last is not None:
            wanted = wanted.where(audit_entry.c.sequence > last)
        rows = connection.execute(wanted).all()
        if not rows:
            return
        first, last = rows[0].sequence, rows[-1].sequence
        held = select(audit_value).where(audit_value.c.sequence.between(first, last))
        values: dict[int, dict[str, tuple[str | None, str | None, int | None]]] = {}
        for row in connection.execute(held):
            own = values.setdefault(row.sequence, {})
            own[row.name] = (row.salt, row.value, row.erased_by)
        yield [_line(row, values.get(row.sequence, {})) for row in rows]


def _line(row: Any, values: Mapping[str, tuple[str | None, str | None, int | None]]) -> Line:
    # SQLite keeps text in a column of numbers where somebody puts it there.
    sequence = row.sequence if isinstance(row.sequence, int) else -1
    try:
        entry = entry_of(row)
    except (ValueError, TypeError):
        entry = None
    return Line(sequence, entry, str(row.entry_hash), values)


def _hash_of(entry: Entry | None) -> str | None:
    try:
        return entry.entry_hash() if entry else None
    except (ValueError, TypeError, OverflowError):
        return None
