"""The call list: rows that a spreadsheet shows and does not run, and a page for the desk."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from sekisho.gateways.outbound.phone.call_list import Call, write_csv, write_page

CALLS = [
    Call("2345-6789-BCDF-G", "架空 花子", "090-0000-0000", "ja", "こんにちは。\n二行目"),
    Call("2345-6789-BCDF-H", '=cmd|"calc"', "+81-90-0000-0000", "ja", "<script>alert(1)</script>"),
]


def test_the_list_is_read_back_and_runs_nothing(tmp_path: Path) -> None:
    assert write_csv(tmp_path / "calls.csv", CALLS) == 2
    text = (tmp_path / "calls.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["sequence"] for row in rows] == ["1", "2"]
    assert rows[0]["script"] == CALLS[0].script
    assert rows[1]["name"] == "'" + CALLS[1].name
    assert not any(value[:1] in "=+@-" for row in rows for value in row.values() if value)


def test_the_page_shows_text_as_text(tmp_path: Path) -> None:
    write_page(tmp_path / "calls.html", CALLS, "ja")
    page = (tmp_path / "calls.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "架空 花子" in page
    assert 'lang="ja"' in page
