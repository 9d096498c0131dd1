"""How the engine's state comes back after a stop or a crash, and how snapshots of it are made."""

from __future__ import annotations

import logging
import os
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from sekisho.domain.errors import StoreUnavailable
from sekisho.journal.journal import Journal
from sekisho.journal.snapshots import Snapshot, damaged, open_arrays, snapshots, write_snapshot
from sekisho.scoring.engine import Engine, Judges
from sekisho.scoring.memory import Memory, memory_of, new_memory, rows_wanted, shape_of
from sekisho.scoring.policy import CompiledPolicy, Policy

log = logging.getLogger(__name__)
FOLDER: Final = "snapshots"


def recovered(data: Path, journal: Journal, utc_offset: int) -> tuple[Memory, int]:
    """The state that the journal implies, and the position of the snapshot that it began from.

    StoreUnavailable: the journal does not reach back to any snapshot that is whole.
    """
    memory, position = _newest(data / FOLDER, journal)
    if memory is None:
        if journal.oldest() > 0:
            raise StoreUnavailable(
                f"no snapshot in {data / FOLDER} is whole, and the journal does not reach back to "
                "its beginning.",
                hint="Restore the folder from its back-up.",
            )
        memory = new_memory(utc_offset)
    # Nothing is judged anew: an entry holds its answer.
    engine = Engine(memory, Judges(CompiledPolicy(Policy("replay"))), journal, lambda: 0)
    count = 0
    for at, _, entry in journal.entries(position):
        engine.replay(entry, at)
        count += 1
    if count:
        log.info("%d entries of the journal were played again", count)
    return memory, position


def _newest(folder: Path, journal: Journal) -> tuple[Memory | None, int]:
    for one in snapshots(folder):
        if one.position > journal.end:  # and the journal must not grow until it seems to fit
            log.warning("snapshot %s is ahead of the journal and is set aside", one.path.name)
            one.path.rename(one.path.with_suffix(".ahead"))
            continue
        if one.position < journal.oldest():
            continue
        wrong = damaged(one)
        if wrong is not None:
            log.warning("snapshot %s is damaged (%s) and is passed over", one.path.name, wrong)
            continue
        return _mapped(one), one.position
    return None, 0


def _mapped(one: Snapshot) -> Memory:
    return memory_of(open_arrays(one, rows_wanted(one.rows), shape_of), one.rows, one.facts)


class Snapshooter:
    """Makes snapshots in a child process, which has the state as it was when it was begun.

    The server waits for the copy of its page table alone (some milliseconds for a gigabyte); pages
    that change meanwhile are copied by the system.
    """

    def __init__(self, data: Path, journal: Journal, since: int, least: int) -> None:
        self._folder = data / FOLDER
        self._journal = journal
        self._since = since
        self._least = least
        self._wanted = since + least
        self._child = 0

    def due(self) -> bool:
        """Whether the journal has grown enough, and no child is at work; cheap."""
        return self._journal.end >= self._wanted

    def begin(self, memory: Memory) -> bool:
        """See to the child, or begin one; True when a new snapshot is there since the last call."""
        if self._child:
            return self._ended(wait=False)
        arrays, facts = memory.arrays(), memory.facts()
        position = self._journal.end
        unsynced = self._journal.unsynced()
        with warnings.catch_warnings():
            # Python 3.12 warns of threads; the child takes none of their locks (decision 0041).
            warnings.simplefilter("ignore", DeprecationWarning)
            self._child = os.fork()
        if self._child:
            self._since = position
            size = sum(array.nbytes for array in arrays.values())
            self._least = max(self._least, size // 16)
            self._wanted = position  # look for the child's end at the next call
            return False
        _write_and_exit(self._folder, (position, arrays, facts), unsynced)
        return False

    def _ended(self, *, wait: bool) -> bool:
        done, status = os.waitpid(self._child, 0 if wait else os.WNOHANG)
        if not done:
            return False
        self._child = 0
        self._wanted = self._since + self._least
        if status:
            log.error("a snapshot could not be written; the next one is tried later")
        return not status

    def wait(self) -> None:
        """Wait for the child, if there is one."""
        if self._child:
            self._ended(wait=True)

    def write(self, memory: Memory) -> None:
        """A snapshot now, in this process, unless nothing was written since the last one."""
        if snapshots(self._folder)[:1] and self._at_end():
            return
        self._journal.sync()
        write_snapshot(self._folder, self._journal.end, memory.arrays(), memory.facts())

    def _at_end(self) -> bool:
        newest = snapshots(self._folder)[0].position
        return next(iter(self._journal.entries(newest)), None) is None

    def oldest(self) -> int:
        """The position of the oldest snapshot that is kept."""
        return min((one.position for one in snapshots(self._folder)), default=0)


def _write_and_exit(
    folder: Path, told: tuple[int, dict[str, NDArray[Any]], dict[str, Any]], unsynced: list[int]
) -> None:
    """The child's whole life. It holds no connection, lock or port of its parent's."""
    status = 1
    try:
        keep = sorted(unsynced)
        for low, high in pairwise([2, *keep, os.sysconf("SC_OPEN_MAX")]):
            os.closerange(low + 1, high)
        os.nice(10)
        for fd in unsynced:  # a snapshot must never be ahead of the journal, whatever dies
            os.fdatasync(fd)
        write_snapshot(folder, *told)
        status = 0
    finally:
        os._exit(status)
