"""Snapshots of the engine's arrays: written beside, named when whole, mapped and not read.

A folder each, named after the position up to which the journal is in it. Opening maps the files
copy-on-write, so five million cards are there at once, what nobody asks for is never read, and what
changes stays in memory until the next snapshot.
"""

from __future__ import annotations

import json
import mmap
import os
import shutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sekisho.journal.segments import sync_folder

SCHEMA: Final = "sekisho.engine-state/1"
KEPT: Final = 2
CHECKED: Final = 1 << 20
"""Files up to this size are checked whenever they are opened, larger ones where asked for."""
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One that is whole. ``rows`` in use by array; ``checksums``: bytes and CRC-32 of each.

    ``facts``: what else was handed in.
    """

    path: Path
    position: int
    rows: dict[str, int]
    checksums: dict[str, tuple[int, int]]
    facts: dict[str, Any]


def write_snapshot(folder: Path, position: int, arrays: Arrays, facts: dict[str, Any]) -> None:
    """Write one, whole or not at all, safe from the machine's death; keep the newest ones only."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{position:020d}.{os.getpid()}"
    part.mkdir(mode=0o700)
    try:
        told = {name: _write(part / f"{name}.bin", array) for name, array in arrays.items()}
        rows = {name: len(array) for name, array in arrays.items()}
        head = {
            "schema": SCHEMA, "position": position, "rows": rows, "checksums": told, "facts": facts,
        }  # fmt: skip
        text = json.dumps(head).encode()
        _write_bytes(part / "snapshot.json", [b"%08x\n" % zlib.crc32(text), text])
        sync_folder(part)
        whole = folder / f"{position:020d}"
        if whole.exists():
            shutil.rmtree(whole)
        part.rename(whole)
        sync_folder(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    for old in snapshots(folder)[KEPT:]:
        shutil.rmtree(old.path, ignore_errors=True)


def _write(path: Path, array: NDArray[Any]) -> tuple[int, int]:
    """Write an array's bytes; how many, and their CRC-32."""
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    step = 8 << 20
    blocks = [flat[at : at + step] for at in range(0, len(flat), step)]
    return len(flat), _write_bytes(path, blocks)


def _write_bytes(path: Path, blocks: list[Any]) -> int:
    told = 0
    with path.open("xb", buffering=0) as file:
        for block in blocks:
            told = zlib.crc32(block, told)
            left = memoryview(block)
            while left:
                left = left[file.write(left) :]
        os.fsync(file.fileno())
    path.chmod(0o600)
    return told


def snapshots(folder: Path) -> list[Snapshot]:
    """Those that are whole, the newest first."""
    if not folder.is_dir():
        return []
    names = sorted((one.name for one in folder.iterdir() if one.name.isdecimal()), reverse=True)
    found = [_read(folder / name) for name in names]
    return [one for one in found if one is not None]


def _read(path: Path) -> Snapshot | None:
    try:
        told, text = (path / "snapshot.json").read_bytes().split(b"\n", 1)
        head = json.loads(text)
        if int(told, 16) != zlib.crc32(text) or head["schema"] != SCHEMA:
            return None
        one = Snapshot(path, head["position"], head["rows"], head["checksums"], head["facts"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return one


def damaged(snapshot: Snapshot, *, everything: bool = False) -> str | None:
    """The first file that is not as it was written, or None; large ones only where asked for."""
    for name, (length, told) in snapshot.checksums.items():
        path = snapshot.path / f"{name}.bin"
        if not path.is_file() or path.stat().st_size < length:
            return name
        if (everything or length <= CHECKED) and _sum_of(path, length) != told:
            return name
    return None


def _sum_of(path: Path, length: int) -> int:
    """CRC-32 of a file's first bytes; what follows is room."""
    told = 0
    with path.open("rb") as file:
        while length and (block := file.read(min(length, CHECKED))):
            told, length = zlib.crc32(block, told), length - len(block)
    return told


def open_arrays(
    snapshot: Snapshot,
    wanted: dict[str, int],
    shape_of: Callable[[str], tuple[type[Any], int]],
) -> Arrays:
    """Map a snapshot's arrays, each with room for as many rows as wanted (zeros after its own).

    ``shape_of`` gives kind of number and words in a row (0: single numbers). What is written to
    them stays in memory. ValueError: a file is shorter than it was.
    """
    told: Arrays = {}
    for name, rows in snapshot.rows.items():
        kind, words = shape_of(name)
        width = np.dtype(kind).itemsize * max(words, 1)
        flat = _mapped(snapshot.path / f"{name}.bin", rows * width, wanted[name] * width)
        numbers = np.frombuffer(flat, kind)
        told[name] = numbers.reshape(-1, words) if words else numbers
    return told


def _mapped(path: Path, used: int, room: int) -> Any:
    """A private mapping of a file's bytes and of zeros after them: the file grows by a hole."""
    with path.open("r+b") as file:
        if os.fstat(file.fileno()).st_size < used:
            raise ValueError(f"{path.name} is too short")
        os.ftruncate(file.fileno(), max(room, used))
        size = max(room, used)
        return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY) if size else bytearray()
