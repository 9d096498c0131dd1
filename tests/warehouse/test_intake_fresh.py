"""Samples written after the reader: it had not seen their like."""

from __future__ import annotations

import errno
import gzip
import threading
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sekisho.domain.errors import BadInput, NothingToDo, OutputFailed, SekishoError
from sekisho.domain.progress import Silent
from sekisho.warehouse.intake import InputRequest, open_inputs
from warehouse.opening import Folder, Recorder, day, moment, notes, rejects, rows

FRAUD = "card_ref,fraud_at\nK-01,2025/11/30\n"


def test_trailing_delimiter_and_padded_cells(folder: Folder) -> None:
    """A host pads its fields and ends each row, but not the header, with a comma."""
    history = folder.file(
        "t.csv",
        "card_ref,merchant_id,authorized_at\r\n"
        + "".join(f"K-{n:02}   ,0000{n}    ,2025/11/{n:02} 09:05,\r\n" for n in range(1, 9)),
    )
    with folder.opened(history, folder.file("f.csv", FRAUD)) as inputs:
        assert rows(inputs, "card_ref, merchant_id, authorized_at")[0] == (
            "K-01",
            "00001",
            moment(2025, 11, 1, 9, 5),
        )
        assert len(rows(inputs, "*")) == 8


def test_every_cell_quoted_with_semicolons_and_an_end_mark(folder: Folder) -> None:
    body = '"CARD_REF";"MERCHANT_ID";"AUTHORIZED_AT"\r\n"K-01";"M;1";"20251101120000"\r\n\r\n\x1a'
    with folder.opened(folder.file("t.txt", body), folder.file("f.csv", FRAUD)) as inputs:
        assert rows(inputs, "merchant_id, authorized_at") == [("M;1", moment(2025, 11, 1, 12))]
        assert rejects(inputs) == []


def test_kanji_only_late_in_a_long_file(folder: Folder) -> None:
    """The samples at the head are ASCII; the shop names begin further down."""
    lines = [f"K-{n % 90:02},M{n % 11},2025-11-01 00:00:00,SHOP {n}" for n in range(40_000)]
    lines[20_011] = "K-01,M1,2025-11-01 00:00:00,架空商店"
    text = "card_ref,merchant_id,authorized_at,shop\n" + "\n".join(lines) + "\n"
    history = folder.file("t.csv", text, "cp932")
    with folder.opened(history, folder.file("f.csv", FRAUD)) as inputs:
        assert len(rows(inputs, "card_ref")) == 40_000
        assert rejects(inputs) == []


def test_midnight_and_times_that_lost_their_zeros(folder: Folder) -> None:
    body = "K-01,M1,20251101,0\nK-01,M1,20251101,5\nK-01,M1,20251101,93\nK-01,M1,20251101,235959\n"
    columns = "1=card_ref,2=merchant_id,3=authorized_date,4=authorized_time"
    with folder.opened(
        folder.file("t.csv", body), folder.file("f.csv", FRAUD), columns=columns
    ) as inputs:
        assert rows(inputs, "authorized_at") == [
            (moment(2025, 11, 1),),
            (moment(2025, 11, 1, 0, 0, 5),),
            (moment(2025, 11, 1, 23, 59, 59),),
        ]
        assert rejects(inputs) == ["t.csv,3,authorized_at,cannot be read"]


def test_summer_time_is_taken_into_account(folder: Folder) -> None:
    body = (
        "card_ref,merchant_id,authorized_at\n"
        "K-01,M,2025-07-01T12:00:00Z\nK-01,M,2025-12-01T12:00:00Z\n"
    )
    with folder.opened(
        folder.file("t.csv", body), folder.file("f.csv", FRAUD), timezone="Europe/Berlin"
    ) as inputs:
        assert rows(inputs, "authorized_at") == [
            (moment(2025, 7, 1, 14),),
            (moment(2025, 12, 1, 13),),
        ]


def test_names_that_are_sql(folder: Folder) -> None:
    own = ['select "', "'; DROP TABLE x --", "from", "{row}"]
    table = pa.table(
        dict(
            zip(
                own,
                [["K-01"], ["M"], [moment(2025, 11, 1)], ["T'9"]],
                strict=True,
            )
        )
    )
    path = folder.path / "it's {a} file.parquet"
    pq.write_table(table, path)
    columns = dict(
        zip(("card_ref", "merchant_id", "authorized_at", "terminal_id"), own, strict=True)
    )
    with folder.opened(path, folder.file("f.csv", FRAUD), columns=columns) as inputs:
        assert rows(inputs, "card_ref, merchant_id, terminal_id") == [("K-01", "M", "T'9")]
    text = folder.file("it's.csv", ",".join(['"select"""', *own[1:]]) + "\nK-01,M,20251101,T'9\n")
    with folder.opened(text, folder.file("f.csv", FRAUD), columns=columns) as inputs:
        assert rows(inputs, "card_ref, merchant_id, terminal_id") == [("K-01", "M", "T'9")]


def test_a_parquet_folder_in_partitions(folder: Folder) -> None:
    for month in (10, 11):
        path = folder.path / "lake" / f"merchant_id=9{month}" / "part-0.parquet"
        path.parent.mkdir(parents=True)
        own = {
            "card_ref": ["K-01"],
            "merchant_id": ["M"],
            "authorized_at": [moment(2025, month, 1)],
        }
        pq.write_table(pa.table(own), path)
    folder.file("lake/_SUCCESS", "")
    with folder.opened(folder.path / "lake", folder.file("f.csv", FRAUD)) as inputs:
        assert rows(inputs, "merchant_id, authorized_at") == [
            ("M", moment(2025, 10, 1)),
            ("M", moment(2025, 11, 1)),
        ]
        assert len({file.name for file in inputs.files}) == 3


def test_one_empty_day_among_others(folder: Folder) -> None:
    full = folder.file("1.csv", "card_ref,merchant_id,authorized_at\nK-01,M,20251101\n")
    bare = folder.file("2.csv", "card_ref,merchant_id,authorized_at\n")
    with folder.opened([full, bare], folder.file("f.csv", FRAUD)) as inputs:
        assert len(rows(inputs, "*")) == 1
        assert [file.rows for file in inputs.files] == [1, 0, 1]


def test_nothing_in_the_fraud_file(folder: Folder) -> None:
    history = folder.file("t.csv", "card_ref,merchant_id,authorized_at\nK-01,M,20251101\n")
    with (
        pytest.raises(NothingToDo),
        folder.opened(history, folder.file("f.csv", "card_ref,fraud_at\n")),
    ):
        pass
    with (
        pytest.raises(NothingToDo, match="1 no such card"),
        folder.opened(history, folder.file("g.csv", "card_ref,fraud_at\nK-77,20251101\n")),
    ):
        pass


def test_an_outlying_date_moves_the_as_of_day_and_is_noted(folder: Folder) -> None:
    days = [date(2025, 1, 1) + timedelta(days=n) for n in range(300)]
    body = "".join(f"K-01,M,{at.isoformat()}\n" for at in days)
    history = folder.file(
        "t.csv", "card_ref,merchant_id,authorized_at\n" + body + "K-01,M,20520101\n"
    )
    with folder.opened(
        history, folder.file("f.csv", "card_ref,fraud_at\nK-01,20250301\n")
    ) as inputs:
        assert inputs.as_of == day("2052-01-01")
        assert "--as-of" in notes(inputs)


def test_same_name_in_two_folders(folder: Folder) -> None:
    text = "card_ref,merchant_id,authorized_at\nK-01,M,{}\nK-02,,20251101\nK-03,M,20251101\n"
    files = [folder.file(f"{n}/t.csv", text.format(f"2025110{n}")) for n in (1, 2)]
    with folder.opened(files, folder.file("f.csv", FRAUD)) as inputs:
        assert [line.split(",")[0] for line in rejects(inputs)] == ["1/t.csv", "2/t.csv"]


def test_truncated_gzip(folder: Folder) -> None:
    whole = gzip.compress(b"card_ref,merchant_id,authorized_at\n" + b"K-01,M,20251101\n" * 500)
    fraud = folder.file("f.csv", FRAUD)
    for size in (1, 5, 20, len(whole) // 2, len(whole) - 5, len(whole) - 1):
        with pytest.raises(SekishoError), folder.opened(folder.file("t.gz", whole[:size]), fraud):
            pass


@pytest.mark.parametrize(
    ("trouble", "error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), OutputFailed, "disk is full"),
        (OSError(errno.EIO, "Input/output error"), BadInput, "cannot be read"),
        (KeyboardInterrupt(), KeyboardInterrupt, ""),
    ],
)
def test_trouble_on_the_way(
    folder: Folder,
    monkeypatch: pytest.MonkeyPatch,
    trouble: BaseException,
    error: type[BaseException],
    words: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise trouble

    history = folder.file("t.csv", "card_ref,merchant_id,authorized_at\nK-01,M,20251101\n")
    fraud = folder.file("f.csv", FRAUD)
    monkeypatch.setattr(pq.ParquetWriter, "write_table", fail)
    before = threading.active_count()
    with pytest.raises(error) as caught, folder.opened(history, fraud, progress=Recorder()):
        pass
    assert words in str(caught.value)
    assert threading.active_count() <= before + 1


def test_too_little_memory_says_so(folder: Folder, tmp_path: Path) -> None:
    body = "".join(f"K-{n},M{n % 7},2025-11-01\n" for n in range(60_000))
    history = folder.file("t.csv", "card_ref,merchant_id,authorized_at\n" + body)
    fraud = folder.file("f.csv", "card_ref,fraud_at\nK-1,20251102\n")
    with pytest.raises(BadInput, match="memory"):
        open_inputs(
            InputRequest((history,), fraud),
            workdir=tmp_path / "work",
            memory_limit="1MB",
            threads=1,
            progress=Silent(),
            holds_card_numbers=lambda values: False,
        )
