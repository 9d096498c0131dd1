"""When the leak was open: the window's ends, and how far the data lets them move."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.cohort import DAY
from sekisho.commonpoint.search import LEAST_CASES, Association
from sekisho.commonpoint.settle import expected_in_period
from sekisho.commonpoint.study import Panel, Study
from sekisho.stats.window_ends import Exposures, ends_of

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CONFIDENCE = 0.95
MOST_BINS = 400  # of the grid: single days up to that length of history
LEAST_RATE = 1e-12


@dataclass(frozen=True, slots=True)
class WindowEstimate:
    """Days since 1970 of both ends, each with an interval of `CONFIDENCE`.

    ``left_censored`` and ``ongoing`` say that an interval reaches the history's first day, or the
    as-of day.
    """

    start: int
    end: int
    start_lower: int
    start_upper: int
    end_lower: int
    end_upper: int
    left_censored: bool
    ongoing: bool


def estimate_window(study: Study, found: Association) -> WindowEstimate:
    """The ends of the window of an association, with the days that the data leaves open."""
    panel = found.panel
    assert panel is not None  # noqa: S101 - every association is made from a panel of its own
    first = max(int(panel.visits.day.min()), int(study.clock.edges[0] // DAY))
    last = int(study.clock.end // DAY) - 1
    step = -(-(last - first + 1) // MOST_BINS)
    bins = -(-(last - first + 1) // step)
    seen = _exposures(study, panel, found.period, (first, step, bins))

    def bin_of(day: int) -> int:
        return min(max((day - first) // step, 0), bins - 1)

    window = bin_of(found.start_day), bin_of(found.end_day)
    start, end = ends_of(seen, window, CONFIDENCE)

    def last_of(spot: int) -> int:
        return min(first + (spot + 1) * step - 1, last)

    return WindowEstimate(
        start=first + start.middle * step,
        end=last_of(max(end.middle, start.middle)),
        start_lower=first + start.lower * step,
        start_upper=last_of(start.upper),
        end_lower=first + end.lower * step,
        end_upper=last_of(end.upper),
        left_censored=start.lower == 0,
        ongoing=end.upper == bins - 1,
    )


def _exposures(study: Study, panel: Panel, period: int, grid: tuple[int, int, int]) -> Exposures:
    """The visits of a panel on a grid of (first day, days a bin, bins)."""
    first, step, bins = grid
    visits = panel.visits
    until = (visits.day - first) // step
    begin = np.where(visits.previous < first, 0, (visits.previous - first) // step + 1)
    # A visit in the same bin as the one before is never the first of a window.
    use = np.flatnonzero((begin <= until) & (until >= 0) & (until < bins))
    spell = visits.spell[use]
    case = np.flatnonzero(study.event[spell])
    mine = spell[case]
    leave = study.spells.leave[mine]
    return Exposures(
        bins=bins,
        begin=begin[use],
        until=until[use],
        weight=visits.weight[use],
        left=(study.clock.end - panel.at[use]) / DAY,
        case=case,
        card=study.spells.card[mine],
        fraud_day=leave / DAY,
        lag=(leave - panel.at[use][case]) / DAY,
        told=(study.spells.reported_at[mine] - panel.at[use][case]) / DAY,
        rate=rate_at_fraud(study, mine),
        counted=study.in_period(period)[mine],
        span=float(study.clock.end - study.clock.edges[0]) / DAY,
    )


def rate_at_fraud(study: Study, spells: Ints) -> Floats:
    """Background hazard a day of some cases at their index time."""
    edges = study.clock.edges
    leave = study.spells.leave[spells]
    block = np.clip(np.searchsorted(edges, leave, side="left") - 1, 0, edges.size - 2)
    since = np.maximum(study.spells.entry[spells], edges[block])
    risk = study.cumulative[spells, block + 1] - study.cumulative[spells, block]
    days = np.maximum((leave - since) / DAY, 1e-6)
    level = float(study.scale[study.clock.all_time])
    return np.asarray(np.maximum(risk / days * level, LEAST_RATE), float)


def with_window(study: Study, found: Association, window: WindowEstimate) -> Association:
    """The finding of a single merchant with the estimated window, and its counts there.

    The misuse period, score and p stay those of the strongest window. A window that would leave
    fewer victims than are ever spoken of changes nothing.
    """
    if found.panel is None or len(found.members) != 1 or found.members[0].merchant != found.entity:
        return found
    panel = study.renew(found.panel)
    inside = (panel.visits.day >= window.start) & (panel.visits.day <= window.end)
    exposed = np.unique(panel.visits.spell[inside])
    spells = exposed[study.in_period(found.period)[exposed]]
    if spells.size < LEAST_CASES:
        return found
    # The level of the background is that of the search, which knew other findings' victims.
    usual = _expected(study, panel, found.period, (found.start_day, found.end_day))
    change = _expected(study, panel, found.period, (window.start, window.end)) / max(usual, 1e-12)
    cases, expected = int(spells.size), found.expected * change
    member = replace(
        found.members[0], start_day=window.start, end_day=window.end, cases=cases,
        expected=expected,
    )  # fmt: skip
    return replace(
        found, start_day=window.start, end_day=window.end, spells=spells, exposed=exposed,
        cases=cases, expected=expected, members=(member,),
    )  # fmt: skip


def _expected(study: Study, panel: Panel, period: int, window: tuple[int, int]) -> float:
    visits = panel.visits
    heads = (visits.day >= window[0]) & (visits.day <= window[1]) & (visits.previous < window[0])
    return expected_in_period(study, panel, heads, period)
