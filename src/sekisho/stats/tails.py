"""Chance: tails of counts, and what trying many windows does.

Tails are written with `scipy.special`, whose import takes a third of the time of `scipy.stats`, and
are equal to its survival functions to the last bit (tests/stats/test_tails.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]


def binomial_tail(cases: ArrayLike, total: ArrayLike, share: ArrayLike) -> Floats:
    """P(at least ``cases``) of ``total`` tries that each succeed with probability ``share``."""
    k, n = np.asarray(cases, float), np.asarray(total, float)
    inside = special.betainc(np.maximum(k, 1.0), np.maximum(n - k + 1.0, 1.0), share)
    return np.asarray(np.where(k <= 0, 1.0, np.where(k > n, 0.0, inside)), float)


def poisson_tail(cases: ArrayLike, expected: ArrayLike) -> Floats:
    """P(at least ``cases``) where ``expected`` come by chance.

    >>> round(float(poisson_tail(3, 1.0)), 4)
    0.0803
    """
    k = np.asarray(cases, float)
    return np.asarray(np.where(k <= 0, 1.0, special.gammainc(np.maximum(k, 1.0), expected)), float)


def negative_binomial_tail(cases: ArrayLike, size: ArrayLike, expected: ArrayLike) -> Floats:
    """P(at least ``cases``) of a Poisson count whose mean varies (gamma) with shape ``size``."""
    k, r = np.asarray(cases, float), np.asarray(size, float)
    mean = np.asarray(expected, float)
    inside = special.betainc(np.maximum(k, 1.0), r, mean / (r + mean))
    return np.asarray(np.where(k <= 0, 1.0, inside), float)


def hypergeometric_tail(marked: int, drawn: int, all_marked: int, everybody: int) -> float:
    """P(at least ``marked`` among ``drawn``) where ``all_marked`` of ``everybody`` are.

    Fisher's exact test, one-sided.

    >>> round(hypergeometric_tail(3, 4, 4, 8), 4)
    0.2429
    """
    x = np.arange(marked, min(drawn, all_marked) + 1)
    log_p = (
        _log_choose(all_marked, x)
        + _log_choose(everybody - all_marked, drawn - x)
        - _log_choose(everybody, np.asarray(drawn))
    )
    return float(min(np.exp(log_p).sum(), 1.0))


def _log_choose(n: int, k: ArrayLike) -> Floats:
    chosen = np.asarray(k, float)
    # Nobody can choose more than there are: a pole of the last term makes that minus infinity.
    orders = special.gammaln(chosen + 1.0) + special.gammaln(n - chosen + 1.0)
    return np.asarray(special.gammaln(n + 1.0) - orders, float)


def half_width(confidence: float) -> float:
    """How far a log-likelihood may fall inside an interval of this confidence (one parameter).

    >>> round(half_width(0.95), 3)
    1.921
    """
    return float(special.chdtri(1, 1.0 - confidence)) / 2.0


def log_tail(
    cases: ArrayLike, expected: ArrayLike, total: ArrayLike, extra_variance: ArrayLike
) -> Floats:
    """Natural log of P(at least ``cases``) if ``expected`` of ``total`` fall here by chance.

    Binomial given the total where the expectation is exact. ``extra_variance`` (of the
    expectation's own error and of overdispersion) turns it into a negative binomial with the same
    mean and variance ``expected + extra_variance`` (method of moments, Cameron & Trivedi 2013,
    ch. 3), which is the heavier tail; the larger p of both is returned.

    >>> round(float(log_tail(5, 0.06, 1000, 0.0)), 2)
    -18.92
    """
    k, mean, n, extra = np.broadcast_arrays(
        np.asarray(cases, float), np.asarray(expected, float),
        np.asarray(total, float), np.asarray(extra_variance, float),
    )  # fmt: skip
    share = np.clip(np.divide(mean, n, out=np.ones_like(mean, float), where=n > 0), 0.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = np.log(binomial_tail(k, n, share))
        size = np.where(extra > 0, mean**2 / np.maximum(extra, 1e-300), np.inf)
        heavy = np.log(negative_binomial_tail(k, size, mean))
    usable = (extra > 0) & np.isfinite(heavy) & (size < 1e9)
    return np.asarray(np.where(usable, np.maximum(plain, heavy), plain), float)


def log_any(log_p: ArrayLike, trials: ArrayLike) -> Floats:
    """Log of the chance that the best of ``trials`` independent tries is at most this p (Sidak).

    >>> import numpy as np
    >>> round(float(np.exp(log_any(np.log(0.01), 10))), 4)
    0.0956
    """
    p = np.asarray(log_p, float)
    m = np.asarray(trials, float)
    with np.errstate(divide="ignore", over="ignore"):
        miss = m * np.log1p(-np.exp(np.minimum(p, -1e-12)))
        exact = np.log(-np.expm1(miss))
    return np.asarray(np.where(p < -20, np.minimum(p + np.log(m), 0.0), exact), float)


def window_trials(windows: ArrayLike, length: ArrayLike, span: float, periods: int) -> Floats:
    """How many independent tries a scan over windows and misuse periods is worth, from above.

    ``windows`` is the number of case-visit days that windows may start and end on, n (n + 1) / 2
    windows that overlap; ``length`` the days of the best one, in a history of ``span`` days.

    Two bounds, the larger counts, times ``periods``. Long windows overlap so much that they are
    worth at most a quarter of their number, and from about 60 days on no more than 8 n. Short ones
    lie where the cases are: three visits on one day are found wherever they fall, so the windows
    to count are all that have such a length: (span / length) log2(2 span / length), the places
    side by side times the doublings of length (the scale-dependent penalty of scan statistics,
    Walther 2010). Measured on shops that nothing leaked from: tests/stats/test_window_trials.py.
    """
    n = np.asarray(windows, float)
    places = np.maximum(span / np.maximum(np.asarray(length, float), 1.0), 1.0)
    overlapping = np.minimum(n * (n + 1) / 8.0, 8.0 * n)
    return np.asarray(1.0 + periods * np.maximum(overlapping, places * np.log2(2.0 * places)))


def relative_misfit(cases: Floats, expected: Floats, *, noise: float = 1.0) -> float:
    """Variance of the ratio of true to fitted expectation, over entities that are mostly innocent.

    Solves median((cases - expected)^2 / (noise expected + m expected^2)) = median of chi-square
    with one degree of freedom for m >= 0; ``noise`` is above 1 where expectations are sampled
    (the idea of genomic control, Devlin & Roeder 1999, for a relative instead of an absolute
    spread). Needs 30 entities with expectations of 5 or more, otherwise 0.
    """
    usable = expected >= 5.0
    if int(usable.sum()) < 30:
        return 0.0
    mean, gap = expected[usable], (cases[usable] - expected[usable]) ** 2
    wanted = 2.0 * half_width(0.5)
    # Each ratio falls in m, so the median of the ratios is the wanted one where half of them are.
    own = (gap / wanted - noise * mean) / mean**2
    return float(np.clip(np.median(own), 0.0, 100.0))


@dataclass(frozen=True, slots=True)
class EmpiricalNull:
    """How chance really behaves here: beyond ``anchor`` surprises are ``stretch`` times too easy.

    Surprise is minus the log of an entity's p-value; under the textbook null its excess over any
    level has mean 1.
    """

    anchor: float = 0.0
    stretch: float = 1.0

    def correct(self, log_p: Floats) -> Floats:
        """Log p-values with the surprise beyond the anchor shrunk by ``stretch``."""
        surprise = -np.asarray(log_p, float)
        beyond = np.maximum(surprise - self.anchor, 0.0)
        return np.asarray(-(np.minimum(surprise, self.anchor) + beyond / self.stretch), float)


def empirical_null(log_p: Floats) -> EmpiricalNull:
    """Learn the stretch from the bulk of the entities' own p-values (after Efron 2004).

    Most shops are innocent, so the middle of their p-values shows how far the model's chance is
    off, for instance where victims are neighbours. The slope is taken between the 60 % and the
    95 % quantile of the surprise, against that of the exponential distribution; the guilty sit
    above. A slope that is not clearly above 1 (two standard errors) counts as 1.
    """
    surprise = np.sort(-np.asarray(log_p, float))
    n = surprise.size
    if n < 100:
        return EmpiricalNull()
    low, high = float(np.quantile(surprise, 0.60)), float(np.quantile(surprise, 0.95))
    slope = (high - low) / np.log(0.40 / 0.05)
    # Asymptotic error of the difference of two quantiles of an exponential sample.
    error = float(np.sqrt((0.95 / 0.05 - 0.60 / 0.40) / n)) / float(np.log(0.40 / 0.05))
    if slope <= 1.0 + 2.0 * error:
        return EmpiricalNull()
    return EmpiricalNull(anchor=max(low, 0.0), stretch=slope)
