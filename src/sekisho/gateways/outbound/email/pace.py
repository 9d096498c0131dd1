"""How fast each carrier is fed: one bucket of tokens for each group of domains.

The rates are dated data of the rulebook. A bucket holds at most ``burst`` messages and gains
``per_second``; a domain that is in no group has a bucket of its own with the limits of "other".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sekisho.rulebook.carriers import Carriers


@dataclass(slots=True)
class _Bucket:
    per_second: float
    burst: float
    tokens: float
    filled_at: float


class Pace:
    """Says for each domain whether a message may go now. ``clock`` counts seconds."""

    def __init__(self, carriers: Carriers, clock: Callable[[], float]) -> None:
        self._carriers = carriers
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def take(self, domain: str) -> float:
        """0 if a message to ``domain`` may go now (and is counted), else seconds to wait."""
        bucket = self._bucket(domain.lower())
        now = self._clock()
        gained = max(0.0, now - bucket.filled_at) * bucket.per_second
        bucket.tokens = min(bucket.burst, bucket.tokens + gained)
        bucket.filled_at = now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0.0
        return (1 - bucket.tokens) / bucket.per_second

    def _bucket(self, domain: str) -> _Bucket:
        group = self._carriers.group_of(domain)
        name = group.name if group.domains else domain
        if name not in self._buckets:
            full = float(group.burst)
            self._buckets[name] = _Bucket(group.per_second, full, full, self._clock())
        return self._buckets[name]


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """When a deferred message is tried again, and when it is given up.

    RFC 5321 4.5.4.1: wait at least half an hour in general, give up after four to five days; the
    first wait is shorter because greylisting lets a message in after about five minutes.
    """

    waits_s: tuple[float, ...] = (300, 900, 1800, 3600, 7200, 14400)
    give_up_s: float = 4 * 86400

    def next_wait(self, attempt: int, since_first_s: float) -> float | None:
        """Seconds to wait after the attempt ``attempt`` (from 1); None to give up."""
        wait = self.waits_s[min(attempt, len(self.waits_s)) - 1]
        return None if since_first_s + wait > self.give_up_s else wait
