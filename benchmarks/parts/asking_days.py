"""A year in which holders are asked, day by day: who is asked today hangs on what was answered.

Every evening the cards with the highest scores are asked about their most suspicious purchase of
the day; some answer, and an answer is known at midnight. Every other label comes a week later. The
model that ranks is trained anew each week on what is known that morning, answers included.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sekisho.app.scoring_history import ScoringHistory
from sekisho.scoring import handbook
from sekisho.scoring.kernel import run as play
from sekisho.scoring.layout import DAY
from sekisho.scoring.messages import Authorizations, Labels, delayed_labels
from sekisho.scoring.recipes import HANDBOOK
from sekisho.scoring.slots import WIDTH, Slot
from sekisho.scoring.state import new_state
from sekisho.scoring.trees import Recipe, Trees, names, train

Vectors = NDArray[np.float32]
Ints = NDArray[np.int64]
EPOCH: Final = date(1970, 1, 1)
BEGIN: Final = (handbook.VALIDATION_FOLDS[-1] - timedelta(days=28) - EPOCH).days
"""The first day on which anybody is asked: four weeks before the first fold."""
WEEK: Final = 7
ASKED = names(
    (
        Slot.SHOP_ASKED_RUN,
        Slot.SHOP_ASKED_RUN_AGE,
        Slot.SHOP_ASKED_FRAUDS_1D,
        Slot.SHOP_ASKED_FRAUDS_7D,
        Slot.SHOP_ASKED_FRAUDS_30D,
        Slot.SHOP_ASKED_RISK_30D,
        Slot.SHOP_ASKED_7D,
        Slot.SHOP_ASKED_30D,
    )
)
WITHOUT_ANSWERS = replace(HANDBOOK, bagging=1)
WITH_ANSWERS = replace(
    WITHOUT_ANSWERS,
    features=HANDBOOK.features + ASKED,
    rising=HANDBOOK.rising
    + names((Slot.SHOP_ASKED_RUN, Slot.SHOP_ASKED_FRAUDS_7D, Slot.SHOP_ASKED_RISK_30D)),
)


@dataclass(frozen=True, slots=True)
class Habits:
    """How asking goes: cards a day, share that answers, days for which an asked card rests.

    ``per_shop``: most questions about one shop in one evening; 0: as many as it comes to.
    """

    cards: int
    answered: float = 0.8
    rest: int = 0
    per_shop: int = 0


@dataclass(frozen=True, slots=True)
class Year:
    """Features of every row as they were that day, and the rows whose holders answered."""

    vectors: Vectors
    answered: Ints


def rows_of(of: Authorizations, first: int, last: int) -> Authorizations:
    """The rows from ``first`` to before ``last``."""
    columns: Any = (column[first:last] for column in of)
    return Authorizations(*columns)


def labels_between(labels: Labels, first: int, last: int) -> Labels:
    """The labels from ``first`` to before ``last``."""
    columns: Any = (column[first:last] for column in labels)
    return Labels(*columns)


def joined(late: Labels, early: Labels) -> Labels:
    """Two streams of labels in the order in which they become known."""
    order = np.argsort(np.concatenate([late.known_at, early.known_at]), kind="stable")
    pairs: Any = zip(late, early, strict=True)
    columns: Any = (np.concatenate(pair)[order] for pair in pairs)
    return Labels(*columns)


def answers(told: ScoringHistory, rows: Ints) -> Labels:
    """The answers about these purchases, at the midnight after each."""
    of = told.of
    midnight = (of.at[rows] // DAY + 1) * DAY
    return Labels(
        midnight, of.at[rows], of.card[rows], of.merchant[rows], of.amount[rows],
        told.fraud[rows], np.ones(rows.size, np.int8),
    )  # fmt: skip


def worst_of_each(score: NDArray[np.float64], key: NDArray[np.int32], most: int = 1) -> Ints:
    """Places of the ``most`` most suspicious purchases of each key, the worst ones first."""
    ranked = np.argsort(-score, kind="stable")
    keys = key[ranked]
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    number = np.arange(keys.size) - np.repeat(begins, np.diff(np.append(begins, keys.size)))
    return ranked[np.sort(order[number < most])]


class Asking:
    """Plays the year. ``rng`` decides who answers."""

    def __init__(self, told: ScoringHistory, habits: Habits, rng: np.random.Generator) -> None:
        self._told = told
        self._habits = habits
        self._rng = rng
        self._day = told.of.at // DAY
        self._vectors = np.empty((told.of.at.size, WIDTH), np.float32)
        self._late = delayed_labels(told.of, told.fraud, handbook.LABEL_DELAY)
        self._known = np.zeros(0, np.int64)  # rows that were answered
        self._asked_on = np.full(told.cards, -10_000)
        self._model: Trees | None = None

    def run(self) -> Year:
        """Every day in order: play it, ask in the evening, learn at midnight."""
        state = new_state(self._told.cards, self._told.merchants, events=self._told.of.at.size // 2)
        new = np.zeros(0, np.int64)
        learnt = 0
        for day in range(int(self._day[0]), int(self._day[-1]) + 1):
            first, last = np.searchsorted(self._day, [day, day + 1])
            until = int(np.searchsorted(self._late.known_at, (day + 1) * DAY))
            labels = joined(labels_between(self._late, learnt, until), answers(self._told, new))
            learnt = until
            part = rows_of(self._told.of, first, last)
            state, _ = play(state, part, labels, self._vectors[first:last])
            new = self._evening(day, int(first), int(last))
            self._known = np.concatenate([self._known, new])
        return Year(self._vectors, self._known)

    def _evening(self, day: int, first: int, last: int) -> Ints:
        """Rows of today whose holders are asked and answer."""
        if day < BEGIN or not self._habits.cards:
            return np.zeros(0, np.int64)
        if self._model is None or (day - BEGIN) % WEEK == 0:
            self._model = self._trained(day)
        card = self._told.of.card[first:last]
        free = np.flatnonzero(day - self._asked_on[card] >= self._habits.rest)
        score = self._model.margin(self._vectors[first:last][free])
        ranked = worst_of_each(score, card[free])
        if self._habits.per_shop:
            shop = self._told.of.merchant[first:last][free][ranked]
            kept = worst_of_each(score[ranked], shop, self._habits.per_shop)
            ranked = ranked[kept]
        picked = free[ranked[: self._habits.cards]]
        self._asked_on[card[picked]] = day
        return np.sort(first + picked[self._rng.random(picked.size) < self._habits.answered])

    def _trained(self, day: int) -> Trees:
        """The model of a Monday: the week that ended a week ago, all its labels being known."""
        rows = np.flatnonzero((self._day >= day - 2 * WEEK) & (self._day < day - WEEK))
        recipe = WITH_ANSWERS if day >= BEGIN + 3 * WEEK else WITHOUT_ANSWERS
        return train(self._vectors[rows], self._told.fraud[rows], recipe)


def everybody(told: ScoringHistory) -> Year:
    """Everybody is asked about everything and answers at midnight: as good as asking can get."""
    rows = np.flatnonzero(told.of.at // DAY >= BEGIN)
    late = delayed_labels(told.of, told.fraud, handbook.LABEL_DELAY)
    state = new_state(told.cards, told.merchants, events=told.of.at.size // 2)
    return Year(play(state, told.of, joined(late, answers(told, rows)))[1], rows)


def nobody(told: ScoringHistory) -> Year:
    """Nobody is asked."""
    late = delayed_labels(told.of, told.fraud, handbook.LABEL_DELAY)
    state = new_state(told.cards, told.merchants, events=told.of.at.size // 2)
    return Year(play(state, told.of, late)[1], np.zeros(0, np.int64))


def with_seeds(recipe: Recipe, models: int) -> Recipe:
    """The recipe as the average of so many models."""
    return replace(recipe, bagging=models)
