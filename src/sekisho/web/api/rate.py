"""How many requests a key may send: a bucket that fills up again (token bucket)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sekisho.domain.caller import Caller

BURST_S: Final = 2.0
"""Short bursts pass: so many seconds' worth at once."""


class Rates:
    """One bucket for each key that has a limit."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._buckets: dict[str, tuple[float, float]] = {}

    def may(self, caller: Caller) -> bool:
        """Whether the caller may send one more now; counts it if so."""
        if not caller.per_second:
            return True
        now, most = self._monotonic(), caller.per_second * BURST_S
        left, at = self._buckets.get(caller.key_id, (most, now))
        left = min(most, left + (now - at) * caller.per_second)
        self._buckets[caller.key_id] = (left - 1 if left >= 1 else left, now)
        return left >= 1
