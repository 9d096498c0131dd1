"""What a CSV file is, told from samples spread over it: encoding, delimiter, width, header.

Banks write UTF-8 with or without a byte-order mark, cp932 and UTF-16, with commas, tabs,
semicolons or pipes, with a header or none. The engine's own sniffer is not used: it knows no
cp932, it may take identifiers for numbers, and it answers differently for different splits.
"""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from sekisho.domain.errors import BadInput
from sekisho.warehouse.engine import plain_errors

HEAD_BYTES = 1 << 18
WINDOW_BYTES = 1 << 15
WINDOWS = 8
DELIMITERS = (",", "\t", ";", "|")
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A CSV file and how to read it. ``first`` is its first record, header or not."""

    path: Path
    label: str
    compression: str | None
    encoding: str
    newline: str
    delimiter: str
    width: int
    first: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]  # records of the right width, the first one left out
    only_ascii: bool = False  # so far: what follows may still be UTF-8 or cp932


class Utf16Stream:
    """UTF-16 bytes in, UTF-8 bytes out, so that only one kind of line end is looked for."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-16")("replace")

    def __enter__(self) -> Utf16Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def read(self, size: int) -> bytes:
        """Read about ``size`` bytes; none at the end."""
        while raw := self._stream.read(size):
            if text := self._decoder.decode(raw):
                return text.encode("utf-8", "replace")
        return self._decoder.decode(b"", final=True).encode("utf-8", "replace")


def open_bytes(path: Path, compression: str | None, encoding: str) -> BinaryIO:
    """Give the file's bytes, decompressed, and in UTF-8 if it was UTF-16."""
    stream: BinaryIO
    if compression is None:
        stream = path.open("rb")
    else:
        stream = cast("BinaryIO", pa.input_stream(str(path), compression=compression))
    return cast("BinaryIO", Utf16Stream(stream)) if encoding == "utf-16" else stream


def sniff(path: Path, label: str) -> CsvFile:
    """Look at samples of ``path`` and say how to read it. Raises BadInput if it is no table."""
    with plain_errors(label):
        with path.open("rb") as raw:
            start = raw.read(4)
        compression = next(
            (kind for magic, kind in _MAGIC.items() if start.startswith(magic)), None
        )
        with open_bytes(path, compression, "bytes") as stream:
            head = stream.read(HEAD_BYTES)
        encoding = "utf-16" if head.startswith(_UTF16) else ""
        if encoding:
            head = Utf16Stream(cast("BinaryIO", pa.BufferReader(head))).read(HEAD_BYTES)
        windows = _windows(path) if not compression and not encoding else []
    newline = "\n" if b"\n" in head else "\r"
    pieces = [_whole_lines(head, newline, first=True, last=len(head) < HEAD_BYTES)]
    pieces += [_whole_lines(window, newline, first=False, last=False) for window in windows]
    joined = newline.encode().join(pieces)
    if b"\0" in joined[:4096]:
        raise _no_table(label)
    encoding = encoding or encoding_of(joined)
    text = joined.decode("utf-8-sig" if encoding.startswith("utf") else encoding, "replace")
    lines = [line.rstrip("\r") for line in text.lstrip("\ufeff").split(newline)]
    lines = [line for line in lines if line.strip(" \x1a")]
    if not lines:
        raise BadInput(f"{label}: holds nothing but empty lines")
    delimiter, width = _delimiter_of(lines)
    records = [record(line, delimiter) for line in lines]
    sample = tuple(tuple(cells) for cells in records[1:] if len(cells) == width)
    first = tuple(records[0])
    return CsvFile(
        path,
        label,
        compression,
        encoding,
        newline,
        delimiter,
        width,
        first,
        sample,
        only_ascii=joined.isascii(),
    )


def _no_table(label: str) -> BadInput:
    return BadInput(
        f"{label}: neither a Parquet file nor a text table",
        hint="Give Parquet, or CSV in UTF-8, UTF-16 or cp932 (plain, .gz or .zst).",
    )


def _windows(path: Path) -> list[bytes]:
    size = path.stat().st_size
    if size <= 2 * HEAD_BYTES:
        with path.open("rb") as stream:
            stream.seek(min(HEAD_BYTES, size))
            return [stream.read()]
    step = (size - HEAD_BYTES) // WINDOWS
    found = []
    with path.open("rb") as stream:
        for index in range(1, WINDOWS + 1):
            stream.seek(HEAD_BYTES + index * step - WINDOW_BYTES)
            found.append(stream.read(WINDOW_BYTES))
    return found


def _whole_lines(piece: bytes, newline: str, *, first: bool, last: bool) -> bytes:
    """``piece`` without the lines that the borders of the window cut."""
    end = newline.encode()
    if not first:
        piece = piece.partition(end)[2]
    if not last and end in piece:
        piece = piece.rpartition(end)[0]
    return piece


def encoding_of(sample: bytes) -> str:
    """UTF-8 if it fits as well as cp932 does; both are judged by the lines they cannot read."""
    bad_utf8 = sample.decode("utf-8", "replace").count("\ufffd")
    if not bad_utf8:
        return "utf-8"
    text = sample.decode("cp932", "replace")
    # Half-width kana and vendor characters are what stray bytes turn into, not what banks write.
    bad_cp932 = sum(1 for char in text if char == "\ufffd" or "\uf8f0" <= char <= "\uf8f3")
    return "cp932" if bad_cp932 < bad_utf8 else "utf-8"


def _delimiter_of(lines: Sequence[str]) -> tuple[str, int]:
    """Give the delimiter under which most lines have one same number of columns above one."""
    best = (",", 1)
    best_share = 0.0
    for delimiter in DELIMITERS:
        widths = Counter(len(record(line, delimiter)) for line in lines)
        first = len(record(lines[0], delimiter))
        widths.pop(1, None)
        if not widths:
            continue
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
        if widths[first] * 2 >= count:  # cells of several lines make short ones in between
            width, count = first, widths[first]
        share = count / len(lines) + width * 1e-6
        if share > best_share:
            best, best_share = (delimiter, width), share
    return best if best_share >= 0.3 else (",", 1)


def record(line: str, delimiter: str) -> list[str]:
    """Give the cells of one line, read leniently; a line that defies reading is one cell."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return [line]
