"""What an earlier look would have said: the first month's end at which a finding was one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.cohort import DAY
from sekisho.commonpoint.findings import day_to_date
from sekisho.commonpoint.search import EXACT_BINS, LEAST_CASES, Association, Ground, run_log_p
from sekisho.stats.scan import Spells, scan

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EarlierLook:
    """Found on ``found_on`` already; ``victims_after`` of its cards were defrauded later."""

    found_on: date
    victims_after: int


def earlier_look(found: Association, ground: Ground, alpha: float) -> EarlierLook:
    """Repeat the finding's scan as of each block edge before, by bisection.

    Only fraud reported by then counts, only visits made by then expose. The background's shape
    over cards is taken from the whole run, its level from the cases known by then.
    """
    edges = ground.study.clock.edges
    low, high = 0, edges.size - 1  # never found at low, found at high
    while high - low > 1:
        middle = (low + high) // 2
        if _log_p_at(found, ground, middle) < np.log(alpha):
            high = middle
        else:
            low = middle
    at = int(edges[high])
    after = int((ground.study.spells.leave[found.spells] >= at).sum())
    return EarlierLook(day_to_date(at // DAY - 1), after)


def _log_p_at(found: Association, ground: Ground, edge: int) -> float:
    study = ground.study
    at = int(study.clock.edges[edge])
    known = study.event & (study.spells.reported_at < at) & (study.spells.leave < at)
    if int(known[found.spells].sum()) < LEAST_CASES:
        return 0.0
    number = np.flatnonzero(ground.panel.entities == found.entity)
    panel = ground.panel.select(number)
    panel = panel.where(panel.at < at)
    every = np.arange(len(study.spells))
    until = study.cumulative[:, edge]
    starts = [
        int(study.clock.edges[0]) if days is None else at - days * DAY
        for days in study.clock.periods
    ]
    since = np.column_stack([study.hazard_by(every, begin) for begin in starts])
    ends = study.spells.leave
    totals = np.array([float((known & (ends >= begin)).sum()) for begin in starts])
    # The level of the background is that of the cases known on that day, late reports missing.
    fitted = np.array([float((study.weight * np.maximum(until - s, 0.0)).sum()) for s in since.T])
    level = np.divide(totals, fitted, out=np.ones_like(totals), where=fitted > 0)
    period = np.full(len(study.spells), -1, np.int64)
    for p in reversed(range(len(starts))):
        period[known & (ends >= starts[p])] = p
    # One level for all periods keeps the hazards additive.
    scale = float(level[-1])
    spells = Spells(period=period, hazard_from=since, hazard_until=until)
    visits = panel.visits
    scaled = type(visits)(
        first=visits.first, spell=visits.spell, day=visits.day, previous=visits.previous,
        hazard=visits.hazard, weight=visits.weight * scale,
    )  # fmt: skip
    best = scan(
        scaled, spells, totals, floor=np.full(1, 1e-9), limit=EXACT_BINS, least=LEAST_CASES
    )
    return float(run_log_p(ground, best, totals, number)[0])
