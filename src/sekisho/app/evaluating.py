"""An evaluation as a service: a history in, METRICS.json and the predictions out."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sekisho.app.scoring_history import ScoringHistory, handbook_names, read_history
from sekisho.domain.errors import OutputFailed
from sekisho.domain.progress import Progress
from sekisho.scoring import handbook
from sekisho.scoring.kernel import run
from sekisho.scoring.layout import DAY
from sekisho.scoring.messages import delayed_labels
from sekisho.scoring.recipes import HANDBOOK
from sekisho.scoring.state import new_state
from sekisho.scoring.trees import learner
from sekisho.warehouse.intake import InputRequest


@dataclass(frozen=True, slots=True)
class Request:
    """What `sekisho evaluate` was asked."""

    files: InputRequest
    protocol: str
    memory_limit: str
    out: Path
    predictions: Path


def run_evaluation(request: Request, progress: Progress) -> dict[str, Any]:
    """Read, compute features, train and test; write both files; the figures of METRICS.json."""
    _refuse_unwritable(request.out, request.predictions)
    progress.step("read")
    columns = request.files.columns or handbook_names(request.files.transactions[0])
    wanted = replace(request.files, columns=columns)
    with tempfile.TemporaryDirectory(prefix="sekisho-") as work:
        history = read_history(wanted, Path(work), request.memory_limit, progress)
    results = _results(history, progress)
    progress.step("write")
    figures = {"protocol": request.protocol, **_figures(results)}
    _write(request.predictions, lambda path: _write_predictions(path, history, results))
    text = json.dumps(figures, indent=2) + "\n"
    _write(request.out, lambda path: path.write_text(text, encoding="utf-8"))
    return figures


def _results(history: ScoringHistory, progress: Progress) -> list[handbook.FoldResult]:
    of = history.of
    rows = handbook.Rows(of.at // DAY, of.card, history.fraud)
    handbook.fold_of(rows, handbook.TEST_FOLDS[-1])  # tells early that the file is another
    progress.step("features", total=float(of.at.size))
    state = new_state(history.cards, history.merchants, events=of.at.size // 2)
    labels = delayed_labels(of, history.fraud, handbook.LABEL_DELAY)
    _, features = run(state, of, labels, tell=progress.advance)
    progress.step("folds", total=float(len(handbook.TEST_FOLDS)))
    learn = learner(HANDBOOK, lambda: progress.advance(1.0))
    return handbook.evaluate(rows, features, learn)


def _figures(results: list[handbook.FoldResult]) -> dict[str, Any]:
    folds = [
        {
            "train_start": result.fold.train_start.isoformat(),
            "auc_roc": result.auc_roc,
            "average_precision": result.average_precision,
            "card_precision_at_100": result.card_precision_at_100,
            "train_rows": int(result.fold.train.size),
            "test_rows": int(result.fold.test.size),
        }
        for result in results
    ]
    return {"folds": folds, "mean": handbook.means(results)}


def _write_predictions(
    path: Path, history: ScoringHistory, results: list[handbook.FoldResult]
) -> None:
    rows = np.concatenate([result.fold.test for result in results])
    sizes = [result.fold.test.size for result in results]
    table = pa.table(
        {
            "fold": pa.array(np.repeat(np.arange(len(results)), sizes)),
            "transaction_id": history.transaction.take(pa.array(rows)),
            "score": pa.array(np.concatenate([result.score for result in results])),
        }
    )
    pq.write_table(table, path)


def _refuse_unwritable(*paths: Path) -> None:
    """Raise OutputFailed before the work, not after it."""
    for path in paths:
        if path.is_dir():
            raise OutputFailed(f"{path} is a folder.", hint="Name a file.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _failed(path, error) from error


def _write(path: Path, write: Any) -> None:
    """Write a file whole or not at all: beside its place first, then moved in."""
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        write(partial)
        partial.replace(path)
    except OSError as error:
        raise _failed(path, error) from error
    finally:
        partial.unlink(missing_ok=True)


def _failed(path: Path, error: OSError) -> OutputFailed:
    return OutputFailed(
        f"{path} could not be written: {os.strerror(error.errno or 0)}.",
        hint="Free some space, or name a file in a folder that you may write to.",
    )
