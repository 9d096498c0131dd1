"""Archives and compressed files: each member is looked into as it is unpacked, never on disk."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import pyarrow as pa

from sekisho.discovery.finding import NotRead, Report
from sekisho.discovery.opening import Counted, Source, TooMuch, Unpacked

Inside = Callable[[Source], Iterator[Report]]

BROKEN: Final = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError,
    gzip.BadGzipFile, pa.ArrowException, NotImplementedError, ValueError, RuntimeError,
)  # fmt: skip
_LZMA_MEMORY: Final = 128 << 20
_SUFFIXES: Final = (".gz", ".bz2", ".xz", ".zst", ".lzma", ".tgz", ".tbz2", ".txz", ".tzst")


def zip_members(source: Source, inside: Inside) -> Iterator[Report]:
    """Look into each member of a zip file."""
    with zipfile.ZipFile(source.seekable()) as archive:
        for entry in archive.infolist():
            source.budget.member()
            if entry.is_dir():
                continue
            if entry.flag_bits & 1:
                yield NotRead(f"{source.path}!{entry.filename}", "encrypted")
                continue
            try:
                with archive.open(entry) as packed:
                    size = entry.compress_size
                    stream = Unpacked(packed, lambda size=size: size, source.budget)  # type: ignore[misc]
                    yield from inside(source.inside(entry.filename, stream))
            except BROKEN as error:
                yield NotRead(f"{source.path}!{entry.filename}", broken("member", error))


def tar_members(source: Source, inside: Inside) -> Iterator[Report]:
    """Look into each file of a tar archive; links and devices in it are passed by."""
    with tarfile.open(fileobj=_Raw(source.stream), mode="r|") as archive:  # type: ignore[call-overload]
        for entry in archive:
            source.budget.member()
            if not entry.isreg():
                continue
            member = archive.extractfile(entry)
            if member is not None:
                yield from inside(source.inside(entry.name, member))


def compressed(source: Source, inside: Inside, kind: str) -> Iterator[Report]:
    """Look into a file that is compressed as a whole. ``kind``: gzip, bzip2, xz, zstd."""
    counted = Counted(source.stream)
    stream: Any
    if kind == "gzip":
        raw: Any = _Raw(counted)
        stream = gzip.GzipFile(fileobj=raw)
    elif kind == "bzip2":
        raw = _Raw(counted)
        stream = bz2.BZ2File(raw)
    elif kind == "xz":
        stream = _Lzma(counted)
    else:
        stream = pa.CompressedInputStream(pa.PythonFile(_Raw(counted), mode="r"), "zstd")
    unpacked = Unpacked(stream, lambda: counted.taken, source.budget)
    yield from inside(source.inside(_without_suffix(source.name), unpacked))


def broken(what: str, error: BaseException) -> str:
    """Say that something is broken, without the library's words: they may quote what it holds."""
    if isinstance(error, TooMuch):
        return str(error)
    if isinstance(error, EOFError):
        return f"{what} is cut off"
    return f"{what} is broken ({type(error).__name__})"


def _without_suffix(name: str) -> str:
    base = name.rpartition("/")[2]
    for suffix in _SUFFIXES:
        if base.lower().endswith(suffix):
            stem = base[: -len(suffix)]
            return f"{stem}.tar" if suffix.startswith(".t") else stem
    return base


class _Raw:
    """The little that the unpackers ask of a file."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.closed = False

    def read(self, size: int = -1, /) -> bytes:
        data: bytes = self._stream.read(size)
        return data

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def tell(self) -> int:
        return 0


class _Lzma:
    """xz with a bound on what its dictionary may take: a few bytes can ask for gigabytes."""

    def __init__(self, stream: Counted) -> None:
        self._stream = stream
        self._unpack = lzma.LZMADecompressor(memlimit=_LZMA_MEMORY)

    def read(self, size: int = -1, /) -> bytes:
        """Return up to ``size`` bytes; several streams may follow one another."""
        while True:
            if self._unpack.eof:
                rest = self._unpack.unused_data.lstrip(b"\0") or self._stream.read(1 << 16)
                if not rest:
                    return b""
                self._unpack = lzma.LZMADecompressor(memlimit=_LZMA_MEMORY)
                data = self._unpack.decompress(rest, size)
            elif self._unpack.needs_input:
                fresh = self._stream.read(1 << 16)
                if not fresh:
                    raise EOFError
                data = self._unpack.decompress(fresh, size)
            else:
                data = self._unpack.decompress(b"", size)
            if data:
                return data
