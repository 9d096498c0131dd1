"""Which files are read: paths resolved, folders opened, doubles found, bytes hashed."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from types import TracebackType

from sekisho.domain.errors import BadInput, NothingToDo

TABLE_ENDINGS = (
    ".parquet",
    ".csv",
    ".tsv",
    ".txt",
    ".csv.gz",
    ".csv.zst",
    ".tsv.gz",
    ".tsv.zst",
)
CHUNK_BYTES = 1 << 20


def expand(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Give the files behind ``paths``, folders replaced by the tables in them, in a fixed order.

    A path named twice is read once. Raises BadInput for what is not there, cannot be read or is
    neither file nor folder, and NothingToDo for a file without a byte.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        for file in _tables_in(path) if path.is_dir() else (path,):
            _check_readable(file)
            found.setdefault(file.resolve(), file)
    return tuple(found.values())


def _tables_in(folder: Path) -> tuple[Path, ...]:
    try:
        names = sorted(folder.rglob("*"))
    except OSError as error:
        raise BadInput(f"{folder.name}: the folder cannot be opened ({error.strerror})") from error
    tables = tuple(
        name
        for name in names
        if name.is_file()
        and name.name.lower().endswith(TABLE_ENDINGS)
        and not name.name.startswith((".", "_"))
    )
    if not tables:
        raise BadInput(
            f"{folder.name}: no table in this folder",
            hint="A folder is searched for files ending in " + ", ".join(TABLE_ENDINGS) + ".",
        )
    return tables


def _check_readable(file: Path) -> None:
    try:
        if not file.exists():
            raise BadInput(
                f"{file.name}: there is no such file",
                hint="Check the path; relative paths start at the current folder.",
            )
        if not file.is_file():
            raise BadInput(f"{file.name}: neither a file nor a folder")
        with file.open("rb") as stream:
            first = stream.read(1)
    except OSError as error:
        raise BadInput(
            f"{file.name}: cannot be read ({error.strerror})",
            hint="Check the permissions of the file and of the folders above it.",
        ) from error
    if not first:
        raise NothingToDo(f"{file.name}: the file is empty (0 bytes)")


def without_doubles(files: Sequence[Path]) -> tuple[tuple[Path, ...], dict[Path, Path]]:
    """Give the files to read, and for each file left out the one that holds the same bytes.

    Only files of equal size are hashed for it.
    """
    sizes = Counter(file.stat().st_size for file in files)
    first_of: dict[str, Path] = {}
    kept: list[Path] = []
    doubles: dict[Path, Path] = {}
    for file in files:
        if sizes[file.stat().st_size] > 1:
            digest = sha256_of(file)
            if digest in first_of:
                doubles[file] = first_of[digest]
                continue
            first_of[digest] = file
        kept.append(file)
    return tuple(kept), doubles


def sha256_of(file: Path, stop: Event | None = None) -> str:
    """SHA-256 of the file's bytes in hexadecimal; the empty string if ``stop`` was set."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            if stop is not None and stop.is_set():
                return ""
            digest.update(chunk)
    return digest.hexdigest()


@dataclass
class BackgroundHashes:
    """SHA-256 of the inputs, computed beside the engine's work.

    Leaving the ``with`` block stops what is still running, so that an error or Ctrl-C does not
    wait for gigabytes to be hashed.
    """

    stop: Event = field(default_factory=Event)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=1))
    waiting: dict[Path, Future[str]] = field(default_factory=dict)

    def __enter__(self) -> BackgroundHashes:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop.set()
        self.pool.shutdown(wait=False, cancel_futures=True)

    def add(self, file: Path) -> None:
        """Hash ``file`` when its turn comes."""
        self.waiting[file] = self.pool.submit(sha256_of, file, self.stop)

    def of(self, file: Path) -> str:
        """Give the hash of ``file``, waited for."""
        try:
            return self.waiting[file].result()
        except OSError as error:
            raise BadInput(f"{file.name}: cannot be read to its end ({error.strerror})") from error


def label_of(files: Sequence[Path]) -> dict[Path, str]:
    """Name each file by its base name, with its folder where two would be the same."""
    count = Counter(file.name for file in files)
    return {
        file: file.name if count[file.name] == 1 else os.path.join(file.parent.name, file.name)  # noqa: PTH118
        for file in files
    }
