"""`sekisho trace` from the command line: daily life, bad input, and results whole or not at all."""

from __future__ import annotations

import csv
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from commonpoint.array_history import EPOCH
from commonpoint.tiny import START, Economy, Files, Leak, make
from invented_cards import invented_cards
from sekisho.app import cli
from sekisho.app.output import MANIFEST
from sekisho.domain.errors import SekishoError
from web.test_findings_json import errors

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-c", "from sekisho.app.cli import main; main()", "trace")
RESULTS = {"findings.json", "exposed_cards.parquet", "report.html"}
COLUMNS = [
    "card_ref", "entity_kind", "entity_id", "first_exposed_at", "last_exposed_at", "exposures",
    "defrauded", "probability",
]  # fmt: skip


class Said:
    """How a run ended: exit code and everything it printed."""

    def __init__(self, code: int, text: str) -> None:
        self.code, self.text = code, text


@pytest.fixture
def trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """Run the command in this process, as `main` does; exit code and what was printed."""

    def run(*words: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["sekisho", "trace", *map(str, words)])
        before = signal.getsignal(signal.SIGINT)
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            signal.signal(signal.SIGINT, before)
        out = capsys.readouterr()
        return Said(code, re.sub(r"\s+", " ", out.out + out.err))

    return run


@pytest.fixture(scope="module")
def economy() -> Economy:
    return make(5, leaks=(Leak(6, 40, 120, 0.5), Leak(10, 100, 160, 0.7, sold=200)))


@pytest.fixture(scope="module")
def files(economy: Economy, tmp_path_factory: pytest.TempPathFactory) -> Files:
    return economy.write(tmp_path_factory.mktemp("bank"))


def words_of(files: Files, out: Path) -> list[object]:
    return [*files.history, "--fraud", files.fraud, "--cards", files.cards, "--out", out]


def found_in(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "findings.json").read_text(encoding="utf-8"))
    return found


def ids(out: Path) -> list[str]:
    return [finding["entity_id"] for finding in found_in(out)["findings"]]


def left_beside(out: Path) -> list[str]:
    return sorted(path.name for path in out.parent.iterdir() if "partial" in path.name)


# --- results -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def results(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("results") / "out"
    done = subprocess.run(
        [*COMMAND, *map(str, words_of(files, out))], env=environment(), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "A1/M0006" in done.stdout
    assert "not a verdict" in " ".join(done.stdout.split())
    return out


def environment(**others: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT / "src")} | others


def test_the_three_results_are_there_and_nothing_else(results: Path) -> None:
    names = {path.name for path in results.iterdir()}
    assert names == RESULTS | {MANIFEST}
    assert not left_beside(results)
    assert ids(results)[0] == "A1/M0006"


def test_exposed_cards_are_those_that_shopped_there_in_the_window(
    results: Path, economy: Economy
) -> None:
    table = pq.read_table(results / "exposed_cards.parquet")
    assert table.column_names == COLUMNS
    wanted = []
    for finding in found_in(results)["findings"]:
        first = datetime.fromisoformat(finding["window_start"])
        last = datetime.fromisoformat(finding["window_end"]) + timedelta(days=1)
        shops: dict[str, list[datetime]] = {}
        for p in economy.purchases:
            at = EPOCH + timedelta(seconds=p.at)
            if "/".join(p.shop) == finding["entity_id"] and first <= at < last:
                shops.setdefault(p.card, []).append(at)
        wanted += [
            (card, "merchant", finding["entity_id"], min(at), max(at), len(set(at)))
            for card, at in shops.items()
        ]
    rows = [tuple(row[name] for name in COLUMNS[:6]) for row in table.to_pylist()]
    assert sorted(rows) == sorted(wanted)
    funnel = found_in(results)["funnel"]
    assert funnel["cards_exposed"] == len({row[0] for row in rows})


def test_a_card_misused_after_it_was_exposed_is_never_called_unharmed(
    results: Path, economy: Economy
) -> None:
    misused: dict[str, list[datetime]] = {}
    for r in economy.reports:
        if r.kind in ("", "card_not_present", "counterfeit"):
            misused.setdefault(r.card, []).append(EPOCH + timedelta(seconds=r.at))
    rows = pq.read_table(results / "exposed_cards.parquet").to_pylist()
    for row in rows:
        later = [at for at in misused.get(row["card_ref"], []) if at > row["first_exposed_at"]]
        assert row["defrauded"] == bool(later), row
        if row["probability"] is not None:
            assert row["defrauded"]
            assert 0 <= row["probability"] <= 1
    funnel = found_in(results)["funnel"]
    harmed = {row["card_ref"] for row in rows if row["defrauded"]}
    assert funnel["cards_defrauded"] == len(harmed)
    assert funnel["cards_unharmed"] == funnel["cards_exposed"] - len(harmed)


def test_findings_json_has_the_documented_shape(results: Path) -> None:
    schema = json.loads((ROOT / "docs/reference/findings.schema.json").read_text(encoding="utf-8"))
    assert not list(errors(found_in(results), schema))


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_page_needs_nothing_but_itself(
    files: Files, tmp_path: Path, trace: Callable[..., Said], language: str
) -> None:
    out = tmp_path / "out"
    said = trace(*words_of(files, out), "--language", language, "--prepared-for", "架空銀行")
    assert said.code == 0, said.text
    page = (out / "report.html").read_text(encoding="utf-8")
    assert f'lang="{language}"' in page
    assert "架空銀行" in page
    assert not re.search(r"""(src|href)\s*=\s*["']?\s*(https?:)?//""", page)
    assert not re.search(r"@import|url\(\s*[\"']?(?!data:|#)", page)
    assert "A1/M0006" in page
    for digest in (file["sha256"] for file in found_in(out)["inputs"]):
        assert digest in page
    card = pq.read_table(out / "exposed_cards.parquet")["card_ref"][0].as_py()
    assert card not in page


def test_explain_says_why_and_why_not_the_neighbour(
    files: Files, tmp_path: Path, trace: Callable[..., Said]
) -> None:
    said = trace(*words_of(files, tmp_path / "out"), "--explain", "A1/M0006")
    assert said.code == 0
    assert "verdict: a finding" in said.text
    assert "shops that its victims share" in said.text
    other = trace(*words_of(files, tmp_path / "out"), "--explain", "A1/M0000")
    assert "verdict: a finding" not in other.text
    wrong = trace(*words_of(files, tmp_path / "new"), "--explain", "A1/M006")
    assert wrong.code == 2
    assert "Did you mean A1/M0" in wrong.text
    assert not (tmp_path / "new").exists()


# --- daily life ----------------------------------------------------------------------------------


def as_bank_csv(economy: Economy, path: Path, rows: slice = slice(None)) -> None:
    """cp932, no header, a date and a time column, names in Japanese."""
    lines = []
    for p in economy.purchases[rows]:
        at = EPOCH + timedelta(seconds=p.at)
        lines.append(
            [p.card, p.shop[0], p.shop[1], f"{at:%Y%m%d}", f"{at:%H%M%S}", "1,200", "架空"]
        )
    with path.open("w", encoding="cp932", newline="") as stream:
        csv.writer(stream).writerows(lines)


BY_PLACE = "1=card_ref,2=acquirer_id,3=merchant_id,4=authorized_date,5=authorized_time,6=amount"


def test_files_as_banks_write_them_say_the_same(
    economy: Economy, files: Files, results: Path, tmp_path: Path, trace: Callable[..., Said]
) -> None:
    half = len(economy.purchases) // 2
    as_bank_csv(economy, tmp_path / "a.csv", slice(0, half + 500))
    as_bank_csv(economy, tmp_path / "b.csv", slice(half, None))
    out = tmp_path / "out"
    said = trace(
        tmp_path / "a.csv", tmp_path / "b.csv", "--fraud", files.fraud, "--cards", files.cards,
        "--columns", BY_PLACE, "--out", out,
    )  # fmt: skip
    assert said.code == 0, said.text
    assert "500 transactions are there more than once and count once" in said.text
    one, other = found_in(out), found_in(results)
    assert one["findings"] == other["findings"]
    assert one["history"] == other["history"]


def test_a_flag_in_the_history_stands_for_a_fraud_file(
    economy: Economy, tmp_path: Path, trace: Callable[..., Said]
) -> None:
    files = economy.write(tmp_path / "bank")
    table = pq.read_table(files.history[0])
    extra = [r for r in economy.reports if r.at < START + economy.days * 86_400]
    more = pa.table({
        "card_ref": [r.card for r in extra],
        "acquirer_id": ["A9"] * len(extra),
        "merchant_id": [f"SPENT{i % 40}" for i in range(len(extra))],
        "authorized_at": pa.array(
            [EPOCH + timedelta(seconds=r.at) for r in extra], pa.timestamp("us")
        ),
        "initiator": ["cardholder"] * len(extra),
    })  # fmt: skip
    flags = [False] * table.num_rows + [True] * len(extra)
    table = pa.concat_tables([table, more]).append_column("is_fraud", pa.array(flags))
    pq.write_table(table, files.history[0])
    out = tmp_path / "out"
    said = trace(*files.history, "--cards", files.cards, "--out", out)
    assert said.code == 0, said.text
    assert ids(out)[0] == "A1/M0006"
    assert not any("SPENT" in name for name in ids(out))
    assert "no_report_dates" in found_in(out)["limits"]


def test_ten_percent_broken_rows_are_kept_apart_and_counted(
    economy: Economy, files: Files, tmp_path: Path, trace: Callable[..., Said]
) -> None:
    as_bank_csv(economy, tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text(encoding="cp932").splitlines()
    spoiled = list(range(7, len(lines), 10))
    for i, line in enumerate(spoiled):
        cells = lines[line].split(",")
        lines[line] = ("x,y", lines[line].replace(cells[3], "20249999"))[i % 2]
    (tmp_path / "a.csv").write_text("\n".join(lines), encoding="cp932")
    out = tmp_path / "out"
    said = trace(tmp_path / "a.csv", "--fraud", files.fraud, "--columns", BY_PLACE, "--out", out)
    assert said.code == 0, said.text
    assert "rejects.csv" in said.text
    with (out / "rejects.csv").open(encoding="utf-8", newline="") as stream:
        rejected = list(csv.DictReader(stream))
    assert sorted(int(row["row"]) for row in rejected if row["file"] == "a.csv") == [
        line + 1 for line in spoiled
    ]
    assert all(row["reason"] for row in rejected)
    history = found_in(out)["inputs"][0]
    assert history["rejected"] == len(spoiled)
    assert f"{len(spoiled):,}" in (out / "report.html").read_text(encoding="utf-8")
    assert ids(out)


# --- bad input -----------------------------------------------------------------------------------

HEAD = "card_ref,merchant_id,authorized_at\n"
GOOD = HEAD + "".join(f"c{i % 9},M{i % 4},2024-03-{i % 28 + 1:02d} 10:00:00\n" for i in range(200))
REPORTS = "card_ref,fraud_at\nc1,2024-03-20\nc2,2024-03-21\n"
CARD = invented_cards(np.random.default_rng(1), 200)

BAD: dict[str, tuple[str | bytes, str | bytes, list[str], list[str]]] = {
    "misnamed column": (
        GOOD.replace("card_ref", "cardref"), REPORTS, [], ["bank.csv", "card_ref", "cardref"]),
    "missing column": (
        GOOD.replace("merchant_id", "colour"), REPORTS, [], ["bank.csv", "merchant_id"]),
    "empty file": (b"", REPORTS, [], ["bank.csv", "empty"]),
    "header alone": (HEAD, REPORTS, [], ["row"]),
    "empty fraud file": (GOOD, b"", [], ["fraud.csv", "empty"]),
    "reports without their cards": (
        GOOD, "card_ref,fraud_at\nzz,2024-03-20\n", [], ["fraud.csv", "no such card"]),
    "reports after the as-of date": (
        GOOD, REPORTS, ["--as-of", "2024-03-10"], ["fraud.csv", "2024-03-10", "--as-of"]),
    "nothing before the as-of date": (
        GOOD, REPORTS, ["--as-of", "2020-01-01"], ["--as-of"]),
    "mixed types in a time column": (
        GOOD.replace("2024-03-1", "yesterday 1").replace("2024-03-0", "noon "), REPORTS, [],
        ["bank.csv", "authorized_at"]),
    "dates before 1970": (
        GOOD.replace("2024", "1924"), REPORTS, [], ["bank.csv", "authorized_at", "1970"]),
    "truncated Parquet": (b"PAR1" + b"\0" * 400, REPORTS, [], ["bank.parquet"]),
    "not a date": (GOOD, REPORTS, ["--as-of", "31.3.2024"], ["--as-of", "2026-03-31"]),
    "not an amount of memory": (GOOD, REPORTS, ["--memory", "lots"], ["--memory", "2GB"]),
    "not a level": (GOOD, REPORTS, ["--levels", "shop"], ["--levels", "merchant"]),
    "not a pair": (GOOD, REPORTS, ["--columns", "card_ref"], ["--columns"]),
    "a zone that is none": (GOOD, REPORTS, ["--timezone", "Mars/Base"], ["Mars/Base"]),
    "a column that is not there": (
        GOOD, REPORTS, ["--columns", "terminal_id=NOWHERE"], ["NOWHERE"]),
    "clear card numbers": (
        HEAD + "".join(f"{n},M1,2024-03-01 10:00:00\n" for n in CARD), REPORTS, [],
        ["bank.csv", "sekisho import"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_ends_with_two_and_says_what_to_do(
    tmp_path: Path, trace: Callable[..., Said], name: str
) -> None:
    history, reports, more, expected = BAD[name]
    bank = tmp_path / ("bank.parquet" if b"PAR1" in bytes(str(history), "utf-8") else "bank.csv")
    fraud, out = tmp_path / "fraud.csv", tmp_path / "out"
    bank.write_bytes(history if isinstance(history, bytes) else history.encode())
    fraud.write_bytes(reports if isinstance(reports, bytes) else reports.encode())
    said = trace(bank, "--fraud", fraud, "--out", out, *more)
    assert said.code == 2, said.text
    assert "error" in said.text
    assert "Traceback" not in said.text
    for word in expected:
        assert word in said.text, said.text
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([bank.name, fraud.name])
    for number in CARD:
        assert number not in said.text


def test_no_file_and_no_fraud(tmp_path: Path, trace: Callable[..., Said]) -> None:
    bank = tmp_path / "bank.csv"
    bank.write_text(GOOD)
    said = trace(bank, "--out", tmp_path / "out")
    assert (said.code, "--fraud" in said.text, "is_fraud" in said.text) == (2, True, True)
    said = trace(tmp_path / "gone.csv", "--fraud", bank, "--out", tmp_path / "out")
    assert said.code == 2
    assert "gone.csv" in said.text


def test_a_truncated_copy_of_a_real_file(
    files: Files, tmp_path: Path, trace: Callable[..., Said]
) -> None:
    whole = files.history[0].read_bytes()
    for cut in (100, len(whole) // 2, len(whole) - 5):
        path = tmp_path / "cut.parquet"
        path.write_bytes(whole[:cut])
        said = trace(path, "--fraud", files.fraud, "--out", tmp_path / "out")
        assert said.code == 2
        assert "cut.parquet" in said.text
        assert not (tmp_path / "out").exists()


def test_a_transaction_id_without_its_transaction_is_counted(
    economy: Economy, tmp_path: Path, trace: Callable[..., Said]
) -> None:
    files = economy.write(tmp_path / "bank")
    table = pq.read_table(files.history[0])
    numbered = table.append_column("transaction_id", pa.array(range(table.num_rows)))
    pq.write_table(numbered, files.history[0])
    reports = tmp_path / "fraud.csv"
    reports.write_text(
        "transaction_id\n" + "".join(f"{i * 90}\n" for i in range(200)) + "99999999\n"
    )
    out = tmp_path / "out"
    said = trace(*files.history, "--fraud", reports, "--out", out)
    assert said.code == 0, said.text
    assert found_in(out)["method"]["excluded_fraud"]["no_transaction"] == 1
    assert "no such transaction" in (out / "rejects.csv").read_text(encoding="utf-8")


# --- whole or not at all -------------------------------------------------------------------------


def start(files: Files, out: Path, **limits: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *map(str, words_of(files, out))], env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **limits,
    )  # fmt: skip


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("wait", [0.5, 1.2, 2.0, 2.8, 3.6])
def test_ctrl_c_ends_with_130_and_leaves_an_earlier_result(
    files: Files, results: Path, tmp_path: Path, wait: float
) -> None:
    out = tmp_path / "out"
    shutil.copytree(results, out)
    before = contents(out)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [*COMMAND, *map(str, words_of(files, out))], env=environment(TMPDIR=str(scratch)),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(wait)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    if process.returncode == 0:
        assert set(contents(out)) == set(before)
        return
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert contents(out) == before
    assert not left_beside(out)
    assert not [path for path in scratch.iterdir() if path.name.startswith("sekisho")]


@pytest.mark.slow
def test_a_killed_run_leaves_the_earlier_result_and_the_next_one_cleans_up(
    files: Files, results: Path, tmp_path: Path, trace: Callable[..., Said]
) -> None:
    out = tmp_path / "out"
    shutil.copytree(results, out)
    before = contents(out)
    process = start(files, out)
    until = time.monotonic() + 30
    while not left_beside(out) and time.monotonic() < until:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert contents(out) == before
    assert left_beside(out)
    assert trace(*words_of(files, out)).code == 0
    assert not left_beside(out)


@pytest.mark.slow
@pytest.mark.parametrize("room", [4_000, 30_000])
def test_a_full_disk_ends_with_four_and_writes_nothing(
    files: Files, tmp_path: Path, room: int
) -> None:
    def little_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    process = start(files, tmp_path / "out", preexec_fn=little_room)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 4, err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_a_folder_with_other_things_is_not_touched(
    files: Files, tmp_path: Path, trace: Callable[..., Said]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    said = trace(*words_of(files, out))
    assert said.code == 4
    assert "thesis.txt" in said.text
    assert contents(out) == {"thesis.txt": b"mine"}


# --- memory --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_million_rows_in_little_memory(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rows, cards = 2_000_000, 40_000
    at = np.datetime64("2024-01-01", "us") + rng.integers(0, 300 * 86_400, rows) * np.timedelta64(
        1_000_000, "us"
    )
    names = pa.array([f"{i:016x}" for i in range(cards)])
    shops = pa.array([f"M{i:05d}" for i in range(3_000)])
    shop = (3_000 * rng.random(rows) ** 3).astype(np.int32)
    table = pa.table({
        "card_ref": pa.DictionaryArray.from_arrays(
            pa.array(rng.integers(0, cards, rows).astype(np.int32)), names),
        "merchant_id": pa.DictionaryArray.from_arrays(pa.array(shop), shops),
        "authorized_at": pa.array(at),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "bank.parquet")
    fraud = pa.table({
        "card_ref": names.take(pa.array(rng.choice(cards, 300, replace=False))),
        "fraud_at": pa.array(rng.choice(at, 300)),
    })  # fmt: skip
    pq.write_table(fraud, tmp_path / "fraud.parquet")
    script = (  # not ru_maxrss: it counts what the parent held before the program began
        "from pathlib import Path; from sekisho.app.cli import main\n"
        "try: main()\n"
        "finally: print(Path('/proc/self/status').read_text())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "trace", str(tmp_path / "bank.parquet"),
         "--fraud", str(tmp_path / "fraud.parquet"), "--out", str(tmp_path / "out"),
         "--memory", "512MB"],
        env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert ids(tmp_path / "out") == []
    peak = int(done.stdout.rsplit("VmHWM:", 1)[1].split()[0]) / 1024
    assert peak < 1_500, f"{peak:.0f} MiB"


# --- a history that nobody here made -------------------------------------------------------------

SHARED = Path(os.environ.get("SEKISHO_SHARED", ROOT.parent / "shared"))
HANDBOOK = SHARED / "data" / "handbook-simulated-transactions.parquet"


@pytest.mark.slow
@pytest.mark.skipif(not HANDBOOK.is_file(), reason="the shared Handbook transactions are absent")
def test_the_handbook_s_fraud_blames_nobody(tmp_path: Path, trace: Callable[..., Said]) -> None:
    said = trace(
        HANDBOOK, "--out", tmp_path / "out",
        "--columns", "card_ref=CUSTOMER_ID,merchant_id=TERMINAL_ID,authorized_at=TX_DATETIME,"
        "is_fraud=TX_FRAUD",
    )  # fmt: skip
    assert said.code == 0, said.text
    assert ids(tmp_path / "out") == []
    # It took place where these cards shop anyway: next to nothing of it is theft elsewhere.
    told = found_in(tmp_path / "out")
    assert told["method"]["excluded_fraud"]["at_own_shop"] > 10_000 > told["cases"] > 0


def test_every_error_has_its_exit_code() -> None:
    assert {kind.exit_code for kind in SekishoError.__subclasses__()} == {1, 2, 4, 5, 6, 130}
