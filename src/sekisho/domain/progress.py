"""How long work tells that it is getting on, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told of each step; the command line draws bars from it, tests record it."""

    def step(self, name: str, *, total: float | None = None) -> None:
        """Begin the step ``name`` (a stable key); ``total`` units of work if known."""

    def advance(self, amount: float) -> None:
        """``amount`` more units of the current step are done."""


class Silent:
    """Nobody listens."""

    def step(self, name: str, *, total: float | None = None) -> None:
        """Say nothing."""

    def advance(self, amount: float) -> None:
        """Say nothing."""
