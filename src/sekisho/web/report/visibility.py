"""What a trace would have seen: how many misused cards make a place stand out.

Worked out with the same chances as the scan itself: the tail of the counts with the spread that
this history shows, then corrected for windows and misuse periods, for how much easier surprises
come here, and for the places tested. The windows of a place number at most its
victims; the leak is taken to have lasted for two months.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from sekisho.domain.finding import Trace
from sekisho.stats.tails import EmpiricalNull, log_any, log_tail, window_trials

SIZES: Final = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
WINDOW_DAYS: Final = 60


@dataclass(frozen=True, slots=True)
class Visible:
    """A place with ``cards_exposed`` cards is a finding from ``cards_needed`` victims on."""

    cards_exposed: int
    cards_expected: float
    cards_needed: int

    @property
    def share(self) -> float:
        """Return the share of the exposed cards that must have been misused."""
        return self.cards_needed / self.cards_exposed


def visible_from(trace: Trace) -> tuple[Visible, ...]:
    """Return, for places of several sizes, from how many victims they would be findings.

    Expectations are those of an average card; a size at which no number of victims would do is
    left out.
    """
    if trace.cases == 0 or trace.funnel.cards_seen == 0:
        return ()
    rows: list[Visible] = []
    for size in SIZES:
        if size > trace.funnel.cards_seen:
            break
        expected = size * trace.cases / trace.funnel.cards_seen
        needed = _needed(size, expected, trace)
        if needed is not None:
            rows.append(Visible(size, expected, needed))
    return tuple(rows)


def _needed(size: int, expected: float, trace: Trace) -> int | None:
    """Return the smallest count that would be a finding, or None if none up to all cards is."""
    method = trace.method
    counts = np.arange(max(int(expected), 3), min(size, trace.cases) + 1, dtype=float)
    extra_variance = (method.overdispersion * expected) ** 2
    log_p = log_tail(counts, expected, trace.cases, extra_variance)
    span = (trace.as_of - trace.history_start).days + 1
    length = min(WINDOW_DAYS, span)
    log_p = log_any(log_p, window_trials(counts, length, span, len(method.misuse_periods)))
    # The anchor of the null is not kept with the trace; without it the correction is the strictest.
    log_p = EmpiricalNull(anchor=0.0, stretch=method.chance_stretch).correct(log_p)
    log_p = log_any(log_p, max(method.entities_tested, 1))
    enough = np.flatnonzero(log_p < np.log(method.family_wise_error))
    return int(counts[enough[0]]) if enough.size else None
