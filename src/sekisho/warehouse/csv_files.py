"""The rows of a CSV file, block by block in bounded memory, each with its line number.

A block is split by Arrow; where that does not account for every line (a stray quote would make
it swallow the rows up to the next one), the block is split again line by line, so that a broken
row costs itself and nothing else. Both ways give the same rows: a test holds them together.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.csv as arrow_csv

from sekisho.domain.errors import BadInput
from sekisho.warehouse.csv_sniff import CsvFile, encoding_of, open_bytes, record
from sekisho.warehouse.engine import plain_errors

BLOCK_BYTES = 1 << 24
LINE_BYTES_MAX = 1 << 26
LINES_IN_A_RECORD = 10
ROW = "row__"
_MARK = b"\xef\xbb\xbf"

WRONG_WIDTH = "the number of columns differs from the other rows"
BAD_BYTES = "bytes that are no text in this file's encoding"
OPEN_QUOTE = "a quotation mark is not closed"


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of one block: text columns by known name, and ``row__``, the line each starts at."""

    rows: pa.Table
    broken: tuple[tuple[int, str], ...]  # line number and reason
    encoding: str = "utf-8"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which columns to take: name to index, from a file with or without a header line."""

    places: dict[str, int]
    has_header: bool


def read_blocks(file: CsvFile, wanted: Wanted, advance: Callable[[float], None]) -> Iterator[Block]:
    """Give the rows of ``file``. ``advance`` is told of the bytes read. Raises BadInput."""
    line = 1
    skip_header = wanted.has_header
    encoding = "utf-8" if file.encoding == "utf-16" else file.encoding
    undecided = file.only_ascii and encoding == "utf-8"
    pending = b""  # the beginning of a record that goes on in the next block
    for raw, final in _raw_blocks(file, advance):
        body = pending + (raw.removeprefix(_MARK) if line == 1 else raw)
        if skip_header and body:
            body = body.partition(b"\n")[2]
            line, skip_header = line + 1, False
        if undecided and not body.isascii():
            encoding, undecided = encoding_of(body), False
        block, lines = _split(body, file, wanted, _At(line, encoding, final))
        pending = body.split(b"\n", lines)[-1] if lines < body.count(b"\n") else b""
        line += lines
        yield replace(block, encoding=file.encoding if file.encoding == "utf-16" else encoding)


@dataclass(frozen=True, slots=True)
class _At:
    line: int
    encoding: str
    final: bool


def _raw_blocks(file: CsvFile, advance: Callable[[float], None]) -> Iterator[tuple[bytes, bool]]:
    """Whole lines of about BLOCK_BYTES, line ends made one, and whether they are the last."""
    with plain_errors(file.label), open_bytes(file.path, file.compression, file.encoding) as stream:
        rest = b""
        while chunk := stream.read(BLOCK_BYTES):
            advance(float(len(chunk)))
            rest += chunk.replace(b"\r", b"\n") if file.newline == "\r" else chunk
            whole, end, tail = rest.rpartition(b"\n")
            if not end:
                if len(rest) > LINE_BYTES_MAX:
                    raise BadInput(f"{file.label}: no line end within {len(rest)} bytes")
                continue
            rest = tail
            yield (whole + end).replace(b"\r\n", b"\n"), False
        yield rest.removesuffix(b"\x1a"), True  # Ctrl-Z is the end mark of old hosts


def _split(raw: bytes, file: CsvFile, wanted: Wanted, at: _At) -> tuple[Block, int]:
    """Give the rows of ``raw``, whole lines, and how many lines these were."""
    lines = raw.count(b"\n") + (not raw.endswith(b"\n") and bool(raw))
    text: str | None = None
    try:
        text = raw.decode(at.encoding)
        clean = raw if at.encoding == "utf-8" else text.encode()
    except UnicodeDecodeError:
        clean = b""
    if clean and b"\r" not in clean and b"\0" not in clean and "\ufffd" not in (text or ""):
        block = split_fast(clean, lines, file, wanted, at.line)
        if block is not None:
            return block, lines
    text = raw.decode(at.encoding, "replace") if text is None else text
    return split_slow(text, file, wanted, at.line, final=at.final)


def split_fast(clean: bytes, lines: int, file: CsvFile, wanted: Wanted, line: int) -> Block | None:
    """Give the rows by Arrow's parser; None unless every one of the ``lines`` is accounted for."""
    broken: list[tuple[int, str]] = []
    if clean.startswith(b"\n") or b"\n\n" in clean:
        return None  # Arrow takes an empty line for a row of empty cells
    if _is_open(clean.rstrip(b"\n").rpartition(b"\n")[2].decode(), file.delimiter):
        return None  # and closes at the end of the block what nothing closes

    def keep_apart(row: arrow_csv.InvalidRow) -> str:
        broken.append((row.number, WRONG_WIDTH))
        return "skip"

    names = [str(index) for index in range(file.width)]
    chosen = sorted(set(wanted.places.values()))
    try:
        table = arrow_csv.read_csv(
            pa.py_buffer(clean),
            read_options=arrow_csv.ReadOptions(
                use_threads=False, column_names=names, block_size=len(clean) + 1
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=file.delimiter,
                ignore_empty_lines=False,
                invalid_row_handler=keep_apart,
            ),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=[names[index] for index in chosen],
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )
    except pa.ArrowException:
        return None
    if table.num_rows + len(broken) != lines:
        return None
    taken = {number for number, _ in broken}
    numbers = (
        range(line, line + lines)
        if not taken
        else [line + index for index in range(lines) if index + 1 not in taken]
    )
    columns = {known: table.column(names[place]) for known, place in wanted.places.items()}
    rows = pa.table({ROW: pa.array(numbers, pa.int64()), **columns})
    return Block(rows, tuple((line + number - 1, reason) for number, reason in broken))


def split_slow(
    text: str, file: CsvFile, wanted: Wanted, line: int, *, final: bool
) -> tuple[Block, int]:
    """Split line by line: slower, and indifferent to what stands around a broken row.

    Gives the rows and how many lines they took: a record that is open at the end of a block
    which is not the ``final`` one is left for the next.
    """
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    numbers: list[int] = []
    records: list[list[str]] = []
    broken: list[tuple[int, str]] = []
    index = 0
    while index < len(lines):
        taken, cells, reason = _one_record(lines, index, file)
        if reason == OPEN_QUOTE and not final and index + LINES_IN_A_RECORD > len(lines):
            break
        if cells is not None:
            numbers.append(line + index)
            records.append(cells)
        elif reason:
            broken.append((line + index, reason))
        index += taken
    columns = {
        known: pa.array([cells[place] for cells in records], pa.string())
        for known, place in wanted.places.items()
    }
    rows = pa.table({ROW: pa.array(numbers, pa.int64()), **columns})
    return Block(rows, tuple(broken)), index


def _one_record(
    lines: Sequence[str], index: int, file: CsvFile
) -> tuple[int, list[str] | None, str]:
    """Give the record that starts at ``index``: lines taken, its cells or None, and why not."""
    line = lines[index].rstrip("\r")
    if not line:
        return 1, None, ""
    if "\ufffd" in line or "\0" in line:
        return 1, None, BAD_BYTES
    if _is_open(line, file.delimiter):
        for count in range(2, min(LINES_IN_A_RECORD, len(lines) - index) + 1):
            joined = "\n".join(part.rstrip("\r") for part in lines[index : index + count])
            if not _is_open(joined, file.delimiter):
                cells = _cells(joined, file.delimiter)
                if len(cells) == file.width and "\ufffd" not in joined and "\0" not in joined:
                    return count, cells, ""
                break
        return 1, None, OPEN_QUOTE
    cells = record(line, file.delimiter)
    return (1, cells, "") if len(cells) == file.width else (1, None, WRONG_WIDTH)


def _cells(text: str, delimiter: str) -> list[str]:
    try:
        # Strict, or the next stray quote some lines down would close this one.
        return next(csv.reader(_lines(text), delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def _lines(text: str) -> list[str]:
    return [part + "\n" for part in text.split("\n")]


def _is_open(text: str, delimiter: str) -> bool:
    """Tell whether a quotation mark that opens a cell is not closed by the end of ``text``."""
    if '"' not in text:
        return False
    try:
        list(csv.reader(_lines(text), delimiter=delimiter, strict=True))
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    return False
