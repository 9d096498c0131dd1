"""The scan: for each entity, the exposure window and misuse period with the strongest excess.

A *visit* belongs to a spell (a stretch of a card's life that ends with fraud, or without) and an
entity. A spell is exposed in the window [s, e] when it has a visit in it; its risk runs from its
first visit in the window. Because that first visit is the visit v with previous < s <= v <= e,
each visit adds its weight to a rectangle of windows, and two cumulative sums over a difference
array give the counts of all windows at once (summed-area tables, Crow 1984).

The score of a window is the log-likelihood ratio of k cases among D against an expectation E,
    k ln(k/E) + (D - k) ln((D - k)/(D - E)),   for k > E
(Kulldorff 1997, a spatial scan statistic; here conditional on the D cases of the misuse period).

When it lies: the score says nothing of chance until corrected for the number of windows, periods
and entities tried (see `tails`), and E must be known better than sqrt(E).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bins = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Visits:
    """Visits sorted by entity, spell and day; at most one for each day of a spell at an entity.

    ``first[i]:first[i + 1]`` are the visits of entity i. ``previous`` is the day of the spell's
    visit before at the entity, or a very early day. ``hazard`` is the spell's cumulative hazard
    at the visit, ``weight`` how many cards the visit stands for.
    """

    first: Ints
    spell: Ints
    day: Ints
    previous: Ints
    hazard: Floats
    weight: Floats


@dataclass(frozen=True, slots=True)
class Spells:
    """What the scan needs of each spell.

    Bit p of ``periods[s]`` says that the spell is a case whose fraud lies in misuse period p; 0
    for a spell that is no case. ``hazard_from[s, p]`` and ``hazard_until[s, p]`` are the cumulative
    hazard at the period's beginning and at its end (or the spell's, if earlier). ``totals[p]`` is
    the number of cases in period p, ``scale[p]`` what hazards are multiplied with so that all cards
    together expect as many.
    """

    periods: Ints
    hazard_from: Floats
    hazard_until: Floats
    totals: Floats
    scale: Floats


@dataclass(frozen=True, slots=True)
class Best:
    """The strongest window of each entity; ``score`` is 0 where nothing stands out."""

    score: Floats
    start: Ints
    end: Ints
    period: Ints
    cases: Ints
    expected: Floats
    exposed_cases: Ints  # distinct cases with any visit
    windows: Ints  # case-visit days on the grid: measures how much was tried


@nb.njit(cache=True, nogil=True, inline="always")
def likelihood_ratio(k: float, expected: float, total: float) -> float:
    """Log-likelihood ratio of k among ``total`` against ``expected``; 0 unless k exceeds it."""
    if k <= expected or expected <= 0.0:
        return 0.0
    score = k * np.log(k / expected)
    rest = total - k
    if rest > 0.0 and total > expected:
        score += rest * np.log(rest / (total - expected))
    return float(score)


@nb.njit(cache=True, nogil=True)
def _grid(days: Ints, limit: int) -> tuple[Ints, Ints]:
    """At most ``limit`` bins over the sorted distinct ``days``: their first and last days."""
    n = days.size
    bins = min(n, limit)
    starts = np.empty(bins, np.int64)
    ends = np.empty(bins, np.int64)
    for g in range(bins):
        starts[g] = days[g * n // bins]
        ends[g] = days[(g + 1) * n // bins - 1]
    return starts, ends


@nb.njit(cache=True, nogil=True)
def _steps(starts: Ints, ends: Ints, earliest: int, opened: Bins, closed: Bins) -> None:
    """For each day from ``earliest`` on: bins that start by then, bins that ended before it."""
    begun = 0
    over = 0
    for i in range(opened.size):
        day = earliest + i
        while begun < starts.size and starts[begun] <= day:
            begun += 1
        while over < ends.size and ends[over] < day:
            over += 1
        opened[i] = begun
        closed[i] = over


@nb.njit(cache=True, nogil=True)
def _fill(  # noqa: PLR0913, PLR0917 - a compiled kernel takes arrays, no objects
    spell: Ints, day: Ints, previous: Ints, hazard: Floats, weight: Floats,
    earliest: int, opened: Bins, closed: Bins,
    periods: Ints, hazard_from: Floats, hazard_until: Floats,
    p: int, scale: float, bins: int, counts: Floats, expected: Floats,
) -> None:  # fmt: skip
    """Counts and expectations of all windows (start bin, end bin) for misuse period p.

    Each visit opens the windows that start after the spell's visit before it, at the latest on its
    own day, and end no sooner than that day.
    """
    counts[: bins + 1, :bins] = 0.0
    expected[: bins + 1, :bins] = 0.0
    for i in range(spell.size):
        until = closed[day[i] - earliest]
        if until >= bins:
            continue
        last = opened[day[i] - earliest]
        begin = 0
        if previous[i] >= earliest:
            begin = opened[previous[i] - earliest]
        if begin >= last:
            continue
        s = spell[i]
        risk = hazard_until[s, p] - max(hazard[i], hazard_from[s, p])
        if risk > 0.0:
            risk *= weight[i] * scale
            expected[begin, until] += risk
            expected[last, until] -= risk
        if (periods[s] >> p) & 1:
            counts[begin, until] += 1.0
            counts[last, until] -= 1.0
    for a in range(bins):
        count_row = 0.0
        expected_row = 0.0
        for b in range(bins):
            count_row += counts[a, b]
            expected_row += expected[a, b]
            if a > 0:
                counts[a, b] = counts[a - 1, b] + count_row
                expected[a, b] = expected[a - 1, b] + expected_row
            else:
                counts[a, b] = count_row
                expected[a, b] = expected_row


@nb.njit(cache=True, nogil=True)
def _hopes(ceiling: Floats, best: float) -> None:
    """For each count k, the largest expectation at which k could still beat ``best``.

    k ln(k / E) bounds the score from above, so E must lie below k exp(-best / k).
    """
    for k in range(1, ceiling.size):
        ceiling[k] = k * np.exp(-best / k)


@nb.njit(cache=True, nogil=True)
def _case_visits(spell: Ints, day: Ints, periods: Ints) -> tuple[Ints, Ints, int]:
    """Days of the visits of later cases, their period bits, and how many cases there are."""
    days = np.empty(spell.size, np.int64)
    bits = np.empty(spell.size, np.int64)
    n = 0
    cases = 0
    before = -1
    for i in range(spell.size):
        if periods[spell[i]] != 0:
            days[n] = day[i]
            bits[n] = periods[spell[i]]
            n += 1
            if spell[i] != before:
                cases += 1
                before = spell[i]
    return days[:n].copy(), bits[:n].copy(), cases


@nb.njit(cache=True, nogil=True)
def _days_of(days: Ints, bits: Ints, p: int) -> Ints:
    """Sorted distinct days of the case visits whose misuse lies in period p."""
    return np.unique(days[(bits >> p) & 1 == 1])


@nb.njit(cache=True, nogil=True, parallel=True)
def _scan(  # noqa: PLR0913, PLR0917 - a compiled kernel takes arrays, no objects
    first: Ints, spell: Ints, day: Ints, previous: Ints, hazard: Floats, weight: Floats,
    periods: Ints, hazard_from: Floats, hazard_until: Floats,
    totals: Floats, scale: Floats, floor: Floats, limit: int, least: int,
    score: Floats, start: Ints, end: Ints, best_period: Ints,
    cases: Ints, best_expected: Floats, exposed: Ints, windows: Ints,
) -> None:  # fmt: skip
    for e in nb.prange(first.size - 1):
        lo, hi = first[e], first[e + 1]
        days, bits, count = _case_visits(spell[lo:hi], day[lo:hi], periods)
        exposed[e] = count
        if count < least:
            continue
        distinct = np.unique(days).size
        windows[e] = distinct
        most = min(distinct, limit)
        counts = np.empty((most + 1, most))
        expected = np.empty((most + 1, most))
        earliest = day[lo:hi].min()
        opened = np.empty(day[lo:hi].max() - earliest + 1, np.int32)
        closed = np.empty(opened.size, np.int32)
        ceiling = np.zeros(count + 1)
        _hopes(ceiling, 0.0)
        for p in range(totals.size):
            # The best window of a period starts and ends where its own cases were.
            if totals[p] < least or ((bits >> p) & 1).sum() < least:
                continue
            own = _days_of(days, bits, p)
            starts, ends = _grid(own, limit)
            bins = starts.size
            _steps(starts, ends, earliest, opened, closed)
            _fill(
                spell[lo:hi], day[lo:hi], previous[lo:hi], hazard[lo:hi], weight[lo:hi],
                earliest, opened, closed,
                periods, hazard_from, hazard_until, p, scale[p], bins, counts, expected,
            )  # fmt: skip
            for a in range(bins):
                for b in range(a, bins):
                    k = int(round(counts[a, b]))  # noqa: RUF046 - compiled, round gives a float
                    # Rounding of the running sums must never produce an expectation of nothing.
                    mean = max(expected[a, b], floor[e])
                    if k < least or mean >= ceiling[k]:
                        continue
                    value = likelihood_ratio(float(k), mean, totals[p])
                    if value > score[e]:
                        score[e] = value
                        start[e] = starts[a]
                        end[e] = ends[b]
                        best_period[e] = p
                        cases[e] = k
                        best_expected[e] = mean
                        _hopes(ceiling, value)


def scan(visits: Visits, spells: Spells, *, floor: Floats, limit: int, least: int) -> Best:
    """Scan each entity over all windows and misuse periods.

    ``floor`` is the least expectation believed for each entity, ``limit`` the most bins of the
    grid of windows, ``least`` the fewest cases that make a window worth scoring.
    Memory: ``16 * limit**2`` bytes a thread.
    """
    n = visits.first.size - 1
    best = Best(
        score=np.zeros(n), start=np.zeros(n, np.int64), end=np.zeros(n, np.int64),
        period=np.zeros(n, np.int64), cases=np.zeros(n, np.int64), expected=np.zeros(n),
        exposed_cases=np.zeros(n, np.int64), windows=np.zeros(n, np.int64),
    )  # fmt: skip
    _scan(
        visits.first, visits.spell, visits.day, visits.previous, visits.hazard, visits.weight,
        spells.periods, spells.hazard_from, spells.hazard_until,
        spells.totals, spells.scale, floor, limit, least,
        best.score, best.start, best.end, best.period,
        best.cases, best.expected, best.exposed_cases, best.windows,
    )  # fmt: skip
    return best
