"""`sekisho trace --known-leaks`: what was taken out is told on the screen, page and in the file."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from commonpoint.array_history import EPOCH
from commonpoint.tiny import DAY, START, Files, Leak, make
from sekisho.app import cli
from web.test_findings_json import errors

ROOT = Path(__file__).resolve().parents[2]
LEAKS = (Leak(6, 40, 120, 0.5), Leak(10, 100, 160, 0.7, sold=200))


@pytest.fixture
def trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
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
    return make(5, leaks=LEAKS).write(tmp_path_factory.mktemp("bank"))


def day(number: int) -> str:
    return (EPOCH + timedelta(seconds=START + number * DAY)).date().isoformat()


def words_of(files: Files, out: Path) -> list[object]:
    return [*files.history, "--fraud", files.fraud, "--cards", files.cards, "--out", out]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_report_says_what_was_taken_out(
    files: Files, tmp_path: Path, trace: Callable[..., tuple[int, str]], language: str
) -> None:
    known = tmp_path / "known.csv"
    known.write_text(
        "acquirer_id,merchant_id,window_start,window_end,name,reference\n"
        f"A1,M0006,{day(40)},{day(120)},架空ひなた堂,SEK-77\n"
        f"A1,M7777,{day(40)},{day(120)},架空どこにもない店,\n",
        encoding="utf-8",
    )
    out = tmp_path / "out"
    code, text = trace(*words_of(files, out), "--known-leaks", known, "--language", language)
    assert code == 0, text
    assert "known leak merchant A1/M7777: the history does not know it" in text
    assert "1 known leaks taken out" in text
    found = json.loads((out / "findings.json").read_text(encoding="utf-8"))
    schema = json.loads((ROOT / "docs/reference/findings.schema.json").read_text(encoding="utf-8"))
    assert not list(errors(found, schema))
    assert [f["entity_id"] for f in found["findings"]] == ["A1/M0010"]
    first, second = found["known_leaks"]
    assert (first["state"], second["state"]) == ("taken_out", "unknown")
    assert first["reference"] == "SEK-77"
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "架空ひなた堂" in page
    assert "SEK-77" in page
    assert f">{first['cards_taken_out']}<" in page
    # What was written can be handed in again.
    again = tmp_path / "again"
    code, text = trace(*words_of(files, again), "--known-leaks", out / "findings.json")
    assert code == 0, text
    said = json.loads((again / "findings.json").read_text(encoding="utf-8"))
    assert said["known_leaks"] == found["known_leaks"]
    assert said["findings"] == found["findings"]


def test_without_the_file_nothing_is_said_of_it(
    files: Files, tmp_path: Path, trace: Callable[..., tuple[int, str]]
) -> None:
    code, text = trace(*words_of(files, tmp_path / "out"))
    assert code == 0, text
    found = json.loads((tmp_path / "out/findings.json").read_text(encoding="utf-8"))
    assert found["known_leaks"] == []
    assert 'id="known"' not in (tmp_path / "out/report.html").read_text(encoding="utf-8")
