"""Delimited text and SQL dumps: which column a value stands in, and columns of security codes.

A security code has no check digit. What makes three digits one is the name of their column, and
that stands in a line of its own: a header, a list of columns, a CREATE TABLE.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from sekisho.discovery.block import Block
from sekisho.discovery.names import Says, is_code_name, what_says

DELIMITERS: Final = ",\t;|"
_LINE: Final = 4096
_LONGEST_NAME: Final = 64
_BACK: Final = 6000
_CONFIDENCE: Final = 0.9
_NO_NAME: Final = re.compile(r"\d{6}|[={}<>;]|^[\w ]+\(.*[^)]$")
_CODE: Final = re.compile(r"(?:\s*N(?='))?[\s\"'`=]*([0-9]{3,4})(?:\.0)?[\s\"'`]*")
# Possessive, so that quotes without an end cost no more than one look.
_QUOTED: Final = r"'(?:[^'\\]|''|\\.)*+'"
_CALL: Final = rf"\((?:[^()']|{_QUOTED})*+\)"  # CAST(N'2026-11-23' AS DateTime)
_TUPLE: Final = re.compile(rf"\((?:[^()']|{_QUOTED}|{_CALL})*+\)")
_FIELD: Final = re.compile(rf"\s*(?:N?{_QUOTED}|(?:[^,'()]|{_QUOTED}|{_CALL})*+)\s*(?:,|$)")
_INSERT: Final = re.compile(
    r"insert\s+(?:ignore\s+)?(?:into\s+)?[`\"\[]?([\w.\"`\[\]]+?)[`\"\]]?\s*"
    r"(?:\((?P<columns>[^()]*)\)\s*)?values\s*(?=\()",
    re.IGNORECASE,
)
_COPY: Final = re.compile(r"copy\s+\S+\s*\((?P<columns>[^()]*)\)\s+from\s+stdin", re.IGNORECASE)
_CREATE: Final = re.compile(
    r"create\s+table\s+(?:if\s+not\s+exists\s+)?[`\"\[]?([\w.\"`\[\]]+?)[`\"\]]?\s*\((?P<body>.*)\Z",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class CodeCell:
    """A security code in a column of that name; places are units of the block."""

    start: int
    end: int
    confidence: float = _CONFIDENCE
    alone: bool = True


@dataclass(frozen=True, slots=True)
class Header:
    """Names of the columns of delimited text."""

    names: tuple[str, ...]
    delimiter: str

    @property
    def codes(self) -> tuple[int, ...]:
        """Places of the columns that hold security codes."""
        return tuple(at for at, name in enumerate(self.names) if is_code_name(name))


def header_in(line: str) -> Header | None:
    """Read a line as names of columns; None where it is none."""
    delimiter = max(DELIMITERS, key=line.count)
    if not line.count(delimiter):
        return None
    names = tuple(line[start:end].strip(" \"'\r\ufeff`") for start, end in cells(line, delimiter))
    wordy = sum(bool(re.search(r"[^\W\d_]", name)) for name in names)
    if any(len(name) > _LONGEST_NAME or _NO_NAME.search(name) for name in names):
        return None
    return Header(names, delimiter) if wordy >= max(2, len(names) * 0.6) else None


def cells(line: str, delimiter: str) -> list[tuple[int, int]]:
    """Where each cell of a line begins and ends, quotes included."""
    if '"' not in line:
        found, at = [], 0
        for part in line.split(delimiter):
            found.append((at, at + len(part)))
            at += len(part) + 1
        return found
    pattern = re.compile(
        rf'(?:\s*"(?:[^"]|"")*"[^{re.escape(delimiter)}]*|[^{re.escape(delimiter)}]*)'
    )
    found, at = [], 0
    while at <= len(line):
        match = pattern.match(line, at)
        end = match.end() if match else len(line)
        found.append((at, end))
        at = end + 1
    return found


@dataclass(slots=True)
class Tables:
    """The tables seen so far in one stream of text."""

    header: Header | None = None
    _done: int = 0  # bytes of the stream whose rows were read
    _looked: bool = False
    _created: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _named: bool = False  # a code's name was seen, so that a list of columns may hold one
    _newly_named: bool = False  # in this block: a statement may have begun in the last one
    # Columns of a statement that goes on, and the byte of the stream where its next tuple begins.
    _insert: tuple[tuple[str, ...], int] | None = None

    def names_cards(self) -> bool:
        """Whether a header's name says that its column holds cards."""
        names = self.header.names if self.header is not None else ()
        return any(what_says(name) is Says.A_CARD for name in names)

    def says(self, block: Block, start: int) -> Says:
        """What the column's name says of a number that begins at unit ``start``."""
        if self.header is None:
            return Says.NOTHING
        place = self._column(block, start)
        if place is None or place >= len(self.header.names):
            return Says.NOTHING
        return what_says(self.header.names[place])

    def named_otherwise(self, block: Block, start: int, further: int) -> bool:
        """Whether the cell ``further`` cells after a number has a name, and not a code's."""
        if self.header is None or not further:
            return False
        place = self._column(block, start)
        if place is None or place + further >= len(self.header.names):
            return False
        return not is_code_name(self.header.names[place + further])

    def learn(self, block: Block, names: list[int]) -> None:
        """Take in names of columns; ``names``: units where names of codes may begin."""
        self._first_line(block)
        self._newly_named = bool(names) and not self._named
        self._named = self._named or bool(names)
        read = -1
        for at in names:
            begin = block.line_start(at)
            if begin != read:  # one name of a line is enough
                self._read_names(block, at, begin)
            read = begin
        if self._named:
            self._read_created(block)

    def rows(self, block: Block) -> Iterator[CodeCell]:
        """Yield codes in the columns that were learnt."""
        if self.header is not None and self.header.codes:
            yield from self._delimited(block, self.header)
        yield from self._statements(block)

    def _first_line(self, block: Block) -> None:
        if self._looked:
            return
        self._looked = True
        first = block.text(block.low, block.low + _LINE)
        line = first.partition("\n")[0]
        self.header = header_in(line) if len(line) < _LINE else None
        if self.header is not None:
            self._done = block.offset(block.line_end(block.low))

    def _column(self, block: Block, start: int) -> int | None:
        begin = block.line_start(start)
        if self.header is None or start - begin > _LINE:
            return None
        return len(cells(block.text(begin, start), self.header.delimiter)) - 1

    def _read_names(self, block: Block, at: int, begin: int) -> None:
        """Take a header or a list of columns in the line around a code's name."""
        end = min(block.line_end(at), at + _LINE)
        line = block.text(max(begin, at - _LINE), end)
        if copy := _COPY.search(line):
            self.header = Header(_column_names(copy["columns"]), "\t")
            self._done = block.offset(end)
        elif "(" not in line and (found := header_in(line)) is not None and found.codes:
            self.header = found
            self._done = block.offset(end)

    def _read_created(self, block: Block) -> None:
        """Take the columns of each CREATE TABLE."""
        for word in ("CREATE", "create", "Create"):
            for at in block.units_of(word, 0 if self._newly_named else block.low):
                create = _CREATE.match(block.text(at, at + _BACK))
                if create is not None:
                    body = create["body"].partition(";")[0]
                    fields = re.findall(r"(?:^|,)\s*[`\"\[]?([^\s`\"\](),]+)[`\"\]]?\s+\w", body)
                    self._created[_bare(create[1])] = tuple(fields)

    def _delimited(self, block: Block, header: Header) -> Iterator[CodeCell]:
        low = max(block.unit_at(max(self._done - block.base, 0)), block.line_start(block.low))
        at = block.line_end(low) + 1 if low > block.line_start(low) else low
        while at < block.high:
            end = block.line_end(at)
            line = block.text(at, min(end, at + _LINE))
            if line.startswith("\\."):  # the end of COPY
                self.header = None
                break
            found = cells(line, header.delimiter)
            for place in header.codes:
                if place < len(found):
                    yield from _code_in(line, found[place], at)
            at = end + 1
        self._done = max(self._done, block.offset(min(at, len(block.units))) - 1)

    def _statements(self, block: Block) -> Iterator[CodeCell]:
        """Read the tuples of INSERT statements with a column of codes."""
        if self._insert is not None:
            names, offset = self._insert
            yield from self._tuples(block, block.unit_at(max(offset - block.base, 0)), names)
        if not (self._created or self._named):
            return
        for word in ("INSERT", "insert", "Insert"):
            yield from self._inserts(block, word)

    def _inserts(self, block: Block, word: str) -> Iterator[CodeCell]:
        for unit in block.units_of(word, 0 if self._newly_named else block.low):
            match = _INSERT.match(block.text(unit, unit + _BACK))
            if match is not None:
                listed = match["columns"]
                names = _column_names(listed) if listed else self._created.get(_bare(match[1]), ())
                if any(is_code_name(name) for name in names):
                    yield from self._tuples(block, unit + match.end(), names)

    def _tuples(self, block: Block, start: int, names: tuple[str, ...]) -> Iterator[CodeCell]:
        codes = [at for at, name in enumerate(names) if is_code_name(name)]
        text = block.text(start, len(block.units))
        at = 0
        self._insert = None
        while (match := _TUPLE.search(text, at)) is not None:
            if at and not re.fullmatch(r"\s*,\s*", text[at : match.start()]):
                return
            if start + match.start() >= block.high:
                break
            inside = match.start() + 1
            fields = _FIELD.finditer(text, inside, match.end() - 1)
            for place, one in enumerate(fields):
                if place in codes:
                    yield from _code_in(text, one.span(), start)
            at = match.end()
        self._insert = names, block.offset(start + (match.start() if match is not None else at))


def _code_in(text: str, cell: tuple[int, int], start: int) -> Iterator[CodeCell]:
    match = _CODE.fullmatch(text[cell[0] : cell[1]].rstrip(","))
    if match is not None:
        first = start + cell[0] + match.start(1)
        yield CodeCell(first, first + len(match[1]))


def _column_names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip(" \n\r\t`\"[]'") for name in listed.split(","))


def _bare(table: str) -> str:
    return table.rpartition(".")[2].strip('`"[]').lower()
