"""How late reports come, learned from those that have come, and how many are still to come.

Only reports up to now are seen, so of recent events only the quick ones: delays are truncated on
the right. Looked at backwards from the longest delay, the chance that a delay is x days given that
it is at most x can be read off all events old enough to have shown such a delay (Lagakos, Barraj &
De Gruttola 1988, Biometrika 75); the product of what is left gives the distribution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_REPORTS = 30  # fewer say too little about how late reports come
LEAST_AT_RISK = 10  # longer delays are seen by too few events to be told
LEAST_SHARE = 0.1  # days of which a smaller share has been reported are too recent to correct


@dataclass(frozen=True, slots=True)
class Delays:
    """``share[x]`` of all reports come within x days; later ones than the last are not told.

    ``log_variance[x]`` is the variance of its logarithm (Greenwood's formula); ``reports`` is how
    many it was learned from.
    """

    share: Floats
    log_variance: Floats
    reports: int

    def within(self, days: Ints) -> Floats:
        """The share of reports that come within ``days``."""
        return np.asarray(self.share[np.clip(days, 0, self.share.size - 1)], float)

    def variance_within(self, days: Ints) -> Floats:
        """The variance of the logarithm of `within`."""
        return np.asarray(self.log_variance[np.clip(days, 0, self.share.size - 1)], float)


def fit_delays(delay: Ints, most: Ints) -> Delays | None:
    """Learn the delays of events: ``delay`` days, of which up to ``most`` could have been seen.

    Both are whole days, 0 <= delay <= most. None for too few events.

    >>> import numpy as np
    >>> half = fit_delays(np.repeat([0, 1, 0], 20), np.repeat([1, 1, 0], 20))
    >>> [round(float(x), 3) for x in half.share]
    [0.5, 1.0]
    """
    if delay.size < LEAST_REPORTS:
        return None
    size = int(most.max()) + 1
    seen = np.bincount(delay, minlength=size).astype(float)
    began = np.cumsum(seen)
    ended = np.concatenate([[0.0], np.cumsum(np.bincount(most, minlength=size))[:-1]])
    at_risk = began - ended  # of events with delay <= x <= most
    told = np.flatnonzero(at_risk >= LEAST_AT_RISK)
    if not told.size:
        return None
    last = int(told[-1])
    seen, at_risk = seen[: last + 1], np.maximum(at_risk[: last + 1], 1.0)
    stays = np.clip(1.0 - seen / at_risk, 1e-6, 1.0)
    stays[0] = 1.0
    # What is left after stepping down from the longest delay to just above x.
    share = np.append(np.cumprod(stays[::-1])[::-1][1:], 1.0)
    step = np.where(seen < at_risk, seen / (at_risk * np.maximum(at_risk - seen, 1e-9)), 0.0)
    step[0] = 0.0
    variance = np.append(np.cumsum(step[::-1])[::-1][1:], 0.0)
    return Delays(share, variance, int(delay.size))


@dataclass(frozen=True, slots=True)
class Total:
    """A count with the reports still to come, and its interval."""

    value: float
    lower: float
    upper: float


def with_reports_to_come(delays: Delays, age: Ints, confidence: float) -> Total:
    """How many events there are in truth, of which those ``age`` days old have been reported.

    Each stands for one over the share that has been reported of its day (Horvitz & Thompson 1952).
    The interval is log-normal in the events still to come (Chao 1987), with the error of the
    delays themselves taken as common to all. Days too recent to be told count as they are.
    """
    share = delays.within(age)
    usable = share >= LEAST_SHARE
    share = share[usable]
    to_come = float(((1.0 - share) / share).sum())
    if to_come <= 0.0:
        return Total(float(age.size), float(age.size), float(age.size))
    error = float((np.sqrt(delays.variance_within(age[usable])) / share).sum())
    variance = float(((1.0 - share) / share**2).sum()) + error**2
    spread = float(special.ndtri(0.5 + confidence / 2))
    factor = float(np.exp(spread * np.sqrt(np.log1p(variance / to_come**2))))
    return Total(age.size + to_come, age.size + to_come / factor, age.size + to_come * factor)
