"""Gradient-boosted trees on the features: how they are trained, and what comes out.

Histograms are the trap: a learner that cuts each feature into 256 quantile bins cannot cut where a
rare edge lies (on the Handbook's data average precision falls by 0.06). So each value that occurs
gets a bin of its own, up to `BINS`, and all rows are looked at when the bins are made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from sekisho.scoring.slots import Slot

if TYPE_CHECKING:
    import lightgbm

Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]

BINS: Final = 8_192


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is chosen on validation folds. ``features`` are names of slots, in lower case.

    ``bagging`` models are trained on different draws and their margins averaged. ``rising``
    features may only raise the score when they rise: with few frauds to learn from, trees invent
    dips.
    """

    features: tuple[str, ...]
    rising: tuple[str, ...] = ()
    rounds: int = 150
    learning_rate: float = 0.05
    leaves: int = 8
    rows_in_leaf: int = 20
    feature_share: float = 0.5
    row_share: float = 0.8
    l2: float = 5.0
    bagging: int = 1
    threads: int = 1
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def columns(self) -> list[int]:
        """The columns of the features in a vector of all of them."""
        return [int(Slot[name.upper()]) for name in self.features]

    def parameters(self, seed: int) -> dict[str, Any]:
        """The words that LightGBM knows it by."""
        return {
            "objective": "binary",
            "num_threads": self.threads,
            "deterministic": True,
            "force_row_wise": True,
            "verbose": -1,
            "seed": seed,
            "max_bin": BINS,
            "min_data_in_bin": 1,
            "bin_construct_sample_cnt": 1 << 30,
            "feature_pre_filter": False,
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.rows_in_leaf,
            "feature_fraction": self.feature_share,
            "bagging_fraction": self.row_share,
            "bagging_freq": 1,
            "lambda_l2": self.l2,
            **self._rising(),
            **self.extra,
        }

    def _rising(self) -> dict[str, Any]:
        if not self.rising:
            return {}
        signs = [int(name in self.rising) for name in self.features]
        return {"monotone_constraints": signs, "monotone_constraints_method": "advanced"}


@dataclass(frozen=True, slots=True)
class Trees:
    """Trained models of one recipe; `margin` is the log odds of fraud, averaged over them."""

    recipe: Recipe
    boosters: tuple[lightgbm.Booster, ...]

    def margin(self, vectors: Vectors) -> Floats:
        """Log odds for (rows, WIDTH) feature vectors."""
        chosen = np.ascontiguousarray(vectors[:, self.recipe.columns])
        total = np.zeros(len(chosen))
        for booster in self.boosters:
            total += booster.predict(chosen, raw_score=True, num_threads=self.recipe.threads)
        return total / len(self.boosters)

    def score(self, vectors: Vectors) -> Floats:
        """Probability of fraud for (rows, WIDTH) feature vectors."""
        return 1.0 / (1.0 + np.exp(-self.margin(vectors)))


def train(
    vectors: Vectors,
    fraud: NDArray[np.int8],
    recipe: Recipe,
    weight: Floats | None = None,
    seed: int = 0,
) -> Trees:
    """Trees learnt from (rows, WIDTH) vectors and labels of 0 and 1; the same for the same seed."""
    import lightgbm  # noqa: PLC0415 - heavy, and only training needs it

    chosen = np.ascontiguousarray(vectors[:, recipe.columns])
    boosters = []
    for one in range(recipe.bagging):
        parameters = recipe.parameters(seed + one)
        rows = lightgbm.Dataset(chosen, fraud, weight=weight, params=parameters, free_raw_data=True)
        boosters.append(lightgbm.train(parameters, rows, num_boost_round=recipe.rounds))
    return Trees(recipe, tuple(boosters))


def learner(
    recipe: Recipe, tell: Callable[[], None] | None = None
) -> Callable[[Vectors, NDArray[np.int8]], Callable[[Vectors], Floats]]:
    """`train` in the shape that a protocol asks for; ``tell`` hears of each model that is done."""

    def learn(vectors: Vectors, fraud: NDArray[np.int8]) -> Callable[[Vectors], Floats]:
        trees = train(vectors, fraud, recipe)
        if tell is not None:
            tell()
        return trees.score

    return learn


def names(slots: Sequence[Slot]) -> tuple[str, ...]:
    """Slots as a recipe names them."""
    return tuple(slot.name.lower() for slot in slots)
