"""Parquet inputs: read in place where they can be, and nothing lost where they cannot."""

from __future__ import annotations

import decimal
from datetime import UTC, time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sekisho.domain.errors import BadInput, SekishoError
from warehouse.opening import Folder, moment, notes, rejects, rows

TIMES = [moment(2024, 3, n, 10) for n in (1, 2, 3)]
FRAUD = "card_ref,fraud_at\n1,2024-03-03 12:00\n"


def table(folder: Folder, name: str = "t.parquet", **columns: Any) -> Path:
    own = {"card_ref": [1, 2, 3], "merchant_id": ["A", "B", "A"], "authorized_at": TIMES}
    path = folder.path / name
    pq.write_table(pa.table({**own, **columns}), path)
    return path


def test_read_in_place(folder: Folder) -> None:
    path = table(folder, amount_minor=[1, 2, 3], approved=[1, 0, None])
    with folder.opened(path, folder.file("f.csv", FRAUD)) as inputs:
        assert rows(inputs, "card_ref, merchant_id, authorized_at, amount_minor, approved") == [
            (1, "A", TIMES[0], 1, True),
            (2, "B", TIMES[1], 2, False),
            (3, "A", TIMES[2], 3, None),
        ]
        assert rows(inputs, "card_ref", "fraud") == [(1,)]
        assert not (folder.path / "work1" / "prepared" / "transactions-0.parquet").exists()
        plan = inputs.connection.execute(
            "EXPLAIN SELECT card_ref FROM transactions WHERE authorized_at >= '2024-03-02'"
        ).fetchall()[0][1]
        scan = plan[plan.index("Parquet") :]
        assert "authorized_at>=" in scan.replace(" ", "")
        assert "merchant_id" not in scan


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_units_of_time(folder: Folder, unit: str) -> None:
    path = table(folder, authorized_at=pa.array(TIMES, pa.timestamp(unit)))
    with folder.opened(path, folder.file("f.csv", FRAUD)) as inputs:
        assert rows(inputs, "authorized_at") == [(at,) for at in TIMES]


@pytest.mark.parametrize(
    "columns",
    [
        {"authorized_at": pa.array([t.replace(tzinfo=UTC, hour=1) for t in TIMES])},
        {"authorized_at": [t.isoformat() for t in TIMES]},
        {"authorized_at": [t.strftime("%Y%m%d%H%M%S") for t in TIMES]},
        {"authorized_at": [int(t.strftime("%Y%m%d%H%M%S")) for t in TIMES]},
        {"authorized_at": [int(t.replace(tzinfo=UTC, hour=1).timestamp()) for t in TIMES]},
        {"authorized_at": [int(t.replace(tzinfo=UTC, hour=1).timestamp() * 1e3) for t in TIMES]},
        {
            "authorized_date": [int(t.strftime("%Y%m%d")) for t in TIMES],
            "authorized_time": [100000] * 3,
        },
        {"authorized_date": [t.date() for t in TIMES], "authorized_time": [time(10)] * 3},
        {"authorized_date": [t.date() for t in TIMES], "authorized_time": ["10:00"] * 3},
    ],
)
def test_ways_to_write_a_time(folder: Folder, columns: dict[str, Any]) -> None:
    own = {"card_ref": [1, 2, 3], "merchant_id": ["A", "B", "A"]}
    path = folder.path / "t.parquet"
    pq.write_table(pa.table({**own, **columns}), path)
    with folder.opened(path, folder.file("f.csv", FRAUD)) as inputs:
        assert rows(inputs, "authorized_at") == [(at,) for at in TIMES]
        assert rejects(inputs) == []


@pytest.mark.parametrize("in_place", [True, False])
def test_unusable_rows(folder: Folder, in_place: bool) -> None:
    moments: list[Any] = [*TIMES * 4, None, moment(1969, 1, 1), moment(2999, 1, 1)]
    moments += TIMES[:2]
    path = table(
        folder,
        card_ref=["1", "2", "3"] * 4 + ["1", "1", "1", None, ""],
        merchant_id=["A"] * 17,
        authorized_at=moments if in_place else [t and t.isoformat() for t in moments],
    )
    with folder.opened(path, folder.file("f.csv", FRAUD)) as inputs:
        assert len(rows(inputs, "*")) == 12
        assert rejects(inputs) == [
            "t.parquet,13,authorized_at,missing",
            "t.parquet,14,authorized_at,before 1970-01-01",
            "t.parquet,15,authorized_at,not before 2100-01-01",
            "t.parquet,16,card_ref,missing",
            "t.parquet,17,card_ref,missing",
        ]
        assert (inputs.files[0].rows, inputs.files[0].rejected) == (17, 5)


@pytest.mark.parametrize(
    ("values", "read"),
    [
        (pa.array([1.0, 2.0, 3.0]), ["1", "2", "3"]),
        (pa.array([1, 2, 3], pa.uint64()), ["1", "2", "3"]),
        (pa.array([decimal.Decimal(n) for n in (1, 2, 3)]), ["1", "2", "3"]),
        (pa.array(["1", "2", "3"]).dictionary_encode(), ["1", "2", "3"]),
        (pa.array([b"\x01", b"\x02", b"\x03"]), ["01", "02", "03"]),
        (pa.array([1, 2, 3], pa.int8()), [1, 2, 3]),
    ],
)
def test_types_of_reference(folder: Folder, values: pa.Array, read: list[Any]) -> None:
    fraud = folder.file("f.csv", f"card_ref,fraud_at\n{read[0]},20240303\n")
    with folder.opened(table(folder, card_ref=values), fraud) as inputs:
        assert [row[0] for row in rows(inputs, "card_ref")] == read
        assert rows(inputs, "card_ref", "fraud") == [(read[0],)]


def test_mixed_types_become_text(folder: Folder) -> None:
    one = table(folder, "a.parquet")
    two = table(folder, "b.parquet", card_ref=["1", "4", "5"], terminal_id=[7, 8, 9])
    with folder.opened([one, two], folder.file("f.csv", FRAUD)) as inputs:
        assert {row[0] for row in rows(inputs, "card_ref")} == {"1", "2", "3", "4", "5"}
        assert rows(inputs, "DISTINCT terminal_id") == [("7",), ("8",), ("9",), (None,)]
        assert "integers here and text in other files" in notes(inputs)
        assert inputs.overlapping


def test_nested_columns_are_refused(folder: Folder) -> None:
    path = table(folder, card_ref=[[1], [2], [3]])
    with (
        pytest.raises(BadInput, match="not one value per row"),
        folder.opened(path, folder.file("f.csv", FRAUD)),
    ):
        pass


def test_a_parquet_file_cut_anywhere_is_refused(folder: Folder) -> None:
    whole = table(folder).read_bytes()
    fraud = folder.file("f.csv", FRAUD)
    for size in range(0, len(whole), max(1, len(whole) // 60)):
        cut = folder.file("cut.parquet", whole[:size])
        with pytest.raises(SekishoError), folder.opened(cut, fraud):
            pass


def test_a_damaged_parquet_file_is_refused_or_read(folder: Folder) -> None:
    whole = table(folder).read_bytes()
    fraud = folder.file("f.csv", FRAUD)
    messages = ["nothing went wrong"]
    for place in range(4, len(whole), max(1, len(whole) // 60)):
        body = bytearray(whole)
        body[place] ^= 0x55
        damaged = folder.file("damaged.parquet", bytes(body))
        try:
            with folder.opened(damaged, fraud):
                pass
        except SekishoError as error:
            messages.append(error.message)
    assert all(messages)
