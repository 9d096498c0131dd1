"""What asking holders buys: labels the same night instead of a week later, for some cards a day.

``python -m benchmarks asking -- [--asked 30 100 300 1000] [--test]``. Every evening the cards with
the highest scores are asked about their most suspicious purchase of that day; four in five answer,
and the answer is known at midnight. All other labels come after seven days. The ranking model is
trained anew each week on what is known that morning (`parts.asking_days`). Rows, training weeks and
figures are those of the Handbook's folds, so the lines can be compared. What an answer says of the
card itself is left out (a card that said "not me" is stopped): the gain is what answers say of the
shops.

How answers enter the model is chosen on the validation folds, which is what runs without
``--test``: as features alone; as rows of the training too (pooled); or as a model of their own,
whose score is averaged with the other's (Dal Pozzolo et al., TNNLS 2018).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.handbook import FILE, source
from benchmarks.handbook_scoring import history, row_of
from benchmarks.parts.asking_days import (
    EPOCH,
    WEEK,
    WITH_ANSWERS,
    Asking,
    Habits,
    Year,
    everybody,
    nobody,
    with_seeds,
)
from benchmarks.parts.figures import keep, show
from sekisho.app.scoring_history import ScoringHistory
from sekisho.scoring import handbook
from sekisho.scoring.layout import DAY
from sekisho.scoring.recipes import HANDBOOK
from sekisho.scoring.trade import at_threshold, threshold_for
from sekisho.scoring.trees import train

Floats = NDArray[np.float64]
RATE: Final = 0.005
MODELS: Final = 3


@dataclass(frozen=True, slots=True)
class Case:
    """A history, a year of asking in it, and one fold of the Handbook."""

    told: ScoringHistory
    year: Year
    fold: handbook.Fold

    def feedback(self) -> NDArray[np.int64]:
        """Answered rows of the two weeks before the test begins."""
        start = (self.fold.train_start - EPOCH).days
        day = self.told.of.at[self.year.answered] // DAY
        return self.year.answered[(day >= start) & (day < start + 2 * WEEK)]

    def trained(self, rows: NDArray[np.int64], weight: Floats | None = None) -> Floats:
        """Log odds of the test rows by a model that learnt from these rows."""
        recipe = with_seeds(WITH_ANSWERS if self.year.answered.size else HANDBOOK, MODELS)
        trees = train(self.year.vectors[rows], self.told.fraud[rows], recipe, weight)
        return trees.margin(self.year.vectors[self.fold.test])


def features_alone(case: Case) -> Floats:
    """Answers speak through the features of the shops."""
    return case.trained(case.fold.train)


def pooled(case: Case) -> Floats:
    """Answered purchases of the week of waiting are learnt from too."""
    return case.trained(np.union1d(case.fold.train, case.feedback()))


def separate(case: Case) -> Floats:
    """A model of the answers alone, its probability averaged with that of the other model."""
    rows = case.feedback()
    if case.told.fraud[rows].sum() < 20:
        return features_alone(case)
    both = [1.0 / (1.0 + np.exp(-case.trained(part))) for part in (case.fold.train, rows)]
    return np.asarray((both[0] + both[1]) / 2.0)


WAYS: Final[dict[str, Callable[[Case], Floats]]] = {
    "features": features_alone,
    "pooled": pooled,
    "separate": separate,
}
CHOSEN: Final = "pooled"


def value_detection(told: ScoringHistory, results: Sequence[handbook.FoldResult]) -> float:
    """Share of the fraud's amount among the flagged, at RATE alerts, as mean over the folds."""
    shares = []
    for result in results:
        rows = result.fold.test
        threshold = threshold_for(result.score, RATE)
        figures = at_threshold(told.fraud[rows], result.score, told.of.amount[rows], threshold)
        shares.append(figures.value_detection)
    return float(np.mean(shares))


def judged(
    told: ScoringHistory, year: Year, way: str, starts: Sequence[date]
) -> list[handbook.FoldResult]:
    """Each fold's figures with answers used in this way."""
    rows = handbook.Rows(told.of.at // DAY, told.of.card, told.fraud)
    results = []
    for start in starts:
        fold = handbook.fold_of(rows, start)
        results.append(handbook.judge(rows, fold, WAYS[way](Case(told, year, fold))))
    return results


def line(
    told: ScoringHistory, name: str, results: Sequence[handbook.FoldResult]
) -> tuple[str, ...]:
    """One line of the table."""
    value = value_detection(told, results)
    keep("asking", {"name": name, "value": value, "mean": handbook.means(results)})
    return (*row_of(name, list(results)), f"{value:.3f}")


def run(argv: list[str]) -> None:
    """Ask none, some, and everybody; print the table."""
    parser = argparse.ArgumentParser(prog="asking", description=__doc__)
    parser.add_argument("--asked", type=int, nargs="*", default=[30, 100, 300, 1_000])
    parser.add_argument("--rest", type=int, default=7, help="days for which an asked card rests")
    parser.add_argument("--per-shop", type=int, default=1, help="most questions about a shop a day")
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--test", action="store_true", help="the test folds, the chosen way alone")
    options = parser.parse_args(argv)
    path = source()
    if path is None:
        print(f"skipped: {FILE} is not on this machine (set SEKISHO_SHARED)")
        return
    told = history(Path(path))
    starts = handbook.TEST_FOLDS if options.test else handbook.VALIDATION_FOLDS
    lines = [line(told, "none", judged(told, nobody(told), "features", starts))]
    ways = (CHOSEN,) if options.test else options.ways
    for count in options.asked:
        habits = Habits(count, rest=options.rest, per_shop=options.per_shop)
        year = Asking(told, habits, np.random.default_rng(7)).run()
        lines += [line(told, f"{count}, {way}", judged(told, year, way, starts)) for way in ways]
    year = everybody(told)
    lines.append(line(told, "everybody, all answer", judged(told, year, "features", starts)))
    show(
        ("cards asked a day", "AUC", "average precision", "card precision at 100",
         "value detection at 0.5 % alerts"),
        lines,
    )  # fmt: skip
