"""Any bytes end in an answer or a clear error; any split and order of rows gives one answer."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sekisho.domain.errors import SekishoError
from sekisho.warehouse import csv_files
from warehouse.opening import Folder, day, moment, rows

START = moment(2024, 1, 1)
HEADER = b"card_ref,merchant_id,authorized_at\n"
GOOD = b"1,M,2024-01-01\n"
FRAUD = "card_ref,fraud_at\n1,2024-01-02\n"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([b"", HEADER, HEADER + GOOD * 5]))
@example(b'"', HEADER + GOOD)
@example(b"\xff\xfe\x00", b"")
@example(b"\x1f\x8b\x08\x00", b"")
@example(b"\x28\xb5\x2f\xfd", b"")
@example(b"\r\r\n\r", HEADER)
@example(b"1,M,99999-01-01\n1,M,0000-00-00 99:99\n", HEADER)
def test_random_bytes_never_end_in_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, body: bytes, start: bytes
) -> None:
    folder = Folder(tmp_path_factory.mktemp("fuzz"))
    history = folder.file("t.csv", start + body)
    messages = ["nothing went wrong"]
    for columns in ("", "1=card_ref,2=merchant_id,3=authorized_at"):
        try:
            with folder.opened(history, folder.file("f.csv", FRAUD), columns=columns) as inputs:
                assert rows(inputs, "*")
        except SekishoError as error:
            messages.append(error.message)
    assert all(messages)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet='0123456789-:/T Z+."年月日\u3000１', max_size=25))
@example("20240101 000000")
@example("2024-02-30")
@example("99999999999999")
def test_any_text_as_a_time_is_read_or_rejected(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = Folder(tmp_path_factory.mktemp("time"))
    cell = '"' + text.replace('"', '""') + '"'
    history = folder.file("t.csv", (HEADER + GOOD * 2).decode() + f"2,M,{cell}\n")
    with folder.opened(history, folder.file("f.csv", FRAUD)) as inputs:
        read = rows(inputs, "authorized_at")
        # An outlying date may lie after what else is known; it moves the as-of day along.
        assert len(read) + inputs.files[0].rejected == 3
        assert all(moment(1970, 1, 1) <= at < moment(2100, 1, 1) for (at,) in read)


def history_of(seed: int) -> list[tuple[str, str, str, str]]:
    chance = np.random.default_rng(seed)
    return [
        (
            f"t{number}",
            f"{chance.integers(30):03}",
            f"M{chance.integers(8)}",
            (START + timedelta(minutes=int(chance.integers(60 * 24 * 60)))).isoformat(),
        )
        for number in range(200)
    ]


def as_csv(table: list[tuple[str, ...]], order: list[int]) -> str:
    names = ("transaction_id", "card_ref", "merchant_id", "authorized_at")
    lines = [[cells[index] for index in order] for cells in (names, *table)]
    return "\n".join(",".join(cells) for cells in lines) + "\n"


def everything(folder: Folder, files: list[Path], fraud: Path) -> object:
    with folder.opened(files, fraud, as_of=day("2024-02-10")) as inputs:
        distinct = "DISTINCT card_ref, acquirer_id, merchant_id, authorized_at, transaction_id"
        return rows(inputs, distinct), rows(inputs, "*", "fraud"), inputs.as_of


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.permutations(range(4)))
def test_any_split_and_order_gives_the_same_views(
    tmp_path_factory: pytest.TempPathFactory, seed: int, pieces: int, order: list[int]
) -> None:
    folder = Folder(tmp_path_factory.mktemp("split"))
    table = history_of(seed % 100)
    reports = [(cells[0], "20240205") for cells in table[:40:3]] + [("t999", "20240101")]
    fraud = folder.file("f.csv", "transaction_id,reported_at\n" + "\n".join(map(",".join, reports)))
    whole = everything(folder, [folder.file("whole.csv", as_csv(table, [0, 1, 2, 3]))], fraud)
    chance = np.random.default_rng(seed)
    shuffled = [table[index] for index in chance.permutation(len(table))]
    parts = [shuffled[piece::pieces] + shuffled[:5] for piece in range(pieces)]
    files = [folder.file(f"{n}.csv", as_csv(part, order)) for n, part in enumerate(parts)]
    assert everything(folder, files[::-1], fraud) == whole
    columns = list(zip(*table, strict=True))
    names = ["transaction_id", "card_ref", "merchant_id", "authorized_at"]
    typed = [*columns[:3], [datetime.fromisoformat(text) for text in columns[3]]]
    path = folder.path / "t.parquet"
    pq.write_table(pa.table(dict(zip(names, typed, strict=True))), path, row_group_size=37)
    assert everything(folder, [path], fraud) == whole


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "utf-16"])
def test_the_size_of_a_block_changes_nothing(
    folder: Folder, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = history_of(7)
    text = as_csv(table, [0, 1, 2, 3]).replace("M3", '"架空, ""三""\n番"').replace("t9,", 't9",')
    history, fraud = (
        folder.file("t.csv", text, encoding),
        folder.file("f.csv", FRAUD[:18] + "001,20240110"),
    )
    answers = []
    for size in (1 << 24, 997, 64):
        monkeypatch.setattr(csv_files, "BLOCK_BYTES", size)
        with folder.opened(history, fraud) as inputs:
            answers.append((rows(inputs, "*"), inputs.reject_file.read_text(encoding="utf-8")))
    assert answers[0] == answers[1] == answers[2]
    assert len(answers[0][0]) >= 199


@pytest.mark.parametrize("share", [0.1, 0.45])
def test_many_broken_rows_cost_only_themselves(folder: Folder, share: float) -> None:
    chance = np.random.default_rng(3)
    out = io.BytesIO()
    out.write(HEADER)
    good = 0
    breaks = (b'"1,M,2024-01-01\n', b"1,M\n", b"\xfe,M,2024-01-01\n", b'1,"M,x\n', b"1,M,?\n")
    for _ in range(2000):
        if chance.random() < share:
            out.write(breaks[int(chance.integers(len(breaks)))])
        else:
            good += 1
            out.write(GOOD)
    history = folder.file("t.csv", out.getvalue())
    with folder.opened(history, folder.file("f.csv", FRAUD)) as inputs:
        assert len(rows(inputs, "*")) == good
        assert inputs.files[0].rejected == 2000 - good
