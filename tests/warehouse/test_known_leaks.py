"""The file of known leaks: one reading for CSV, Parquet and JSON; bad rows and files are told."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.domain.errors import BadInput, MissingColumn, NothingToDo, SekishoError
from sekisho.domain.finding import EntityKind
from sekisho.domain.known_leaks import KnownLeak
from sekisho.warehouse.known_leaks import is_json, json_as_table
from warehouse.opening import Folder, rejects

HISTORY = "card_ref,acquirer_id,merchant_id,authorized_at\nK-01,A1,0001,2025-11-01 10:00:00\n"
FRAUD = "card_ref,fraud_at\nK-01,2025-11-30\n"
ROWS = [
    {
        "acquirer_id": "A1", "merchant_id": "0007", "window_start": "2025-01-05",
        "window_end": "2025-03-31", "name": "架空すみれ Online", "reference": "SEK-1",
        "data_taken": ["pan", "security_code"],
    },
    {"operator_id": "O-9", "window_start": "2024-02-01", "window_end": "2024-02-01"},
    {"processor_id": "P-2", "acquirer_id": "A9", "window_start": "20230301",
     "window_end": "2023/04/02"},
]  # fmt: skip
WANTED = (
    KnownLeak(
        EntityKind.MERCHANT, "A1", "0007", date(2025, 1, 5), date(2025, 3, 31),
        "架空すみれ Online", "SEK-1", ("pan", "security_code"),
    ),
    KnownLeak(EntityKind.OPERATOR, "", "O-9", date(2024, 2, 1), date(2024, 2, 1)),
    KnownLeak(EntityKind.PROCESSOR, "", "P-2", date(2023, 3, 1), date(2023, 4, 2)),
)  # fmt: skip
NAMES = [
    "acquirer_id", "merchant_id", "operator_id", "processor_id", "window_start", "window_end",
    "name", "reference", "data_taken",
]  # fmt: skip


def texts() -> list[list[str]]:
    return [
        [" ".join(cell) if isinstance(cell := row.get(name, ""), list) else str(cell)
         for name in NAMES]
        for row in ROWS
    ]  # fmt: skip


def as_csv() -> str:
    return "\n".join([",".join(NAMES), *(",".join(row) for row in texts())]) + "\n"


def written(folder: Folder, shape: str) -> Path:
    if shape == "json":
        return folder.file("known.json", "\ufeff" + json.dumps(ROWS, ensure_ascii=False))
    if shape == "findings":
        return folder.file("findings.json", json.dumps({"schema": "x", "known_leaks": ROWS}))
    if shape == "parquet":
        columns = zip(*texts(), strict=True)
        table = pa.table(dict(zip(NAMES, map(list, columns), strict=True)))
        path = folder.path / "known.parquet"
        pq.write_table(table, path)
        return path
    return folder.file("known.csv", as_csv(), "cp932" if shape == "cp932" else "utf-8")


@pytest.mark.parametrize("shape", ["csv", "cp932", "parquet", "json", "findings"])
def test_every_shape_says_the_same(folder: Folder, shape: str) -> None:
    history, fraud = folder.file("t.csv", HISTORY), folder.file("f.csv", FRAUD)
    with folder.opened(history, fraud, known_leaks=written(folder, shape)) as inputs:
        assert inputs.known_leaks == WANTED
        told = inputs.files[-1]
        assert (told.role, told.rows, told.rejected) == ("known_leaks", 3, 0)
        assert len(told.sha256) == 64


def test_bad_rows_are_kept_apart_with_their_reason(folder: Folder) -> None:
    body = (
        "acquirer_id,merchant_id,window_start,window_end,data_taken\n"
        "A1,1,2025-01-01,2025-02-01,pan;shoe_size\n"
        "A1,2,,2025-02-01,\n"
        "A1,3,2025-01-01,soon,\n"
        "A1,4,2025-02-01,2025-01-01,\n"
        "A1,,2025-02-01,2025-03-01,\n"
        "A1,5,1901-01-01,2025-03-01,\n" + "A1,6,2025-01-01,2025-02-01,\n" * 8
    )
    history, fraud = folder.file("t.csv", HISTORY), folder.file("f.csv", FRAUD)
    leaks = folder.file("known.csv", body)
    with folder.opened(history, fraud, known_leaks=leaks) as inputs:
        assert [leak.number for leak in inputs.known_leaks] == ["1", "6"]
        assert inputs.known_leaks[0].data_taken == ("pan",)
        assert [(r.row, r.field, r.reason) for r in inputs.rejected] == [
            (3, "window_start", "missing"),
            (4, "window_end", "cannot be read"),
            (5, "window_end", "before the window begins"),
            (6, "merchant_id", "missing"),
            (7, "window_start", "before 1970-01-01"),
        ]
        assert len(rejects(inputs)) == 5
        said = " ".join(inputs.files[-1].notes)
        assert "1 words are not known" in said
        assert "shoe_size" not in said
        assert "7 leaks are there twice" in said


@pytest.mark.parametrize(
    ("name", "content", "error", "says"),
    [
        ("k.csv", "merchant,window_start,window_end\nx,2025-01-01,2025-01-02\n", MissingColumn,
         "merchant_id"),
        ("k.csv", "merchant_id,start,end\nx,2025-01-01,2025-01-02\n", MissingColumn,
         "window_start"),
        ("k.csv", "merchant_id,window_start,window_end\n", NothingToDo, "no leak"),
        ("k.csv", "merchant_id,window_start,window_end\nx,y,z\n", BadInput, "window_start"),
        ("k.csv", "", NothingToDo, "empty"),
        ("k.json", "[]", NothingToDo, "no leak"),
        ("k.json", "[{}]", NothingToDo, "no keys"),
        ("k.json", '{"leaks": []}', BadInput, "known_leaks"),
        ("k.json", '[{"merchant_id": "1",', BadInput, "line 1"),
        ("k.json", "[[1]]", BadInput, "leak 1 is not an object"),
        ("k.json", '[{"merchant_id": {"a": 1}}]', BadInput, "merchant_id of leak 1"),
        ("k.json", '[{"merchant_id": "1"}]', MissingColumn, "window_start"),
        ("k.json", b'[{"merchant_id": "\xff"}]', BadInput, "UTF-8"),
        ("k.json", "[" * 100_000, BadInput, "k.json"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(
    folder: Folder, name: str, content: str | bytes, error: type[SekishoError], says: str
) -> None:
    history, fraud = folder.file("t.csv", HISTORY), folder.file("f.csv", FRAUD)
    with (
        pytest.raises(error) as raised,
        folder.opened(history, fraud, known_leaks=folder.file(name, content)),
    ):
        pass
    assert name in raised.value.message
    assert says in raised.value.message + raised.value.hint


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*NAMES, "known_leaks", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_file_is_read_or_refused_with_its_name(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = folder / "fuzz.json"
    path.write_bytes(content)
    if not is_json(path):
        return
    said = "fuzz.json"
    try:
        rows = pq.read_table(json_as_table(path, said, folder / "fuzz.parquet")).num_rows
    except BadInput as error:
        rows, said = 1, error.message
    assert rows > 0
    assert said.startswith("fuzz.json")


def test_security_codes_are_refused(folder: Folder) -> None:
    rows = "".join(f"K-01,1,2025-11-{n:02} 10:00:00,{n:03}\n" for n in range(1, 20))
    history = folder.file("t.csv", f"card_ref,merchant_id,authorized_at,check\n{rows}")
    columns = "security_code_result=check"
    with (
        pytest.raises(BadInput, match="look like security codes") as raised,
        folder.opened(history, folder.file("f.csv", FRAUD), columns=columns),
    ):
        pass
    assert "match" in raised.value.hint
