"""The scan over pooled counts: for each entity the window and misuse period with the most excess.

The score is the one of `scan`; the windows are those that begin and end in a week of a case. Sums
are of integers, so that the order of issuers cannot change a result.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from sekisho.domain.pool import UNIT, CaseCells, Pool, ReachCells
from sekisho.stats.scan import Best, likelihood_ratio

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@nb.njit(cache=True, nogil=True)
def _add(
    table: Ints, starts: Ints, ends: Ints, rectangle: tuple[int, int, int], amount: int
) -> None:
    """Enter the rectangle (begin, last, until) into a difference array over (start, end)."""
    low = np.searchsorted(starts, rectangle[0])
    high = np.searchsorted(starts, rectangle[1] + 1)
    until = np.searchsorted(ends, rectangle[2])
    if low < high and until < ends.size:
        table[low, until] += amount
        table[high, until] -= amount


@nb.njit(cache=True, nogil=True)
def _accumulate(table: Ints) -> None:
    for a in range(table.shape[0]):
        for b in range(1, table.shape[1]):
            table[a, b] += table[a, b - 1]
        if a > 0:
            table[a] += table[a - 1]


@nb.njit(cache=True, nogil=True)
def _fill(
    period: int, starts: Ints, ends: Ints,
    cases: tuple[Ints, Ints, Ints, Ints, Ints], reach: tuple[Ints, Ints, Ints], expected: Ints,
) -> tuple[Ints, Ints]:  # fmt: skip
    """Cases and expectations of all windows (start, end) of one entity and misuse period."""
    counts = np.zeros((starts.size + 1, ends.size), np.int64)
    means = np.zeros((starts.size + 1, ends.size), np.int64)
    of_period, begin, last, until, count = cases
    for i in range(count.size):
        if of_period[i] == period:
            _add(counts, starts, ends, (begin[i], last[i], until[i]), count[i])
    begin, last, until = reach
    for i in range(begin.size):
        if expected[i, period] != 0:
            _add(means, starts, ends, (begin[i], last[i], until[i]), expected[i, period])
    _accumulate(counts)
    _accumulate(means)
    return counts, means


@nb.njit(cache=True, nogil=True)
def _scan_entity(
    cases: tuple[Ints, Ints, Ints, Ints, Ints], reach: tuple[Ints, Ints, Ints], expected: Ints,
    totals: Ints, least: int,
) -> tuple[float, int, int, int, int, int, int]:  # fmt: skip
    """Score, start, end, period, cases, expectation of the best window, and the weeks tried."""
    starts, ends = np.unique(cases[2]), np.unique(cases[3])
    best = (0.0, 0, 0, 0, 0, 0, max(starts.size, ends.size))
    for p in range(totals.size):
        if totals[p] < least:
            continue
        counts, means = _fill(p, starts, ends, cases, reach, expected)
        for a in range(starts.size):
            for b in range(ends.size):
                if ends[b] < starts[a] or counts[a, b] < least:
                    continue
                mean = max(means[a, b], 1)
                score = likelihood_ratio(float(counts[a, b]), mean / UNIT, float(totals[p]))
                if score > best[0]:
                    best = (score, starts[a], ends[b], p, counts[a, b], mean, best[6])
    return best


def _of(cells: CaseCells | ReachCells, entity: int) -> slice:
    low, high = np.searchsorted(cells.entity, [entity, entity + 1])
    return slice(int(low), int(high))


def _parts(
    pool: Pool, entity: int
) -> tuple[tuple[Ints, Ints, Ints, Ints, Ints], tuple[Ints, Ints, Ints], Ints]:
    """One entity's cells of cases, rectangles of all cards, and what is expected of them."""
    c, r = pool.case_cells, pool.reach_cells
    mine, all_cards = _of(c, entity), _of(r, entity)
    cases = (c.period[mine], c.begin[mine], c.last[mine], c.until[mine], c.count[mine])
    reach = (r.begin[all_cards], r.last[all_cards], r.until[all_cards])
    return cases, reach, r.expected[all_cards]


def scan_pool(pool: Pool, *, least: int) -> Best:
    """Scan every entity over all windows and misuse periods; weeks in place of days.

    Windows of fewer than ``least`` cases are not scored. ``exposed_cases`` are those of all time,
    ``windows`` the weeks of cases, which measure how much was tried.
    """
    n = len(pool.names)
    score, expected = np.zeros(n), np.zeros(n)
    start, end, period, cases, windows = (np.zeros(n, np.int64) for _ in range(5))
    for e in np.unique(pool.case_cells.entity):
        part, reach, means = _parts(pool, int(e))
        found = _scan_entity(part, reach, means, pool.cases, least)
        score[e], start[e], end[e], period[e], cases[e] = found[:5]
        expected[e], windows[e] = found[5] / UNIT, found[6]
    return Best(
        score, start, end, period, cases, expected, pool.totals.half_cases // 2, windows
    )  # fmt: skip


def pool_surface(pool: Pool, entity: int, period: int, *, least: int) -> tuple[Ints, Ints, Floats]:
    """Scores of all windows of one entity: first weeks, last weeks, and (start, end) scores.

    Windows of fewer than ``least`` cases have none.
    """
    cases, reach, expected = _parts(pool, entity)
    starts, ends = np.unique(cases[2]), np.unique(cases[3])
    counts, means = _fill(period, starts, ends, cases, reach, expected)
    total = float(pool.cases[period])
    scores = np.zeros((starts.size, ends.size))
    for a in range(starts.size):
        for b in range(ends.size):
            if ends[b] >= starts[a] and counts[a, b] >= least:
                mean = max(int(means[a, b]), 1) / UNIT
                scores[a, b] = likelihood_ratio(float(counts[a, b]), mean, total)
    return starts, ends, scores


def in_window(
    cells: CaseCells | ReachCells, entity: int, start: int, end: int
) -> NDArray[np.bool_]:
    """Which cells of an entity hold for the window from week ``start`` to ``end``."""
    inside = (cells.begin <= start) & (start <= cells.last) & (cells.until <= end)
    return np.asarray(inside & (cells.entity == entity), np.bool_)
