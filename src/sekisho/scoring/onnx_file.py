"""The model as an ONNX file, for houses that serve it elsewhere.

Two traps lie in such exports. Thresholds must be rounded *down* to 32 bits (see `forest`), or
purchases on an edge take another path. And the operator adds leaves in 32 bits: the margin differs
in the last bits, never by a path. `differences` is the proof, run on real rows before a file is
handed out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sekisho.scoring.forest import Forest, margins
from sekisho.scoring.slots import WIDTH

Vectors = NDArray[np.float32]
TOLERANCE = 1e-4
"""Largest difference of a margin (log odds) that the 32-bit sum of leaves may make."""


def onnx_bytes(forest: Forest) -> bytes:
    """A model with input ``features`` (rows, WIDTH) of 32-bit floats and output ``margin``."""
    from onnx import TensorProto, helper  # noqa: PLC0415 - heavy, and only exports need it

    attributes: dict[str, Any] = _attributes(forest)
    node = helper.make_node(
        "TreeEnsembleRegressor", ["features"], ["margin"], domain="ai.onnx.ml",
        n_targets=1, aggregate_function="SUM", **attributes,
    )  # fmt: skip
    graph = helper.make_graph(
        [node],
        "sekisho",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, WIDTH])],
        [helper.make_tensor_value_info("margin", TensorProto.FLOAT, [None, 1])],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)],
        ir_version=8,
        producer_name="sekisho",
    )
    return bytes(model.SerializeToString())


def _attributes(forest: Forest) -> dict[str, list[Any]]:
    nodes = ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")
    names = [f"nodes_{name}" for name in (*nodes, "missing_value_tracks_true")]
    names += [f"target_{name}" for name in ("treeids", "nodeids", "ids", "weights")]
    told: dict[str, list[Any]] = {name: [] for name in names}
    share = 1.0 / (forest.first_tree.size - 1)
    for tree, root in enumerate(forest.root.tolist()):
        _tree(forest, tree, root, share, told)
    return told


def _tree(forest: Forest, tree: int, root: int, share: float, told: dict[str, list[Any]]) -> None:
    """Append one tree, its nodes numbered in the order in which they are met."""
    waiting, numbers = [root], 1
    at = 0
    while at < len(waiting):
        node = waiting[at]
        leaf = node < 0
        if leaf:
            row: tuple[Any, ...] = (tree, at, 0, 0.0, "LEAF", 0, 0, 0)
            told["target_treeids"].append(tree)
            told["target_nodeids"].append(at)
            told["target_ids"].append(0)
            told["target_weights"].append(float(forest.value[-1 - node]) * share)
        else:
            row = (
                tree, at, int(forest.column[node]), float(forest.threshold[node]),
                "BRANCH_LEQ", numbers, numbers + 1, 0,
            )  # fmt: skip
            waiting += [int(forest.left[node]), int(forest.right[node])]
            numbers += 2
        for name, value in zip(list(told)[:8], row, strict=True):
            told[name].append(value)
        at += 1


def differences(forest: Forest, model: bytes, vectors: Vectors) -> float:
    """The largest difference of margins between the file, run by ONNX Runtime, and the forest."""
    import onnxruntime  # noqa: PLC0415 - heavy, and only exports need it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (told,) = session.run(None, {"features": np.ascontiguousarray(vectors)})
    ours = np.empty(len(vectors))
    margins(forest, np.ascontiguousarray(vectors), ours)
    return float(np.abs(told[:, 0].astype(np.float64) - ours).max(initial=0.0))
