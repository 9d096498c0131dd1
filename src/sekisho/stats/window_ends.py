"""When a leak began and ended: a likelihood over all windows at once, and what it leaves open.

A card that is first exposed at v has, besides its background hazard r, a hazard theta f(t | v) of
misuse at t, where f is the shape that the misuse seen so far has. Over a window of exposure the
log-likelihood ratio against no leak is

    sum over cases first exposed in it of log(1 + theta f / r)  -  theta sum over exposed cards of F

(F: the share of the misuse that has had time to show; Poisson process, Daley & Vere-Jones 2003,
ch. 7). Both sums are over visits that are their card's first in the window, so each visit adds its
value to one rectangle of windows, as in `scan`. The ends are no regular parameters: the
likelihood falls off from them exponentially and not as a parabola, and what chi-square calls 95 %
holds the truth in 85 % (with k victims spread evenly, one end is exponential with rate k). So the
likelihood is integrated over both ends and theta under flat priors (for such ends exact in repeated
sampling too, Pitman 1939), and each end's quantiles are read off.

Two shapes are tried, and weighed by their likelihood: misuse that follows the visit (log-normal
lag) and misuse that follows the calendar, whenever the visit was (a lot that is sold).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ANY_TIME = 0.1  # share of the misuse that follows neither shape
LEAST_SPREAD = 0.35  # of the logarithm of lags
LEAST_SHARE = 0.1  # shown of a victim's lag: fewer are not scaled up further
LEAST_WIDTH = 7.0  # days by which misuse is spread over the calendar around each fraud seen
ROUNDS = 2  # shape from the victims, window from the shape
STEADY = 5  # steps that settle how much misuse there is
SPREAD = np.exp(np.linspace(-1.0, 1.0, 5))  # multiples of theta that are integrated over


@dataclass(frozen=True, slots=True)
class Exposures:
    """Visits at one entity over a grid of ``bins`` equal steps of time.

    A visit is its spell's first in every window that starts in bins ``begin`` to ``until`` and ends
    in ``until`` or later. ``left`` are the days from the visit to the as-of day's end. ``case`` are
    rows of visits by cases; for each of these ``card`` says whose it is, ``fraud_day`` and ``lag``
    when the fraud came (days since 1970, days since the visit), ``told`` how many days after the
    visit it was reported, ``rate`` the card's background
    hazard a day at that time, ``counted`` whether the fraud lies in the misuse that stood out.
    """

    bins: int
    begin: Ints
    until: Ints
    weight: Floats
    left: Floats
    case: Ints
    card: Ints
    fraud_day: Floats
    lag: Floats
    told: Floats
    rate: Floats
    counted: NDArray[np.bool_]
    span: float  # days of the whole history


Shape = Callable[[Exposures, NDArray[np.bool_], Floats], tuple[Floats, Floats]]


@dataclass(frozen=True, slots=True)
class End:
    """Bins of one end of the window: its median, and where the interval begins and stops."""

    middle: int
    lower: int
    upper: int


def sum_windows(begin: Ints, until: Ints, values: Floats, bins: int) -> Floats:
    """For every window (start bin, end bin) the sum over visits that are the first in it."""
    table = np.zeros((bins + 1, bins))
    np.add.at(table, (begin, until), values)
    np.add.at(table, (until + 1, until), -values)
    return np.asarray(table.cumsum(axis=0).cumsum(axis=1)[:-1], float)


def ends_of(seen: Exposures, window: tuple[int, int], confidence: float) -> tuple[End, End]:
    """Both ends of the window, where it stood out in the bins of ``window``."""
    surface = np.logaddexp(_surface(seen, window, _by_lag), _surface(seen, window, _by_day))
    chance = np.exp(surface - surface.max())
    chance /= chance.sum()
    return _end(chance.sum(axis=1), confidence), _end(chance.sum(axis=0), confidence)


def _end(chance: Floats, confidence: float) -> End:
    running = np.cumsum(chance)
    outside = (1.0 - confidence) / 2.0
    spots = np.searchsorted(running, (0.5, outside, 1.0 - outside))
    middle, lower, upper = (int(spot) for spot in np.minimum(spots, chance.size - 1))
    return End(middle, lower, upper)


def _surface(seen: Exposures, window: tuple[int, int], shape: Shape) -> Floats:
    """Log-likelihood of all windows under one shape; minus infinity where a window is none."""
    trust = seen.counted.astype(float)  # that a case is the leak's
    surface = np.zeros((seen.bins, seen.bins))
    for _ in range(ROUNDS):
        head = (seen.begin <= window[0]) & (window[0] <= seen.until) & (seen.until <= window[1])
        mine = head[seen.case]
        if not (trust[mine] > 0).any():
            trust = np.ones(seen.case.size)
        density, shown = shape(seen, mine, trust)
        density = (1.0 - ANY_TIME) * density + ANY_TIME / seen.span
        shown = (1.0 - ANY_TIME) * shown + ANY_TIME
        exposed = max(float((seen.weight * shown)[head].sum()), 1e-9)
        theta = max(float(trust[mine].sum()), 1.0) / exposed
        for _ in range(STEADY):
            trust = theta * density / (theta * density + seen.rate)
            theta = max(float(trust[mine].sum()), 0.5) / exposed
        surface = _integrated(seen, density, shown, theta)
        start, end = np.unravel_index(int(surface.argmax()), surface.shape)
        window = int(start), int(end)
        trust = theta * density / (theta * density + seen.rate)
    return surface


def _integrated(seen: Exposures, density: Floats, shown: Floats, theta: float) -> Floats:
    bins = seen.bins
    begin, until = seen.begin[seen.case], seen.until[seen.case]
    mass = sum_windows(seen.begin, seen.until, seen.weight * shown, bins)
    total = np.full((bins, bins), -np.inf)
    for level in theta * SPREAD:
        gained = sum_windows(begin, until, np.log1p(level * density / seen.rate), bins)
        total = np.logaddexp(total, gained - level * mass)
    return np.where(np.triu(np.ones((bins, bins), bool)), total, -np.inf)


def _by_lag(seen: Exposures, mine: NDArray[np.bool_], trust: Floats) -> tuple[Floats, Floats]:
    """Misuse follows the visit: density at each case's fraud, share shown of each visit's.

    Of late visits only what was misused and reported quickly is seen, so each victim counts for all
    who would have shown by now with the same lag (Horvitz & Thompson 1952).
    """
    log_lag, log_told = np.log1p(np.maximum(seen.lag, 0.02)), np.log1p(np.maximum(seen.told, 0.02))
    left = np.log1p(np.maximum(seen.left, 0.0))
    weight = trust[mine] + 1e-9
    share = np.ones(weight.size)
    for _ in range(STEADY):
        told = _moments(log_told[mine], weight / share)
        share = np.maximum(_below(left[seen.case[mine]], told), LEAST_SHARE)
    density = _density(log_lag, _moments(log_lag[mine], weight / share)) / np.exp(log_lag)
    return density, _below(left, told)


def _density(values: Floats, normal: tuple[float, float]) -> Floats:
    middle, spread = normal
    scaled = (values - middle) / spread
    return np.asarray(np.exp(-0.5 * scaled**2) / (spread * np.sqrt(2.0 * np.pi)), float)


def _below(values: Floats, normal: tuple[float, float]) -> Floats:
    middle, spread = normal
    return np.asarray(special.ndtr((values - middle) / spread), float)


def _moments(values: Floats, weight: Floats) -> tuple[float, float]:
    middle = float(np.average(values, weights=weight))
    square = float(np.average((values - middle) ** 2, weights=weight))
    return middle, max(float(np.sqrt(1.1 * square)), LEAST_SPREAD)


def _by_day(seen: Exposures, mine: NDArray[np.bool_], trust: Floats) -> tuple[Floats, Floats]:
    """Misuse follows the calendar: a kernel around the frauds seen, each card's own left out.

    Visits after the misuse count as exposed in full: nothing says that the leak went on.
    """
    day, weight = seen.fraud_day[mine], trust[mine] + 1e-9
    alike = float(weight.sum()) ** 2 / float((weight**2).sum())
    square = float(np.average((day - np.average(day, weights=weight)) ** 2, weights=weight))
    width = max(LEAST_WIDTH, 0.9 * float(np.sqrt(square)) * alike**-0.2)
    # On whole days, so that cases beyond count cost no more: a day is little beside the width.
    first = int(seen.fraud_day.min())
    place = seen.fraud_day.astype(np.int64) - first
    reach = int(np.ceil(4.0 * width))
    bell = _density(np.arange(-reach, reach + 1, dtype=float), (0.0, width))
    counts = np.bincount(place[mine], weight, int(place.max()) + 1)
    _, who = np.unique(seen.card, return_inverse=True)
    own = np.bincount(who[mine], weight, int(who.max()) + 1)[who]
    smooth = np.convolve(counts, bell)[reach : reach + counts.size]
    density = np.maximum(smooth[place] - own * bell[reach], 0.0)
    density /= max(float(weight.sum()) - 1.0, 0.5)
    return np.asarray(density, float), np.ones(seen.weight.size)
