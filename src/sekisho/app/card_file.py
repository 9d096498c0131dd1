"""The issuer's card file as alerts are matched with it: dates, replacements, BIN and last digits.

Held in memory for the time of one import and never written: a store that joined references with
last digits would give numbers away (PCI SSC FAQ 1308).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from sekisho.domain.errors import BadInput, ClearCardNumbers, MissingColumn
from sekisho.domain.exposure import CardOnFile
from sekisho.vault.columns import column_holds_card_numbers

DATES: Final = ("opened_on", "closed_on", "expires_on")
TEXTS: Final = ("replaced_by", "bin", "last4")
_SAMPLE: Final = 10_000


def read_cards(path: Path, columns: Mapping[str, str]) -> list[CardOnFile]:
    """Every card of a Parquet or CSV file; ``columns`` are our names -> the file's."""
    table = _table(path)
    names = {ours: columns.get(ours, ours) for ours in ("card_ref", *DATES, *TEXTS)}
    if names["card_ref"] not in table.column_names:
        raise MissingColumn(
            f"{path.name} has no column {names['card_ref']}.",
            hint="Name it: --card-columns card_ref=YOURS",
        )
    refs = table[names["card_ref"]].cast(pa.string()).to_pylist()
    if column_holds_card_numbers([ref for ref in refs[:_SAMPLE] if ref]):
        raise ClearCardNumbers(
            f"{path.name}: {names['card_ref']} holds card numbers.",
            hint="Replace them first: sekisho import",
        )
    found = {
        ours: _values(table, theirs, path) if theirs in table.column_names else None
        for ours, theirs in names.items()
        if ours != "card_ref"
    }
    cards = []
    for row, ref in enumerate(refs):
        if not ref:
            continue
        opened, closed, expires = (_date(found[name], row, path, names[name]) for name in DATES)
        heir, digits, last4 = (_text(found[name], row) for name in TEXTS)
        cards.append(CardOnFile(str(ref), opened, closed, expires, heir, digits, last4))
    return cards


def _table(path: Path) -> pa.Table:
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return pq.read_table(path)
        header = pa_csv.read_csv(path).column_names
        kinds = pa_csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()))
        return pa_csv.read_csv(path, convert_options=kinds)  # leading zeros are part of a BIN
    except (OSError, pa.ArrowException) as error:
        raise BadInput(f"{path.name} cannot be read.", hint="Parquet, or CSV in UTF-8.") from error


def _values(table: pa.Table, name: str, path: Path) -> list[Any]:
    try:
        values: list[Any] = table[name].to_pylist()
    except pa.ArrowException as error:  # pragma: no cover - a damaged file
        raise BadInput(f"{path.name}: {name} cannot be read.") from error
    return values


def _text(values: list[Any] | None, row: int) -> str:
    return "" if values is None or values[row] is None else str(values[row]).strip()


def _date(values: list[Any] | None, row: int, path: Path, name: str) -> date | None:
    value = None if values is None else values[row]
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError:
        raise BadInput(
            f"{path.name}: {name} in row {row + 1} is no date.", hint="Write 2026-03-31."
        ) from None
