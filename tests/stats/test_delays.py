"""Late reports: the estimate equals the one counted by hand, and recovers what was planted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.stats.delays import (
    LEAST_AT_RISK,
    LEAST_REPORTS,
    LEAST_SHARE,
    fit_delays,
    with_reports_to_come,
)


def naive_share(delay: list[int], most: list[int]) -> list[float]:
    """Step down from the longest told delay; every count over all events, one by one."""
    pairs = list(zip(delay, most, strict=True))

    def at_risk(x: int) -> int:
        return sum(d <= x <= m for d, m in pairs)

    longest = max(x for x in range(max(most) + 1) if at_risk(x) >= LEAST_AT_RISK)
    share = {longest: 1.0}
    for x in range(longest, 0, -1):
        seen = sum(d == x for d, _ in pairs)
        share[x - 1] = share[x] * max(1.0 - seen / max(at_risk(x), 1), 1e-6)
    return [share[x] for x in range(longest + 1)]


EVENTS = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=LEAST_REPORTS, max_size=120
)


@settings(max_examples=120, deadline=None)
@given(EVENTS)
def test_the_share_is_the_one_counted_by_hand(events: list[tuple[int, int]]) -> None:
    delay = [min(pair) for pair in events]
    most = [max(pair) for pair in events]
    told = fit_delays(np.array(delay), np.array(most))
    if told is None:
        assert all(
            sum(d <= x <= m for d, m in zip(delay, most, strict=True)) < LEAST_AT_RISK
            for x in range(21)
        )
        return
    assert told.share.tolist() == pytest.approx(naive_share(delay, most))
    assert (np.diff(told.share) >= -1e-12).all()


def world(seed: int, *, days: int = 400, mean: float = 14.0) -> tuple[np.ndarray, np.ndarray]:
    """Age and delay in days of frauds spread evenly; who is not reported yet has delay > age."""
    rng = np.random.default_rng(seed)
    age = rng.integers(0, days, 1_500)
    return age, rng.exponential(mean, age.size).astype(np.int64)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_planted_delays_are_recovered(seed: int) -> None:
    age, delay = world(seed)
    seen = delay <= age
    told = fit_delays(delay[seen], age[seen])
    assert told is not None
    for x in (0, 5, 10, 20, 40):
        true = 1.0 - np.exp(-(x + 1) / 14.0)
        assert told.share[x] == pytest.approx(true, abs=0.04)
        sd = np.sqrt(told.log_variance[x])
        assert abs(np.log(told.share[x] / true)) < 4 * sd + 0.02


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """A leak's victims of the last 60 days, each time with delays learned from all fraud."""
    held, short = 0, 0
    for seed in range(120):
        age, delay = world(seed, days=300)
        seen = delay <= age
        told = fit_delays(delay[seen], age[seen])
        assert told is not None
        rng = np.random.default_rng(1_000 + seed)
        own_age = rng.integers(0, 60, 90)
        own_delay = rng.exponential(14.0, own_age.size).astype(np.int64)
        reported = own_delay <= own_age
        total = with_reports_to_come(told, own_age[reported], 0.95)
        # Days too recent to be told are not made up; the truth without their unreported ones.
        told_of = told.within(own_age) >= LEAST_SHARE
        truth = int((told_of | reported).sum())
        assert total.lower <= total.value <= total.upper
        assert total.lower >= reported.sum()
        held += total.lower <= truth <= total.upper
        short += reported.sum() < truth
    assert short >= 118  # uncorrected counts are too low
    assert held >= 106  # 95 % less what 120 draws may stray


def test_nothing_to_come_adds_nothing() -> None:
    told = fit_delays(np.zeros(50, np.int64), np.full(50, 30))
    assert told is not None
    assert with_reports_to_come(told, np.array([0, 3, 9]), 0.95).upper == 3.0


def test_too_few_reports_say_nothing() -> None:
    assert fit_delays(np.zeros(LEAST_REPORTS - 1, np.int64), np.full(LEAST_REPORTS - 1, 9)) is None
