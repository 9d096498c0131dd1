"""`sekisho trace --follow`: looks as files arrive, on the command line."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from commonpoint.array_history import EPOCH
from commonpoint.tiny import DAY, START, Files, Leak, make
from sekisho.app import cli
from web.test_findings_json import errors

ROOT = Path(__file__).resolve().parents[2]

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def trace(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["sekisho", "trace", *map(str, words)])
        before = signal.getsignal(signal.SIGINT)
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            signal.signal(signal.SIGINT, before)
        out = capsys.readouterr()
        return code, re.sub(r"\s+", " ", out.out + out.err)

    return run


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make(5, leaks=(Leak(6, 40, 120, 0.5),)).write(tmp_path_factory.mktemp("bank"))


def day(number: int) -> date:
    return (EPOCH + timedelta(seconds=START + number * DAY)).date()


def test_looks_as_files_arrive(files: Files, tmp_path: Path, trace: Run) -> None:
    inbox, state = tmp_path / "inbox", tmp_path / "state"
    inbox.mkdir()
    whole = pq.read_table(files.history[0])
    at = whole.column("authorized_at").to_pylist()
    early = [when.date() <= day(60) for when in at]
    pq.write_table(whole.filter(early), inbox / "one.parquet")

    def ask(out: str, as_of: date, *more: object) -> tuple[int, str]:
        return trace(
            inbox, "--fraud", files.fraud, "--cards", files.cards, "--out", tmp_path / out,
            "--follow", state, "--as-of", as_of.isoformat(), *more,
        )  # fmt: skip

    code, text = ask("first", day(50))
    assert code == 0, text
    assert "look 1, the first" in text
    pq.write_table(whole.filter([not one for one in early]), inbox / "two.parquet")
    code, text = ask("second", day(290), "--language", "ja")
    assert code == 0, text
    assert "new: M0006" in text or "new: A1/M0006" in text
    assert "new files: two.parquet" in text
    found = json.loads((tmp_path / "second/findings.json").read_text(encoding="utf-8"))
    schema = json.loads((ROOT / "docs/reference/findings.schema.json").read_text(encoding="utf-8"))
    assert not list(errors(found, schema))
    since = found["since_last_look"]
    assert since["look"] == 2
    assert since["last"] == day(50).isoformat()
    assert [c["kind"] for c in since["changes"]] == ["new"]
    assert found["method"]["family_wise_error"] == since["alpha"]
    assert since["alpha"] < 1e-3
    page = (tmp_path / "second/report.html").read_text(encoding="utf-8")
    assert "前回" in page
    # The same question again gets the same answer, and spends nothing.
    looks = (state / "looks.json").read_bytes()
    code, text = ask("again", day(290), "--language", "ja")
    assert code == 0, text
    assert (state / "looks.json").read_bytes() == looks
    again = (tmp_path / "again/findings.json").read_text(encoding="utf-8")
    assert again == (tmp_path / "second/findings.json").read_text(encoding="utf-8")
    # Not another question for the same day, and not backwards.
    code, text = ask("other", day(290), "--levels", "merchant")
    assert code != 0
    assert "other levels" in text
    code, text = ask("back", day(280))
    assert code != 0
    assert "last look was as of" in text
    assert not (tmp_path / "back").exists()
    code, text = ask("third", day(295))
    assert code == 0, text
    assert "as before: " in text or "changed: " in text


def test_a_broken_state_is_refused(files: Files, tmp_path: Path, trace: Run) -> None:
    state = tmp_path / "state"
    state.mkdir()
    for text in ("{", '{"schema": "sekisho.looks/2"}', '{"schema": "sekisho.looks/1"}', "\xff"):
        (state / "looks.json").write_text(text, encoding="latin-1")
        code, said = trace(
            *files.history, "--fraud", files.fraud, "--out", tmp_path / "out", "--follow", state
        )
        assert code != 0
        assert "looks.json cannot be used" in said
    assert not (tmp_path / "out").exists()
