import numpy as np
import pytest
from scipy import stats

from sekisho.stats.tails import empirical_null, log_any, log_tail, relative_misfit


def test_log_tail_is_the_binomial_tail_where_the_expectation_is_exact():
    assert log_tail(5, 2.0, 100, 0.0) == pytest.approx(stats.binom.logsf(4, 100, 0.02))


def test_uncertain_expectations_make_heavier_tails():
    exact = log_tail(20, 4.0, 1000, 0.0)
    unsure = log_tail(20, 4.0, 1000, 4.0)
    assert unsure > exact
    size, mean = 4.0, 4.0
    assert unsure == pytest.approx(stats.nbinom.logsf(19, size, size / (size + mean)))


def test_log_any_is_the_union_of_independent_tries():
    p = 0.003
    assert np.exp(log_any(np.log(p), 50)) == pytest.approx(1 - (1 - p) ** 50)
    assert log_any(-200.0, 1e6) == pytest.approx(-200 + np.log(1e6))


def test_misfit_is_recovered_and_is_nothing_for_poisson_counts():
    rng = np.random.default_rng(3)
    expected = rng.uniform(5, 60, 4000)
    assert relative_misfit(rng.poisson(expected).astype(float), expected) < 0.01
    true = expected * rng.gamma(1 / 0.09, 0.09, expected.size)
    found = relative_misfit(rng.poisson(true).astype(float), expected)
    assert found == pytest.approx(0.09, rel=0.35)


def test_empirical_null_leaves_textbook_p_values_alone():
    rng = np.random.default_rng(4)
    null = empirical_null(np.log(rng.random(5000)))
    assert null.stretch == 1.0


def test_empirical_null_learns_the_stretch_and_shrinks_by_it():
    rng = np.random.default_rng(5)
    log_p = -2.5 * rng.exponential(size=20_000)
    null = empirical_null(log_p)
    assert null.stretch == pytest.approx(2.5, rel=0.1)
    corrected = -null.correct(log_p)
    far = np.sort(corrected)[-20]
    assert far < 1.3 * np.log(20_000 / 20) + null.anchor


def test_a_few_guilty_shops_do_not_move_the_empirical_null():
    rng = np.random.default_rng(6)
    log_p = np.log(rng.random(3000))
    log_p[:20] = -80.0
    assert empirical_null(log_p).stretch == 1.0
