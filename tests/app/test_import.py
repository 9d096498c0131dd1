"""``sekisho import`` from a bank's files to references, and no card number anywhere after."""

from __future__ import annotations

import csv
import errno
import gzip
import io
import itertools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from invented_cards import invented_cards
from sekisho.app import cli
from sekisho.app.commands import import_
from sekisho.vault import files
from sekisho.vault.keys import card_key, write_key
from sekisho.vault.pan import SEPARATORS, Pan, Trouble, trouble_with
from sekisho.vault.replace import Replacer
from sekisho.vault.surrogate import CardRefs

SECRET = bytes(range(32))
REFS = CardRefs(card_key(SECRET))
CARDS = invented_cards(np.random.default_rng(11), 60)
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
HEADER = ["取引番号", "pan", "セキュリティコード", "merchant_id", "摘要", "expires_on"]


@dataclass
class Run:
    """What a run of the command line left: exit code, all it said, the folder it wrote."""

    code: int
    said: str
    out: Path

    def table(self, name: str = "history.parquet") -> dict[str, list[object]]:
        return pq.read_table(self.out / name).to_pydict()

    def rejects(self) -> list[dict[str, str]]:
        with (self.out / "rejects.csv").open(encoding="utf-8") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def sekisho(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Run]:
    """Run ``sekisho import`` and look for every card number in all that it left behind."""
    key = tmp_path / "card.key"
    write_key(key, SECRET)

    def run(*arguments: str | Path, card_key: Path = key) -> Run:
        out = tmp_path / "out"
        command = ["sekisho", "import", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", [*command, "--card-key", str(card_key), "--out", str(out)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = "".join(capfd.readouterr())
        assert_no_card_number(said)
        for path in out.rglob("*") if out.exists() else ():
            assert_no_card_number(path.name)
            assert_no_card_number(contents(path))
        assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
        code = ended.value.code
        return Run(code if isinstance(code, int) else 0, said, out)

    return run


def contents(path: Path) -> str:
    raw = path.read_bytes().decode("latin-1")
    if path.suffix != ".parquet":
        return raw
    table = pq.read_table(path)
    cells = "\n".join(str(cell) for column in table.columns for cell in column.to_pylist())
    return "\n".join([raw, str(table.schema), cells])


def assert_no_card_number(text: str) -> None:
    plain = text.translate({wide: narrow for narrow, wide in FULL_WIDTH.items()})
    for form in (plain, plain.replace(" ", "").replace("-", "")):
        for card in CARDS:
            assert card not in form
    # A part that gives the middle away is as bad.
    assert not any(card[6:] in plain for card in CARDS)


def history(cards: list[str], chance: np.random.Generator) -> list[list[str]]:
    """Rows as a bank has them; nothing is wrong with them yet."""
    shops = chance.integers(0, 9, len(cards))
    numbers = chance.integers(10**15, 10**16, len(cards))
    return [
        [str(number), card, "123", f"M{shop}", "定期", "2029-12"]
        for number, card, shop in zip(numbers, cards, shops, strict=True)
    ]


def as_csv(rows: list[list[str]], header: list[str] | None = HEADER) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerows([header] if header else [])
    table.writerows(rows)
    return text.getvalue()


def ref(card: str) -> str:
    return REFS.of(Pan(card))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_csv_file_in_every_dress(
    sekisho: Callable[..., Run], tmp_path: Path, encoding: str, zipped: bool
) -> None:
    rows = history(CARDS, np.random.default_rng(1))
    data = as_csv(rows).encode(encoding)
    path = tmp_path / ("history.csv.gz" if zipped else "history.csv")
    path.write_bytes(gzip.compress(data) if zipped else data)
    ran = sekisho(path)
    assert ran.code == 0
    assert ran.table() == {
        "取引番号": [row[0] for row in rows],
        "card_ref": [ref(card) for card in CARDS],
        "bin": [card[:6] for card in CARDS],
        "merchant_id": [row[3] for row in rows],
        "摘要": ["定期"] * len(rows),
        "expires_on": ["2029-12"] * len(rows),
    }
    assert ran.rejects() == []
    assert "セキュリティコード was left out: security code" in ran.said
    assert "sekisho trace" in ran.said
    metadata = pq.read_schema(ran.out / "history.parquet").metadata
    assert metadata[b"sekisho.card_key_id"].decode() == REFS.key_id


def written_in_many_ways(card: str, way: int) -> str:
    groups = [card[at : at + 4] for at in range(0, len(card), 4)]
    return [card, " ".join(groups), "-".join(groups), card.translate(FULL_WIDTH)][way % 4]


@pytest.mark.parametrize("block_bytes", [600, 1500, 1 << 20])
def test_broken_rows_are_kept_apart_with_their_numbers(
    sekisho: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    """However the file is cut into chunks; the twin reads it line by line."""
    monkeypatch.setattr(files, "_BLOCK_BYTES", block_bytes)
    chance = np.random.default_rng(2)
    rows = history([CARDS[at] for at in chance.integers(0, 60, 400)], chance)
    expected_refs, expected_rejects = [], []
    for at, row in enumerate(rows):
        trouble = chance.integers(0, 20)
        card, reason, column = row[1], "", "pan"
        row[1] = written_in_many_ways(card, at)
        if trouble == 0:
            row[1], reason = card[:-1] + str((int(card[-1]) + 1) % 10), "the check digit"
        elif trouble == 1:
            row[1], reason = "", "no card number"
        elif trouble == 2:
            row[1], reason = "x" + card, "something other"
        elif trouble == 3:
            row[1], reason = card[:11], "not 13 to 19 digits"
        elif trouble == 4:
            row.pop()
            reason, column = "5 fields instead of 6", ""
        elif trouble == 5:
            row.extend([card, "x"])
            reason, column = "8 fields instead of 6", ""
        if reason:
            expected_rejects.append((at + 2, column, reason))
        else:
            expected_refs.append(ref(card))
    path = tmp_path / "history.csv"
    path.write_text(as_csv(rows), encoding="cp932")
    ran = sekisho(path)
    assert ran.code == 0
    assert ran.table()["card_ref"] == expected_refs
    found = sorted(ran.rejects(), key=lambda row: int(row["row"]))
    assert len(found) == len(expected_rejects)
    for row, (number, column, reason) in zip(found, expected_rejects, strict=True):
        assert (row["file"], int(row["row"]), row["field"]) == ("history.csv", number, column)
        assert row["reason"].startswith(reason)
    assert f"{len(found):,} rows could not be read" in ran.said


def test_files_without_a_header_line(sekisho: Callable[..., Run], tmp_path: Path) -> None:
    rows = history(CARDS, np.random.default_rng(3))
    path = tmp_path / "history.csv"
    path.write_text(as_csv(rows, header=None), encoding="cp932")
    ran = sekisho(path, "--columns", "2=pan,4=merchant_id")
    assert ran.code == 0
    assert list(ran.table()) == ["card_ref", "bin", "merchant_id"]
    assert ran.table()["card_ref"] == [ref(card) for card in CARDS]


@pytest.mark.parametrize("name", ["カード番号", "card no.", "PAN"])
def test_the_column_is_found_or_named(
    sekisho: Callable[..., Run], tmp_path: Path, name: str
) -> None:
    header = [name if column == "pan" else column for column in HEADER]
    path = tmp_path / "history.csv"
    path.write_text(as_csv(history(CARDS, np.random.default_rng(4)), header), encoding="utf-8")
    found = sekisho(path)
    assert f"column {name} holds the card numbers" in found.said
    found_table = found.table()
    (tmp_path / "out").rename(tmp_path / "first")
    named = sekisho(path, "--columns", f"pan={name},transaction_id=取引番号")
    assert "column pan holds the card numbers" in named.said
    assert named.table()["card_ref"] == found_table["card_ref"]
    assert named.table()["transaction_id"] == found_table["取引番号"]


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.int64(),
        pa.decimal128(19),
        pa.dictionary(pa.int32(), pa.string()),
    ],
    ids=str,
)
def test_parquet_files(
    sekisho: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: pa.DataType
) -> None:
    monkeypatch.setattr(files, "_PARQUET_ROWS", 17)
    numbers = CARDS if "string" in str(kind) else [int(card) for card in CARDS]
    stored = pa.array(numbers, kind.value_type if pa.types.is_dictionary(kind) else kind)
    table = pa.table(
        {
            "pan": stored.dictionary_encode() if pa.types.is_dictionary(kind) else stored,
            "amount_minor": pa.array(range(len(CARDS)), pa.int32()),
            "cvv": ["123"] * len(CARDS),
            "memo": pa.array([f"tel {card}" for card in CARDS]).dictionary_encode(),
            "nested": [[card] for card in CARDS],
        }
    ).replace_schema_metadata({"note": CARDS[0]})
    path = tmp_path / "history.parquet"
    pq.write_table(table, path)
    ran = sekisho(path)
    assert ran.code == 0
    assert ran.table()["card_ref"] == [ref(card) for card in CARDS]
    assert ran.table()["memo"] == ["tel ******"] * len(CARDS)
    assert list(ran.table()) == ["card_ref", "bin", "amount_minor", "memo"]
    assert pq.read_schema(ran.out / "history.parquet").field("amount_minor").type == pa.int32()


def test_other_columns_of_card_numbers_become_references(
    sekisho: Callable[..., Run], tmp_path: Path
) -> None:
    rows = [
        [card, CARDS[at + 1] if at % 3 == 0 else "", "42"] for at, card in enumerate(CARDS[:-1])
    ]
    rows[3][1] = CARDS[4][:-1] + str((int(CARDS[4][-1]) + 1) % 10)
    path = tmp_path / "history.csv"
    path.write_text(as_csv(rows, ["pan", "replaced_by", "home_area"]))
    ran = sekisho(path)
    expected = [ref(row[1]) if trouble_with(row[1]) is Trouble.NONE else None for row in rows]
    assert ran.table()["replaced_by"] == expected
    assert "column replaced_by: 1 unreadable card numbers left empty" in ran.said


def test_a_column_that_shows_card_numbers_late(
    sekisho: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_BLOCK_BYTES", 3000)
    cards = list(itertools.islice(itertools.cycle(CARDS), 600))
    rows = [[card, CARDS[at % 60] if at >= 300 else "", "M1"] for at, card in enumerate(cards)]
    rows[10].pop()
    path = tmp_path / "history.csv"
    path.write_text(as_csv(rows, ["pan", "replaced_by", "merchant_id"]))
    ran = sekisho(path)
    assert ran.code == 0
    replaced = ran.table()["replaced_by"]
    assert replaced[:299] == [None] * 299
    assert replaced[299:] == [ref(CARDS[at % 60]) for at in range(300, 600)]
    assert len(ran.rejects()) == 1


def test_a_few_card_numbers_late_in_an_empty_column(
    sekisho: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too few to judge the column anew: masked one by one."""
    monkeypatch.setattr(files, "_BLOCK_BYTES", 3000)
    cards = list(itertools.islice(itertools.cycle(CARDS), 600))
    rows = [
        [card, CARDS[at % 60] if at in (400, 410, 590) else ""] for at, card in enumerate(cards)
    ]
    path = tmp_path / "history.csv"
    path.write_text(as_csv(rows, ["pan", "other"]))
    other = sekisho(path).table()["other"]
    assert [at for at, cell in enumerate(other) if cell] == [400, 410, 590]
    assert {other[400], other[410], other[590]} == {"******"}


def test_card_numbers_typed_into_other_columns(sekisho: Callable[..., Run], tmp_path: Path) -> None:
    rows = history(CARDS, np.random.default_rng(5))
    rows[4][4] = f"再送 {written_in_many_ways(CARDS[7], 1)} まで"
    rows[5][4] = CARDS[8]
    rows[6][3] = CARDS[9]
    path = tmp_path / "history.csv"
    path.write_text(as_csv(rows))
    ran = sekisho(path)
    assert ran.table()["摘要"][4:6] == ["再送 ****** まで", "******"]
    assert ran.table()["merchant_id"][6] == "******"
    assert ran.table()["取引番号"] == [row[0] for row in rows]
    assert "column 摘要: card numbers or codes inside text masked in 2 rows" in ran.said


def test_the_callers_own_reference_stays_and_is_linked(
    sekisho: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_BLOCK_BYTES", 1000)
    rows = [[f"C{at % 60:04}", CARDS[at % 60], "M1"] for at in range(200)]
    path = tmp_path / "history.csv"
    path.write_text(as_csv(rows, ["card_ref", "pan", "merchant_id"]))
    ran = sekisho(path)
    assert list(ran.table()) == ["card_ref", "bin", "merchant_id"]
    assert ran.table()["card_ref"] == [row[0] for row in rows]
    link = ran.table("vault-link.parquet")
    assert link == {
        "card_ref": [f"C{at:04}" for at in range(60)],
        "pan_hash": [ref(card) for card in CARDS],
    }
    assert sorted(path.name for path in ran.out.iterdir()) == [
        "history.parquet",
        "rejects.csv",
        "vault-link.parquet",
    ]


def test_card_numbers_under_the_name_card_ref(sekisho: Callable[..., Run], tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text(as_csv([[card, "M1"] for card in CARDS], ["card_ref", "merchant_id"]))
    ran = sekisho(path)
    assert ran.table()["card_ref"] == [ref(card) for card in CARDS]
    assert not (ran.out / "vault-link.parquet").exists()


def test_several_files_with_one_name_and_a_number_in_it(
    sekisho: Callable[..., Run], tmp_path: Path
) -> None:
    paths = []
    for part in ("a", "b"):
        (tmp_path / part).mkdir()
        paths.append(tmp_path / part / f"card {CARDS[0]}.csv")
        paths[-1].write_text(as_csv([[card, "M1"] for card in CARDS], ["pan", "merchant_id"]))
    ran = sekisho(*paths)
    assert ran.code == 0
    assert len(list(ran.out.glob("*.parquet"))) == 2


GOOD = as_csv(history(CARDS, np.random.default_rng(6)))
IDS = [[str(n), "M1"] for n in np.random.default_rng(7).integers(4 * 10**15, 5 * 10**15, 200)]
PARQUET = io.BytesIO()
pq.write_table(pa.table({"pan": CARDS * 50}), PARQUET)


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (b"", [], "is empty"),
        (b"pan,merchant_id\n", [], "no readable row"),
        (("pan,merchant_id\n" + "\n".join(CARDS)).encode(), [], "row 2: 1 fields instead of 2"),
        (as_csv([["1", "M1"]] * 9, ["a", "b"]).encode(), [], "no column holds card numbers"),
        (as_csv(IDS, ["a", "b"]).encode(), [], "no column holds card numbers"),
        (as_csv(IDS, ["pan", "b"]).encode(), [], "column pan does not hold card numbers"),
        (as_csv([["", "M1"]] * 9, ["pan", "b"]).encode(), [], "column pan does not hold"),
        (GOOD.split("\n", 1)[1].encode(), [], "has no header line"),
        (as_csv([[c, c] for c in CARDS], ["x", "y"]).encode(), [], "more than one column holds"),
        (
            as_csv([[c, c] for c in CARDS], ["pan", "pan"]).encode(),
            [],
            "more than one column named",
        ),
        (GOOD.encode(), ["--columns", "pan=カード"], "has no column 'カード'"),
        (GOOD.encode(), ["--columns", "9=pan"], "names column 9"),
        (GOOD.encode(), ["--columns", "pan"], "is not WORD=NAME"),
        (GOOD.encode(), ["--columns", f"pan={CARDS[0]}"], "has no column '******'"),
        (GOOD.encode(), ["--columns", "1=pan,merchant_id=x"], "mixes names and positions"),
        (GOOD.encode("utf-16"), [], "zero bytes"),
        (GOOD.encode() + b"\xff\xfe\x81\xff", [], "neither UTF-8 nor cp932"),
        (gzip.compress(GOOD.encode())[:-30], [], "cut off, damaged"),
        (PARQUET.getvalue()[:-100], [], "cut off, damaged"),
        (PARQUET.getvalue()[:200] + bytes(50) + PARQUET.getvalue()[250:], [], "cut off, damaged"),
        (PARQUET.getvalue(), ["--columns", "1=pan"], "is Parquet"),
    ],
)
def test_bad_input_ends_in_a_message_and_writes_nothing(
    sekisho: Callable[..., Run], tmp_path: Path, content: bytes, arguments: list[str], message: str
) -> None:
    path = tmp_path / "history.csv"
    path.write_bytes(content)
    ran = sekisho(path, *arguments)
    assert ran.code == 2
    assert message in " ".join(ran.said.split())
    assert not ran.out.exists()


def test_an_unclosed_quote_takes_no_card_number_along(
    sekisho: Callable[..., Run], tmp_path: Path
) -> None:
    lines = GOOD.splitlines(keepends=True)
    lines[5] = lines[5].replace("定期", '"定期')
    lines[8] = lines[8].replace("定期", '定期"')
    path = tmp_path / "history.csv"
    path.write_text("".join(lines))
    ran = sekisho(path)
    assert ran.code == 0
    assert ran.table()["card_ref"] == [ref(card) for card in CARDS[:4] + CARDS[8:]]
    (rejected,) = ran.rejects()
    assert rejected["row"] == "6"
    path.write_text("".join([*lines[:8], *[GOOD.split("\n", 1)[1]] * 5]))
    (ran.out).rename(tmp_path / "first")
    ran = sekisho(path)
    assert ran.code == 2
    assert "row 6: a quote that is not closed" in " ".join(ran.said.split())


def test_a_missing_file_and_a_folder(sekisho: Callable[..., Run], tmp_path: Path) -> None:
    assert "is not there" in sekisho(tmp_path / f"{CARDS[0]}.csv").said
    assert "cannot be opened" in sekisho(tmp_path).said


def test_a_wrong_key_and_a_full_folder(sekisho: Callable[..., Run], tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text(GOOD)
    path.chmod(0o600)
    ran = sekisho(path, card_key=path)
    assert (ran.code, ran.out.exists()) == (2, False)
    assert "is not a card key file" in ran.said
    ran.out.mkdir()
    assert sekisho(path).code == 0
    again = sekisho(path)
    assert again.code == 4
    assert "is not empty" in " ".join(again.said.split())


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (OSError(errno.ENOSPC, "full"), 4, "No space left on device"),
        (RuntimeError(f"row {CARDS[0]} is odd"), 1, "unexpected RuntimeError"),
        (KeyboardInterrupt(), None, ""),
    ],
    ids=["full disk", "a trouble nobody foresaw", "Ctrl-C"],
)
def test_whole_or_not_at_all(
    sekisho: Callable[..., Run],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int | None,
    message: str,
) -> None:
    """The second chunk fails after the first was written."""
    monkeypatch.setattr(files, "_BLOCK_BYTES", 1500)
    path = tmp_path / "history.csv"
    path.write_text(GOOD)
    calls = itertools.count()
    where, name = (
        (import_.pq.ParquetWriter, "write_batch")
        if isinstance(error, OSError)
        else (Replacer, "replace")
    )
    genuine = getattr(where, name)

    def fail_later(*arguments: object, **options: object) -> object:
        if next(calls):
            raise error
        return genuine(*arguments, **options)

    monkeypatch.setattr(where, name, fail_later)
    ran = sekisho(path)
    assert ran.code == code or (code is None and ran.code != 0)
    assert message in " ".join(ran.said.split())
    assert not ran.out.exists()


def test_key_new_makes_a_key_that_import_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "card.key"
    source = tmp_path / "history.csv"
    source.write_text(GOOD)
    out = tmp_path / "out"
    for command in (
        ["key", "new", "--out", str(path)],
        ["import", str(source), "--card-key", str(path), "--out", str(out)],
    ):
        monkeypatch.setattr(sys, "argv", ["sekisho", *command])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert not ended.value.code
    assert "mode 0600" in capfd.readouterr().out
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_separators_are_one_character_class() -> None:
    assert SEPARATORS.startswith("[")
    assert SEPARATORS.endswith("]")


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
@pytest.mark.parametrize("seed", range(12))
def test_damaged_files_end_whole_or_in_a_message(
    sekisho: Callable[..., Run], tmp_path: Path, kind: str, seed: int
) -> None:
    """Bytes cut out, doubled, overwritten and swapped for the signs that structure a file."""
    chance = np.random.default_rng([seed, len(kind)])
    sound = {"csv": GOOD.encode(), "csv.gz": gzip.compress(GOOD.encode())}
    data = bytearray(sound.get(kind, PARQUET.getvalue()))
    for _ in range(chance.integers(1, 12)):
        at, length = int(chance.integers(len(data))), int(chance.integers(1, 12))
        data[at : at + length] = [
            b"",
            bytes(data[at : at + length]) * 2,
            chance.bytes(length),
            [b'"', b",", b"\n", b"\r", b"\0", b"\x81"][chance.integers(6)],
        ][chance.integers(4)]
    path = tmp_path / f"history.{kind}"
    path.write_bytes(data)
    ran = sekisho(path)
    assert ran.code in (0, 2)
    assert "unexpected" not in ran.said
    assert ran.out.exists() == (ran.code == 0)
