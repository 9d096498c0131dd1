"""``sekisho inquiry`` from a finished trace to a kept answer, and no card number on the way."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from commonpoint.tiny import Leak, make
from invented_cards import invented_cards, naive_luhn
from sekisho.app import cli, tracing
from sekisho.app.output import OutputFolder
from sekisho.app.tracing import TraceOptions, run_trace
from sekisho.commonpoint.inquiry import FILE
from sekisho.domain.finding import Finding, InputFile, Member, Trace
from sekisho.domain.progress import Silent
from sekisho.vault.columns import column_holds_card_numbers
from sekisho.web.report import findings_json
from web import samples

CARDS = invented_cards(np.random.default_rng(3), 40)
AT = "2026-04-02T10:00:00+09:00"
BY = ("--by", "架空 花子", "--at", AT)
SHOP = "O-218"
WINDOWS = {
    "B1/701": (date(2025, 5, 1), date(2025, 6, 30)),
    "B1/702": (date(2025, 6, 10), date(2025, 6, 20)),
}


@dataclass(frozen=True)
class Row:
    """One purchase as the bank has it."""

    transaction_id: str
    card_ref: str
    merchant_id: str
    authorized_at: datetime
    terminal_id: str = "T1"
    amount_minor: int = 980
    message_type: str = "purchase"

    @property
    def shop(self) -> str:
        return f"B1/{self.merchant_id}"


def purchases() -> list[Row]:
    chance = np.random.default_rng(5)
    start = datetime(2025, 4, 20)  # noqa: DTZ001 - wall clock
    rows = [
        Row(
            f"TX{number:05d}",
            f"card-{chance.integers(60):03d}",
            str(chance.choice(["701", "702", "999"])),
            start + timedelta(minutes=int(chance.integers(90 * 1440))),
            message_type=str(chance.choice(["purchase", "refund"], p=[0.9, 0.1])),
        )
        for number in range(2_000)
    ]
    edges = [datetime(2025, 4, 30, 23, 59, 59), datetime(2025, 5, 1), datetime(2025, 6, 30, 23, 59),  # noqa: DTZ001
             datetime(2025, 7, 1)]  # fmt: skip # noqa: DTZ001
    return rows + [Row(f"EDGE{i}", f"edge-{i}", "701", at) for i, at in enumerate(edges)]


def write_rows(path: Path, rows: list[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        names = ["transaction_id", "card_ref", "acquirer_id", "merchant_id", "authorized_at",
                 "terminal_id", "amount_minor", "message_type"]  # fmt: skip
        table.writerow(names)
        for row in rows:
            values = {**{name: getattr(row, name, "") for name in names}, "acquirer_id": "B1"}
            table.writerow([values[name] for name in names])


def finding() -> Finding:
    members = tuple(
        Member(shop, f"架空の店{shop}", first, last, 500, 40, 3.123456789012345)
        for shop, (first, last) in WINDOWS.items()
    )
    return replace(samples.four_shops(), members=members, cards_expected=411.1111111111111111)


def write_results(folder: Path, trace: Trace, defrauded: list[str]) -> None:
    (folder / "findings.json").write_text(findings_json(trace), encoding="utf-8")
    table = {
        "card_ref": [*defrauded, "card-000", "card-001"],
        "entity_kind": ["operator"] * len(defrauded) + ["operator", "merchant"],
        "entity_id": [SHOP] * len(defrauded) + [SHOP, "A3/4410027"],
        "defrauded": [True] * len(defrauded) + [False, True],
    }
    pq.write_table(pa.table(table), folder / "exposed_cards.parquet")


DEFRAUDED = [f"card-{n:03d}" for n in range(10, 45)] + [f"edge-{n}" for n in range(4)]


@dataclass
class Desk:
    """A folder with a finished trace, and the command line over it."""

    home: Path
    run: Callable[..., tuple[int, str]]

    @property
    def results(self) -> Path:
        return self.home / "trace"

    @property
    def history(self) -> Path:
        return self.home / "history.csv"

    def do(self, step: str, *more: str, entity: str = SHOP) -> str:
        code, said = self.run(step, str(self.results), "--entity", entity, *more)
        assert code == 0, said
        return said

    def refused(self, step: str, *more: str, entity: str = SHOP) -> str:
        code, said = self.run(step, str(self.results), "--entity", entity, *more)
        assert code in (2, 4), said
        return said

    def accepted(self) -> None:
        self.do("accept", *BY)
        self.do("accept", "--by", "架空 太郎", "--at", AT)

    def pack(self, *more: str, name: str = "pack.zip") -> Pack:
        self.do("pack", "--out", str(self.home / name), "--at", AT, *more)
        return Pack(self.home / name)


class Pack:
    """A pack as read back."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            self.tops = {name.split("/")[0] for name in archive.namelist()}
            self.files = {
                name.split("/")[1]: archive.read(name).decode("utf-8")
                for name in archive.namelist()
            }
        self.evidence: dict[str, Any] = json.loads(self.files["evidence.json"])

    def rows(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.files["transactions.csv"])))


@pytest.fixture
def desk(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Desk:
    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["sekisho", "inquiry", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        code = ended.value.code
        return (code if isinstance(code, int) else 0), "".join(capfd.readouterr())

    monkeypatch.setenv("COLUMNS", "200")
    made = Desk(tmp_path, run)
    made.results.mkdir()
    write_rows(made.history, purchases())
    digest = hashlib.sha256(made.history.read_bytes()).hexdigest()
    traced = InputFile("transactions", "history.csv", digest, 2_004)
    trace = replace(samples.full_trace(), findings=(samples.online_shop(), finding()),
                    inputs=(traced,))  # fmt: skip
    write_results(made.results, trace, DEFRAUDED)
    return made


def assert_no_card_number(text: str) -> None:
    """Blunter than the product: every run of 13 to 19 digits with a fitting check digit."""
    for run in re.findall(r"(?<![0-9A-Za-z])[0-9](?:[ -]?[0-9]){12,18}(?![0-9A-Za-z])", text):
        digits = re.sub("[ -]", "", run)
        assert not (naive_luhn(digits) and digits[0] in "23456"), digits
    for card in CARDS:
        assert card not in text


# ---------------------------------------------------------------- the pack


def test_the_pack_is_a_draft_until_two_different_people_accepted(desk: Desk) -> None:
    assert "nobody has" in desk.do("pack", "--out", str(desk.home / "none.zip"), "--at", AT)
    desk.do("accept", *BY)
    assert "only 架空 花子" in desk.do("pack", "--out", str(desk.home / "one.zip"), "--at", AT)
    assert "another person" in desk.refused("accept", *BY)
    for name in ("none.zip", "one.zip"):
        draft = Pack(desk.home / name)
        assert draft.evidence["draft"] is True
        assert "is a draft" in desk.refused("sent", *BY, "--pack", str(draft.path))
    desk.do("accept", "--by", "架空 太郎", "--at", AT)
    pack = desk.pack()
    assert pack.evidence["accepted_by_two"] is True
    assert pack.evidence["draft"] is False
    assert "DRAFT" not in "".join(pack.files.values())


def test_the_word_pack_may_be_left_out(desk: Desk) -> None:
    desk.accepted()
    code, said = desk.run(
        str(desk.results), "--entity", SHOP, "--out", str(desk.home / "a.zip"), "--at", AT
    )
    assert code == 0, said
    code, said = desk.run("--entity", SHOP, "--out", str(desk.home / "b.zip"), "--at", AT,
                          str(desk.results))  # fmt: skip
    assert code == 0, said
    assert (desk.home / "a.zip").read_bytes() == (desk.home / "b.zip").read_bytes()
    assert desk.run("--help")[0] == 0


def test_a_draft_says_so_on_every_page_and_cannot_be_recorded_as_sent(desk: Desk) -> None:
    pack = desk.pack("--draft", name="draft.zip")
    assert pack.evidence["draft"] is True
    (top,) = pack.tops
    assert top.startswith("DRAFT-SEK-")
    html = [name for name in pack.files if name.endswith(".html")]
    assert len(html) == 4
    for name in html:
        assert ("DRAFT" if ".en." in name else "下書き") in pack.files[name]
    desk.accepted()
    assert "is a draft" in desk.refused("sent", *BY, "--pack", str(pack.path))
    assert "not an evidence pack" in desk.refused("sent", *BY, "--pack", str(desk.history))


def test_new_figures_need_new_acceptances(desk: Desk) -> None:
    desk.accepted()
    old = desk.pack()
    changed = replace(finding(), cards_defrauded=98)
    write_results(desk.results, replace(samples.full_trace(), findings=(changed,)), DEFRAUDED)
    said = desk.do("pack", "--out", str(desk.home / "draft.zip"), "--at", AT)
    assert "figures have changed" in said
    assert Pack(desk.home / "draft.zip").evidence["draft"] is True
    assert "figures have changed" in desk.run("status", str(desk.results))[1]
    desk.accepted()
    assert "not made from the finding" in desk.refused("sent", *BY, "--pack", str(old.path))
    assert desk.pack(name="new.zip").evidence["finding"]["cards_defrauded"] == 98


def test_what_can_be_asked_about(desk: Desk) -> None:
    suspect = samples.SUSPECTS[0].entity_id
    assert "is a suspect" in desk.refused("accept", *BY, entity=suspect)
    assert "Did you mean O-218" in desk.refused("accept", *BY, entity="O-219")
    assert "accepted_by_one" in desk.do("accept", *BY, entity="operator:O-218")


def test_every_option_reaches_letter_and_evidence(desk: Desk) -> None:
    given = {"asked-by": "架空カード株式会社", "contact": "fraud@example.jp", "reference": "F-17",
             "reply-by": "2026-04-30", "legal-basis": "contract clause 7 (invented)",
             "recipient": "架空アクワイアラー"}  # fmt: skip
    options = [text for key, value in given.items() for text in (f"--{key}", value)]
    pack = desk.pack("--draft", "--language", "en", "--to", "scheme", *options)
    said = pack.evidence
    assert said["recipient_kind"] == "scheme"
    assert said["reply_proposed_by"] == "2026-04-30"
    assert [said[key.replace("-", "_")] for key in given if key != "reply-by"] == [
        value for key, value in given.items() if key != "reply-by"
    ]
    for value in set(given.values()) - {"2026-04-30"}:
        assert value in pack.files["letter.en.html"]
    assert "30 April 2026" in pack.files["letter.en.html"]
    assert "letter.ja.html" not in pack.files
    plain = desk.pack("--draft", name="plain.zip").evidence
    assert plain["legal_basis"] == "not stated"
    assert plain["reply_proposed_by"] is None


def test_the_hashes_in_the_evidence_are_those_of_the_files(desk: Desk) -> None:
    pack = desk.pack("--draft", "--transactions", str(desk.history))
    assert set(pack.evidence["files"]) == set(pack.files) - {"evidence.json"}
    for name, digest in pack.evidence["files"].items():
        assert hashlib.sha256(pack.files[name].encode()).hexdigest() == digest


def test_a_pack_is_never_overwritten_and_nothing_half_written_stays(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = desk.pack("--draft")
    before = pack.path.read_bytes()
    assert "exists already" in desk.refused("pack", "--draft", "--out", str(pack.path))
    assert pack.path.read_bytes() == before
    here = sorted(path.name for path in desk.home.iterdir())

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    said = desk.refused("pack", "--draft", "--out", str(desk.home / "other.zip"))
    assert "No space left" in said
    assert sorted(path.name for path in desk.home.iterdir()) == here


# ---------------------------------------------------------------- the transactions


def naive_sample() -> dict[tuple[str, str], str]:
    """By hand: of each defrauded card and shop the first purchase inside the shop's window."""
    first: dict[tuple[str, str], Row] = {}
    for row in purchases():
        if row.card_ref not in DEFRAUDED or row.shop not in WINDOWS or row.message_type == "refund":
            continue
        start, end = WINDOWS[row.shop]
        if not start <= row.authorized_at.date() <= end:
            continue
        known = first.get((row.card_ref, row.shop))
        if known is None or (row.authorized_at, row.transaction_id) < (
            known.authorized_at, known.transaction_id,
        ):  # fmt: skip
            first[row.card_ref, row.shop] = row
    return {key: row.transaction_id for key, row in first.items()}


def test_the_transactions_are_those_picked_by_hand(desk: Desk) -> None:
    expected = naive_sample()
    pack = desk.pack("--draft", "--transactions", str(desk.history), "--sample", "10000")
    rows = pack.rows()
    assert sorted(row["transaction_id"] for row in rows) == sorted(expected.values())
    assert len(rows) == pack.evidence["transactions"]["found"] > 40
    assert {"EDGE1", "EDGE2"} <= set(expected.values())
    assert not {"EDGE0", "EDGE3"} & set(expected.values())
    assert pack.evidence["transactions"]["same_files_as_traced"] is True
    (edge,) = [row for row in rows if row["transaction_id"] == "EDGE1"]
    assert edge["authorized_at"] == "2025-05-01T00:00:00+09:00"
    assert (edge["merchant_id"], edge["terminal_id"], edge["amount_minor"]) == ("701", "T1", "980")


def test_card_references_stay_home_unless_asked_for(desk: Desk) -> None:
    closed = desk.pack("--draft", "--transactions", str(desk.history), name="closed.zip")
    assert "card_ref" not in closed.rows()[0]
    assert not re.search(r"card-\d|edge-\d", "".join(closed.files.values()))
    asked = desk.pack("--draft", "--transactions", str(desk.history), "--include-card-refs")
    assert {row["card_ref"] for row in asked.rows()} <= set(DEFRAUDED)


def test_a_small_sample_takes_every_shop(desk: Desk) -> None:
    pack = desk.pack("--draft", "--transactions", str(desk.history), "--sample", "4")
    assert sorted(row["merchant_id"] for row in pack.rows()) == ["701", "701", "702", "702"]


def test_other_files_and_missing_ones_are_said(desk: Desk) -> None:
    none = desk.pack("--draft", name="none.zip")
    assert none.evidence["transactions"]["included"] is False
    assert "No sample of transactions" in none.files["letter.en.html"]
    other = desk.home / "other.csv"
    write_rows(other, purchases()[1:])
    pack = desk.pack("--draft", "--transactions", str(other), name="other.zip")
    assert pack.evidence["transactions"]["same_files_as_traced"] is False
    write_rows(other, [replace(row, card_ref="nobody") for row in purchases()[:50]])
    out = str(desk.home / "x.zip")
    said = desk.refused("pack", "--draft", "--out", out, "--transactions", str(other))
    assert "no transaction of a misused card" in said


def test_nothing_in_the_pack_is_a_card_number(desk: Desk) -> None:
    odd = [replace(row, transaction_id=CARDS[i % 40] if i % 7 == 0 else row.transaction_id)
           for i, row in enumerate(purchases())]  # fmt: skip
    write_rows(desk.history, odd)
    named = replace(finding(), name=f"架空商店 {CARDS[0]}")
    write_results(desk.results, replace(samples.full_trace(), findings=(named,)), DEFRAUDED)
    pack = desk.pack("--draft", "--transactions", str(desk.history), "--sample", "10000",
                     "--include-card-refs")  # fmt: skip
    assert pack.evidence["transactions"]["left_out_unreadable"] > 0
    for text in pack.files.values():
        assert_no_card_number(text)
    rows = pack.rows()
    assert len(rows) > 40
    for name in rows[0]:
        assert not column_holds_card_numbers([row[name] for row in rows])


@pytest.mark.parametrize("column", ["transaction_id", "card_ref", "terminal_id"])
def test_a_column_of_card_numbers_is_refused_or_left_out(desk: Desk, column: str) -> None:
    rows = [replace(row, **{column: CARDS[i % 40]}) for i, row in enumerate(purchases())]
    write_rows(desk.history, rows)
    if column == "card_ref":
        trace = replace(samples.full_trace(), findings=(finding(),))
        write_results(desk.results, trace, CARDS)
    out = desk.home / "pack.zip"
    said = desk.refused("pack", "--draft", "--out", str(out), "--transactions", str(desk.history))
    assert "card number" in said
    assert_no_card_number(said)
    assert not out.exists()


def test_a_card_number_in_an_option_is_refused(desk: Desk) -> None:
    out = desk.home / "pack.zip"
    said = desk.refused("pack", "--draft", "--out", str(out), "--reference", f"case {CARDS[1]}")
    assert "can be read as a card number" in said
    assert_no_card_number(said)
    assert not out.exists()


def test_a_real_trace_can_be_asked_about(desk: Desk) -> None:
    files = make(5, leaks=(Leak(6, 40, 120, 0.5),)).write(desk.home / "bank")
    options = TraceOptions(memory_limit="500MB", threads=1)
    run = run_trace(files.request(), options, desk.home / "scratch", Silent())
    with OutputFolder(desk.home / "real") as folder:
        tracing.write_results(run, folder, language="en")
    run.history.connection.close()
    [found] = run.trace.findings
    history = [text for path in files.history for text in ("--transactions", str(path))]
    out = desk.home / "real.zip"
    code, said = desk.run(str(desk.home / "real"), "--entity", found.entity_id, "--draft",
                          "--out", str(out), "--at", AT, "--sample", "9999", *history)  # fmt: skip
    assert code == 0, said
    pack = Pack(out)
    exposed = pq.read_table(desk.home / "real" / "exposed_cards.parquet").to_pylist()
    first = sorted(row["first_exposed_at"].isoformat() for row in exposed if row["defrauded"])
    told = sorted(row["authorized_at"].removesuffix("+09:00") for row in pack.rows())
    assert told == first
    assert pack.evidence["transactions"]["same_files_as_traced"] is True
    # The file also marks cards that were misused outside the misuse period of the finding.
    assert 5 < pack.evidence["finding"]["cards_defrauded"] <= len(first)


# ---------------------------------------------------------------- the answer


def answered(desk: Desk, **more: object) -> Path:
    desk.accepted()
    pack = desk.pack()
    desk.do("sent", *BY, "--to", "架空アクワイアラー", "--pack", str(pack.path))
    form = json.loads(pack.files["answer-form.json"])
    form |= {"answered_by": "架空アクワイアラー", "answered_on": "2026-04-20",
             "conclusion": "nothing_found"}  # fmt: skip
    file = desk.home / "answer.json"
    file.write_text(json.dumps({**form, **more}, ensure_ascii=False), encoding="utf-8")
    return file


def status(desk: Desk, entity: str = SHOP) -> dict[str, Any]:
    code, said = desk.run("status", str(desk.results), "--json")
    assert code == 0, said
    document: dict[str, Any] = json.loads(said)
    (one,) = [row for row in document["inquiries"] if row["entity_id"] == entity]
    found: dict[str, Any] = one
    return found


def test_the_answer_is_kept_and_shown_and_the_shop_cleared(desk: Desk) -> None:
    file = answered(desk, merchant_statement="改ざんの痕跡はありませんでした。", cards_exposed=0)
    desk.do("answer", "--file", str(file), *BY)
    desk.do("close", "--as", "cleared", "--why", "架空フォレンジック社の報告書", *BY)
    said = desk.run("status", str(desk.results))[1]
    assert "cleared" in said
    assert "改ざんの痕跡はありませんでした。" in said
    assert "報告書" in said
    row = status(desk)
    assert row["state"] == "cleared"
    assert [step["to"] for step in row["steps"]] == [
        "accepted_by_one", "accepted", "sent", "answered", "cleared",
    ]  # fmt: skip
    pack = hashlib.sha256((desk.home / "pack.zip").read_bytes()).hexdigest()
    assert row["steps"][2]["pack_sha256"] == pack
    assert row["steps"][3]["file_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert row["steps"][3]["answer"]["cards_exposed"] == 0
    assert status(desk, "A3/4410027")["state"] == "observed"


def test_card_numbers_in_an_answer_are_masked_before_they_are_kept(desk: Desk) -> None:
    told = f"被害カードは {CARDS[0]} と {CARDS[1]} です"
    file = answered(desk, merchant_statement=told)
    said = desk.do("answer", "--file", str(file), *BY)
    assert "were masked" in said
    desk.do("close", "--as", "confirmed", "--why", f"see {CARDS[2]}", *BY)
    kept = (desk.results / FILE).read_text(encoding="utf-8")
    for text in (said, kept):
        assert_no_card_number(text)
    assert status(desk)["steps"][3]["answer"]["merchant_statement"] == (
        "被害カードは ****** と ****** です"
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp932"])
def test_the_table_is_taken_as_well(desk: Desk, encoding: str) -> None:
    answered(desk)
    table = list(csv.reader(io.StringIO(Pack(desk.home / "pack.zip").files["answer-form.csv"])))
    table[0][0] = table[0][0].lstrip("\ufeff")
    values = {"answered_by": "架空商会", "answered_on": "2026-04-21",
              "conclusion": "leak_suspected", "data_taken": "pan, security_code"}  # fmt: skip
    out = io.StringIO()
    csv.writer(out).writerows([key, values.get(key, value), more] for key, value, more in table)
    file = desk.home / "answer.csv"
    file.write_bytes(out.getvalue().encode(encoding))
    desk.do("answer", "--file", str(file), "--at", AT)
    assert status(desk)["steps"][-1]["by"] == "架空商会"
    kept = status(desk)["steps"][-1]["answer"]
    assert kept == values | {"data_taken": ["pan", "security_code"]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ("hello", "neither JSON nor a table"),
        ("", "neither JSON nor a table"),
        ('{"schema": "x"}', "schema"),
        ("x" * (1 << 20) + "y", "larger than"),
    ],
)
def test_an_answer_that_cannot_be_read_changes_nothing(desk: Desk, content: str, said: str) -> None:
    file = answered(desk)
    before = (desk.results / FILE).read_bytes()
    file.write_text(content, encoding="utf-8")
    assert said in desk.refused("answer", "--file", str(file), *BY)
    file.unlink()
    assert "cannot be read" in desk.refused("answer", "--file", str(file), *BY)
    assert (desk.results / FILE).read_bytes() == before


# ---------------------------------------------------------------- the record


def test_the_record_survives_a_new_trace(desk: Desk) -> None:
    out = desk.home / "again"
    trace = replace(samples.full_trace(), findings=(finding(),))
    with OutputFolder(out) as folder:
        write_results(folder, trace, DEFRAUDED)
    desk.results.joinpath("findings.json").unlink()
    code, said = desk.run("accept", str(out), "--entity", SHOP, *BY)
    assert code == 0, said
    record = (out / FILE).read_bytes()
    for findings in ((finding(),), (samples.online_shop(),)):
        with OutputFolder(out) as folder:
            write_results(folder, replace(trace, findings=findings), DEFRAUDED)
        assert (out / FILE).read_bytes() == record
    code, said = desk.run("status", str(out))
    assert code == 0
    assert "not among the findings of the last trace" in said
    code, said = desk.run("close", str(out), "--entity", SHOP, "--as", "cleared", "--why", "x", *BY)
    assert code == 0, said


def test_a_record_that_was_changed_is_refused_everywhere(desk: Desk) -> None:
    desk.accepted()
    path = desk.results / FILE
    path.write_text(path.read_text("utf-8").replace("花子", "次郎"), encoding="utf-8")
    before = path.read_bytes()
    for said in (
        desk.refused("pack", "--draft", "--out", str(desk.home / "x.zip")),
        desk.refused("sent", *BY),
        desk.run("status", str(desk.results))[1],
    ):
        assert "was changed or taken out" in said
    assert path.read_bytes() == before


def test_times_need_a_zone_and_folders_a_trace(desk: Desk) -> None:
    assert "no time zone" in desk.refused("accept", "--by", "A", "--at", "2026-04-02")
    assert "not an instant" in desk.refused("accept", "--by", "A", "--at", "soon")
    code, said = desk.run("status", str(desk.home))
    assert code == 2
    assert "findings.json cannot be read" in said


def test_without_at_the_clock_is_read(desk: Desk) -> None:
    desk.do("accept", "--by", "A")
    at = datetime.fromisoformat(status(desk)["steps"][0]["at"])
    assert at.tzinfo is not None
    age = datetime.now(tz=at.tzinfo) - at  # noqa: TID251
    assert timedelta(0) <= age < timedelta(minutes=5)
