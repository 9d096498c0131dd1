"""The inputs of a trace as banks write them, and as they should not: what is read, what is said."""

from __future__ import annotations

import gzip
import os
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sekisho.domain.errors import BadInput, ClearCardNumbers, MissingColumn, NothingToDo
from warehouse.opening import Folder, Recorder, day, moment, notes, rejects, rows, sixteen_digits

HISTORY = """card_ref,merchant_id,authorized_at
001,M1,2024-03-01 10:00:00
002,M1,2024-03-02 11:00:00
003,M2,2024-03-03 12:00:00
001,M2,2024-03-04 13:00:00
"""
FRAUD = """card_ref,fraud_at,reported_at,fraud_type
001,2024-03-04 13:00:00,2024-03-06,card_not_present
"""
READ = [
    ("001", "M1", moment(2024, 3, 1, 10)),
    ("001", "M2", moment(2024, 3, 4, 13)),
    ("002", "M1", moment(2024, 3, 2, 11)),
    ("003", "M2", moment(2024, 3, 3, 12)),
]
KEYS = "card_ref, merchant_id, authorized_at"


def test_plain_csv(folder: Folder) -> None:
    progress = Recorder()
    history = folder.file("t.csv", HISTORY)
    with folder.opened(history, folder.file("f.csv", FRAUD), progress=progress) as inputs:
        assert rows(inputs, KEYS) == READ
        assert rows(inputs, "acquirer_id") == [("",)] * 4
        assert rows(inputs, "*", "fraud") == [
            (
                "001",
                moment(2024, 3, 4, 13),
                moment(2024, 3, 6),
                "card_not_present",
                None,
                None,
                None,
            )
        ]
        assert inputs.as_of == day("2024-03-06")
        assert inputs.has_reported_at
        assert not inputs.has_cards
        assert not inputs.has_merchants
        assert not inputs.overlapping
        assert rows(inputs, "*", "merchants") == rows(inputs, "*", "cards") == []
        assert rejects(inputs) == []
        assert [(f.role, f.name, f.rows) for f in inputs.files] == [
            ("transactions", "t.csv", 4),
            ("fraud", "f.csv", 1),
        ]
        assert all(len(f.sha256) == 64 for f in inputs.files)
    assert "read_transactions" in progress.steps
    assert progress.done >= history.stat().st_size


JAPANESE = [
    ("カード番号", "加盟店番号", "利用日", "利用時刻", "金額", "承認"),
    ("001", "Ｍ１", "20240301", "100000", "1,000", "承認"),
    ("００２", "M1", "２０２４０３０２", "110000", "￥2,500", "否認"),
    ("003", "M2", "2024/03/03", "120000", "△300", "承認"),
    ("001", "M2", "2024年3月4日", "13:00", "0", "×"),
]
NAMES = (
    "card_ref=カード番号,merchant_id=加盟店番号,authorized_date=利用日,authorized_time=利用時刻,"
    "amount=金額,承認=approved"
)
POSITIONS = (
    "1=card_ref,merchant_id=2,3=authorized_date,4=authorized_time,5=amount,approved=6,"
    "fraud.1=card_ref,fraud.fraud_at=2"
)


def written(table: list[tuple[str, ...]], delimiter: str = ",") -> str:
    return "".join(
        delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in cells) + "\r\n"
        for cells in table
    )


@pytest.mark.parametrize("encoding", ["cp932", "utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", "|"])
@pytest.mark.parametrize("header", [True, False])
def test_japanese_host_file(folder: Folder, encoding: str, delimiter: str, header: bool) -> None:
    history = folder.file(
        "t.dat", written(JAPANESE if header else JAPANESE[1:], delimiter), encoding
    )
    fraud = folder.file("f.csv", "001,20240304\r\n")
    columns = NAMES + ",fraud.1=card_ref,fraud.2=fraud_at" if header else POSITIONS
    with folder.opened(history, fraud, columns=columns) as inputs:
        assert rows(inputs, KEYS) == READ
        assert rows(inputs, "authorized_at, amount_minor, approved") == [
            (moment(2024, 3, 1, 10), 1000, True),
            (moment(2024, 3, 2, 11), 2500, False),
            (moment(2024, 3, 3, 12), -300, True),
            (moment(2024, 3, 4, 13), 0, False),
        ]
        if encoding == "cp932":
            assert "read as cp932" in notes(inputs)


def test_positions_where_a_header_is_there_all_the_same(folder: Folder) -> None:
    history = folder.file("t.csv", written(JAPANESE), "cp932")
    fraud = folder.file("f.csv", "会員,日付\r\n001,20240304\r\n", "cp932")
    with folder.opened(history, fraud, columns=POSITIONS) as inputs:
        assert rows(inputs, KEYS) == READ
        assert rejects(inputs) == []


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_compressed_csv(folder: Folder, kind: str) -> None:
    body = HISTORY.encode()
    packed = gzip.compress(body) if kind == "gzip" else pa.compress(body, kind, asbytes=True)
    if kind == "zstd":
        with pa.CompressedOutputStream(str(folder.path / "t.bin"), "zstd") as stream:
            stream.write(body)
        packed = (folder.path / "t.bin").read_bytes()
    with folder.opened(folder.file("t.x", packed), folder.file("f.csv", FRAUD)) as inputs:
        assert rows(inputs, KEYS) == READ


def test_times_with_and_without_offset(folder: Folder) -> None:
    text = (
        "card_ref,merchant_id,authorized_at\n"
        "1,M,2024-03-01T01:00:00Z\n2,M,2024-03-01T10:00:00+09:00\n"
        "3,M,2024-02-29 20:00:00-0500\n4,M,2024-03-01 10:00\n"
    )
    with folder.opened(
        folder.file("t.csv", text), folder.file("f.csv", "card_ref,fraud_at\n1,20240302\n")
    ) as inputs:
        assert rows(inputs, "DISTINCT authorized_at") == [(moment(2024, 3, 1, 10),)]
        assert "3 values name their offset" in notes(inputs)
        assert not inputs.has_reported_at


def test_epoch_is_read_only_where_it_is_clear(folder: Folder) -> None:
    fraud = folder.file("f.csv", "card_ref,fraud_at\n1,20240302\n")
    seconds = folder.file("t.csv", "card_ref,merchant_id,authorized_at\n1,M,1709254800\n" * 1)
    with folder.opened(seconds, fraud) as inputs:
        assert rows(inputs, "authorized_at") == [(moment(2024, 3, 1, 10),)]
        assert "seconds since 1970-01-01 UTC" in notes(inputs)
    unclear = folder.file("u.csv", "card_ref,merchant_id,authorized_at\n1,M,45352\n")
    with (
        pytest.raises(BadInput, match="authorized_at cannot be read") as caught,
        folder.opened(unclear, fraud),
    ):
        pass
    assert "authorized_date" in caught.value.hint


def test_broken_rows_are_kept_apart(folder: Folder) -> None:
    good = "".join(f"{n:04},M{n % 7},2024-03-{n % 28 + 1:02} 10:00:00\n" for n in range(90))
    bad = (
        b",M1,2024-03-01\n"
        b"1,,2024-03-01\n"
        b"1,M1,\n"
        b"1,M1,2024-02-30\n"
        b"1,M1,1969-12-31 23:59:59\n"
        b"1,M1,9999-12-31\n"
        b"1,M1\n"
        b"1,M1,2024-03-01,more\n"
        b'"1,M1,2024-03-01\n'
        b"1,\xff\xfe,2024-03-01\n"
    )
    body = b"card_ref,merchant_id,authorized_at\n" + good.encode() + bad
    fraud = folder.file("f.csv", "card_ref,fraud_at\n0001,20240329\n")
    with folder.opened(folder.file("t.csv", body), fraud) as inputs:
        assert len(rows(inputs, "*")) == 90
        assert sorted(rejects(inputs)) == [
            "t.csv,100,,a quotation mark is not closed",
            "t.csv,101,,bytes that are no text in this file's encoding",
            "t.csv,92,card_ref,missing",
            "t.csv,93,merchant_id,missing",
            "t.csv,94,authorized_at,missing",
            "t.csv,95,authorized_at,cannot be read",
            "t.csv,96,authorized_at,before 1970-01-01",
            "t.csv,97,authorized_at,not before 2100-01-01",
            "t.csv,98,,the number of columns differs from the other rows",
            "t.csv,99,,the number of columns differs from the other rows",
        ]
        account = inputs.files[0]
        assert (account.rows, account.rejected) == (100, 10)
        assert "2 rows rejected: the number of columns" in notes(inputs)
        assert len(inputs.rejected) == 10


def test_mostly_broken_is_an_error(folder: Folder) -> None:
    text = "card_ref,merchant_id,authorized_at\n" + "1,M,03/01/24\n" * 6 + "1,M,20240301\n" * 5
    with (
        pytest.raises(BadInput, match=r"6 of 11 rows cannot be used.*authorized_at") as caught,
        folder.opened(folder.file("t.csv", text), folder.file("f.csv", FRAUD)),
    ):
        pass
    assert "--columns authorized_at=NAME" in caught.value.hint


def test_as_of_never_looks_ahead(folder: Folder) -> None:
    fraud = folder.file(
        "f.csv",
        "card_ref,fraud_at,reported_at\n001,2024-03-01 12:00,2024-03-02 23:59:59\n"
        "002,2024-03-02 12:00,2024-03-03 00:00\n003,2024-03-02,\n001,2024-03-04,\n",
    )
    history = folder.file("t.csv", HISTORY)
    with folder.opened(history, fraud, as_of=day("2024-03-02")) as inputs:
        assert rows(inputs, KEYS) == [READ[0], READ[2]]
        assert rows(inputs, "card_ref", "fraud") == [("001",), ("003",)]
        assert inputs.fraud_counts["after_as_of"] == 2
        assert "2 rows lie after the as-of date" in notes(inputs)
        inputs.recut(day("2024-03-03"))
        assert len(rows(inputs, "*")) == 3
        assert rows(inputs, "card_ref", "fraud") == [("001",), ("002",), ("003",)]
    with (
        pytest.raises(NothingToDo, match="4 known only after the as-of date"),
        folder.opened(history, fraud, as_of=day("2024-03-01")),
    ):
        pass


def test_fraud_by_transaction(folder: Folder) -> None:
    history = folder.file(
        "t.csv",
        "transaction_id,card_ref,acquirer_id,merchant_id,authorized_at\n"
        "t1,1,A,M1,20240301\nt2,2,A,M2,20240302\nt3,3,B,M1,20240303\n",
    )
    fraud = folder.file(
        "f.csv", "transaction_id,reported_at\nt2,20240305\nt9,20240305\nt2,20240304\n"
    )
    with folder.opened(history, fraud) as inputs:
        assert rows(
            inputs, "card_ref, fraud_at, reported_at, acquirer_id, merchant_id", "fraud"
        ) == [("2", moment(2024, 3, 2), moment(2024, 3, 4), "A", "M2")]
        assert inputs.fraud_counts == {"no_transaction": 1, "duplicate": 1}
        assert rejects(inputs) == ["f.csv,3,transaction_id,no such transaction in the history"]


def test_fraud_flag_in_the_history(folder: Folder) -> None:
    history = folder.file(
        "t.csv",
        "CUSTOMER_ID,TERMINAL_ID,TX_DATETIME,TX_FRAUD,TX_AMOUNT\n"
        "1,10,2018-04-01 00:00:31,0,57.16\n2,11,2018-04-02 00:00:31,1,81.5\n",
    )
    columns = (
        "card_ref=CUSTOMER_ID,merchant_id=TERMINAL_ID,authorized_at=TX_DATETIME,"
        "is_fraud=TX_FRAUD,amount=TX_AMOUNT"
    )
    with folder.opened(history, columns=columns) as inputs:
        assert rows(inputs, "card_ref, fraud_at, merchant_id, reported_at", "fraud") == [
            ("2", moment(2018, 4, 2, 0, 0, 31), "11", None)
        ]
        assert rows(inputs, "amount_minor") == [(5716,), (8150,)]


def test_merchants_and_cards(folder: Folder) -> None:
    merchants = folder.file(
        "m.csv",
        'merchant_id,name,operator_id,valid_from,valid_to\r\nM1,"架空\r\n商店","O1",20200101,9999-12-31\r\n',
        "cp932",
    )
    cards = folder.file(
        "c.csv",
        "card_ref,opened_on,expires_on,product,replaced_by\n001,2020/1/5,2027-02,ゴールド,004\n"
        "002,2020-01-05,02/28,,\n",
    )
    with folder.opened(
        folder.file("t.csv", HISTORY),
        folder.file("f.csv", FRAUD),
        merchants=merchants,
        cards=cards,
    ) as inputs:
        assert inputs.has_cards
        assert inputs.has_merchants
        assert rows(inputs, "*", "merchants") == [
            ("", "M1", "架空\n商店", "O1", None, date(2020, 1, 1), date(9999, 12, 31))
        ]
        assert rows(inputs, "card_ref, opened_on, expires_on, product, replaced_by", "cards") == [
            ("001", date(2020, 1, 5), date(2027, 2, 28), "ゴールド", "004"),
            ("002", date(2020, 1, 5), date(2028, 2, 29), None, None),
        ]


def test_missing_columns_offer_the_nearest(folder: Folder) -> None:
    history = folder.file("t.csv", written(JAPANESE), "cp932")
    with (
        pytest.raises(
            MissingColumn, match=r"t\.csv: no column for card_ref, merchant_id"
        ) as caught,
        folder.opened(history, folder.file("f.csv", FRAUD)),
    ):
        pass
    assert caught.value.hint.endswith(
        "--columns card_ref=カード番号,merchant_id=加盟店番号,"
        "authorized_date=利用日,authorized_time=利用時刻"
    )
    misspelt = folder.file("u.csv", HISTORY.replace("merchant_id", "merchnat_id"))
    with (
        pytest.raises(MissingColumn) as caught,
        folder.opened(misspelt, folder.file("f.csv", FRAUD)),
    ):
        pass
    assert "merchant_id=merchnat_id" in caught.value.hint


def test_no_header_is_recognised_and_its_values_are_not_shown(folder: Folder) -> None:
    history = folder.file("t.csv", HISTORY.partition("\n")[2].replace("001", "4111111111111111"))
    with (
        pytest.raises(MissingColumn, match="no header line") as caught,
        folder.opened(history, folder.file("f.csv", FRAUD)),
    ):
        pass
    assert "4111111111111111" not in str(caught.value) + caught.value.hint
    assert "1=card_ref" in caught.value.hint


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ("card_reff=CARD", "neither side"),
        ("card_ref=CARDNO", "no file has a column 'CARDNO'"),
        ("9=card_ref", "there are 3 columns"),
        ("3=fraud_at", "position without a role"),
    ],
)
def test_columns_that_cannot_be(folder: Folder, columns: str, words: str) -> None:
    with (
        pytest.raises(BadInput, match=words),
        folder.opened(folder.file("t.csv", HISTORY), folder.file("f.csv", FRAUD), columns=columns),
    ):
        pass


@pytest.mark.parametrize("where", ["pan", "card_ref", "parquet", "fraud", "headerless"])
def test_card_numbers_are_refused(folder: Folder, where: str) -> None:
    number = "4111111111111111"
    history, fraud, columns = folder.file("t.csv", HISTORY), folder.file("f.csv", FRAUD), ""
    if where == "pan":
        history = folder.file("p.csv", HISTORY.replace("card_ref", "pan"))
    elif where == "card_ref":
        body = HISTORY
        for reference in ("001", "002", "003"):
            body = body.replace(reference, number)
        history = folder.file("p.csv", body)
    elif where == "parquet":
        history = folder.path / "p.parquet"
        table = pa.table(
            {
                "card_ref": [int(number)],
                "merchant_id": ["M"],
                "authorized_at": [moment(2024, 1, 1)],
            }
        )
        pq.write_table(table, history)
    elif where == "fraud":
        fraud = folder.file("g.csv", FRAUD.replace("001", number))
    else:
        history = folder.file("p.csv", f"{number},M,20240101\n")
        columns = "1=card_ref,2=merchant_id,3=authorized_at"
    with (
        pytest.raises(ClearCardNumbers) as caught,
        folder.opened(history, fraud, columns=columns, holds=sixteen_digits),
    ):
        pass
    assert "sekisho import" in caught.value.hint
    assert "--card-key KEYFILE --out DIR" in caught.value.hint
    assert number not in caught.value.message + caught.value.hint


def test_files_that_cannot_be_read(folder: Folder) -> None:
    fraud = folder.file("f.csv", FRAUD)
    empty_folder = folder.path / "nothing"
    empty_folder.mkdir()
    cases: list[tuple[Path, str]] = [
        (folder.path / "absent.csv", "no such file"),
        (folder.file("empty.csv", ""), "empty"),
        (folder.file("blank.csv", "\n\n\n"), "nothing but empty lines"),
        (folder.file("header.csv", HISTORY.partition("\n")[0] + "\n"), "no row"),
        (folder.file("x.parquet", "no parquet at all"), "not a whole Parquet file"),
        (folder.file("y.csv", b"PAR1 and nothing"), "not a whole Parquet file"),
        (folder.file("z.csv", bytes(range(256)) * 20), "neither a Parquet"),
        (empty_folder, "no table in this folder"),
    ]
    if os.geteuid() != 0:
        hidden = folder.file("hidden.csv", HISTORY)
        hidden.chmod(0)
        cases.append((hidden, "cannot be read"))
    for path, words in cases:
        with pytest.raises(BadInput, match=words), folder.opened(path, fraud):
            pass
    history = folder.file("t.csv", HISTORY)
    with pytest.raises(BadInput, match="neither --fraud"), folder.opened(history):
        pass
    with (
        pytest.raises(BadInput, match="no such time zone"),
        folder.opened(history, fraud, timezone="Asia/Edo"),
    ):
        pass


def test_folder_doubles_and_overlap(folder: Folder) -> None:
    folder.file("in/a.csv", HISTORY)
    folder.file("in/b.csv", HISTORY)
    folder.file("in/c.csv", HISTORY + "009,M9,2024-03-09\n")
    folder.file("in/readme.md", "not a table")
    fraud = folder.file("f.csv", FRAUD)
    with folder.opened(folder.path / "in", fraud) as inputs:
        assert "the same bytes as a.csv, read once" in notes(inputs)
        assert [f.rows for f in inputs.files] == [4, 0, 5, 1]
        assert inputs.overlapping
        assert inputs.duplicates == 4
        assert rows(inputs, f"DISTINCT {KEYS}")[:4] == READ
    with folder.opened(folder.path / "in" / "a.csv", fraud) as inputs:
        assert not inputs.overlapping


def test_a_report_of_an_unknown_type_is_noted(folder: Folder) -> None:
    fraud = folder.file(
        "f.csv",
        "card_ref,fraud_at,fraud_type\n001,20240304,番号盗用\n002,20240304,06\n003,20240304,謎\n",
    )
    with folder.opened(folder.file("t.csv", HISTORY), fraud) as inputs:
        assert rows(inputs, "card_ref, fraud_type", "fraud") == [
            ("001", "card_not_present"),
            ("002", "card_not_present"),
            ("003", None),
        ]
        assert "1 reports have a type that is not known" in notes(inputs)


def test_one_file_for_two_things_is_an_error(folder: Folder) -> None:
    both = folder.file("both.csv", HISTORY)
    with (
        pytest.raises(BadInput, match=r"both\.csv is given as transactions and as fraud"),
        folder.opened(both, both),
    ):
        pass
