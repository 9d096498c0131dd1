"""What a finding will have come to once late reports are in: its misuse so far, and its window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.cohort import DAY
from sekisho.commonpoint.search import Association
from sekisho.commonpoint.study import Study
from sekisho.domain.finding import CorrectedRate
from sekisho.domain.history import FraudTable
from sekisho.stats.delays import Delays, fit_delays, with_reports_to_come

Ints = NDArray[np.int64]

CONFIDENCE = 0.95
UNSEEN = -float(np.log(1.0 - CONFIDENCE))  # expected victims of whom none is seen once in twenty
LEAST_VICTIMS = 5


def report_delays(frauds: FraudTable, end: int) -> Delays | None:
    """How late counted frauds are reported; None without report dates, or with too few."""
    if frauds.dated is None:
        return None
    use = frauds.counts & frauds.dated & (frauds.reported_at < end) & (frauds.at < end)
    use &= frauds.reported_at >= frauds.at
    happened = frauds.at[use] // DAY
    return fit_delays(frauds.reported_at[use] // DAY - happened, end // DAY - 1 - happened)


def corrected_rate(
    study: Study, found: Association, delays: Delays | None, exposed: int
) -> CorrectedRate | None:
    """The finding's misuse so far with the reports still to come, over its exposed cards."""
    if delays is None or not found.spells.size or exposed < 1:
        return None
    age = study.clock.end // DAY - 1 - study.spells.leave[found.spells] // DAY
    total = with_reports_to_come(delays, np.maximum(age, 0), CONFIDENCE)
    return CorrectedRate(
        cards=total.value,
        rate=min(total.value / exposed, 1.0),
        lower=min(total.lower / exposed, 1.0),
        upper=min(total.upper / exposed, 1.0),
        confidence=CONFIDENCE,
        reports=delays.reports,
    )


def latest_end(study: Study, found: Association, end_day: int) -> int:
    """The last day on which the window may have ended, given how late its misuse shows.

    Had the leak gone on, cards exposed since would show as much misuse as those before, each as far
    as misuse and report follow within the days since. The window may reach as far as fewer than
    three such victims would be expected (none is then seen one time in twenty).
    """
    panel = found.panel
    last = int(study.clock.end // DAY) - 1
    if panel is None or found.spells.size < LEAST_VICTIMS or end_day >= last:
        return end_day
    visits = panel.visits
    inside = (visits.day >= found.start_day) & (visits.day <= end_day)
    heads = np.flatnonzero(inside & (visits.previous < found.start_day))
    victim = np.zeros(len(study.spells), bool)
    victim[found.spells] = True
    mine = heads[victim[visits.spell[heads]]]
    spell = visits.spell[mine]
    lag = np.maximum(study.spells.reported_at[spell] // DAY - visits.day[mine], 0)
    shows = _share_shown(lag, last - visits.day[mine])
    ripe = float((visits.weight[heads] * _at(shows, last - visits.day[heads])).sum())
    excess = max(found.spells.size - found.expected, 0.0)
    exposed = np.zeros(len(study.spells), bool)
    exposed[visits.spell[inside]] = True
    later = np.flatnonzero((visits.day > end_day) & (visits.previous <= end_day))
    later = later[~exposed[visits.spell[later]]]
    later = later[np.argsort(visits.day[later], kind="stable")]
    day = visits.day[later]
    unseen = np.cumsum(visits.weight[later] * _at(shows, last - day)) * excess / max(ripe, 1e-9)
    spot = int(np.searchsorted(unseen, UNSEEN))
    return last if spot >= day.size else max(end_day, int(day[spot]) - 1)


def _share_shown(lag: Ints, most: Ints) -> NDArray[np.float64]:
    """The share of misuse that shows within each number of days, from victims seen so far."""
    told = fit_delays(lag, np.maximum(most, lag))
    if told is not None:
        return told.share
    # Too few to tell truncated lags apart: those that were seen, which errs towards quick ones.
    size = int(lag.max()) + 1
    return np.asarray(np.cumsum(np.bincount(lag, minlength=size)) / lag.size, float)


def _at(share: NDArray[np.float64], days: Ints) -> NDArray[np.float64]:
    return np.asarray(share[np.clip(days, 0, share.size - 1)], float)
