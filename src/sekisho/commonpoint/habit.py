"""Fraud at shops where its card shops anyway: no theft of card data elsewhere explains it.

Whoever uses stolen card data picks shops without knowing where the holder shops. A shop that one
card in fifty visits is then familiar to one defrauded card in fifty. Where familiar shops are far
more common than that, the fraud belongs to them: subscriptions that are disputed, tills that take
whatever comes, a card used by somebody at home. Counted as cases, such cards, neighbours often,
make every shop around look guilty.

With a share h of habit among all frauds, a fraud's shop is familiar with probability
h s + (1 - h) p, where p is the chance that a card as busy had been there, and s that a habit shows
in the days for which the card has been seen. h s is fitted by EM (Dempster, Laird & Rubin 1977) for
each span of such days; the longest gives h. A fraud is set aside if habit explains it better than
chance; so is, where nearly all fraud is habit, one on a card that nobody has known for long.

When it lies: a thief who copies the holder's habits, and a leak whose data is spent at the leaking
shop itself, are taken for habit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.cohort import DAY, SPAN
from sekisho.domain.history import FraudTable, VisitTable

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SETTLED = 7 * DAY  # a shop visited for the first time in the last days is no habit
KNOWN_DAYS = np.array([14, 21, 30, 45, 60, 90, 180, 365])  # spans of days that a card was seen
LEAST = 20  # frauds at known shops, below which nothing can be learned
LIKELIHOOD_RATIO = 5.4  # half of the 0.999 quantile of chi-square with one degree of freedom
ROUNDS = 200


def habitual(frauds: FraudTable, visits: VisitTable, weight: Floats) -> NDArray[np.bool_]:
    """Which reports are better explained by the card's own habits than by theft.

    ``weight`` is how many cards of the bank each card stands for.
    """
    out = np.zeros(frauds.card.size, bool)
    rows = np.flatnonzero(frauds.counts & (frauds.entity >= 0))
    if rows.size < LEAST:
        return out
    familiar, chance = _familiar(frauds, rows, visits, weight)
    seen = np.full(weight.size, np.iinfo(np.int64).max)
    np.minimum.at(seen, visits.card, visits.at)
    known = np.searchsorted(KNOWN_DAYS, (frauds.at[rows] - seen[frauds.card[rows]]) // DAY, "right")
    share, shows = _habit(familiar, chance, known)
    by_habit = share * np.where(familiar, shows[known], 1.0 - shows[known])
    by_chance = (1.0 - share) * np.where(familiar, chance, 1.0 - chance)
    out[rows] = by_habit > by_chance
    # A history in which nothing else is left says more with its habits than without.
    return out if (frauds.counts & ~out).any() else np.zeros_like(out)


def _habit(familiar: NDArray[np.bool_], chance: Floats, known: Ints) -> tuple[float, Floats]:
    """The share of habit among the reports, and for each span of days how often it shows."""
    spans = KNOWN_DAYS.size + 1
    fitted = np.zeros(spans)
    for span in range(spans):
        mine = known == span
        if int(mine.sum()) >= LEAST:
            fitted[span] = _share_of_habit(familiar[mine], chance[mine])
    usable = np.flatnonzero(np.bincount(known, minlength=spans) >= LEAST)
    share = float(fitted[usable[-1]]) if usable.size else 0.0
    shows = np.minimum(fitted / share, 1.0) if share > 0 else np.ones(spans)
    return share, shows


def _familiar(
    frauds: FraudTable, rows: Ints, visits: VisitTable, weight: Floats
) -> tuple[NDArray[np.bool_], Floats]:
    """Whether each report's card knew the shop, and the chance that a card as busy did."""
    shops = np.unique(frauds.entity[rows])
    there = np.flatnonzero(np.isin(visits.entity, shops))
    shop = np.searchsorted(shops, visits.entity[there])
    key = shop * np.int64(weight.size) + visits.card[there]
    order = np.lexsort((visits.at[there], key))
    keys, first = np.unique(key[order], return_index=True)
    since = visits.at[there][order][first]
    asked = np.searchsorted(shops, frauds.entity[rows])
    before = frauds.at[rows] - SETTLED
    wanted = asked * np.int64(weight.size) + frauds.card[rows]
    spot = np.minimum(np.searchsorted(keys, wanted), max(keys.size - 1, 0))
    familiar = (keys[spot] == wanted) & (since[spot] <= before)
    share = _share_of_visitors(
        keys // weight.size, since, weight[keys % weight.size], asked, before
    )
    visited = np.bincount(visits.card, minlength=weight.size)
    busy = visited / max(float(visited @ weight) / float(weight.sum()), 1e-9)
    share = np.clip(share / float(weight.sum()), 0.5 / float(weight.sum()), 0.999)
    chance = -np.expm1(np.log1p(-share) * np.maximum(busy[frauds.card[rows]], 0.1))
    return familiar, np.asarray(chance, float)


def _share_of_visitors(shop: Ints, since: Ints, weight: Floats, asked: Ints, at: Ints) -> Floats:
    """Weight of the cards that had been at each asked shop by an instant."""
    order = np.lexsort((since, shop))
    running = np.concatenate([[0.0], np.cumsum(weight[order])])
    place = np.searchsorted(shop[order] * SPAN + since[order], asked * SPAN + at, side="right")
    return np.asarray(running[place] - running[np.searchsorted(shop[order], asked)], float)


def _share_of_habit(familiar: NDArray[np.bool_], chance: Floats) -> float:
    """The share of reports that habit explains; 0 unless it is needed to explain them."""
    share = 0.5
    for _ in range(ROUNDS):
        share = float(np.where(familiar, share / (share + (1.0 - share) * chance), 0.0).mean())
    with_habit = np.where(familiar, share + (1.0 - share) * chance, (1.0 - share) * (1.0 - chance))
    without = np.where(familiar, chance, 1.0 - chance)
    gain = float(np.log(np.maximum(with_habit, 1e-300)).sum() - np.log(without).sum())
    return share if gain > LIKELIHOOD_RATIO else 0.0
