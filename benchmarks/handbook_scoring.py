"""The scoring by the Handbook's protocol: what its recipe was chosen by, and the test.

``python -m benchmarks handbook_scoring -- [--validation]`` trains and judges the recipe on the four
test folds, or variants of it on the four validation folds, by which it was chosen. Needs the
Handbook's transactions (see `handbook`).
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.handbook import FILE, source
from benchmarks.parts.figures import keep, show
from sekisho.app.scoring_history import HANDBOOK_COLUMNS, ScoringHistory, read_history
from sekisho.domain.progress import Silent
from sekisho.scoring import handbook
from sekisho.scoring.kernel import run as play
from sekisho.scoring.layout import DAY
from sekisho.scoring.messages import delayed_labels
from sekisho.scoring.recipes import HANDBOOK
from sekisho.scoring.state import new_state
from sekisho.scoring.trees import Recipe, learner
from sekisho.warehouse.intake import InputRequest

PUBLISHED = {
    "published: XGBoost": (0.872, 0.694, 0.304),
    "published: balanced bagging": (0.879, 0.680, 0.305),
    "published: feed-forward network": (0.878, 0.683, 0.304),
    "published: LSTM with attention": (0.879, 0.676, 0.303),
}
"""The Handbook's own results on its test folds, chapters 5 to 7, the best of each on the test."""

VARIANTS: dict[str, Recipe] = {
    "the recipe": HANDBOOK,
    "nothing held to rise": replace(HANDBOOK, rising=()),
    "one model instead of three": replace(HANDBOOK, bagging=1),
    "255 bins": replace(HANDBOOK, extra={"max_bin": 255, "min_data_in_bin": 3}),
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """The rows and features that every variant is trained on."""

    rows: handbook.Rows
    features: NDArray[np.float32]


def history(path: Path) -> ScoringHistory:
    """The Handbook's transactions as the engine reads them."""
    wanted = InputRequest((path,), columns=HANDBOOK_COLUMNS, timezone="UTC")
    with tempfile.TemporaryDirectory() as work:
        return read_history(wanted, Path(work), "1GB", Silent())


def prepared(path: Path) -> Prepared:
    """Features with labels a week late."""
    told = history(path)
    labels = delayed_labels(told.of, told.fraud, handbook.LABEL_DELAY)
    state = new_state(told.cards, told.merchants, events=told.of.at.size // 2)
    _, features = play(state, told.of, labels)
    return Prepared(handbook.Rows(told.of.at // DAY, told.of.card, told.fraud), features)


def row_of(name: str, results: list[handbook.FoldResult]) -> tuple[str, ...]:
    """Mean and population deviation over the folds, as the Handbook gives them."""
    cells = [name]
    for figure in ("auc_roc", "average_precision", "card_precision_at_100"):
        values = [getattr(result, figure) for result in results]
        cells.append(f"{np.mean(values):.4f} ± {np.std(values):.3f}")
    return tuple(cells)


def run(argv: list[str]) -> None:
    """Train, judge and print."""
    parser = argparse.ArgumentParser(prog="handbook_scoring", description=__doc__)
    parser.add_argument("--validation", action="store_true", help="the folds to choose by")
    options = parser.parse_args(argv)
    path = source()
    if path is None:
        print(f"skipped: {FILE} is not on this machine (set SEKISHO_SHARED)")
        return
    ready = prepared(path)
    starts = handbook.VALIDATION_FOLDS if options.validation else handbook.TEST_FOLDS
    variants = VARIANTS if options.validation else {"Sekisho": HANDBOOK}
    rows = []
    for name, recipe in variants.items():
        results = handbook.evaluate(ready.rows, ready.features, learner(recipe), starts)
        keep("handbook-scoring", {"name": name, "mean": handbook.means(results)})
        rows.append(row_of(name, results))
    if not options.validation:
        rows += [(name, *(f"{value:.3f}" for value in told)) for name, told in PUBLISHED.items()]
    show(("", "AUC", "average precision", "card precision at 100"), rows)
