"""A model for one's own traffic: chosen on folds that follow time, judged once on the last weeks.

Between the end of training and the beginning of what it is judged on lies the label delay: on that
morning no later label was known. Folds::

    train ........ | delay | validation 1 |
    train ............... | delay | validation 2 |
    train ...................... | delay | validation 3 |
    train ............................. | delay | test (looked at once)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sekisho.domain.errors import NothingToDo
from sekisho.domain.progress import Progress
from sekisho.scoring.layout import DAY
from sekisho.scoring.messages import Authorizations
from sekisho.scoring.metrics import CardDays, average_precision, card_precision, roc_auc
from sekisho.scoring.recipes import CANDIDATES
from sekisho.scoring.slots import Slot
from sekisho.scoring.trade import AtRate, curve, stability
from sekisho.scoring.trees import Recipe, Trees, train

Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]
FOLDS: Final = 3
LEAST_FRAUDS: Final = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """Spans in days: how late labels are, how long each validation and the test."""

    label_delay: int = 7
    validation: int = 14
    test: int = 28


@dataclass(frozen=True, slots=True)
class Span:
    """Figures of one stretch of days; ``first`` and ``last`` count days from 1970-01-01."""

    first: int
    last: int
    purchases: int
    frauds: int
    average_precision: float
    auc_roc: float
    stability: float  # of the scores, against the first week's


@dataclass(frozen=True, slots=True)
class Trained:
    """A model and all that its card says. ``chosen`` are (name, mean average precision)."""

    trees: Trees
    chosen: tuple[tuple[str, float], ...]
    train_days: tuple[int, int]
    test: Span
    weeks: tuple[Span, ...]
    card_precision_at_100: float
    rates: tuple[AtRate, ...]
    test_rows: NDArray[np.int64]
    gains: tuple[tuple[str, float], ...]


def usable_features(vectors: Vectors) -> tuple[str, ...]:
    """Names of the features that say anything in these rows: those that are not constant."""
    varies = vectors.max(axis=0) > vectors.min(axis=0)
    return tuple(slot.name.lower() for slot in Slot if varies[slot])


def teach(
    of: Authorizations, fraud: NDArray[np.int8], vectors: Vectors, plan: Plan, progress: Progress
) -> Trained:
    """Choose, train and judge. NothingToDo where the history is too short or has too few frauds."""
    day = of.at // DAY
    last = int(day[-1]) + 1 if day.size else 0
    test_from = last - plan.test
    names = usable_features(vectors) if day.size else ()
    candidates = {name: _with(recipe, names) for name, recipe in CANDIDATES.items()}
    progress.step("choose", total=float(FOLDS * len(candidates)))
    chosen = []
    for name, recipe in candidates.items():
        told = []
        for k in range(FOLDS):
            start = test_from - (FOLDS - k) * plan.validation
            known, later = _split(day, fraud, (start, start + plan.validation), plan.label_delay)
            score = train(vectors[known], fraud[known], recipe).margin(vectors[later])
            told.append(average_precision(fraud[later], score))
            progress.advance(1.0)
        chosen.append((name, float(np.mean(told))))
    best = max(chosen, key=lambda pair: pair[1])[0]
    progress.step("train")
    known, later = _split(day, fraud, (test_from, last), plan.label_delay)
    trees = train(vectors[known], fraud[known], candidates[best])
    score = trees.score(vectors[later])
    caught = card_precision(CardDays(of.card[later], day[later]), fraud[later], score)
    return Trained(
        trees=trees,
        chosen=tuple(chosen),
        train_days=(int(day[known[0]]), int(day[known[-1]])),
        test=_span(day[later], fraud[later], score, score),
        weeks=tuple(_weeks(day[later], fraud[later], score)),
        card_precision_at_100=float(caught.mean()),
        rates=tuple(curve(fraud[later], score, of.amount[later])),
        test_rows=later,
        gains=_gains(trees),
    )


def _with(recipe: Recipe, names: Sequence[str]) -> Recipe:
    rising = tuple(name for name in recipe.rising if name in names)
    return replace(recipe, features=tuple(names), rising=rising)


def _split(
    day: NDArray[np.int64], fraud: NDArray[np.int8], span: tuple[int, int], delay: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows whose label is known when the span begins, and the rows of the span."""
    known = np.flatnonzero(day < span[0] - delay)
    later = np.flatnonzero((day >= span[0]) & (day < span[1]))
    for name, rows in (("to learn from", known), ("to judge by", later)):
        frauds = int(fraud[rows].sum())
        if frauds < LEAST_FRAUDS or frauds == rows.size:
            raise NothingToDo(
                f"there are {frauds} frauds among {rows.size} purchases {name}, and at least "
                f"{LEAST_FRAUDS} are needed.",
                hint="Hand in a longer history, or shorten --test-days and --validation-days.",
            )
    return known, later


def _span(
    day: NDArray[np.int64], fraud: NDArray[np.int8], score: Floats, first_week: Floats
) -> Span:
    return Span(
        int(day[0]), int(day[-1]), fraud.size, int(fraud.sum()),
        average_precision(fraud, score), roc_auc(fraud, score), stability(first_week, score),
    )  # fmt: skip


def _weeks(day: NDArray[np.int64], fraud: NDArray[np.int8], score: Floats) -> list[Span]:
    week = (day - day[0]) // 7
    first = score[week == 0]
    return [
        _span(day[rows], fraud[rows], score[rows], first)
        for number in np.unique(week)
        for rows in [np.flatnonzero(week == number)]
    ]


def _gains(trees: Trees) -> tuple[tuple[str, float], ...]:
    """Each feature's share of what the splits gained, largest first."""
    total = np.zeros(len(trees.recipe.features))
    for booster in trees.boosters:
        total += booster.feature_importance("gain")
    shares = total / max(float(total.sum()), 1e-300)
    order = np.argsort(-shares, kind="stable")
    return tuple((trees.recipe.features[k], float(shares[k])) for k in order)
