"""The files of the journal: entries one after the other, each with its length and checksum.

A position is a byte's place in the whole journal, so it only grows. Each file (a segment) begins
with a head of 32 bytes and is named after its first position; opening begins a new one, whose
number is a part of all ids made in it. A file's room is set aside before it is written to, so a
full disk is known before an answer is decided, and an entry is one write that cannot fail half way.
"""

from __future__ import annotations

import os
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from sekisho.domain.errors import StoreUnavailable

MAGIC: Final = b"SEKISHO1"
HEAD: Final = struct.Struct("<8sIQQ4x")  # magic, number of the opening, first position, opened at
FRAME: Final = struct.Struct("<II")  # length of the payload, CRC-32 that begins with the position
STEP: Final = 4 << 20
SEGMENT: Final = 128 << 20
LONGEST: Final = 1 << 20
BLOCK: Final = 1 << 18


class Segment(NamedTuple):
    """One file: its first position, the one after its last entry, and its head."""

    path: Path
    first: int
    end: int
    number: int
    opened_at: int


@dataclass(frozen=True, slots=True)
class Cut:
    """A tail that was torn: how many bytes were set aside, and where."""

    position: int
    length: int
    kept_in: Path


def checksum(position: int, payload: bytes) -> int:
    """CRC-32 of a payload that stands at a position; the same bytes elsewhere do not fit."""
    return zlib.crc32(payload, position & 0xFFFF_FFFF)


def frame(position: int, payload: bytes) -> bytes:
    """An entry as it stands in the file."""
    return FRAME.pack(len(payload), checksum(position, payload)) + payload


def name_of(position: int) -> str:
    """The file that begins at a position; names sort as positions do."""
    return f"{position:020d}.journal"


def list_segments(folder: Path) -> list[Segment]:
    """All files of a journal in order; the end of the last one is found by reading it.

    StoreUnavailable where a head is not one, or a file is missing in between.
    """
    found: list[Segment] = []
    for path in sorted(folder.glob("*.journal")):
        with path.open("rb") as file:
            head = file.read(HEAD.size)
        if len(head) < HEAD.size or not any(head):
            if path == max(folder.glob("*.journal")):
                continue  # the process died while it began this file; nothing was written to it
            raise damaged(path, 0)
        magic, number, first, opened_at = HEAD.unpack(head)
        if magic != MAGIC or name_of(first) != path.name:
            raise damaged(path, 0)
        if found and found[-1].end != first:
            before = found[-1]
            end = end_of(before.path, before.first)
            if end != first:
                raise damaged(before.path, end - before.first)
            found[-1] = before._replace(end=end)
        found.append(Segment(path, first, first + path.stat().st_size, number, opened_at))
    if found:
        last = found[-1]
        found[-1] = last._replace(end=end_of(last.path, last.first))
    return found


def end_of(path: Path, first: int) -> int:
    """The position after the last whole entry of a file."""
    end = first + HEAD.size
    with path.open("rb") as file:
        file.seek(HEAD.size)
        for position, payload in frames(file.fileno(), first, end):
            end = position + FRAME.size + len(payload)
    return end


def frames(
    fd: int, first: int, position: int, stop: int | None = None
) -> Iterator[tuple[int, bytes]]:
    """Whole entries of an open file from a position on, each with its position.

    Ends before ``stop``, or at the first bytes that are no whole entry.
    """
    block, begin = b"", position
    while stop is None or position < stop:
        at = position - begin
        if len(block) - at < FRAME.size or len(block) - at < _length(block, at) + FRAME.size:
            wanted = max(BLOCK, min(_length(block, at), LONGEST) + FRAME.size)
            block, begin, at = os.pread(fd, wanted, position - first), position, 0
            if len(block) < FRAME.size:
                return
        length, told = FRAME.unpack_from(block, at)
        payload = block[at + FRAME.size : at + FRAME.size + length]
        if not 0 < length <= LONGEST or len(payload) < length:
            return
        if checksum(position, payload) != told:
            return
        yield position, payload
        position += FRAME.size + length


def _length(block: bytes, at: int) -> int:
    if len(block) - at < FRAME.size:
        return 0
    length: int = FRAME.unpack_from(block, at)[0]
    return length


def cut_tail(segment: Segment, folder: Path) -> Cut | None:
    """Set apart what stands after the last whole entry of a file, if anything does."""
    with segment.path.open("r+b") as file:
        file.seek(segment.end - segment.first)
        rest = file.read().rstrip(b"\0")
        cut = None
        if rest:
            kept = folder / f"{segment.end:020d}.torn"
            kept.write_bytes(rest)
            cut = Cut(segment.end, len(rest), kept)
        file.truncate(segment.end - segment.first)
        os.fsync(file.fileno())
    return cut


def holding(segments: list[Segment], position: int) -> int | None:
    """The index of the segment that a position lies in."""
    at = bisect_right(segments, position, key=lambda one: one.first) - 1
    return None if at < 0 or position >= segments[at].end else at


def set_aside(fd: int, offset: int, length: int) -> None:
    """Let a stretch of a file have its room on the disk. OSError where there is none."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, offset, length)
    elif os.pwrite(fd, bytes(length), offset) != length:
        raise OSError("the disk is full")


def sync_folder(folder: Path) -> None:
    """Let names in a folder survive the machine's death."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def damaged(path: Path, offset: int) -> StoreUnavailable:
    """The trouble to raise where a file cannot be read on."""
    return StoreUnavailable(
        f"the journal is damaged: {path.name}, byte {offset}; what follows is there but cannot "
        "be read in order.",
        hint="Restore the folder from its back-up; docs/how-to/keep-the-engine.md says how.",
    )
