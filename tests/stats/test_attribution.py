"""Sharing cases out over sources: a naive twin, and shares that were planted."""

from __future__ import annotations

import numpy as np
from scipy import optimize

from sekisho.stats.attribution import Causes, log_likelihood, posterior, share_out


def planted(seed: int) -> tuple[Causes, np.ndarray, np.ndarray]:
    """Cards that went to none, one or both of two leaking shops; who was the cause, and theta."""
    rng = np.random.default_rng(seed)
    cards, days, hazard = 20_000, 200.0, 1e-4
    there = rng.random((cards, 2)) < 0.2
    there[:, 1] |= there[:, 0] & (rng.random(cards) < 0.5)  # the second shop is next door
    theta = np.array([0.2, 0.05])
    at = np.column_stack([
        rng.exponential(1 / hazard, cards),
        *(
            np.where(
                there[:, s] & (rng.random(cards) < theta[s]), rng.uniform(0, days, cards), np.inf
            )
            for s in range(2)
        ),
    ])  # fmt: skip
    case = np.flatnonzero(at.min(axis=1) < days)
    block = (at.min(axis=1)[case] // 50).astype(np.int64)
    usual = np.full(4, cards * hazard * 50)
    causes = Causes(
        there[case] / days,
        np.full(case.size, hazard),
        block,
        usual,
        there.sum(axis=0).astype(float),
        np.zeros(4),
    )
    return causes, at.argmin(axis=1)[case], theta


def test_planted_shares_come_back_and_chances_are_calibrated() -> None:
    causes, cause, theta = planted(3)
    found = share_out(causes)
    assert np.allclose(found.misused, theta, rtol=0.12)
    assert np.allclose(found.level, 1.0, atol=0.25)
    for s in range(2):
        for low, high in ((0.05, 0.5), (0.5, 0.99)):
            some = (found.of_case[:, s] > low) & (found.of_case[:, s] <= high)
            if some.sum() < 50:
                continue
            truly = float((cause[some] == s + 1).mean())
            assert abs(truly - float(found.of_case[some, s].mean())) < 0.1
    # Whoever went to neither has no cause among them.
    nowhere = causes.density.sum(axis=1) == 0
    assert (found.of_case[nowhere] == 0).all()
    assert (found.of_case.sum(axis=1) <= 1.0).all()


def test_the_result_is_that_of_slow_loops() -> None:
    causes, _, _ = planted(5)
    some = np.arange(0, causes.rate.size, 25)
    few = Causes(
        causes.density[some], causes.rate[some], causes.block[some], causes.usual / 25,
        causes.exposed / 25, np.zeros(4),
    )  # fmt: skip
    found = share_out(few)
    theta, level = [0.1, 0.1], [1.0] * 4
    for _ in range(3_000):
        got = [[0.0, 0.0] for _ in some]
        rest = [0.0] * 4
        for i in range(some.size):
            parts = [theta[s] * float(few.density[i, s]) for s in range(2)]
            whole = level[few.block[i]] * float(few.rate[i]) + sum(parts)
            got[i] = [part / whole for part in parts]
            rest[few.block[i]] += 1.0 - sum(got[i])
        theta = [sum(row[s] for row in got) / float(few.exposed[s]) for s in range(2)]
        level = [rest[b] / float(few.usual[b]) for b in range(4)]
    assert np.allclose(found.of_case, got, atol=1e-4)
    assert np.allclose(found.misused, theta, atol=1e-4)


def test_nothing_is_likelier() -> None:
    causes, _, _ = planted(8)
    found = share_out(causes)

    def loss(x: np.ndarray) -> float:
        return -log_likelihood(causes, np.exp(x[:2]), np.exp(x[2:]))

    at = np.log(np.concatenate([found.misused, found.level]))
    better = optimize.minimize(loss, at + 0.3, method="BFGS")
    assert loss(at) <= better.fun + 1e-3


def test_a_shop_next_door_falls_silent() -> None:
    """All victims of the second shop went to the first one too; others of its customers did not."""
    rng = np.random.default_rng(2)
    first = np.ones(60, bool)
    second = rng.random(60) < 0.6
    density = np.column_stack([first, second]) / 100.0
    causes = Causes(
        density,
        np.full(60, 1e-6),
        np.zeros(60, np.int64),
        np.array([1.0]),
        np.array([600.0, 900.0]),
        np.zeros(1),
    )
    found = share_out(causes)
    assert found.misused[0] > 0.09
    assert found.misused[1] < 0.005
    assert np.allclose(found.of_case, posterior(causes, found.misused, found.level))


def test_cases_that_no_source_exposed_need_not_be_listed() -> None:
    causes, _, _ = planted(4)
    there = causes.density.any(axis=1)
    fewer = Causes(
        causes.density[there], causes.rate[there], causes.block[there], causes.usual,
        causes.exposed, np.bincount(causes.block[~there], minlength=4).astype(float),
    )  # fmt: skip
    one, other = share_out(causes), share_out(fewer)
    assert np.allclose(one.of_case[there], other.of_case, atol=1e-6)
    assert np.allclose(one.level, other.level, atol=1e-6)
