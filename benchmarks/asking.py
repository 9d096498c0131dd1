"""What asking holders buys: labels the same night instead of a week later, for some cards a day.

``python -m benchmarks asking -- [--asked 30 100 300 1000]``. On every day the cards with the
highest scores are asked about their most suspicious purchase of that day; four in five answer, and
the answer is known at midnight. All other labels come after seven days. Whom to ask is chosen by a
model that was trained before and sees no answers. Rows, training weeks and figures are those of the
Handbook's four test folds, so the lines can be compared. What an answer says of the card itself is
left out (a card that said "not me" is stopped): the gain is what answers say of the shops.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.handbook import FILE, source
from benchmarks.handbook_scoring import history, row_of
from benchmarks.parts.figures import keep, show
from sekisho.app.scoring_history import ScoringHistory
from sekisho.scoring import handbook
from sekisho.scoring.kernel import run as play
from sekisho.scoring.layout import DAY
from sekisho.scoring.messages import Labels, delayed_labels
from sekisho.scoring.recipes import HANDBOOK
from sekisho.scoring.slots import Slot
from sekisho.scoring.state import new_state
from sekisho.scoring.trade import at_threshold, threshold_for
from sekisho.scoring.trees import Recipe, learner, names

ANSWERED = 0.8
EPOCH = date(1970, 1, 1)
BEGIN = (handbook.TEST_FOLDS[-1] - timedelta(days=30) - EPOCH).days  # asking begins
WITHOUT_ANSWERS = replace(HANDBOOK, bagging=1)
WITH_ANSWERS = replace(
    WITHOUT_ANSWERS,
    features=HANDBOOK.features
    + names(
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
    ),
)

Vectors = NDArray[np.float32]


def chosen_rows(rows: handbook.Rows, score: NDArray[np.float64], asked: int) -> NDArray[np.int64]:
    """For every day since BEGIN the worst purchase of each of the most suspicious cards."""
    parts = []
    for day in range(BEGIN, int(rows.day[-1]) + 1):
        today = np.flatnonzero(rows.day == day)
        ranked = today[np.argsort(-score[today], kind="stable")]
        _, first = np.unique(rows.card[ranked], return_index=True)
        parts.append(ranked[np.sort(first)[:asked]])
    return np.concatenate(parts)


def joined(late: Labels, early: Labels) -> Labels:
    """Two streams of labels in the order in which they become known."""
    order = np.argsort(np.concatenate([late.known_at, early.known_at]), kind="stable")
    pairs: Any = zip(late, early, strict=True)
    columns: Any = (np.concatenate(pair)[order] for pair in pairs)
    return Labels(*columns)


def answers(told: ScoringHistory, rows: NDArray[np.int64]) -> Labels:
    """The answers about these purchases, at the midnight after each."""
    of = told.of
    midnight = (of.at[rows] // DAY + 1) * DAY
    return Labels(
        midnight, of.at[rows], of.card[rows], of.merchant[rows], of.amount[rows],
        told.fraud[rows], np.ones(rows.size, np.int8),
    )  # fmt: skip


def features(told: ScoringHistory, labels: Labels) -> Vectors:
    """All vectors, with these labels becoming known."""
    state = new_state(told.cards, told.merchants, events=told.of.at.size // 2)
    return play(state, told.of, labels)[1]


def value_detection(told: ScoringHistory, results: list[handbook.FoldResult], rate: float) -> float:
    """Share of the fraud's amount among the flagged, at an alert rate, as mean over the folds."""
    shares = []
    for result in results:
        rows = result.fold.test
        threshold = threshold_for(result.score, rate)
        figures = at_threshold(told.fraud[rows], result.score, told.of.amount[rows], threshold)
        shares.append(figures.value_detection)
    return float(np.mean(shares))


def line(
    told: ScoringHistory, rows: handbook.Rows, vectors: Vectors, name: str, recipe: Recipe
) -> tuple[str, ...]:
    """One line of the table."""
    results = handbook.evaluate(rows, vectors, learner(recipe))
    value = value_detection(told, results, 0.005)
    keep("asking", {"name": name, "value": value, "mean": handbook.means(results)})
    return (*row_of(name, results), f"{value:.3f}")


def run(argv: list[str]) -> None:
    """Ask none, some, and everybody; print the table."""
    parser = argparse.ArgumentParser(prog="asking", description=__doc__)
    parser.add_argument("--asked", type=int, nargs="*", default=[30, 100, 300, 1_000])
    options = parser.parse_args(argv)
    path = source()
    if path is None:
        print(f"skipped: {FILE} is not on this machine (set SEKISHO_SHARED)")
        return
    table = compare(history(Path(path)), options.asked)
    show(
        ("cards asked a day", "AUC", "average precision", "card precision at 100",
         "value detection at 0.5 % alerts"),
        table,
    )  # fmt: skip


def compare(told: ScoringHistory, asked: list[int]) -> list[tuple[str, ...]]:
    """The table's lines, from nobody to everybody."""
    rows = handbook.Rows(told.of.at // DAY, told.of.card, told.fraud)
    late = delayed_labels(told.of, told.fraud, handbook.LABEL_DELAY)
    vectors = features(told, late)
    lines = [line(told, rows, vectors, "none", WITHOUT_ANSWERS)]
    first = handbook.fold_of(rows, handbook.VALIDATION_FOLDS[-1]).train
    score = np.zeros(rows.day.size)
    asking = np.flatnonzero(rows.day >= BEGIN)
    score[asking] = learner(WITHOUT_ANSWERS)(vectors[first], told.fraud[first])(vectors[asking])
    rng = np.random.default_rng(7)
    for count in asked:
        picked = chosen_rows(rows, score, count)
        picked = picked[rng.random(picked.size) < ANSWERED]
        vectors = features(told, joined(late, answers(told, np.sort(picked))))
        lines.append(line(told, rows, vectors, f"{count}", WITH_ANSWERS))
    vectors = features(told, joined(late, answers(told, asking)))
    lines.append(line(told, rows, vectors, "everybody, all answer", WITH_ANSWERS))
    return lines
