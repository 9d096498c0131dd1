"""Trained trees as plain arrays, walked by a compiled function: the model in the decision path.

Features are 32-bit floats and LightGBM's thresholds 64-bit ones. ``x <= t`` holds for a 32-bit x
exactly when it holds for the largest 32-bit number that is not above t, so thresholds are rounded
down to that and every purchase takes the very path that it took in training. Leaves are added up in
LightGBM's order in 64 bits, so the margin is the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sekisho.scoring.compiled import compiled
from sekisho.scoring.trees import Trees

Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]


class Forest(NamedTuple):
    """All trees of all models. A child below 0 is the leaf ``-1 - child``.

    ``column`` (of the feature vector), ``threshold``, ``left`` and ``right`` are by node, ``value``
    by leaf; ``root`` by tree, ``first_tree`` by model with one entry more at the end.
    """

    column: NDArray[np.int32]
    threshold: Vectors
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: Floats
    root: NDArray[np.int32]
    first_tree: NDArray[np.int32]


def forest_of(trees: Trees) -> Forest:
    """The trees of LightGBM as arrays. ValueError for a kind of split that is not ``<=``."""
    nodes: list[tuple[int, float, int, int]] = []
    leaves: list[float] = []
    roots: list[int] = []
    firsts = [0]
    columns = trees.recipe.columns
    for booster in trees.boosters:
        told = booster.dump_model()["tree_info"]
        roots += [_add(tree["tree_structure"], columns, nodes, leaves) for tree in told]
        firsts.append(len(roots))
    column, threshold, left, right = zip(*nodes, strict=True) if nodes else ((), (), (), ())
    return Forest(
        np.array(column, np.int32),
        floor32(threshold),
        np.array(left, np.int32),
        np.array(right, np.int32),
        np.array(leaves, np.float64),
        np.array(roots, np.int32),
        np.array(firsts, np.int32),
    )


def floor32(numbers: Sequence[float]) -> Vectors:
    """The largest 32-bit floats that are not above the numbers."""
    wide = np.asarray(numbers, np.float64)
    narrow = wide.astype(np.float32)
    return np.where(narrow > wide, np.nextafter(narrow, np.float32(-np.inf)), narrow)


def _add(
    node: dict[str, Any],
    columns: Sequence[int],
    nodes: list[tuple[int, float, int, int]],
    leaves: list[float],
) -> int:
    """Add a tree from its node on; its number, below 0 for a leaf."""
    if "leaf_value" in node:
        leaves.append(float(node["leaf_value"]))
        return -len(leaves)
    if node["decision_type"] != "<=":
        raise ValueError(f"a split by {node['decision_type']} is not known")
    here = len(nodes)
    nodes.append((0, 0.0, 0, 0))
    left = _add(node["left_child"], columns, nodes, leaves)
    right = _add(node["right_child"], columns, nodes, leaves)
    nodes[here] = (columns[node["split_feature"]], float(node["threshold"]), left, right)
    return here


@compiled
def margin(forest: Forest, vector: Vectors) -> float:
    """Log odds of fraud for one feature vector (WIDTH,)."""
    models = forest.first_tree.size - 1
    total = 0.0
    for model in range(models):
        part = 0.0
        for tree in range(forest.first_tree[model], forest.first_tree[model + 1]):
            node = forest.root[tree]
            while node >= 0:
                below = vector[forest.column[node]] <= forest.threshold[node]
                node = forest.left[node] if below else forest.right[node]
            part += forest.value[-1 - node]
        total += part
    return total / models


@compiled
def probability(forest: Forest, vector: Vectors) -> float:
    """Probability of fraud for one feature vector (WIDTH,)."""
    return float(1.0 / (1.0 + np.exp(-margin(forest, vector))))


@compiled
def margins(forest: Forest, vectors: Vectors, out: Floats) -> None:
    """Fill ``out`` (rows,) with the log odds of (rows, WIDTH) vectors."""
    for row in range(out.size):
        out[row] = margin(forest, vectors[row])
