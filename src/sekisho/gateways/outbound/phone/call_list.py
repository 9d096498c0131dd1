"""Calls as a list for the desk: one row for each, and a page with what to say.

A spreadsheet program would run a cell that begins with = + - or @; such cells get an apostrophe in
front (the telephone numbers of the list begin with a digit or, abroad, with +).
"""

from __future__ import annotations

import csv
import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

COLUMNS: Final = (
    "sequence", "number", "name", "phone", "language", "script", "reached", "answer", "note",
)  # fmt: skip
_WORDS: Final = {
    "ja": ("電話一覧", "通知番号", "電話", "結果：□ 本人と話した　□ 不在　□ 番号違い"),
    "en": (
        "Call list", "Message number", "Telephone",
        "Result: □ spoke to the person  □ not there  □ wrong number",
    ),
}  # fmt: skip
_STYLE: Final = (
    "body{font:16px/1.7 system-ui,sans-serif;max-width:46em;margin:2em auto;padding:0 1em;"
    "color:#1b1b1b}section{border-top:1px solid #999;padding:1em 0;break-inside:avoid}"
    "h1{font-size:1.4em}h2{font-size:1.1em;margin:0}p{white-space:pre-wrap;margin:.6em 0}"
)


@dataclass(frozen=True, slots=True)
class Call:
    """One call to make: to whom, and the words."""

    number: str
    name: str
    phone: str
    language: str
    script: str


def write_csv(path: Path, calls: Iterable[Call]) -> int:
    """Write the list in UTF-8 with a byte order mark, for spreadsheets; how many rows."""
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for count, call in enumerate(calls, start=1):
            cells = (call.number, call.name, call.phone, call.language, call.script, "", "", "")
            writer.writerow([count, *map(_cell, cells)])
    return count


def write_page(path: Path, calls: Sequence[Call], language: str) -> None:
    """Write the page for the desk: self-contained, no script, printable."""
    title, number, phone, result = _WORDS[language]
    parts = [
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>",
    ]
    for count, call in enumerate(calls, start=1):
        parts.append(
            f"<section><h2>{count}. {html.escape(call.name)}</h2>"
            f"<div>{phone}: {html.escape(call.phone)} / {number}: {html.escape(call.number)}</div>"
            f"<p>{html.escape(call.script)}</p><div>{result}</div></section>"
        )
    parts.append("</body></html>\n")
    path.write_text("\n".join(parts), encoding="utf-8")


def _cell(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
