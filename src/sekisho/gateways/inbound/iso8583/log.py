"""The door's log: spared, so that a peer which sends rubbish all day does not fill the disk."""

from __future__ import annotations

import logging
from typing import Final

PER_SECOND: Final = 50


class Sparing(logging.Filter):
    """Lets through so many lines of each second, and says with the next one how many it held back.

    Errors always pass: those are about the door, not about what peers send.
    """

    def __init__(self, per_second: int = PER_SECOND) -> None:
        super().__init__()
        self._per_second = per_second
        self._second = 0
        self._passed = 0
        self._held_back = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line passes; the first one of a new second carries the count."""
        second = int(record.created)
        if second != self._second:
            self._second, self._passed = second, 0
        if record.levelno < logging.ERROR and self._passed >= self._per_second:
            self._held_back += 1
            return False
        self._passed += 1
        if self._held_back:
            record.msg = f"{record.msg} ({self._held_back} lines before it were left out)"
            self._held_back = 0
        return True


LOG: Final = logging.getLogger("sekisho.iso8583")
SPARING: Final = Sparing()
LOG.addFilter(SPARING)
