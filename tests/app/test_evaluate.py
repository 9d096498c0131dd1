"""``sekisho evaluate`` from the outside: figures, predictions, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from sekisho.app.program import program
from sekisho.domain.errors import BadInput, MissingColumn, OutputFailed
from sekisho.scoring.metrics import average_precision, roc_auc

FIRST = np.datetime64("2018-06-20T00:00:00")
DAYS = 80


def history(seed: int = 1, cards: int = 150) -> pa.Table:
    """Cards with habits; some are misused for two weeks with amounts five times as large."""
    rng = np.random.default_rng(seed)
    rows = cards * DAYS
    card = np.tile(np.arange(cards), DAYS)
    day = np.repeat(np.arange(DAYS), cards)
    at = FIRST + (day * 86_400 + rng.integers(0, 86_400, rows)).astype("timedelta64[s]")
    mean = rng.uniform(10, 80, cards)
    amount = np.abs(rng.normal(mean[card], mean[card] / 4)) + 0.01
    begin = rng.integers(-20, DAYS, cards)
    misused = (day >= begin[card]) & (day < begin[card] + 14) & (rng.random(rows) < 0.3)
    amount[misused] *= 5
    order = np.argsort(at, kind="stable")
    return pa.table(
        {
            "TRANSACTION_ID": np.arange(rows, dtype=np.int32),
            "TX_DATETIME": at[order],
            "CUSTOMER_ID": card[order].astype(np.int32),
            "TERMINAL_ID": rng.integers(0, 60, rows).astype(np.int32),
            "TX_AMOUNT": np.round(amount[order], 2),
            "TX_FRAUD": misused[order].astype(np.int8),
        }
    )


def call(*words: object) -> None:
    done = CliRunner().invoke(program(), ["evaluate", *(str(word) for word in words)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output


def run(source: Path, folder: Path, *more: object) -> tuple[dict, pa.Table]:
    out, predictions = folder / "metrics.json", folder / "deep" / "scores.parquet"
    call(source, "--protocol", "handbook", "--out", out, "--predictions", predictions, *more)
    return json.loads(out.read_text("utf-8")), pq.read_table(predictions)


def test_figures_and_predictions_agree(tmp_path: Path) -> None:
    table = history()
    pq.write_table(table, tmp_path / "transactions.parquet")
    figures, scores = run(tmp_path / "transactions.parquet", tmp_path)
    assert figures["protocol"] == "handbook"
    assert [fold["train_start"] for fold in figures["folds"]] == [
        "2018-08-15", "2018-08-08", "2018-08-01", "2018-07-25",
    ]  # fmt: skip
    fraud = table["TX_FRAUD"].to_numpy()
    for number, fold in enumerate(figures["folds"]):
        rows = scores.filter(pa.compute.equal(scores["fold"], number))
        truth, score = fraud[rows["transaction_id"].to_numpy()], rows["score"].to_numpy()
        assert fold["auc_roc"] == pytest.approx(roc_auc(truth, score))
        assert fold["average_precision"] == pytest.approx(average_precision(truth, score))
        assert fold["auc_roc"] > 0.9  # five times the habit is not hard to see
    for name, mean in figures["mean"].items():
        assert mean == pytest.approx(np.mean([fold[name] for fold in figures["folds"]]))
    again, same = run(tmp_path / "transactions.parquet", tmp_path)
    assert again == figures
    assert same.equals(scores)


def test_a_csv_file_with_other_names_gives_the_same(tmp_path: Path) -> None:
    table = history()
    pq.write_table(table, tmp_path / "transactions.parquet")
    wanted, _ = run(tmp_path / "transactions.parquet", tmp_path)
    other = table.rename_columns(["no", "at", "kaiin", "mise", "kingaku", "fusei"])
    pa.csv.write_csv(other, tmp_path / "torihiki.csv")
    columns = "transaction_id=no,authorized_at=at,card_ref=kaiin,merchant_id=mise"
    columns += ",amount=kingaku,is_fraud=fusei"
    figures, _ = run(tmp_path / "torihiki.csv", tmp_path, "--columns", columns)
    assert figures == wanted


def test_what_cannot_be_measured_is_refused(tmp_path: Path) -> None:
    table = history(cards=5)
    pq.write_table(table.drop_columns(["TX_FRAUD"]), tmp_path / "blind.parquet")
    names = "transaction_id=TRANSACTION_ID,authorized_at=TX_DATETIME,card_ref=CUSTOMER_ID"
    names += ",merchant_id=TERMINAL_ID,amount=TX_AMOUNT"
    with pytest.raises(MissingColumn, match="is_fraud"):
        run(tmp_path / "blind.parquet", tmp_path, "--columns", names)
    pq.write_table(table.slice(0, 60), tmp_path / "short.parquet")
    with pytest.raises(BadInput, match="the fold from 2018-07-25"):
        run(tmp_path / "short.parquet", tmp_path)
    assert not (tmp_path / "metrics.json").exists()
    with pytest.raises(OutputFailed, match="is a folder"):
        call(tmp_path / "short.parquet", "--out", tmp_path, "--predictions", tmp_path / "p")
