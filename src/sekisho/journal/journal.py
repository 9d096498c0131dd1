"""The journal of the live engine: written before an answer leaves, read back after a crash.

An entry is in the file (in the system's memory of it) when `write` returns, so it survives the
process. `Journal.sync` makes it survive the machine.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sekisho.domain.errors import StoreFull
from sekisho.domain.ledger import Entry
from sekisho.journal.codec import from_bytes, to_bytes
from sekisho.journal.segments import (
    FRAME,
    HEAD,
    LONGEST,
    MAGIC,
    SEGMENT,
    STEP,
    Cut,
    Segment,
    checksum,
    cut_tail,
    damaged,
    frame,
    frames,
    holding,
    list_segments,
    name_of,
    set_aside,
    sync_folder,
)

_IDS: Final = 12  # hexadecimal digits of a position in an id: 256 TiB


class Journal:
    """The entries of one folder, open for writing by one process.

    ``cut``: the torn tail that opening found. StoreUnavailable: damaged; StoreFull: no room.
    """

    def __init__(self, folder: Path, opened_at: int, *, segment: int = SEGMENT) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._most = segment
        self._segments = list_segments(folder)
        self.cut: Cut | None = None
        if self._segments:
            self.cut = cut_tail(self._segments[-1], folder)
        self._readers: dict[int, int] = {}
        self._fd = -1
        self._room = 0
        self.number = self._segments[-1].number + 1 if self._segments else 1
        self._unsynced: list[int] = []
        self._lock = threading.Lock()
        self._failed: OSError | None = None
        self.end = self._segments[-1].end if self._segments else 0
        self.synced = self.end
        self._begin(opened_at)

    # ------------------------------------------------------------ writing

    def next_position(self) -> int:
        """Where the next entry will stand."""
        return self.end

    def make_room(self, opened_at: int) -> None:
        """Room for the longest entry, before anything is decided. StoreFull where there is none.

        Begins a new file, opened at that time, where this one is full.
        """
        current, needed = self._segments[-1], self.end + FRAME.size + LONGEST
        if self.end - current.first >= self._most:
            self._begin(opened_at)
        elif needed > self._room:
            self._set_aside(self._fd, current.first, needed + STEP)

    def _set_aside(self, fd: int, first: int, until: int) -> None:
        try:
            set_aside(fd, self.end - first, until - self.end)
        except OSError as error:
            raise StoreFull(
                f"there is no room for the journal: {error.strerror}.",
                hint="Make room on the disk of the data folder; it goes on by itself.",
            ) from error
        self._room = until

    def _begin(self, opened_at: int) -> None:
        """Begin a new file; the one before is left whole, exactly as long as it is."""
        first = self.end
        path = self._folder / name_of(first)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            self._set_aside(fd, first, first + HEAD.size + FRAME.size + LONGEST + STEP)
            os.pwrite(fd, HEAD.pack(MAGIC, self.number, first, opened_at), 0)
            os.fsync(fd)
            sync_folder(self._folder)
        except (OSError, StoreFull):
            os.close(fd)
            path.unlink(missing_ok=True)
            raise
        self._leave()
        self._segments = [one for one in self._segments if one.path != path]
        self.end = first + HEAD.size
        self._segments.append(Segment(path, first, self.end, self.number, opened_at))
        self._fd = fd
        self._readers[first] = fd

    def _leave(self) -> None:
        """Let go of the file that was written to so far."""
        if self._fd < 0:
            return
        current = self._segments[-1]
        os.ftruncate(self._fd, current.end - current.first)
        with self._lock:
            self._unsynced.append(os.dup(self._fd))

    def write(self, entry: Entry) -> int:
        """Write an entry down so that it survives the process; its position."""
        payload = to_bytes(entry)
        if len(payload) > LONGEST:
            raise OSError(f"an entry of {len(payload)} bytes is too long for the journal")
        position = self.end
        told = frame(position, payload)
        current = self._segments[-1]
        done = os.pwrite(self._fd, told, position - current.first)
        if done != len(told):
            raise OSError(f"{done} of {len(told)} bytes were written")
        self.end = position + done
        self._segments[-1] = current._replace(end=self.end)
        return position

    def sync(self) -> int:
        """Let all entries so far survive the machine; the position up to which they do.

        May be called from another thread than the writer's. OSError: the disk failed; from then on
        it always does, because the system has forgotten what it could not write.
        """
        if self._failed is not None:
            raise self._failed
        end, fd = self.end, self._fd  # before the list: a file left in between is in it
        with self._lock:
            left = list(self._unsynced)
        try:
            for one in (*left, fd):
                os.fdatasync(one)
        except OSError as error:
            self._failed = error
            raise
        with self._lock:
            self._unsynced = self._unsynced[len(left) :]
        for old in left:
            os.close(old)
        self.synced = max(self.synced, end)
        return end

    def unsynced(self) -> list[int]:
        """Descriptors of the files that `sync` would flush."""
        with self._lock:
            return [*self._unsynced, self._fd]

    # ------------------------------------------------------------ reading

    def read(self, position: int) -> Entry | None:
        """The entry at a position; None where none begins, or it is kept no longer."""
        at = holding(self._segments, position) if position else None
        if at is None:
            return None
        segment = self._segments[at]
        offset = position - segment.first
        block = os.pread(self._reader(segment), 1_024, offset)
        if offset < HEAD.size or len(block) < FRAME.size:
            return None
        length, told = FRAME.unpack_from(block)
        if not 0 < length <= LONGEST:
            return None
        payload = block[FRAME.size : FRAME.size + length]
        if len(payload) < length:
            payload = os.pread(self._reader(segment), length, offset + FRAME.size)
        return from_bytes(payload) if checksum(position, payload) == told else None

    def entries(self, position: int, stop: int | None = None) -> Iterator[tuple[int, int, Entry]]:
        """Entries from a position on: where each begins, the position after it, and itself.

        0, or a position that is kept no longer: from the oldest one. StoreUnavailable where a file
        in between cannot be read to its end.
        """
        last = self.end if stop is None else stop
        for segment in list(self._segments):
            if segment.end <= position or segment.first >= last:
                continue
            begin = max(position, segment.first + HEAD.size)
            until = min(segment.end, last)
            after = begin
            for at, payload in frames(self._reader(segment), segment.first, begin, until):
                after = at + FRAME.size + len(payload)
                yield at, after, from_bytes(payload)
            if after < until:
                raise damaged(segment.path, after - segment.first)

    def _reader(self, segment: Segment) -> int:
        fd = self._readers.get(segment.first)
        if fd is None:
            fd = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
            self._readers[segment.first] = fd
        return fd

    # ------------------------------------------------------------ ids

    def decision_id(self, position: int) -> str:
        """The number of this opening and the position: never the same twice, and in order."""
        return f"{self.number:06x}-{position:0{_IDS}x}"

    def position_of(self, decision_id: str) -> int | None:
        """Where a decision stands, if the text has the form of an id."""
        number, dash, position = decision_id.partition("-")
        if not dash or len(number) < 6 or len(position) != _IDS:
            return None
        try:
            return int(position, 16) if int(number, 16) <= self.number else None
        except ValueError:
            return None

    # ------------------------------------------------------------ keeping

    def oldest(self) -> int:
        """The first position that is kept."""
        return self._segments[0].first

    def forget(self, before: int, opened_before: int) -> int:
        """Delete files that end before a position and were left before a time; how many."""
        gone = 0
        while len(self._segments) > 1:
            oldest, following = self._segments[0], self._segments[1]
            if oldest.end > before or following.opened_at >= opened_before:
                break
            fd = self._readers.pop(oldest.first, None)
            if fd is not None:
                os.close(fd)
            oldest.path.unlink()
            del self._segments[0]
            gone += 1
        return gone

    def close(self) -> None:
        """Let everything survive the machine, give back unused room, and let go."""
        if self._fd < 0:
            return
        try:
            self._leave()
            self.sync()
        finally:
            for fd in (*self._readers.values(), *self._unsynced):
                os.close(fd)
            self._readers, self._unsynced, self._fd = {}, [], -1
