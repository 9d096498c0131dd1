"""Training as a service: a history in; model, ONNX file, figures and model card out."""

from __future__ import annotations

import importlib.util
import json
import math
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sekisho import __version__
from sekisho.app.model_file import SCHEMA, read_model
from sekisho.app.output import OutputFolder
from sekisho.app.scoring_history import ScoringHistory, read_history
from sekisho.domain.progress import Progress
from sekisho.scoring.forest import Forest, forest_of, margins
from sekisho.scoring.kernel import run
from sekisho.scoring.layout import DAY
from sekisho.scoring.messages import delayed_labels
from sekisho.scoring.onnx_file import TOLERANCE, differences, onnx_bytes
from sekisho.scoring.slots import Slot
from sekisho.scoring.state import new_state
from sekisho.scoring.training import Plan, Trained, teach
from sekisho.warehouse.intake import InputRequest
from sekisho.web.model_card import CardFacts, render_card

__all__ = [
    "TrainRequest", "features_of", "metrics_text", "model_text", "read_model", "train_model",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """What `sekisho train` was asked."""

    files: InputRequest
    plan: Plan
    memory_limit: str
    alert_cost: int
    out: Path


def features_of(history: ScoringHistory, label_delay: int, progress: Progress) -> Any:
    """All feature vectors of a history, labels becoming known so many days later."""
    of = history.of
    progress.step("features", total=float(of.at.size))
    state = new_state(history.cards, history.merchants, events=of.at.size // 2)
    labels = delayed_labels(of, history.fraud, label_delay * DAY)
    return run(state, of, labels, tell=progress.advance)[1]


def train_model(request: TrainRequest, progress: Progress) -> Trained:
    """Read, learn, judge, prove the exports, and write everything whole or not at all."""
    with OutputFolder(request.out) as folder:
        progress.step("read")
        with tempfile.TemporaryDirectory(prefix="sekisho-") as work:
            history = read_history(request.files, Path(work), request.memory_limit, progress)
        vectors = features_of(history, request.plan.label_delay, progress)
        trained = teach(history.of, history.fraud, vectors, request.plan, progress)
        progress.step("write")
        forest, tested = forest_of(trained.trees), vectors[trained.test_rows]
        _prove(forest, trained, tested)
        difference = _write_onnx(forest, tested, folder)
        lost = history.of.amount[trained.test_rows][history.fraud[trained.test_rows] > 0].sum()
        facts = CardFacts(
            trained, request.plan, __version__, history.files, int(lost),
            request.alert_cost, difference,
        )  # fmt: skip
        (folder / "model.json").write_text(model_text(trained, forest), encoding="utf-8")
        (folder / "metrics.json").write_text(metrics_text(trained), encoding="utf-8")
        (folder / "model-card.html").write_text(render_card(facts), encoding="utf-8")
    return trained


def _prove(forest: Forest, trained: Trained, vectors: Any) -> None:
    """Our own promise, checked on every tested row before anything is handed out."""
    told = np.empty(len(vectors))
    margins(forest, vectors, told)
    if told.tobytes() != trained.trees.margin(vectors).tobytes():
        raise RuntimeError("the model in the decision path differs from the one that was trained")


def _write_onnx(forest: Forest, vectors: Any, folder: Path) -> float | None:
    if importlib.util.find_spec("onnx") is None or importlib.util.find_spec("onnxruntime") is None:
        return None
    model = onnx_bytes(forest)
    difference = differences(forest, model, vectors)
    if difference > TOLERANCE:
        raise RuntimeError(f"the ONNX file differs from the model by {difference}")
    (folder / "model.onnx").write_bytes(model)
    return difference


def model_text(trained: Trained, forest: Forest) -> str:
    """model.json: features by name, trees as arrays; numbers are written exactly."""
    columns = [Slot(number).name.lower() for number in range(len(Slot))]
    told = {
        "schema": SCHEMA,
        "version": __version__,
        "vector": columns,
        "features": list(trained.trees.recipe.features),
        "forest": {name: values.tolist() for name, values in forest._asdict().items()},
    }
    return json.dumps(told) + "\n"


def metrics_text(trained: Trained) -> str:
    """metrics.json: what the card shows, for programs. Figures that do not exist are null."""
    told = {
        "schema": "sekisho.training/1",
        "chosen": dict(trained.chosen),
        "test": asdict(trained.test),
        "card_precision_at_100": trained.card_precision_at_100,
        "weeks": [asdict(week) for week in trained.weeks],
        "rates": [asdict(rate) for rate in trained.rates],
        "gains": dict(trained.gains),
    }
    return json.dumps(_without_nan(told), indent=2) + "\n"


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
