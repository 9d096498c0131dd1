"""What `sekisho discover` writes: the screen, JSON, SARIF, the page, masked copies."""

from __future__ import annotations

import json
import os
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from sekisho.discovery.finding import Finding, Kind
from sekisho.discovery.redaction import NotRedacted, redact_file
from sekisho.discovery.text import Machine
from sekisho.domain.errors import OutputFailed
from sekisho.web.discovery.page import BRANDS, Language, Place, Search, place_text, places_of
from sekisho.web.discovery.texts import TEXTS, reason_in

NOTHING_FOUND: Final = 0
FOUND: Final = 1
NOT_ALL_READ: Final = 3
FOUND_AND_NOT_ALL_READ: Final = 5
_MOST_PLACES: Final = 30
_MOST_IN_PLACE: Final = 6
_MOST_NOT_READ: Final = 20


def exit_code(search: Search) -> int:
    """What the command ends with (docs/reference/discover.md)."""
    if search.findings:
        return FOUND_AND_NOT_ALL_READ if search.not_read else FOUND
    return NOT_ALL_READ if search.not_read else NOTHING_FOUND


def as_json(search: Search) -> dict[str, Any]:
    """The published shape."""
    return {
        "findings": [one.as_json() for one in search.findings],
        "not_read": [one.as_json() for one in search.not_read],
    }


def write_whole(path: Path, text: str) -> None:
    """Write ``text`` under the name of ``path`` in one step; raises OutputFailed."""
    try:
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(partial).chmod(0o644)
            Path(partial).replace(path)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputFailed(
            f"{path} could not be written: {error.strerror}.", hint="Name another file."
        ) from None


def json_text(value: dict[str, Any]) -> str:
    """JSON for files and pipes; names that are no text come escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    return text.encode("utf-8", "backslashreplace").decode() + "\n"


def tell(console: Console, search: Search, language: Language) -> None:
    """Say on the screen what lies where, the most dangerous first, and what was not read."""
    texts = TEXTS[language]
    places = places_of(search.findings)
    for place in places[:_MOST_PLACES]:
        _tell_place(console, place, language)
    if len(places) > _MOST_PLACES:
        console.print(texts["screen.more_files"].format(n=len(places) - _MOST_PLACES))
    for one in search.not_read[:_MOST_NOT_READ]:
        line = Text.assemble((f"{texts['screen.not_read']} ", "yellow"), one.path)
        console.print(line.append(f": {reason_in(language, one.reason)}"))
    if len(search.not_read) > _MOST_NOT_READ:
        console.print(texts["screen.more"].format(n=len(search.not_read) - _MOST_NOT_READ))
    counts = {
        "codes": f"{sum(one.codes for one in places):,}",
        "tracks": f"{sum(one.tracks for one in places):,}",
        "pans": f"{sum(one.pans for one in places):,}",
        "files": f"{len(places):,}",
        "looked": f"{search.looked_into:,}",
        "not_read": f"{len(search.not_read):,}",
    }
    key = "screen.counts" if places else "screen.none"
    console.print(Text(texts[key].format(**counts), style="bold"))
    if any(one.codes or one.tracks for one in places):
        console.print(texts["screen.begin"])
    if search.test_numbers:
        console.print(texts["tests"].format(n=search.test_numbers))
    if search.accepted:
        console.print(texts["accepted"].format(n=search.accepted))


def _tell_place(console: Console, place: Place, language: Language) -> None:
    texts = TEXTS[language]
    console.print(Text(place.path, style="bold"))
    first = _some_of(place.findings)
    for one in first:
        style = "" if one.kind is Kind.PAN else "red"
        brand = f" {BRANDS[one.brand]}" if one.brand else ""
        beside = ", ".join(texts[f"beside.{key}"] for key in one.beside)
        line = Text(f"  {place_text(one, language)}  ")
        line.append(f"{texts[f'what.{one.kind.value}']}{brand}", style=style)
        line.append(f"  {one.masked}  {one.confidence:.2f}{f'  + {beside}' if beside else ''}")
        console.print(line)
    if len(place.findings) > len(first):
        rest = texts["screen.more"].format(n=f"{len(place.findings) - len(first):,}")
        console.print(f"  {rest}")


def _some_of(findings: list[Finding]) -> list[Finding]:
    """The first of each sort in the order of the file: half codes and stripes, half numbers."""
    ordered = sorted(findings, key=lambda one: (one.line or 0, one.offset or 0))
    worse = [one for one in ordered if one.kind is not Kind.PAN]
    numbers = [one for one in ordered if one.kind is Kind.PAN]
    half = _MOST_IN_PLACE // 2
    chosen = worse[: max(half, _MOST_IN_PLACE - len(numbers))]
    chosen += numbers[: _MOST_IN_PLACE - len(chosen)]
    return [one for one in ordered if any(one is other for other in chosen)]


def redact_all(
    console: Console, findings: list[Finding], language: Language
) -> list[tuple[str, str]]:
    """Write a masked copy beside each text file with findings; returns what could not be done."""
    by_file: dict[str, list[Finding]] = defaultdict(list)
    for one in findings:
        by_file[one.path].append(one)
    machine = Machine()
    failed = []
    for path, inside in by_file.items():
        why = ""
        try:
            if "!" in path or any(one.line is None for one in inside) or not Path(path).is_file():
                why = "not a text file of its own"
            else:
                copy = redact_file(Path(path), inside, machine)
                console.print(TEXTS[language]["screen.redacted"].format(path=copy))
        except NotRedacted as error:
            why = str(error)
        if why:
            failed.append((path, why))
            said = TEXTS[language]["screen.not_redacted"].format(path=path, why=why)
            console.print(said, style="yellow")
    return failed
