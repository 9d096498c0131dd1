"""What somebody who knows the truth could have concluded: the yardstick for recall.

An oracle knows the leak's members and windows and the true background hazard. It counts the
exposed cards whose first qualifying fraud (card not present or counterfeit, reported by the
as-of date) comes after their first visit in the window, of whatever cause, against the hazard
times the days at risk after that visit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from sekisho.world.kernels import DAY, NEVER


@dataclass(frozen=True, slots=True)
class Oracle:
    """One leak as an oracle sees it at the end of the day ``as_of``."""

    as_of: date
    exposed: int  # cards with a visit in the window by then
    victims: int  # of these, with a first qualifying fraud after it
    misused: int  # victims whose first qualifying fraud comes from this leak
    expected: float
    hazard: float  # per card and day, for a card of factor 1
    log10_p: float  # Poisson upper tail P(X >= victims)


@dataclass(frozen=True, slots=True)
class CardTimes:
    """Per card, in seconds: what the oracle needs. All arrays have one entry per card.

    ``visit`` is the first exposing visit and ``fraud`` the first qualifying fraud reported in
    time, NEVER if there is none; ``own`` says that this leak caused it; ``opened`` and ``closed``
    bound the card's life; ``factor`` is its relative hazard.
    """

    visit: NDArray[np.int64]
    fraud: NDArray[np.int64]
    own: NDArray[np.bool_]
    opened: NDArray[np.int64]
    closed: NDArray[np.int64]
    factor: NDArray[np.float64]


class Truth(Protocol):
    """Anything that can tell a leak's card times: a made world or an injected history."""

    @property
    def last_day(self) -> date:
        """The last day of the history."""
        ...

    def day_number(self, day: date) -> int:
        """Days from the first midnight to the one of ``day``."""
        ...

    def card_times(self, leak: int, stop: int) -> CardTimes:
        """Return the times of all cards, knowing only what is known before second ``stop``."""
        ...


def log10_upper_tail(count: int, expected: float) -> float:
    """Decimal logarithm of P(X >= count), X Poisson; good far below 1e-300.

    scipy's ``logsf`` underflows there; the tail is then its first terms, summed in logarithms.
    """
    if count <= 0:
        return 0.0
    if expected <= 0.0:
        return -math.inf
    tail = float(poisson.logsf(count - 1, expected))
    if not math.isfinite(tail) or tail < -600.0:
        terms = poisson.logpmf(np.arange(count, count + 200 + int(expected)), expected)
        top = float(terms.max())
        tail = top + math.log(float(np.exp(terms - top).sum()))
    return tail / math.log(10.0)


def oracle(truth: Truth, leak: int, as_of: date | None = None) -> Oracle:
    """Judge leak number ``leak`` with everything known by the end of the day ``as_of``."""
    day = as_of or truth.last_day
    stop = (truth.day_number(day) + 1) * DAY
    times = truth.card_times(leak, stop)
    # days, as the files have them: at risk until fraud, close or the as-of date
    end = np.minimum(np.minimum(times.fraud, times.closed), stop) // DAY
    since = np.maximum(times.opened, 0) // DAY
    at_risk = float((times.factor * np.maximum(end - since, 0)).sum())
    foreign = int(((times.fraud < NEVER) & ~times.own).sum())
    hazard = foreign / at_risk if at_risk > 0 else 0.0
    seen = (times.visit < stop) & (times.fraud > times.visit)
    after = np.maximum(end - times.visit // DAY, 0)
    victims = seen & (times.fraud < NEVER)
    expected = hazard * float((times.factor * after)[seen].sum())
    return Oracle(
        as_of=day,
        exposed=int((times.visit < stop).sum()),
        victims=int(victims.sum()),
        misused=int((victims & times.own).sum()),
        expected=expected,
        hazard=hazard,
        log10_p=log10_upper_tail(int(victims.sum()), expected),
    )
