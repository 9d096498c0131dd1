"""Keys of 128 bits to numbers, in plain arrays: which row a card has, where an answer stands.

A dict of five million texts takes a gigabyte and minutes to build. These tables take 30 to 60 bytes
a key, can be mapped from a file, and never move: a table that is full is kept and a larger one
begun, so no authorization waits for a copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sekisho.scoring.compiled import compiled

Ints = NDArray[np.int64]
Key = tuple[int, int]
FIRST_SLOTS: Final = 1 << 12
MOST_SLOTS: Final = 1 << 22
FULL: Final = 0.8
MOST_TABLES: Final = 16  # of keys that may be forgotten: some fifty million, 1.6 GiB


def key_of(kind: str, *texts: str) -> Key:
    """The key of some texts; of which kind they are is a part of it.

    128 bits of BLAKE2b (RFC 7693): two texts with one key are not to be expected.
    """
    told = blake2b("\x1f".join(texts).encode(), digest_size=16, person=kind.encode()).digest()
    return (
        int.from_bytes(told[:8], "little", signed=True),
        int.from_bytes(told[8:], "little", signed=True),
    )


@compiled
def _find(slots: Ints, first: int, second: int) -> int:
    """The slot of a key, or the one where it would go."""
    wrap = slots.shape[0] - 1
    at = first & wrap
    while slots[at, 2] != 0 and (slots[at, 0] != first or slots[at, 1] != second):
        at = (at + 1) & wrap
    return int(at)


@compiled
def _get(slots: Ints, first: int, second: int) -> int:
    return int(slots[_find(slots, first, second), 2])


@compiled
def _put(slots: Ints, first: int, second: int, value: int) -> None:
    at = _find(slots, first, second)
    slots[at, 0] = first
    slots[at, 1] = second
    slots[at, 2] = value


@dataclass(slots=True)
class Table:
    """Slots (n, 3) of key and value, 0 for a free one; ``newest`` is the latest time put in."""

    slots: Ints
    count: int = 0
    newest: int = 0


class Lookup:
    """Numbers above zero by key.

    With ``keep`` seconds, what is older is forgotten in time, and so is the oldest where there are
    more than `MOST_TABLES` tables: a flood must not fill the memory.
    """

    def __init__(self, keep: int | None = None, tables: list[Table] | None = None) -> None:
        self.keep = keep
        self.tables = tables or [Table(_slots(FIRST_SLOTS))]

    def get(self, key: Key) -> int:
        """The number of a key; 0 where it has none."""
        for table in reversed(self.tables):
            value: int = _get(table.slots, *key)
            if value:
                return value
        return 0

    def put(self, key: Key, value: int, at: int = 0) -> None:
        """Give a key (that has none) its number at a time, in seconds."""
        table = self.tables[-1]
        if table.count >= FULL * len(table.slots):
            table = Table(_slots(min(2 * len(table.slots), MOST_SLOTS)))
            self.tables.append(table)
            self._forget(at)
        _put(table.slots, *key, value)
        table.count += 1
        table.newest = max(table.newest, at)

    def _forget(self, now: int) -> None:
        if self.keep is not None:
            limit = now - self.keep
            young = [table for table in self.tables[:-1] if table.newest > limit]
            self.tables[:-1] = young[1 - MOST_TABLES :]


def _slots(count: int) -> Ints:
    return np.zeros((count, 3), np.int64)
