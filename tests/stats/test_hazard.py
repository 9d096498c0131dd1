import numpy as np
import pytest

from sekisho.stats.hazard import cumulate, fit_hazard, hazard_at, tally_at_risk


def test_planted_relative_hazards_are_recovered():
    rng = np.random.default_rng(1)
    level = np.repeat(np.arange(4), 5)
    other = np.tile(np.arange(5), 4)
    block = np.array([1.0, 2.0, 0.5]) * 1e-3
    true_level, true_other = np.array([1.0, 2.0, 4.0, 8.0]), np.array([1.0, 1.5, 1.0, 0.5, 3.0])
    at_risk = rng.uniform(1e6, 4e6, (20, 3))
    events = rng.poisson(at_risk * block * (true_level[level] * true_other[other])[:, None])
    fit = fit_hazard(events.astype(float), at_risk, (level, other), shrinkage=1.0)
    assert fit.relative[0] / fit.relative[0][0] == pytest.approx(true_level, rel=0.05)
    assert fit.relative[1] / fit.relative[1][0] == pytest.approx(true_other, rel=0.05)


def test_expected_events_of_each_block_are_the_observed_ones():
    rng = np.random.default_rng(2)
    level = np.array([0, 1, 2])
    at_risk = rng.uniform(10, 20, (3, 4))
    events = rng.poisson(5, (3, 4)).astype(float)
    fit = fit_hazard(events, at_risk, (level,), shrinkage=2.0)
    fitted = (fit.relative[0][level][:, None] * at_risk * fit.block).sum(axis=0)
    assert fitted == pytest.approx(events.sum(axis=0), rel=1e-3)


def test_time_at_risk_and_cumulative_hazard_agree_with_plain_sums():
    rng = np.random.default_rng(3)
    bounds = np.arange(0, 601, 100)
    entry = rng.integers(0, 500, 30)
    leave = entry + rng.integers(1, 400, 30)
    cells = rng.integers(0, 5, (30, 6)).astype(np.int32)
    weight = rng.random(30)
    hazard, block = rng.random(5), rng.random(6)
    total = tally_at_risk(entry, leave, weight, cells, bounds, 5)
    slow = np.zeros((5, 6))
    for s in range(30):
        for second in range(entry[s], min(leave[s], 600)):
            slow[cells[s, second // 100], second // 100] += weight[s]
    assert total == pytest.approx(slow)
    running = cumulate(entry, leave, cells, hazard, block, bounds)
    at = np.array([min(leave[s], 600) - 1 for s in range(30)])
    mine = hazard_at(np.arange(30), at, entry, leave, running, bounds)
    for s in range(30):
        plain = sum(hazard[cells[s, t // 100]] * block[t // 100] for t in range(entry[s], at[s]))
        assert mine[s] == pytest.approx(plain)
