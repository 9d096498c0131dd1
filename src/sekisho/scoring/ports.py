"""What the engine needs from outside: a ledger that keeps what it writes."""

from __future__ import annotations

from typing import Protocol

from sekisho.domain.ledger import Entry


class Ledger(Protocol):
    """Entries in the order in which they were written; a position is above zero and only grows."""

    def next_position(self) -> int:
        """Where the next entry will stand."""

    def write(self, entry: Entry) -> int:
        """Write an entry down so that it survives the process; its position.

        OSError: nothing of it is kept.
        """

    def read(self, position: int) -> Entry | None:
        """The entry at a position; None where none begins, or it is kept no longer."""

    def decision_id(self, position: int) -> str:
        """The id of a decision that will stand there; never the same twice."""

    def position_of(self, decision_id: str) -> int | None:
        """Where a decision stands, if the text is an id of this ledger."""
