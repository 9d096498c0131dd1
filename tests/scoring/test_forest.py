"""The model in the decision path and the ONNX file give the scores that training saw."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.scoring.forest import floor32, forest_of, margin, margins
from sekisho.scoring.onnx_file import TOLERANCE, differences, onnx_bytes
from sekisho.scoring.slots import WIDTH
from sekisho.scoring.trees import Recipe, Trees, train

RECIPE = Recipe(
    features=("amount", "card_ratio_habit", "shop_run", "card_sum_30d"),
    rising=("shop_run",), rounds=40, bagging=2, rows_in_leaf=5,
)  # fmt: skip


@pytest.fixture(scope="module")
def made() -> tuple[Trees, np.ndarray]:
    """Trees on amounts that lie on thresholds, where the two widths of floats differ."""
    rng = np.random.default_rng(1)
    vectors = np.zeros((6_000, WIDTH), np.float32)
    for column in RECIPE.columns:
        vectors[:, column] = rng.integers(0, 3_000, 6_000) / np.float32(7.0)
    vectors[:, RECIPE.columns[3]] = rng.integers(0, 2**40, 6_000)
    odds = vectors[:, RECIPE.columns[0]] / 100 - 4 + (vectors[:, RECIPE.columns[1]] > 300)
    fraud = (rng.random(6_000) < 1 / (1 + np.exp(-odds))).astype(np.int8)
    return train(vectors, fraud, RECIPE), vectors


def test_the_forest_is_the_trees_to_the_last_bit(made: tuple[Trees, np.ndarray]) -> None:
    trees, vectors = made
    forest, told = forest_of(trees), np.empty(len(vectors))
    margins(forest, vectors, told)
    assert told.tobytes() == trees.margin(vectors).tobytes()
    assert margin(forest, vectors[7]) == told[7]
    # On the edges themselves, and just beside them.
    edges = np.repeat(vectors[:1], 3 * forest.threshold.size, axis=0)
    for k, (column, edge) in enumerate(zip(forest.column, forest.threshold, strict=True)):
        low, high = np.float32(-np.inf), np.float32(np.inf)
        edges[3 * k : 3 * k + 3, column] = np.nextafter(edge, low), edge, np.nextafter(edge, high)
    told = np.empty(len(edges))
    margins(forest, edges, told)
    assert told.tobytes() == trees.margin(edges).tobytes()


def test_the_onnx_file_takes_the_same_paths(made: tuple[Trees, np.ndarray]) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    trees, vectors = made
    forest = forest_of(trees)
    model = onnx_bytes(forest)
    assert differences(forest, model, vectors) < TOLERANCE
    broken = forest._replace(threshold=np.nextafter(forest.threshold, np.float32(np.inf)))
    edges = np.repeat(vectors[:1], forest.threshold.size, axis=0)
    edges[np.arange(len(edges)), forest.column] = broken.threshold
    assert differences(forest, model, edges) < TOLERANCE
    assert differences(broken, model, edges) > TOLERANCE


@given(st.floats(-(2.0**60), 2.0**60), st.floats(-(2.0**60), 2.0**60, width=32))
def test_a_floored_threshold_divides_the_same_numbers(edge: float, x: float) -> None:
    assert (np.float32(x) <= floor32([edge])[0]) == (x <= edge)
