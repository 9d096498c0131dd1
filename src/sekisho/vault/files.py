"""Reads files that hold clear card numbers, chunk by chunk, in memory only.

Values of the file never reach an error message: the libraries' own messages quote rows, so
they are dropped here and replaced by where it happened.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sekisho.domain.errors import BadInput, NothingToDo, Rejected, SekishoError
from sekisho.vault.pan import redact

_BLOCK_BYTES: Final = 8 << 20
_PARQUET_ROWS: Final = 1 << 17
_SWALLOWED_LINES_MAX: Final = 100
_NUMBER: Final = re.compile(r"[0-9][0-9 .:/\-]*")


@dataclass(frozen=True, slots=True)
class ColumnNames:
    """What the caller says about columns.

    ``words``: our word -> the file's name, for files with a header line; ``positions``:
    position from 1 -> our word, for files without one. At most one of the two is filled.
    """

    words: Mapping[str, str] = field(default_factory=dict)
    positions: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a file.

    ``rows``: all columns; ``numbers``: row numbers (length of ``rows``), from 1, the header
    line included; ``rejected``: rows before or among these that are not in ``rows``;
    ``done``: share of the file that is read, 0 to 1.
    """

    rows: pa.RecordBatch
    numbers: NDArray[np.int64]
    rejected: tuple[Rejected, ...]
    done: float

    def __repr__(self) -> str:
        return f"Chunk({self.rows.num_rows} rows)"


def read_chunks(path: Path, names: ColumnNames) -> Iterator[Chunk]:
    """Yield the rows of a CSV (UTF-8 or cp932, plain or gzip) or Parquet file.

    CSV columns come as text, Parquet columns in their own types. Raises ``BadInput`` for what
    cannot be read, ``NothingToDo`` for a file without rows.
    """
    with _no_values_in_errors(path):
        with path.open("rb") as file:
            magic = file.read(4)
        if not magic:
            raise NothingToDo(f"{shown(path)} is empty", hint="Leave it out, or fetch it again.")
        if magic == b"PAR1":
            yield from _parquet_chunks(path, names)
        else:
            yield from _csv_chunks(path, names, gzipped=magic[:2] == b"\x1f\x8b")


def shown(path: Path) -> str:
    """Return the file's base name, with any card number in it masked."""
    return redact(path.name)


@contextmanager
def _no_values_in_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except SekishoError:
        raise
    except FileNotFoundError:
        raise BadInput(f"{shown(path)} is not there", hint="Check the path.") from None
    except (PermissionError, IsADirectoryError) as error:
        raise BadInput(f"{shown(path)} cannot be opened: {error.strerror}") from None
    except (pa.ArrowException, OSError, ValueError, EOFError, csv.Error) as error:
        raise BadInput(
            f"{shown(path)} cannot be read: cut off, damaged, or neither CSV nor Parquet "
            f"({type(error).__name__})",
            hint="Fetch the file again. The rows are not shown: they hold card numbers.",
        ) from None


def _parquet_chunks(path: Path, names: ColumnNames) -> Iterator[Chunk]:
    if names.positions:
        raise BadInput(
            f"{shown(path)} is Parquet and has column names; --columns gives positions",
            hint="Write --columns pan=NAME.",
        )
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        total = file.metadata.num_rows
        if not total:
            raise NothingToDo(f"{shown(path)} has no rows", hint="Leave it out.")
        renamed = _our_words(list(file.schema_arrow.names), names, path)
        seen = 0
        for batch in file.iter_batches(batch_size=_PARQUET_ROWS):
            batch.validate(full=True)  # damaged pages without a checksum read as broken text
            numbers = np.arange(seen + 1, seen + 1 + batch.num_rows, dtype=np.int64)
            seen += batch.num_rows
            yield Chunk(batch.rename_columns(renamed), numbers, (), seen / total)


def _open_bytes(path: Path, *, gzipped: bool) -> tuple[BinaryIO, Any]:
    """Return the raw file (whose position tells how far reading is) and the plain bytes."""
    raw = path.open("rb")
    plain = pa.PythonFile(raw, mode="r")
    return raw, pa.CompressedInputStream(plain, "gzip") if gzipped else plain


def _encoding_of(path: Path, *, gzipped: bool) -> str:
    """Return ``utf8`` or ``cp932``, having read the whole file: its first part may be ASCII."""
    for encoding in ("utf8", "cp932"):
        if _decodes(path, encoding, gzipped=gzipped):
            return encoding
    raise BadInput(
        f"{shown(path)} is neither UTF-8 nor cp932 throughout",
        hint="Save it as CSV in UTF-8.",
    )


def _decodes(path: Path, encoding: str, *, gzipped: bool) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    raw, plain = _open_bytes(path, gzipped=gzipped)
    with raw:
        while block := plain.read(_BLOCK_BYTES):
            if b"\0" in block:
                raise BadInput(
                    f"{shown(path)} is not a text file in UTF-8 or cp932 (it holds zero bytes)",
                    hint="Save it as CSV in UTF-8. Excel's 'Unicode text' is UTF-16.",
                )
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                return False
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _first_line(path: Path, encoding: str, *, gzipped: bool) -> tuple[list[str], str]:
    """Return the fields of the first line and the delimiter between them."""
    raw, plain = _open_bytes(path, gzipped=gzipped)
    with raw:
        head = plain.read(1 << 20)
    text = head.decode("utf-8-sig" if encoding == "utf8" else encoding, errors="replace")
    line = text.split("\n", 1)[0].rstrip("\r")
    delimiter = max(",\t;", key=line.count)
    return next(csv.reader(io.StringIO(line), delimiter=delimiter), []), delimiter


def _our_words(header: list[str], names: ColumnNames, path: Path) -> list[str]:
    """Return the column names with the caller's names replaced by our words."""
    header = [name.strip() or f"column_{place}" for place, name in enumerate(header, 1)]
    theirs = {name: word for word, name in names.words.items()}
    for name, word in theirs.items():
        if name not in header:
            raise BadInput(
                f"{shown(path)} has no column {redact(name)!r} (given as {redact(word)})",
                hint="Its columns: " + ", ".join(redact(column) for column in header),
            )
    # A column that already has one of our words gives way to the one that the caller names.
    words = [theirs.get(name, f"{name}_2" if name in names.words else name) for name in header]
    repeated = sorted({redact(word) for word in words if words.count(word) > 1})
    if repeated:
        raise BadInput(
            f"{shown(path)} has more than one column named {', '.join(repeated)}",
            hint="Give each column a name of its own.",
        )
    return words


def _named_columns(path: Path, first: list[str], names: ColumnNames) -> tuple[list[str], int]:
    """Return one name for each CSV column, and how many header lines to pass over."""
    if names.positions:
        beyond = max(names.positions) > len(first)
        if beyond:
            raise BadInput(
                f"{shown(path)} has {len(first)} columns; --columns names column "
                f"{max(names.positions)}",
                hint="Count the columns of its first line from 1.",
            )
        # Columns that nobody names are read to keep the count and then left out.
        return [names.positions.get(place, "") for place in range(1, len(first) + 1)], 0
    if any(_NUMBER.fullmatch(unicodedata.normalize("NFKC", name).strip()) for name in first):
        raise BadInput(
            f"{shown(path)} has no header line: its first line holds numbers, not names",
            hint="Name the columns by position: --columns 1=pan,2=merchant_id,...",
        )
    return _our_words(first, names, path), 1


def _csv_chunks(path: Path, names: ColumnNames, *, gzipped: bool) -> Iterator[Chunk]:
    encoding = _encoding_of(path, gzipped=gzipped)
    first, delimiter = _first_line(path, encoding, gzipped=gzipped)
    words, header_lines = _named_columns(path, first, names)
    unnamed = [f" {place}" for place in range(len(words))]
    columns = [word or unnamed[place] for place, word in enumerate(words)]
    broken = _Broken(shown(path))
    raw, plain = _open_bytes(path, gzipped=gzipped)
    with raw:
        reader = pyarrow.csv.open_csv(
            plain,
            # One thread: only then does the reader tell the numbers of broken rows.
            pyarrow.csv.ReadOptions(
                use_threads=False,
                block_size=_BLOCK_BYTES,
                encoding=encoding,
                column_names=columns,
                skip_rows=header_lines,
            ),
            pyarrow.csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=broken.take
            ),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                include_columns=[word for word in words if word],
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
        size = max(path.stat().st_size, 1)
        yield from _numbered(reader, header_lines + 1, broken, lambda: raw.tell() / size)


@dataclass(slots=True)
class _Broken:
    """The rows that the CSV reader passes over, in order; fills up while it reads."""

    file: str
    rows: list[Rejected] = field(default_factory=list)
    unclosed: tuple[int, int] | None = None  # row and how many lines it takes in

    def take(self, row: pyarrow.csv.InvalidRow) -> str:
        """Keep where and why, never the row's text."""
        reason = f"{row.actual_columns} fields instead of {row.expected_columns}"
        if lines := row.text.strip("\r\n").count("\n"):
            reason += f", with {lines} line breaks inside"
            if lines > _SWALLOWED_LINES_MAX and self.unclosed is None:
                self.unclosed = (row.number, lines)  # raising here would go through C++
        self.rows.append(Rejected(self.file, row.number, "", reason))
        return "skip"

    def check(self) -> None:
        """Raise ``BadInput`` if a quote that is not closed has taken many lines in."""
        if self.unclosed is not None:
            raise _unclosed_quote(self.file, *self.unclosed)

    def numbers_of(self, first: int, count: int) -> NDArray[np.int64]:
        """Return row numbers of ``count`` good rows, the first being ``first`` had none broken."""
        broken = np.array([row.row for row in self.rows], dtype=np.int64)
        # broken[j] - j: the number that the row after it would have had.
        shifted = broken - np.arange(len(broken))
        unbroken = np.arange(first, first + count, dtype=np.int64)
        return unbroken + np.searchsorted(shifted, unbroken, side="right")


def _numbered(
    reader: pyarrow.csv.CSVStreamingReader,
    first: int,
    broken: _Broken,
    done: Callable[[], float],
) -> Iterator[Chunk]:
    """Yield the reader's batches with row numbers; blank lines are not counted as rows."""
    read = told = 0
    for batch in reader:
        broken.check()
        numbers = broken.numbers_of(first + read, batch.num_rows)
        read += batch.num_rows
        rows, numbers, unclosed = _without_line_breaks(batch, numbers, broken.file)
        rejected = (*broken.rows[told:], *unclosed)
        told = len(broken.rows)
        yield Chunk(rows, numbers, rejected, min(done(), 1.0))
    broken.check()
    if told < len(broken.rows) and read:
        yield Chunk(batch.slice(0, 0), np.empty(0, np.int64), tuple(broken.rows[told:]), 1.0)
    if not read:
        first_broken = f"; row {broken.rows[0].row}: {broken.rows[0].reason}" if broken.rows else ""
        raise NothingToDo(
            f"{broken.file} has no readable row{first_broken}",
            hint="Leave it out, or fetch it again.",
        )


def _without_line_breaks(
    batch: pa.RecordBatch, numbers: NDArray[np.int64], file: str
) -> tuple[pa.RecordBatch, NDArray[np.int64], list[Rejected]]:
    """Set rows apart that have a line break inside a field.

    A quote that is never closed takes the lines after it into its field, with their card
    numbers; such a field must not pass as free text.
    """
    lines = np.zeros(batch.num_rows, dtype=np.int64)
    for column in batch.columns:
        breaks = pc.fill_null(pc.count_substring(column, "\n"), 0)
        lines = np.maximum(lines, breaks.to_numpy(zero_copy_only=False))
    if not lines.any():
        return batch, numbers, []
    worst = int(lines.argmax())
    if lines[worst] > _SWALLOWED_LINES_MAX:
        raise _unclosed_quote(file, int(numbers[worst]), int(lines[worst]))
    rejected = [
        Rejected(file, int(numbers[at]), "", f"a line break inside a field ({lines[at]} lines)")
        for at in np.flatnonzero(lines)
    ]
    whole = lines == 0
    return batch.filter(pa.array(whole)), numbers[whole], rejected


def _unclosed_quote(file: str, row: int, lines: int) -> BadInput:
    return BadInput(
        f"{file}, row {row}: a quote that is not closed takes in the next {lines} lines",
        hint="Close or remove the quote in that row.",
    )
