"""Who did it: each case's chances over several sources and the background, by EM.

A case that several leaks exposed has several possible causes, one of which came first: a noisy-OR
in continuous time. Where source s exposes card c with the density f_cs of its misuse at the time of
the case's fraud, and r_c is the background hazard then,

    P(s | case) = theta_s f_cs / (mu r_c + sum over u of theta_u f_cu)

and the rest is the background's. theta_s (the share of the exposed cards that s has had misused)
and mu (the level of the background in each block of time) are those of greatest likelihood: cases
are shared out by these chances, and what they add up to gives new levels, until nothing moves
(Dempster, Laird & Rubin 1977; for noisy-OR see Pearl 1988, ch. 4.3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROUNDS = 2_000
STILL = 1e-9  # change of a chance below which nothing moves


@dataclass(frozen=True, slots=True)
class Causes:
    """Cases with what could have caused them.

    ``density`` (cases, sources) is a day's share of a source's misuse at the case's time, 0 where
    it did not expose the card; ``rate`` the card's background hazard a day; ``block`` the block of
    time that the case lies in, and ``usual`` how many cases the background makes expect in each.
    ``exposed`` is how many cards each source exposed, ``elsewhere`` the cases of each block that no
    source exposed; they are not among the others.
    """

    density: Floats
    rate: Floats
    block: Ints
    usual: Floats
    exposed: Floats
    elsewhere: Floats


@dataclass(frozen=True, slots=True)
class Shares:
    """``of_case`` (cases, sources): the chance that each one caused it; the rest is background.

    ``misused`` is the share of each source's cards, ``level`` that of the background by block.
    """

    of_case: Floats
    misused: Floats
    level: Floats


def share_out(causes: Causes) -> Shares:
    """The chances of greatest likelihood."""
    exposed = np.maximum(causes.exposed, 1.0)
    touched = (causes.density > 0).sum(axis=0)
    theta = np.maximum(touched, 1.0) / exposed / 2.0
    level = np.ones(causes.usual.size)
    usual = np.maximum(causes.usual, 1e-12)
    shares = np.zeros_like(causes.density)
    for _ in range(ROUNDS):
        before = shares
        shares = posterior(causes, theta, level)
        theta = shares.sum(axis=0) / exposed
        rest = np.bincount(causes.block, 1.0 - shares.sum(axis=1), usual.size) + causes.elsewhere
        level = np.where(causes.usual > 0, rest / usual, 1.0)
        if shares.size == 0 or float(np.abs(shares - before).max()) < STILL:
            break
    return Shares(shares, theta, level)


def posterior(causes: Causes, misused: Floats, level: Floats) -> Floats:
    """The chances of each case over the sources, for given shares of misuse and levels."""
    from_source = causes.density * misused
    background = np.maximum(causes.rate * level[causes.block], 1e-300)
    return np.asarray(from_source / (background + from_source.sum(axis=1))[:, None], float)


def log_likelihood(causes: Causes, misused: Floats, level: Floats) -> float:
    """Of all cases under given shares and levels, up to what does not depend on them."""
    hazard = causes.rate * level[causes.block] + causes.density @ misused
    others = causes.elsewhere @ np.log(level)
    return float(np.log(hazard).sum() + others - causes.exposed @ misused - causes.usual @ level)
