"""Programs that call Sekisho, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What an API key may be used for; one key has one or more."""

    AUTHORIZE = "authorize"
    """Decide and reverse authorizations."""
    REPORT = "report"
    """Report fraud."""
    ANSWER = "answer"
    """Hand in what a holder answered."""
    CARDS = "cards"
    """Stop and open cards."""
    READ = "read"
    """Read the state of cards, and the figures of the service."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sends a request: an API key, or anybody on this machine while there is no key.

    ``per_second``: requests that are taken in the long run; 0: no limit.
    """

    key_id: str
    name: str
    scopes: frozenset[Scope]
    per_second: int = 0

    @property
    def actor(self) -> str:
        """As the audit log names it."""
        return f"system:api-{self.key_id}"
