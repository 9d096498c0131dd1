"""The tails beside those of `scipy.stats`, which they stand for."""

import numpy as np
import pytest
from scipy import optimize, stats

from sekisho.stats.tails import (
    binomial_tail,
    half_width,
    hypergeometric_tail,
    negative_binomial_tail,
    poisson_tail,
    relative_misfit,
)

RNG = np.random.default_rng(11)
TOTAL = RNG.integers(1, 20_000, 20_000).astype(float)
CASES = np.minimum(np.floor(10 ** RNG.uniform(-0.5, 3.5, TOTAL.size)), TOTAL + 1)
MEAN = 10 ** RNG.uniform(-4, 3, TOTAL.size)
SHARE = 10 ** RNG.uniform(-7, 0, TOTAL.size)


def test_binomial_and_poisson_to_the_last_bit():
    assert (binomial_tail(CASES, TOTAL, SHARE) == stats.binom.sf(CASES - 1, TOTAL, SHARE)).all()
    assert (poisson_tail(CASES, MEAN) == stats.poisson.sf(CASES - 1, MEAN)).all()


def test_negative_binomial_but_for_the_rounding_of_its_share():
    size = MEAN * 10 ** RNG.uniform(-2, 3, TOTAL.size)  # theirs takes 1 - share, and loses digits
    ours = negative_binomial_tail(CASES, size, MEAN)
    theirs = stats.nbinom.sf(CASES - 1, size, size / (size + MEAN))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-300)


@pytest.mark.parametrize("table", [((3, 1), (1, 3)), ((9, 1), (40, 60)), ((0, 4), (2, 2)),
                                   ((5, 0), (0, 5)), ((120, 300), (900, 8_000))])  # fmt: skip
def test_fishers_exact_test(table):
    (a, b), (c, d) = table
    wanted = stats.fisher_exact(table, alternative="greater").pvalue
    assert hypergeometric_tail(a, a + b, a + c, a + b + c + d) == pytest.approx(wanted, rel=1e-9)


def test_half_width():
    for confidence in (0.5, 0.9, 0.95, 0.999):
        wanted = stats.chi2.ppf(confidence, 1) / 2
        assert half_width(confidence) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("spread", [0.0, 0.05, 0.4])
@pytest.mark.parametrize("noise", [1.0, 1.7])
def test_misfit_solves_its_equation(spread, noise):
    mean = RNG.uniform(5, 400, 601)
    cases = RNG.poisson(mean * np.maximum(1 + spread * RNG.normal(size=mean.size), 0)) * 1.0
    found = relative_misfit(cases, mean, noise=noise)

    def excess(m):
        return np.median((cases - mean) ** 2 / (noise * mean + m * mean**2)) - stats.chi2.ppf(
            0.5, 1
        )

    wanted = 0.0 if excess(0.0) <= 0 else optimize.brentq(excess, 0.0, 100.0)
    assert found == pytest.approx(wanted, rel=1e-6, abs=1e-12)
