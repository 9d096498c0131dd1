"""What a thing is, by its first bytes, and which reader looks into it."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from sekisho.discovery import archives, columnar, databases, documents, mail, pdf
from sekisho.discovery.encodings import HEAD
from sekisho.discovery.finding import NotRead, Report
from sekisho.discovery.opening import MOST_DEPTH, Ahead, Readable, Source, TooMuch
from sekisho.discovery.text import Machine, TextScan
from sekisho.vault.pan import redact

_MAGIC: Final = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"SQLite format 3\0", "sqlite"),
    (b"PAR1", "parquet"),
    (b"ARROW1\0\0", "arrow"),
    (b"ORC", "orc"),
    (b"bplist00", "plist"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (b"{\\rtf", "rtf"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
)
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_NO_READER: Final = {"7z": "7z archive: unpack it first", "rar": "rar archive: unpack it first"}
_SEEN_ALL: Final = 16 << 20  # of a file that claims to be empty, as those of the kernel do


class Looker:
    """Looks into one thing after another; one for each process.

    ``sample``: at most so many rows of each table of a database or a Parquet file; ``told`` is
    called with the number of bytes whenever some of a file on disk were read.
    """

    def __init__(
        self,
        machine: Machine,
        sample: int | None = None,
        told: Callable[[int], None] | None = None,
    ) -> None:
        self._machine, self._sample, self._told = machine, sample, told

    def look(self, path: str) -> Iterator[Report]:
        """Look into a file or a database; every trouble comes as `NotRead`, none is raised."""
        if databases.is_database(path):
            yield from databases.database(path, self._machine, self._sample)
            return
        shown = redact_path(path)
        try:
            with _opened(path) as file:
                yield from self._file(file, shown, path)
        except OSError as error:
            yield NotRead(shown, _reason(error))

    def stream(self, stream: Readable, path: str) -> Iterator[Report]:
        """Look into a stream that cannot be read twice, such as a pipe."""
        yield from self._guarded(Source(path, path, Ahead(stream)))

    def _file(self, file: BinaryIO, shown: str, path: str) -> Iterator[Report]:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            yield NotRead(shown, "not a plain file: a device, a pipe or a socket")
            return
        stream = Ahead(_UpTo(file, state.st_size or _SEEN_ALL, self._told))
        source = Source(shown, Path(path).name, stream, file, disk=path)
        yield from self._guarded(source)
        if os.fstat(file.fileno()).st_size < state.st_size:
            yield NotRead(shown, "became shorter while it was read")

    def _guarded(self, source: Source) -> Iterator[Report]:
        """Look into a source; what is wrong with it becomes a reason."""
        kind = kind_of(source)
        try:
            yield from self._by_kind(source, kind)
        except TooMuch as error:
            if source.depth and kind in _OUTER:
                raise
            yield NotRead(source.path, str(error))
        except (OSError, MemoryError) as error:
            yield NotRead(source.path, _reason(error))
        except GeneratorExit:
            raise
        except Exception as error:
            yield NotRead(source.path, archives.broken(kind, error))

    def _by_kind(self, source: Source, kind: str) -> Iterator[Report]:
        machine, inside = self._machine, self._guarded
        readers: dict[str, Callable[[], Iterator[Report]]] = {
            "zip": lambda: archives.zip_members(source, inside),
            "tar": lambda: archives.tar_members(source, inside),
            "office": lambda: documents.office(source, machine),
            "ole": lambda: self._ole(source),
            "rtf": lambda: documents.rtf(source, machine),
            "pdf": lambda: pdf.pdf(source, machine),
            "sqlite": lambda: self._sqlite(source),
            **{
                one: lambda: columnar.columnar(source, machine, self._sample, kind)
                for one in ("parquet", "arrow", "orc")
            },
            "plist": lambda: documents.plist(source, machine),
            "mbox": lambda: mail.mbox(source, machine, inside),
            "mail": lambda: mail.message(source, machine, inside),
            "text": lambda: TextScan(machine, source.path).run(source.stream.read),
        }
        if source.depth > MOST_DEPTH:
            yield NotRead(source.path, f"archives nested deeper than {MOST_DEPTH}")
        elif kind in _NO_READER:
            yield NotRead(source.path, _NO_READER[kind])
        elif kind in readers:
            yield from readers[kind]()
        else:
            yield from archives.compressed(source, inside, kind)

    def _sqlite(self, source: Source) -> Iterator[Report]:
        try:
            yield from databases.sqlite_file(source, self._machine, self._sample)
        except sqlite3.Error as error:
            yield NotRead(source.path, f"database is broken ({type(error).__name__})")
            # What is left of it is looked at as bytes.
            file = source.seekable()
            yield from TextScan(self._machine, source.path, "binary").run(file.read)

    def _ole(self, source: Source) -> Iterator[Report]:
        """Old Office files: sheets as tables; Word, PowerPoint, Outlook as bytes, twice."""
        file = source.seekable()
        try:
            yield from documents.workbook(source, self._machine, file)
        except Exception:
            for encoding in ("binary", "utf-16-le"):
                file.seek(0)
                yield from TextScan(self._machine, source.path, encoding).run(file.read)


_OUTER: Final = frozenset({"zip", "tar", "gzip", "bzip2", "xz", "zstd", "office"})


def kind_of(source: Source) -> str:
    """What a source is, by its first bytes."""
    head = source.stream.peek(HEAD)
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head.startswith(_ZIP):
        return _zip_kind(head)
    if head[257:262] == b"ustar":
        return "tar"
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if mail.is_mbox(head):
        return "mbox"
    return "mail" if mail.is_message(head) else "text"


def _zip_kind(head: bytes) -> str:
    first = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    is_office = first in (b"[Content_Types].xml", b"_rels/.rels", b"docProps/app.xml") or (
        first == b"mimetype" and b"epub" not in head[:200]
    )
    return "office" if is_office or re.search(rb"(?:xl|word|ppt)/\w+\.xml", head) else "zip"


def redact_path(path: str) -> str:
    """A path that can be shown: a card number in a file's name is masked like any other."""
    return redact(path) if re.search(r"\d[\d \-_.]{11,}", path) else path


class _UpTo:
    """At most so many bytes of a file: one that grows while it is read ends where it ended."""

    def __init__(self, file: Any, size: int, told: Callable[[int], None] | None) -> None:
        self._file, self._left, self._told = file, size, told

    def read(self, size: int = -1, /) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data: bytes = self._file.read(wanted) if wanted else b""
        self._left -= len(data)
        if self._told is not None:
            self._told(len(data))
        return data


def _opened(path: str) -> BinaryIO:
    # Without O_NONBLOCK the opening of a pipe that nobody writes to would wait for ever.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    return os.fdopen(handle, "rb", buffering=0)


def _reason(error: BaseException) -> str:
    if isinstance(error, FileNotFoundError):
        return "vanished before it could be read"
    if isinstance(error, PermissionError):
        return "no permission"
    if isinstance(error, MemoryError):
        return "needs more memory than there is"
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else f"cannot be read ({type(error).__name__})"
