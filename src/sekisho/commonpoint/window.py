"""When the leak was open: the window's ends, and how far the data lets them move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sekisho.commonpoint.study import Panel, Study
from sekisho.stats.scan import surface
from sekisho.stats.tails import half_width

CONFIDENCE = 0.95
SURFACE_BINS = 400


@dataclass(frozen=True, slots=True)
class WindowEstimate:
    """Days since 1970 of both ends, each with a likelihood-ratio interval."""

    start: int
    end: int
    start_lower: int
    start_upper: int
    end_lower: int
    end_upper: int
    left_censored: bool
    ongoing: bool


def estimate_window(
    study: Study, panel: Panel, number: int, period: int, *, victims: int
) -> WindowEstimate:
    """Invert the likelihood ratio over both ends (profile likelihood, Wilks 1938).

    The likelihood only changes at visits of victims, so the best window touches the first and the
    last of them, and the true one reaches, on average, one gap between victims further.
    """
    starts, ends, scores = surface(
        panel.visits, study.for_scan(), number, period, limit=SURFACE_BINS
    )
    best = [int(at) for at in np.unravel_index(int(scores.argmax()), scores.shape)]
    lowest = scores.max() - half_width(CONFIDENCE)
    fair_starts = np.flatnonzero(scores.max(axis=1) >= lowest)
    fair_ends = np.flatnonzero(scores.max(axis=0) >= lowest)
    first, last = int(starts[best[0]]), int(ends[best[1]])
    gap = max(1, round((last - first) / max(victims, 2)))
    history_first = int(study.clock.edges[0] // 86_400)
    seen_first = max(int(panel.visits.day.min()), history_first)
    as_of = int(study.clock.end // 86_400) - 1
    before = _previous(starts, int(fair_starts[0]), seen_first)
    after = _next(ends, int(fair_ends[-1]), as_of)
    start = max(first - gap, _previous(starts, best[0], seen_first))
    end = min(last + gap, _next(ends, best[1], as_of))
    reach = 3 * gap
    return WindowEstimate(
        start=start,
        end=end,
        start_lower=max(before, int(starts[fair_starts[0]]) - reach),
        start_upper=int(starts[fair_starts[-1]]),
        end_lower=int(ends[fair_ends[0]]),
        end_upper=min(after, int(ends[fair_ends[-1]]) + reach),
        left_censored=first - reach <= seen_first,
        ongoing=last + reach >= as_of,
    )


def _previous(days: np.ndarray, spot: int, first: int) -> int:
    """The day after the case visit before, or the first day of the history."""
    return int(days[spot - 1]) + 1 if spot > 0 else first


def _next(days: np.ndarray, spot: int, last: int) -> int:
    """The day before the next case visit, or the as-of day."""
    return int(days[spot + 1]) - 1 if spot + 1 < days.size else last
