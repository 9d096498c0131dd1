"""What a trace would have seen: how many misused cards make a place stand out.

A bound from the trace's own numbers, on the safe side: with k victims at a place there are at
most k (k + 1) / 2 windows that start and end on a victim's visit, times the misuse periods, times
the places tested. Where the smallest k that survives this correction is reached, the scan (which
corrects less bluntly) finds the place too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from scipy.stats import poisson

from sekisho.domain.finding import Trace

SIZES: Final = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)


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
    """Return, for places of several sizes, from how many victims they would be findings."""
    if trace.cases == 0 or trace.funnel.cards_seen == 0:
        return ()
    rows: list[Visible] = []
    for size in SIZES:
        if size > trace.funnel.cards_seen:
            break
        expected = size * trace.cases / trace.funnel.cards_seen
        needed = _needed(expected, trace)
        if needed <= min(size, trace.cases):
            rows.append(Visible(size, expected, needed))
    return tuple(rows)


def _needed(expected: float, trace: Trace) -> int:
    """Return the smallest count whose corrected probability is below the trace's error.

    Overdispersed counts are divided by their dispersion, as in a quasi-Poisson model.
    """
    dispersion = max(trace.method.overdispersion, 1.0)
    tried = max(trace.method.entities_tested, 1) * max(len(trace.method.misuse_periods), 1)
    count = max(math.floor(expected), 1)
    while True:
        windows = count * (count + 1) / 2
        tail = poisson.sf(math.floor(count / dispersion) - 1, expected / dispersion)
        if tail * tried * windows < trace.method.family_wise_error:
            return count
        count += 1
