"""What the tests of the search have in common. Everything planted lies in a folder `planted`."""

from __future__ import annotations

import io
from pathlib import Path

from benchmarks.parts.card_texts import luhn_digit

from sekisho.discovery.finding import Finding, Kind, NotRead, Report
from sekisho.discovery.sources import Looker
from sekisho.discovery.text import Machine, TextScan

MACHINE = Machine()


def card(body: str = "453214879632154") -> str:
    """An invented number that passes; no part of it is written down."""
    return body + luhn_digit(body)


def look(path: Path) -> list[Report]:
    return list(Looker(MACHINE).look(str(path)))


def findings(reports: list[Report], kind: Kind | None = None) -> list[Finding]:
    found = [one for one in reports if isinstance(one, Finding)]
    return [one for one in found if kind is None or one.kind is kind]


def reasons(reports: list[Report]) -> list[str]:
    return [one.reason for one in reports if isinstance(one, NotRead)]


def in_text(text: str | bytes, encoding: str = "utf-8") -> list[Finding]:
    data = text.encode(encoding) if isinstance(text, str) else text
    return findings(list(TextScan(MACHINE, "x").run(io.BytesIO(data).read)))


def kinds(text: str | bytes, encoding: str = "utf-8") -> list[str]:
    return sorted(one.kind.value for one in in_text(text, encoding))
