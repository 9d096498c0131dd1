"""What an earlier look would have said: the first month's end at which a finding was one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.cohort import DAY, make_clock
from sekisho.commonpoint.findings import day_to_date
from sekisho.commonpoint.search import (
    LEAST_CASES,
    Association,
    Chance,
    Ground,
    run_log_p,
    scan_exact,
)
from sekisho.commonpoint.study import period_hazards

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EarlierLook:
    """Found on ``found_on`` already; ``victims_after`` of its cards were defrauded later."""

    found_on: date
    victims_after: int


def earlier_look(found: Association, ground: Ground, chance: Chance, alpha: float) -> EarlierLook:
    """Repeat the finding's scan as of each block edge before, by bisection.

    Only fraud reported by then counts, only visits made by then expose. The background's shape
    over cards is taken from the whole run, its level from the cases known by then.
    """
    edges = ground.study.clock.edges
    low, high = 0, edges.size - 1  # never found at low, found at high
    while high - low > 1:
        middle = (low + high) // 2
        if _log_p_at(found, ground, chance, middle) < np.log(alpha):
            high = middle
        else:
            low = middle
    at = int(edges[high])
    after = int((ground.study.spells.leave[found.spells] >= at).sum())
    return EarlierLook(day_to_date(at // DAY - 1), after)


def _log_p_at(found: Association, ground: Ground, chance: Chance, edge: int) -> float:
    study = ground.study
    at = int(study.clock.edges[edge])
    known = study.event & (study.spells.reported_at < at) & (study.spells.leave < at)
    if int(known[found.spells].sum()) < LEAST_CASES:
        return 0.0
    assert found.panel is not None  # noqa: S101 - made from a panel of its own
    panel = found.panel.where(found.panel.at < at)
    coarse = ground.sampled[ground.panel.entities == found.entity]
    sampled = np.array([coarse.min() if coarse.size else float(ground.unit.any())])
    here = replace(ground, panel=panel, sampled=sampled)
    clock = make_clock(int(study.clock.edges[0]), at)
    then = replace(
        study, clock=clock, spells=replace(study.spells, leave=np.minimum(study.spells.leave, at))
    )
    since, until = period_hazards(
        study.spells, study.cumulative, replace(study.clock, periods=clock.periods)
    )
    # A case that nobody knew of yet was a card like any other.
    then = replace(then, hazard_from=since, hazard_until=until, event=known)
    best = scan_exact(then, panel)
    return float(run_log_p(here, chance, best, then.totals, np.zeros(1, np.int64))[0])
