"""The protocol of "Reproducible Machine Learning for Credit Card Fraud Detection" (the Handbook).

Le Borgne, Siblini, Lebichot and Bontempi, 2022, chapters 4 and 5: a week to train on, a week of
delay in which nothing is known, a week to test on. Cards whose fraud is known by then are taken out
of the test. Parameters are chosen on the validation folds; the four test folds are looked at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sekisho.domain.errors import BadInput
from sekisho.scoring.layout import DAY
from sekisho.scoring.metrics import CardDays, average_precision, card_precision, roc_auc

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SPAN_DAYS: Final = 7  # of training, of delay, of the test
LABEL_DELAY: Final = SPAN_DAYS * DAY
TOP_CARDS: Final = 100
TEST_FOLDS: Final = tuple(date(2018, 8, 15) - timedelta(days=7 * k) for k in range(4))
VALIDATION_FOLDS: Final = tuple(date(2018, 7, 11) - timedelta(days=7 * k) for k in range(4))

Learn = Callable[[NDArray[np.float32], NDArray[np.int8]], "Scorer"]
Scorer = Callable[[NDArray[np.float32]], Floats]


@dataclass(frozen=True, slots=True)
class Rows:
    """What the protocol looks at of each purchase; ``day`` counts from 1970-01-01."""

    day: Ints
    card: NDArray[np.int32]
    fraud: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Fold:
    """One fold: rows to train on and rows to test on, as indices that rise."""

    train_start: date
    train: Ints
    test: Ints


@dataclass(frozen=True, slots=True)
class FoldResult:
    """The figures of one fold, and the score of each row of its test."""

    fold: Fold
    auc_roc: float
    average_precision: float
    card_precision_at_100: float
    score: Floats


def fold_of(rows: Rows, train_start: date) -> Fold:
    """Cut one fold out of the rows. BadInput where they do not reach over its three weeks."""
    start = train_start.toordinal() - date(1970, 1, 1).toordinal()
    train = (rows.day >= start) & (rows.day < start + SPAN_DAYS)
    known = np.zeros(int(rows.card.max(initial=0)) + 1, bool)
    known[rows.card[train & (rows.fraud > 0)]] = True
    parts = []
    for d in range(SPAN_DAYS):
        # What happened a delay ago, and on the day before that, is known this morning.
        learnt = (rows.day == start + SPAN_DAYS + d - 1) & (rows.fraud > 0)
        known[rows.card[learnt]] = True
        today = np.flatnonzero(rows.day == start + 2 * SPAN_DAYS + d)
        parts.append(today[~known[rows.card[today]]])
    test = np.concatenate(parts)
    for name, part in (("training", rows.fraud[train]), ("test", rows.fraud[test])):
        if not part.any() or part.all():
            raise BadInput(
                f"the fold from {train_start} has no fraud, or nothing else, in its {name} week.",
                hint="The protocol needs the Handbook's simulated transactions of 2018-04-01 to "
                "2018-09-30.",
            )
    return Fold(train_start, np.flatnonzero(train), test)


def judge(rows: Rows, fold: Fold, score: Floats) -> FoldResult:
    """The protocol's three figures for the scores of a fold's test rows."""
    fraud = rows.fraud[fold.test]
    of = CardDays(rows.card[fold.test], rows.day[fold.test])
    return FoldResult(
        fold,
        roc_auc(fraud, score),
        average_precision(fraud, score),
        float(card_precision(of, fraud, score, TOP_CARDS).mean()),
        score,
    )


def evaluate(
    rows: Rows, features: NDArray[np.float32], learn: Learn, starts: Sequence[date] = TEST_FOLDS
) -> list[FoldResult]:
    """Train and judge on each fold. ``features`` are (rows, width), computed with LABEL_DELAY.

    ``learn`` sees nothing but the training week's features and labels.
    """
    results = []
    for start in starts:
        fold = fold_of(rows, start)
        scorer = learn(features[fold.train], rows.fraud[fold.train])
        results.append(judge(rows, fold, scorer(features[fold.test])))
    return results


def means(results: Sequence[FoldResult]) -> dict[str, float]:
    """The means over folds, by the names of METRICS.json."""
    return {
        name: float(np.mean([getattr(result, name) for result in results]))
        for name in ("auc_roc", "average_precision", "card_precision_at_100")
    }
