"""The Handbook's protocol: its folds to the row, its published figures with its own features."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from sekisho.domain.errors import BadInput
from sekisho.scoring import handbook
from sekisho.scoring.handbook import TEST_FOLDS, VALIDATION_FOLDS, Rows, fold_of

FILE = "handbook-simulated-transactions.parquet"
START = date(2018, 7, 25).toordinal() - date(1970, 1, 1).toordinal()


def source() -> Path:
    root = Path(__file__).resolve().parents[2]
    named = os.environ.get("SEKISHO_SHARED")
    folders = [Path(named)] if named else [root.parent / "shared", root.parents[1] / "shared"]
    for folder in folders:
        if (folder / "data" / FILE).exists():
            return folder / "data" / FILE
    pytest.skip(f"{FILE} is not on this machine (set SEKISHO_SHARED)")


def test_dates_of_the_folds() -> None:
    assert [str(day) for day in TEST_FOLDS] == [
        "2018-08-15", "2018-08-08", "2018-08-01", "2018-07-25",
    ]  # fmt: skip
    assert [str(day) for day in VALIDATION_FOLDS] == [
        "2018-07-11", "2018-07-04", "2018-06-27", "2018-06-20",
    ]  # fmt: skip


def test_cards_known_by_the_morning_are_left_out() -> None:
    """Card 0 is caught in training, 1 in the delay, 2 in the test itself, 3 never."""
    days = [(0, 0, 1), (1, 9, 1), (2, 16, 1), (3, 3, 0)]
    rows = [(c, d, f) for c, d, f in days]
    rows += [(c, d, 0) for c in range(4) for d in range(14, 21)]
    card, day, fraud = (np.array(column) for column in zip(*rows, strict=True))
    fold = fold_of(
        Rows(START + day, card.astype(np.int32), fraud.astype(np.int8)), date(2018, 7, 25)
    )
    tested = {(int(card[i]), int(day[i])) for i in fold.test}
    assert {c for c, _ in tested} == {1, 2, 3}
    # Its fraud on day 9 is a week and a day old on the morning of day 17.
    assert {d for c, d in tested if c == 1} == {14, 15, 16}
    assert sorted(card[fold.train].tolist()) == [0, 3]


def test_another_file_is_refused() -> None:
    rows = Rows(np.array([START]), np.array([0], np.int32), np.array([1], np.int8))
    with pytest.raises(BadInput, match="no fraud, or nothing else"):
        fold_of(rows, date(2018, 7, 25))


@pytest.mark.slow
def test_the_folds_have_the_published_rows() -> None:
    table = pq.read_table(source(), columns=["TX_DATETIME", "CUSTOMER_ID", "TX_FRAUD"])
    day = table["TX_DATETIME"].to_numpy().astype("datetime64[D]").astype(np.int64)
    rows = Rows(day, table["CUSTOMER_ID"].to_numpy().astype(np.int32), table["TX_FRAUD"].to_numpy())
    told = []
    for start in TEST_FOLDS:
        fold = fold_of(rows, start)
        frauds = [int(rows.fraud[part].sum()) for part in (fold.train, fold.test)]
        told.append((fold.train.size, frauds[0], fold.test.size, frauds[1]))
    assert told == [
        (67_049, 594, 57_604, 422), (67_080, 568, 58_337, 408),
        (66_975, 626, 57_937, 387), (67_240, 598, 58_264, 385),
    ]  # fmt: skip
    fold = fold_of(rows, TEST_FOLDS[0])
    oracle = handbook.judge(rows, fold, rows.fraud[fold.test].astype(float))
    assert oracle.auc_roc == 1.0
    assert oracle.average_precision == 1.0
    assert oracle.card_precision_at_100 == pytest.approx(0.451, abs=0.0006)
