"""Streams that are counted, looked ahead into, and bounded."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

MOST_DEPTH: Final = 8
"""Archives inside archives, at most so deep."""
MOST_RATIO: Final = 300
"""A member that grows more than this is taken for a bomb, once it is larger than `FREE`."""
FREE: Final = 64 << 20
MOST_UNPACKED: Final = 256 << 30
"""Bytes that one file may unpack to, everything inside it together."""
MOST_IN_MEMORY: Final = 96 << 20
"""What must be read from its end (a zip inside a zip) is held in memory, never on disk."""
MOST_MEMBERS: Final = 1_000_000


class TooMuch(Exception):
    """A bound was reached; the message says which, and is fit to be shown."""


class Readable(Protocol):
    """What a reader needs of a stream."""

    def read(self, size: int = ..., /) -> bytes:
        """Return up to ``size`` bytes, none at the end."""
        ...


@dataclass(slots=True)
class Budget:
    """What one file on disk may still unpack to."""

    unpacked: int = 0
    members: int = 0

    def take(self, size: int) -> None:
        """Count ``size`` bytes; raises `TooMuch`."""
        self.unpacked += size
        if self.unpacked > MOST_UNPACKED:
            raise TooMuch(f"unpacks to more than {MOST_UNPACKED >> 30} GiB: not looked at further")

    def member(self) -> None:
        """Count a member; raises `TooMuch`."""
        self.members += 1
        if self.members > MOST_MEMBERS:
            raise TooMuch(f"holds more than {MOST_MEMBERS:,} members: not looked at further")


class Counted:
    """Counts what is read from a stream."""

    def __init__(self, stream: Readable) -> None:
        self._stream, self.taken = stream, 0

    def read(self, size: int = -1, /) -> bytes:
        """Read and count."""
        data = self._stream.read(size)
        self.taken += len(data)
        return data


class Unpacked:
    """What comes out of a compressed stream, held against what went in."""

    def __init__(self, stream: Readable, packed: Callable[[], int], budget: Budget) -> None:
        self._stream, self._packed, self._budget = stream, packed, budget
        self._given = 0

    def read(self, size: int = -1, /) -> bytes:
        """Read, count, and raise `TooMuch` where it grows like a bomb."""
        data = self._stream.read(min(size, 1 << 20) if size >= 0 else 1 << 20)
        self._given += len(data)
        self._budget.take(len(data))
        if self._given > FREE and self._given > MOST_RATIO * max(self._packed(), 1):
            raise TooMuch(
                f"unpacks to more than {MOST_RATIO} times its size, like a bomb: "
                "not looked at further"
            )
        return data


class Ahead:
    """A stream whose beginning can be looked at without taking it."""

    def __init__(self, stream: Readable) -> None:
        self._stream, self._held = stream, b""

    def peek(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer at the end; they stay."""
        while len(self._held) < size and (more := self._stream.read(size - len(self._held))):
            self._held += more
        return self._held[:size]

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""
        if not self._held:
            return self._stream.read(size)
        size = len(self._held) if size < 0 else size
        data, self._held = self._held[:size], self._held[size:]
        return data

    def readable(self) -> bool:  # what io asks of a raw stream
        """Say yes."""
        return True


@dataclass(frozen=True, slots=True)
class Source:
    """One thing to look into. ``path``: as findings name it; ``name``: its own name.

    ``stream`` begins at the beginning; ``file`` is a seekable file where there is one, and
    ``disk`` its name on disk.
    """

    path: str
    name: str
    stream: Ahead
    file: Any = None
    depth: int = 0
    budget: Budget = field(default_factory=Budget)
    disk: str = ""

    def inside(self, name: str, stream: Readable) -> Source:
        """A member of this source."""
        return Source(f"{self.path}!{name}", name, Ahead(stream), None, self.depth + 1, self.budget)

    def seekable(self) -> Any:
        """A file that can be read from its end; raises `TooMuch` for a large one in an archive."""
        if self.file is not None:
            self.file.seek(0)
            return self.file
        parts, have = [], 0
        while data := self.stream.read(1 << 20):
            parts.append(data)
            have += len(data)
            if have > MOST_IN_MEMORY:
                raise TooMuch(
                    f"larger than {MOST_IN_MEMORY >> 20} MiB inside an archive: unpack it first"
                )
        return io.BytesIO(b"".join(parts))

    def whole(self) -> bytes:
        """All of it at once; raises `TooMuch` for what is large."""
        data: bytes = self.seekable().read(MOST_IN_MEMORY + 1)
        if len(data) > MOST_IN_MEMORY:
            raise TooMuch(f"larger than {MOST_IN_MEMORY >> 20} MiB, and can only be read whole")
        return data
