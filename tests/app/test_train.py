"""``sekisho train`` from the outside: what it writes, that it is true, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from app.test_evaluate import history
from sekisho.app.model_file import read_model
from sekisho.app.program import program
from sekisho.app.scoring_history import HANDBOOK_COLUMNS, read_history
from sekisho.app.training import features_of
from sekisho.domain.errors import BadInput, NothingToDo
from sekisho.domain.progress import Silent
from sekisho.scoring.forest import margins
from sekisho.scoring.metrics import average_precision
from sekisho.warehouse.intake import InputRequest

COLUMNS = ",".join(f"{ours}={theirs}" for ours, theirs in HANDBOOK_COLUMNS.items())


def call(*words: object) -> str:
    done = CliRunner().invoke(program(), ["train", *(str(word) for word in words)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "purchases.parquet"
    pq.write_table(history(cards=80), path)
    return path


@pytest.fixture(scope="module")
def made(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("model") / "out"
    days = ("--test-days", 21, "--validation-days", 10)
    told = call(source, "--out", out, "--columns", COLUMNS, "--timezone", "UTC", *days)
    assert "average precision" in told
    return out


def test_the_figures_are_those_of_the_model_that_is_written(made: Path, source: Path) -> None:
    told = json.loads((made / "metrics.json").read_text("utf-8"))
    request = InputRequest((source,), columns=HANDBOOK_COLUMNS, timezone="UTC")
    purchases = read_history(request, made.parent / "work", "1GB", Silent())
    vectors = features_of(purchases, 7, Silent())
    tested = purchases.of.at // 86_400 >= told["test"]["first"]
    margin = np.empty(int(tested.sum()))
    margins(read_model(made), np.ascontiguousarray(vectors[tested]), margin)
    found = average_precision(purchases.fraud[tested], margin)
    assert found == pytest.approx(told["test"]["average_precision"])
    assert found > 0.5
    assert sum(week["frauds"] for week in told["weeks"]) == told["test"]["frauds"]
    assert max(told["chosen"].values()) > 0


def test_the_card_says_it_in_both_languages_and_needs_nothing(made: Path) -> None:
    page = (made / "model-card.html").read_text("utf-8")
    told = json.loads((made / "metrics.json").read_text("utf-8"))
    assert f"{told['test']['average_precision']:.3f}" in page
    assert "Model card" in page
    assert "モデルカード" in page
    for outside in ("http:", "https:", "<script", "url("):
        assert outside not in page
    assert str(made.parent) not in page


def test_what_is_no_model_is_refused(made: Path, tmp_path: Path) -> None:
    other = json.loads((made / "model.json").read_text("utf-8"))
    (tmp_path / "a.json").write_text(json.dumps(other | {"vector": ["amount"]}), "utf-8")
    (tmp_path / "b.json").write_text("{", "utf-8")
    with pytest.raises(BadInput, match="other features"):
        read_model(tmp_path / "a.json")
    with pytest.raises(BadInput, match="not a model"):
        read_model(tmp_path / "b.json")
    with pytest.raises(BadInput, match="cannot be read"):
        read_model(tmp_path / "none.json")


def test_too_few_frauds_are_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(NothingToDo, match="at least 20 are needed"):
        call(source, "--out", tmp_path / "out", "--columns", COLUMNS, "--validation-days", "1")
    assert not (tmp_path / "out").exists()
