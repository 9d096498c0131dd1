"""Chance: tails of counts, and what trying many windows does to them. All p-values are natural logs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Floats = NDArray[np.float64]


def log_tail(
    cases: ArrayLike, expected: ArrayLike, total: ArrayLike, extra_variance: ArrayLike
) -> Floats:
    """Log of P(at least ``cases``) when ``expected`` of ``total`` cases fall here by chance.

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
    plain = stats.binom.logsf(k - 1, n, share)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.where(extra > 0, mean**2 / np.maximum(extra, 1e-300), np.inf)
        heavy = stats.nbinom.logsf(k - 1, size, size / (size + mean))
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


def window_trials(windows: ArrayLike, periods: int) -> Floats:
    """How many independent tries a scan over windows and misuse periods is worth, from above.

    ``windows`` is the number of case-visit days that windows may start and end on. Overlapping
    windows are far from independent: measured on permuted labels, the best p-value over all
    windows and periods behaves like that of fewer tries than
    ``1 + periods * windows`` / 2 (see docs/algorithms; a test holds it).
    """
    n = np.asarray(windows, float)
    return np.asarray(np.maximum(1.0 + periods * n / 2.0, 1.0), float)


def overdispersion(cases: Floats, expected: Floats) -> float:
    """Ratio of the robust variance of (cases - expected) to its Poisson variance, at least 1.

    The median of squared, standardised differences over many entities, most of which are
    innocent, over the median of chi-square with one degree of freedom (genomic control, Devlin &
    Roeder 1999). Needs at least 30 entities with expectations of 5 or more, otherwise 1.
    """
    usable = expected >= 5.0
    if int(usable.sum()) < 30:
        return 1.0
    z = (cases[usable] - expected[usable]) ** 2 / expected[usable]
    return max(1.0, float(np.median(z) / stats.chi2.ppf(0.5, 1)))
