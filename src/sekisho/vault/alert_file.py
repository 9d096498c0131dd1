"""Alert files of schemes and acquirers: any CSV, read by a mapping file, card numbers gone at once.

The mapping (TOML) says which column is what, in which form dates are written, and which words stand
for data elements and for taking a card back; docs/reference/exposures.md has all of it. A card
number becomes its reference in the very line that reads it, and no error ever holds one.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sekisho.domain.errors import BadInput, Rejected
from sekisho.domain.exposure import AlertEntry, AlertSource, EntryAction
from sekisho.vault.pan import parse, redact
from sekisho.vault.surrogate import CardRefs

SCHEMA: Final = "sekisho.alert-mapping/1"
COLUMNS: Final = (
    "pan", "card_ref", "bin", "last4", "expiry", "alert_id", "action", "elements",
    "window_start", "window_end", "received_on", "exposed_on",
)  # fmt: skip
CONSTANTS: Final = (
    "alert_id", "elements", "window_start", "window_end", "received_on", "place", "expiry",
)  # fmt: skip
EXPIRY_FORMS: Final = {
    "MM/YY": "%m/%y", "MMYY": "%m%y", "YYMM": "%y%m", "MM/YYYY": "%m/%Y", "YYYY-MM": "%Y-%m",
    "YYYYMM": "%Y%m", "YYYY-MM-DD": "%Y-%m-%d",
}  # fmt: skip
_TOP: Final = (
    "schema", "source", "encoding", "delimiter", "header", "expiry_form", "date_form", "columns",
    "constants", "elements", "actions",
)  # fmt: skip
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class AlertMapping:
    """What a mapping file says. ``columns``: our word -> the file's name, or its place from 1."""

    source: AlertSource
    columns: Mapping[str, str | int]
    constants: Mapping[str, Any]
    elements: Mapping[str, tuple[str, ...]]
    actions: Mapping[str, EntryAction]
    expiry_form: str = "MM/YY"
    date_form: str = "%Y-%m-%d"
    encoding: str = ""
    delimiter: str = ","
    header: bool = True


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One line that could be read: its card, and what it says of its alert ("" or None: nothing).

    ``window`` and ``received_on`` are the row's own, where the file has columns for them.
    """

    entry: AlertEntry
    alert_id: str = ""
    window_start: date | None = None
    window_end: date | None = None
    received_on: date | None = None
    exposed_on: date | None = None


@dataclass(slots=True)
class AlertRows:
    """The lines of a file: those that were read, and those that were not, with the reason."""

    rows: list[AlertRow] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


class _Unreadable(Exception):
    """A field of a row: its name and why it cannot be read; never its value."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name)
        self.name = name
        self.reason = reason


def read_mapping(path: Path) -> AlertMapping:
    """The mapping of a file; BadInput says what is wrong with it."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        return _mapping(told)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path.name} cannot be read.", hint="Name a mapping file.") from error
    except (tomllib.TOMLDecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            f"{path.name}: {error}.", hint="docs/reference/exposures.md shows a mapping."
        ) from None


def _mapping(told: Mapping[str, Any]) -> AlertMapping:
    if told.get("schema") != SCHEMA:
        raise ValueError(f"schema is {told.get('schema')!r}, not {SCHEMA!r}")
    columns, constants = dict(told["columns"]), dict(told.get("constants", {}))
    for what, names, known in (
        ("", told, _TOP), ("[columns] ", columns, COLUMNS), ("[constants] ", constants, CONSTANTS),
    ):  # fmt: skip
        wrong = sorted(set(names) - set(known))
        if wrong:
            raise ValueError(f"{what}{wrong[0]!r} is not known ({', '.join(known)})")
    ways = [all(name in columns for name in way) for way in (("pan",), ("card_ref",),
                                                           ("bin", "last4"))]  # fmt: skip
    if sum(ways) != 1:
        raise ValueError("[columns] names a card by pan, or by card_ref, or by bin and last4")
    form = told.get("expiry_form", "MM/YY")
    if form not in EXPIRY_FORMS:
        raise ValueError(f"expiry_form {form!r} is none of {', '.join(EXPIRY_FORMS)}")
    elements = {
        str(code): tuple([words] if isinstance(words, str) else words)
        for code, words in told.get("elements", {}).items()
    }
    actions = {str(code): EntryAction(word) for code, word in told.get("actions", {}).items()}
    return AlertMapping(
        AlertSource(told["source"]), columns, constants, elements, actions, form,
        told.get("date_form", "%Y-%m-%d"), told.get("encoding", ""), told.get("delimiter", ","),
        bool(told.get("header", True)),
    )  # fmt: skip


def read_alert_rows(path: Path, mapping: AlertMapping, refs: CardRefs | None) -> AlertRows:
    """The lines of an alert file; ``refs`` makes references of its card numbers.

    BadInput where the file as a whole cannot be read: its encoding, its columns, a mapping by
    ``pan`` without a key, card numbers under ``card_ref``.
    """
    if "pan" in mapping.columns and refs is None:
        raise BadInput(
            f"{redact(path.name)} names cards by their numbers.",
            hint="Give the key that makes references of them: --card-key FILE",
        )
    told = AlertRows()
    lines = _lines(path, mapping)
    places, first = _places(path, mapping, lines)
    for number, cells in lines if first is None else _and(first, lines):
        if not any(cell.strip() for cell in cells):
            continue
        try:
            told.rows.append(_row(number, cells, places, mapping, refs))
        except _Unreadable as trouble:
            told.rejected.append(Rejected(redact(path.name), number, trouble.name, trouble.reason))
    return told


def _and(first: tuple[int, list[str]], rest: Iterator[tuple[int, list[str]]]) -> Any:
    yield first
    yield from rest


def _lines(path: Path, mapping: AlertMapping) -> Iterator[tuple[int, list[str]]]:
    """Rows with their number, from 1."""
    name = redact(path.name)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{name} cannot be read: {error.strerror}.") from None
    text = None
    for encoding in (mapping.encoding,) if mapping.encoding else ("utf-8-sig", "cp932"):
        try:
            text = data.decode(encoding)
            break
        except (UnicodeDecodeError, LookupError):
            continue
    if text is None:
        raise BadInput(
            f"{name} is not text in the encoding expected.",
            hint='Say which it is in the mapping: encoding = "cp932"',
        )
    reader = csv.reader(io.StringIO(text.replace("\0", "")), delimiter=mapping.delimiter)
    number = 0
    try:
        for cells in reader:
            number += 1
            yield number, cells
    except csv.Error:
        raise BadInput(
            f"{name}: row {number + 1} is no CSV.", hint="Is the delimiter the right one?"
        ) from None


def _places(
    path: Path, mapping: AlertMapping, lines: Iterator[tuple[int, list[str]]]
) -> tuple[dict[str, int], tuple[int, list[str]] | None]:
    """Where each of our columns stands, and the first row where there is no header."""
    first = next(lines, None)
    if first is None:
        raise BadInput(f"{redact(path.name)} is empty.", hint="Name the alert file.")
    header = [cell.strip() for cell in first[1]]
    places = {}
    for ours, theirs in mapping.columns.items():
        if isinstance(theirs, int):
            places[ours] = theirs - 1
        elif mapping.header and theirs in header:
            places[ours] = header.index(theirs)
        else:
            raise BadInput(
                f"{redact(path.name)} has no column {redact(str(theirs))!r}, which the mapping "
                f"names as {ours}.",
                hint="Name the columns as the file's first line does, or by their place from 1.",
            )
    return places, None if mapping.header else first


def _row(
    number: int,
    cells: list[str],
    places: Mapping[str, int],
    mapping: AlertMapping,
    refs: CardRefs | None,
) -> AlertRow:
    def cell(name: str) -> str:
        place = places.get(name)
        if place is None:
            return ""
        if place >= len(cells):
            raise _Unreadable(name, "the row ends before this column")
        return cells[place].strip()[:_LONGEST]

    def day(name: str) -> date | None:
        return _date(name, cell(name), mapping.date_form)

    card_ref, digits, last4 = _card(cell, refs)
    expiry = _expiry(cell("expiry"), mapping.expiry_form)
    entry = AlertEntry(
        number, card_ref, digits, last4, expiry, None,
        _elements(cell("elements"), mapping), _action(cell("action"), mapping),
    )  # fmt: skip
    return AlertRow(
        entry, _plain("alert_id", cell("alert_id")), day("window_start"), day("window_end"),
        day("received_on"), day("exposed_on"),
    )  # fmt: skip


def _card(cell: Any, refs: CardRefs | None) -> tuple[str, str, str]:
    """(card_ref, bin, last digits) of a row; the number goes no further than this."""
    pan, ref = cell("pan"), cell("card_ref")
    if pan:
        made = refs.of_text(pan) if refs is not None else None
        if made is None:
            raise _Unreadable("pan", "not a card number")
        return made, "", ""
    if ref:
        if parse(ref).pan is not None:
            raise _Unreadable("card_ref", "a card number stands where a reference is wanted")
        return ref, "", ""
    digits, last4 = cell("bin"), cell("last4")
    if not (digits or last4):
        raise _Unreadable("card", "the row names no card")
    if not (digits.isdecimal() and 6 <= len(digits) <= 8):
        raise _Unreadable("bin", "not six to eight digits")
    if not (last4.isdecimal() and len(last4) == 4):
        raise _Unreadable("last4", "not four digits")
    return "", digits, last4


def _plain(name: str, text: str) -> str:
    if parse(text).pan is not None:
        raise _Unreadable(name, "a card number stands where an id is wanted")
    return text


def _expiry(text: str, form: str) -> date | None:
    """The last day of the month; None where there is nothing."""
    if not text:
        return None
    try:
        month = datetime.strptime(text, EXPIRY_FORMS[form]).replace(day=1)  # noqa: DTZ007 - a month
    except ValueError:
        raise _Unreadable("expiry", f"not in the form {form}") from None
    return (month + timedelta(days=32)).replace(day=1).date() - timedelta(days=1)


def _date(name: str, text: str, form: str) -> date | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, form).date()  # noqa: DTZ007 - a calendar day
    except ValueError:
        raise _Unreadable(name, f"not a date in the form {form}") from None


def _elements(text: str, mapping: AlertMapping) -> tuple[str, ...]:
    """Data elements of a row: one code of the mapping, or words between ``|``, ``;``, spaces."""
    if not text:
        return ()
    if text in mapping.elements:
        return mapping.elements[text]
    told: list[str] = []
    _plain("elements", text)
    for word in text.replace("|", " ").replace(";", " ").split():
        told += mapping.elements.get(word, (word,))
    return tuple(told)


def _action(text: str, mapping: AlertMapping) -> EntryAction:
    if not text:
        return EntryAction.ADD
    if text in mapping.actions:
        return mapping.actions[text]
    try:
        return EntryAction(text.lower())
    except ValueError:
        raise _Unreadable("action", "neither adds nor withdraws; map it in [actions]") from None
