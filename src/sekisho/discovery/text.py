"""Look through a stream of bytes of any length, in blocks that overlap, in bounded memory."""

from __future__ import annotations

import codecs
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sekisho.discovery import kernel
from sekisho.discovery.beside import (
    AFTER,
    NAME_LENGTH,
    Beside,
    beside,
    named_code,
)
from sekisho.discovery.block import Block
from sekisho.discovery.code_names import find_names
from sekisho.discovery.encodings import BINARY, HEAD, ISO_2022_JP, encoding_of
from sekisho.discovery.finding import (
    LEAST_CONFIDENCE,
    Finding,
    Kind,
    Report,
    TestNumber,
)
from sekisho.discovery.judge import (
    MOST_UNNAMED,
    Around,
    Column,
    column_of,
    confidence,
    number_odds,
)
from sekisho.discovery.names import Says, what_says
from sekisho.discovery.tables import CodeCell, Tables
from sekisho.discovery.testnumbers import is_test_number
from sekisho.vault.pan import BRAND_RANGES, Brand, mask

Read = Callable[[int], bytes]

BLOCK: Final = 4 << 20
MARGIN: Final = 2048
"""Bytes on either side of a block's own part: what stands around a number is in reach."""
_BEFORE: Final = 120
_NEAR: Final = 300
_MOST_NUMBERS: Final = 1 << 16
_MOST_NAMES: Final = 1 << 16
_LINE: Final = 4096
_MIN_CARD_ODDS: Final = -2.0  # a number this likely makes the code beside it one


class Machine:
    """The tables and buffers of the kernel: one for each process."""

    def __init__(self, *, test_numbers: bool = False) -> None:
        self.prefixes, self.lengths = kernel.brand_tables()
        self.numbers = np.zeros(_MOST_NUMBERS, dtype=kernel.NUMBER)
        self.names = np.zeros(_MOST_NAMES, dtype=np.int64)
        self.test_numbers = test_numbers

    def find_numbers(self, block: Block, columns: NDArray[Any]) -> Iterator[NDArray[Any]]:
        """Yield the numbers of a block in portions; each is overwritten by the next."""
        at = block.low
        while at < block.high:
            found, at = kernel.find_numbers(
                block.units, at, block.high, self.prefixes, self.lengths, columns, self.numbers
            )
            yield self.numbers[:found]
        self.went_to = at

    def find_names(self, block: Block) -> Iterator[int]:
        """Yield where names of security codes may begin."""
        at = block.low
        while at < block.high:
            found, at = find_names(block.units, at, block.high, self.names)
            yield from self.names[:found].tolist()


@dataclass(slots=True)
class _Candidate:
    number: Any
    start: int
    end: int
    brand: Brand
    odds: float
    around: Around
    beside: Beside
    column: Column


@dataclass(slots=True)
class _Code:
    start: int
    end: int
    confidence: float
    alone: bool  # counts without a card nearby


@dataclass(slots=True)
class TextScan:
    """One stream: what was seen so far of its columns, lines and tables."""

    machine: Machine
    path: str
    encoding: str = ""
    columns: NDArray[Any] = field(default_factory=kernel.new_columns)
    tables: Tables = field(default_factory=Tables)
    says: Says = Says.NOTHING  # of a whole column with a name of its own
    cells: Callable[[int], str] | None = None  # line to cell, for columns of tables

    def run(self, read: Read) -> Iterator[Report]:
        """Yield what the stream holds. ``read(n)`` gives up to n bytes, none at its end."""
        head = _read_full(read, HEAD)
        if not self.encoding:
            self.encoding = encoding_of(head)
        yield from self._blocks(_Joined(head, read))

    def _blocks(self, read: Read) -> Iterator[Report]:
        pad = bytes(2 * kernel.PAD)  # twice: UTF-16 has two bytes for a unit
        data, base, line, low = pad, -len(pad), 1, len(pad)
        escaped = _Escapes(self.encoding)
        while True:
            fresh = escaped.plain(_read_full(read, BLOCK))
            if fresh is None:
                continue
            data += fresh
            final = not fresh
            if final:
                data += pad
            high = len(data) - (len(pad) if final else MARGIN)
            if high <= low and not final:
                continue
            encoding = "utf-8" if self.encoding == ISO_2022_JP else self.encoding
            block = Block.of(data, encoding, base, line, (low, max(high, low)))
            yield from self._look(block)
            if final:
                return
            went_to = max(block.byte_at(min(self.machine.went_to, len(block.units))), high)
            cut = max(high - MARGIN, 0) & ~1
            line += block.lines_until(cut)
            data, base, low = data[cut:], base + cut, went_to - cut

    def _look(self, block: Block) -> Iterator[Report]:
        candidates: list[_Candidate] = []
        tests = 0
        names = list(self.machine.find_names(block))
        if self.cells is None and block.encoding != BINARY:
            self.tables.learn(block, names)
        self.machine.went_to = block.high
        portions = [part.copy() for part in self.machine.find_numbers(block, self.columns)]
        columns = self._columns_of(portions)
        for number in self._worth_a_look(portions, columns):
            if is_test_number(int(number["value"])) and not self.machine.test_numbers:
                tests += 1
                continue
            candidate = self._weigh(block, number, columns[int(number["key"])])
            if candidate is not None:
                candidates.append(candidate)
        codes = [code for name in names if (code := self._code(block, name)) is not None]
        rows = list(self.tables.rows(block)) if block.encoding != BINARY else []
        yield from self._tell(block, candidates, codes, rows)
        yield from (TestNumber(self.path) for _ in range(tests))

    def _columns_of(self, portions: list[NDArray[Any]]) -> dict[int, Column]:
        wanted = {int(key) for part in portions for key in np.unique(part["key"])}
        if not wanted:
            return {}
        filled = self.columns[self.columns["seen"] > 0]
        found = {int(row["key"]): column_of(row) for row in filled if int(row["key"]) in wanted}
        return {key: found.get(key, Column(1, 1)) for key in wanted}

    def _worth_a_look(
        self, portions: list[NDArray[Any]], columns: dict[int, Column]
    ) -> Iterator[Any]:
        """Leave out what no surroundings could make a card: ids, by the thousand."""
        hopeless = np.array(
            [key for key, one in columns.items() if one.odds + MOST_UNNAMED < 0], dtype=np.uint64
        )
        if self.says is Says.A_CARD or self.tables.names_cards():
            hopeless = hopeless[:0]
        told = kernel.MAYBE_NAMED | kernel.TRACK_AFTER
        for part in portions:
            keep = (part["flags"] & told > 0) | ~np.isin(part["key"], hopeless)
            yield from part[keep]

    def _weigh(self, block: Block, number: Any, column: Column) -> _Candidate | None:
        flags = int(number["flags"])
        track = bool(flags & kernel.TRACK_AFTER)
        if flags & (kernel.LONGER_BEFORE | kernel.LONGER_AFTER) and not track:
            return None
        if flags & kernel.LETTER_AFTER:
            return None
        brand = BRAND_RANGES[int(number["brand"])].brand
        start, end = int(number["start"]), int(number["end"])
        before = block.before(start, _BEFORE)
        says = self.says or what_says(before)
        if flags & kernel.LETTER_BEFORE and says is not Says.A_CARD:
            return None
        if says is Says.NOTHING:
            says = self.tables.says(block, start)
        near = beside(block.after(end, AFTER), before, brand)
        code, striped = near.code is not None, near.track > 0
        around = Around(says, near.expiry, code, striped, block.encoding == BINARY)
        odds = number_odds(number, column, around)
        return _Candidate(number, start, end, brand, odds, around, near, column)

    def _code(self, block: Block, at: int) -> _Code | None:
        found = named_code(block.text(at, at + NAME_LENGTH))
        if found is None:
            return None
        sure = 0.9 if found.joined else 0.6
        alone = found.clear_name and found.joined
        return _Code(at + found.start, at + found.end, sure, alone)

    def _tell(
        self, block: Block, candidates: list[_Candidate], codes: list[_Code], rows: list[CodeCell]
    ) -> Iterator[Finding]:
        likely = [one.start for one in candidates if one.odds > _MIN_CARD_ODDS]
        spots = sorted({code.start for code in codes} | {row.start for row in rows})
        told: set[int] = set()
        for one in candidates:
            if not one.around.code and _is_near(spots, one.start):
                one.around = Around(
                    one.around.says, one.around.expiry, True, one.around.track, one.around.binary
                )
                one.odds = number_odds(one.number, one.column, one.around)
            sure = confidence(one.odds)
            if sure < LEAST_CONFIDENCE:
                continue
            yield self._number(block, one, sure)
            code = self._code_beside(block, one)
            if code is not None and not _is_near(spots, one.start):
                told.add(code)
                width = 4 if one.brand is Brand.AMEX else 3
                yield self._found_code(block, code, code + width, min(0.85, sure))
        named: list[_Code | CodeCell] = [*codes, *rows]
        for found in named:
            near = _is_near(likely, found.start)
            if found.start in told or not (found.alone or near):
                continue
            told.add(found.start)
            sure = min(found.confidence + (0.07 if near else 0), 0.97)
            yield self._found_code(block, found.start, found.end, sure)

    def _code_beside(self, block: Block, one: _Candidate) -> int | None:
        """Where the code stands that follows a number without a name."""
        if one.beside.code is None:
            return None
        if self.tables.named_otherwise(block, one.start, one.beside.cells_to_code):
            return None
        return one.end + one.beside.code[0]

    def _number(self, block: Block, one: _Candidate, sure: float) -> Finding:
        digits = str(int(one.number["value"])).zfill(int(one.number["digits"]))
        notes = (("expiry", one.around.expiry), ("security_code", one.around.code))
        beside_it = tuple(name for name, true in notes if true)
        kind = Kind.TRACK if one.around.track else Kind.PAN
        end = one.end + one.beside.track
        return self._place(
            block, one.start, end, (kind, one.brand.value, mask(digits), sure, beside_it)
        )

    def _found_code(self, block: Block, start: int, end: int, sure: float) -> Finding:
        shown = "*" * (end - start)
        return self._place(block, start, end, (Kind.SECURITY_CODE, None, shown, round(sure, 2), ()))

    def _place(
        self,
        block: Block,
        start: int,
        end: int,
        what: tuple[Kind, str | None, str, float, tuple[str, ...]],
    ) -> Finding:
        kind, brand, masked, sure, beside_it = what
        line = offset = cell = None
        if self.cells is not None:
            cell = self.cells(block.line(start))
        elif block.encoding == BINARY:
            offset = block.offset(start)
        else:
            line = block.line(start)
        span = None if self.encoding == ISO_2022_JP else block.span(start, end)
        return Finding(
            self.path, kind, brand, masked, sure, line, offset, cell, beside_it, span
        )  # fmt: skip


def _is_near(places: list[int], place: int) -> bool:
    at = bisect_left(places, place - _NEAR)
    return at < len(places) and places[at] <= place + _NEAR


def _read_full(read: Read, size: int) -> bytes:
    """Read until ``size`` bytes are there or the stream ends: pipes give less at a time."""
    first = read(size)
    if len(first) == size or not first:
        return first
    parts, have = [first], len(first)
    while have < size and (more := read(size - have)):
        parts.append(more)
        have += len(more)
    return b"".join(parts)


class _Joined:
    """The head that was read for a look, then the rest."""

    def __init__(self, head: bytes, rest: Read) -> None:
        self._head, self._rest = head, rest

    def __call__(self, size: int) -> bytes:
        if self._head:
            part, self._head = self._head[:size], self._head[size:]
            return part
        return self._rest(size)


class _Escapes:
    """Turns ISO-2022-JP into UTF-8 on the way in; hands everything else through."""

    def __init__(self, encoding: str) -> None:
        make = codecs.getincrementaldecoder("iso2022_jp_2")
        self._decoder = make("replace") if encoding == ISO_2022_JP else None

    def plain(self, data: bytes) -> bytes | None:
        """Return the bytes to look at, empty at the end; None where more is needed."""
        if self._decoder is None:
            return data
        text = self._decoder.decode(data, final=not data)
        if not text:
            return None if data else b""
        return text.encode("utf-8", "replace")
