"""An open loop: each request has its moment, whatever became of the ones before.

A latency is the time from that moment to the answer, so that a door which stops for a second is
charged for every request that should have left in it (coordinated omission). How late the player
itself was is measured beside it: where that is not small, its own machine was the limit.
"""

from __future__ import annotations

import array
import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from sekisho.app.loading.source import Purchase
from sekisho.domain.progress import Progress

_TICK_S: Final = 0.001
_PERCENTILES: Final = (50.0, 90.0, 99.0, 99.9)


class Line(Protocol):
    """One connection to a door."""

    async def open(self) -> None:
        """Connect; BadInput where nobody answers, or not as this door should."""

    def post(self, number: int, purchase: Purchase) -> None:
        """Ask for a purchase; it may wait in the line's own queue until `flush`."""

    def flush(self) -> None:
        """Let everything that was posted leave."""

    def close(self) -> None:
        """Hang up."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``rate`` requests a second, ``count`` in all; the first ``warm_up`` are not measured.

    ``patience_s``: how long the last answers are waited for.
    """

    rate: float
    count: int
    warm_up: int = 0
    patience_s: float = 10.0


class Score:
    """What came back, and when.

    ``clock``: seconds, finer than a microsecond; an event loop's own may tell milliseconds only.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.outcomes: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.latencies = array.array("d")
        self.lags = array.array("d")
        self.sent = 0
        self.warm_up = 0
        self.clock = clock
        self._moments: dict[int, float] = {}

    @property
    def unanswered(self) -> int:
        """Requests whose answer has not come."""
        return len(self._moments)

    def leaves(self, number: int, moment: float) -> None:
        """Request ``number``, due at ``moment``, is handed to a line."""
        self.sent += 1
        self._moments[number] = moment
        if number >= self.warm_up:
            self.lags.append(self.clock() - moment)

    def answered(self, number: int, outcome: str, code: str) -> None:
        """The answer to request ``number``: what it says, with its response code."""
        moment = self._moments.pop(number, None)
        if moment is None:
            self.errors["answered twice"] += 1
            return
        self.outcomes[outcome] += 1
        self.codes[code] += 1
        if number >= self.warm_up:
            self.latencies.append(self.clock() - moment)

    def failed(self, number: int, why: str) -> None:
        """Request ``number`` will get no answer."""
        if self._moments.pop(number, None) is not None:
            self.errors[why] += 1

    def give_up(self) -> None:
        """What is unanswered now stays so."""
        self.errors["no answer"] += len(self._moments)
        self._moments.clear()


@dataclass(frozen=True, slots=True)
class Figures:
    """A finished load. Latencies and lags in milliseconds, by percentile and ``max``."""

    sent: int
    answered: int
    seconds: float
    outcomes: dict[str, int]
    codes: dict[str, int]
    errors: dict[str, int]
    latency_ms: dict[str, float]
    sender_lag_ms: dict[str, float]

    def as_json(self, **more: Any) -> dict[str, Any]:
        """The figures as ``--json`` prints them."""
        return {
            "schema": "sekisho.load/1",
            **more,
            "sent": self.sent,
            "answered": self.answered,
            "seconds": round(self.seconds, 3),
            "answered_per_second": round(self.answered / self.seconds, 1) if self.seconds else 0.0,
            "outcomes": self.outcomes,
            "response_codes": self.codes,
            "errors": self.errors,
            "latency_ms": self.latency_ms,
            "sender_lag_ms": self.sender_lag_ms,
        }


async def play(
    lines: Sequence[Line], source: Iterator[Purchase], plan: Plan, score: Score, progress: Progress
) -> Figures:
    """Play ``plan.count`` purchases over open lines; returns when all is answered or given up."""
    clock = score.clock
    score.warm_up = plan.warm_up
    begin = clock() + 0.05
    number = 0
    while number < plan.count:
        due = min(plan.count, int((clock() - begin) * plan.rate) + 1)
        before = number
        while number < due:
            line = lines[number % len(lines)]
            score.leaves(number, begin + number / plan.rate)
            line.post(number, next(source))
            number += 1
        if number > before:
            for line in lines:
                line.flush()
            progress.advance(number - before)
        pause = begin + number / plan.rate - clock()
        await asyncio.sleep(max(min(pause, _TICK_S), 0.0))
    until = clock() + plan.patience_s
    while score.unanswered and clock() < until:
        await asyncio.sleep(_TICK_S)
    seconds = clock() - begin
    score.give_up()
    return _figures(score, seconds)


def _figures(score: Score, seconds: float) -> Figures:
    return Figures(
        sent=score.sent,
        answered=score.outcomes.total(),
        seconds=seconds,
        outcomes=dict(score.outcomes.most_common()),
        codes=dict(score.codes.most_common()),
        errors={why: count for why, count in score.errors.items() if count},
        latency_ms=percentiles(score.latencies),
        sender_lag_ms=percentiles(score.lags),
    )


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """p50, p90, p99, p99.9 and max in milliseconds, each a value seen; empty for none."""
    values = np.asarray(seconds, np.float64)
    if not values.size:
        return {}
    cut = np.percentile(values, _PERCENTILES, method="inverted_cdf") * 1_000
    named = {f"p{at:g}": round(float(one), 3) for at, one in zip(_PERCENTILES, cut, strict=True)}
    return {**named, "max": round(float(values.max()) * 1_000, 3)}
