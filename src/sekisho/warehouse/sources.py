"""One input file opened: what it is, where its columns are, and that it holds no card numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from sekisho.domain.errors import ClearCardNumbers, MissingColumn
from sekisho.warehouse import known_leaks, parquet_files
from sekisho.warehouse.columns import ColumnMapping, Role, resolve
from sekisho.warehouse.csv_files import Wanted, read_blocks
from sekisho.warehouse.csv_sniff import CsvFile, sniff
from sekisho.warehouse.parquet_files import ParquetFile
from sekisho.warehouse.prepare import Prepared, Preparer, settle
from sekisho.warehouse.rejects import RejectFile

# Columns in which a card number may pass for a reference.
_MAY_HOLD_CARDS = ("card_ref", "pan", "transaction_id", "replaced_by")


@dataclass
class Source:
    """An opened input: a CSV or Parquet file with the places of its known columns."""

    role: Role
    path: Path
    label: str
    table: CsvFile | ParquetFile
    places: dict[str, int]
    has_header: bool
    samples: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Opening:
    """What every input is opened with."""

    connection: duckdb.DuckDBPyConnection
    mapping: ColumnMapping
    zone: str
    workdir: Path
    rejects: RejectFile
    holds_card_numbers: Callable[[Sequence[str]], bool]


def open_source(opening: Opening, role: Role, path: Path, label: str, sampled: int) -> Source:
    """Look at ``path`` and find its columns; up to ``sampled`` values of each are looked at.

    Raises BadInput, MissingColumn or ClearCardNumbers, always naming the file.
    """
    as_json = role is Role.KNOWN_LEAKS and known_leaks.is_json(path)
    if as_json or parquet_files.is_parquet(path):
        read = path
        if as_json:
            read = known_leaks.json_as_table(path, label, opening.workdir / "known_leaks.parquet")
        table = parquet_files.look_at(opening.connection, read, label)
        places = resolve(label, role, table.names, opening.mapping)
        source = Source(role, path, label, table, places, has_header=True)
        parquet_files.check_types(table, places)
        source.samples = parquet_files.sample(table, places, sampled)
    else:
        source = _open_csv(opening, role, path, label)
        records = source.table.sample if isinstance(source.table, CsvFile) else ()
        step = max(1, len(records) // sampled)
        source.samples = {
            known: [_half_width(cells[place]) for cells in records[::step]]
            for known, place in source.places.items()
        }
    _refuse_card_numbers(source, opening.holds_card_numbers)
    return source


def _half_width(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()


def _open_csv(opening: Opening, role: Role, path: Path, label: str) -> Source:
    file = sniff(path, label)
    has_header = _has_header(file, role, opening.mapping)
    first = file.first if has_header else ()
    names = (*first, *[""] * file.width)[: file.width]
    try:
        places = resolve(label, role, names, opening.mapping)
    except MissingColumn as error:
        if opening.mapping.has_positions(role) or not _looks_like_data(file.first):
            raise
        prefix = "" if role is Role.TRANSACTIONS else f"{role}."
        wanted = {
            Role.TRANSACTIONS: ("card_ref", "merchant_id", "authorized_at"),
            Role.FRAUD: ("card_ref", "fraud_at"),
            Role.MERCHANTS: ("acquirer_id", "merchant_id", "name"),
            Role.CARDS: ("card_ref",),
            Role.KNOWN_LEAKS: ("merchant_id", "window_start", "window_end"),
        }[role]
        pairs = ",".join(f"{prefix}{place}={known}" for place, known in enumerate(wanted, 1))
        raise MissingColumn(
            f"{label}: there seems to be no header line ({file.width} columns)",
            hint=f"Say what stands where, counted from 1, for example: --columns {pairs}",
        ) from error
    if not has_header:  # the first line is data as well
        file = _with_first(file)
    return Source(role, path, label, file, places, has_header)


def _with_first(file: CsvFile) -> CsvFile:
    if len(file.first) != file.width:
        return file
    return replace(file, sample=(file.first, *file.sample))


def _has_header(file: CsvFile, role: Role, mapping: ColumnMapping) -> bool:
    """Make a file described by names has a header; one described by positions may have one.

    It has one if no described cell of the first line holds a digit while the next lines do.
    """
    if not mapping.has_positions(role):
        return True
    places = [
        entry.position - 1
        for entry in mapping.for_role(role)
        if entry.position is not None and entry.position <= file.width
    ]

    def digits(cells: Sequence[str]) -> bool:
        return any(
            char.isdigit() for place in places if place < len(cells) for char in cells[place]
        )

    return not digits(file.first) and (not file.sample or any(map(digits, file.sample[:20])))


def _looks_like_data(cells: Sequence[str]) -> bool:
    return any(sum(char.isdigit() for char in cell) >= 4 for cell in cells)


def _refuse_card_numbers(source: Source, holds: Callable[[Sequence[str]], bool]) -> None:
    hint = (
        f"Turn them into references first: sekisho import {source.path.name} "
        "--card-key KEYFILE --out DIR"
    )
    if "pan" in source.places and "card_ref" not in source.places:
        raise ClearCardNumbers(f"{source.label}: the column pan holds card numbers", hint=hint)
    codes = [value for value in source.samples.get("security_code_result", ()) if value]
    if codes and sum(bool(re.fullmatch("[0-9]{3,4}", code)) for code in codes) * 2 > len(codes):
        raise ClearCardNumbers(
            f"{source.label}: the values of security_code_result look like security codes",
            hint="Security codes are stored nowhere. Delete them; only what their check came to "
            "(match, no_match, absent) is of use.",
        )
    for known in _MAY_HOLD_CARDS:
        values = [value for value in source.samples.get(known, ()) if value]
        if values and holds(values):
            raise ClearCardNumbers(
                f"{source.label}: the values of {known} are card numbers", hint=hint
            )


def reads_in_place(source: Source) -> bool:
    """Tell whether the file is scanned where it lies instead of being prepared."""
    return (
        source.role is Role.TRANSACTIONS
        and isinstance(source.table, ParquetFile)
        and parquet_files.reads_in_place(source.table, source.places)
    )


def prepare(
    opening: Opening, source: Source, number: int, advance: Callable[[float], None]
) -> Prepared:
    """Read every row of ``source`` into one Parquet file. Raises BadInput, OutputFailed."""
    folder = opening.workdir / "prepared"
    folder.mkdir(parents=True, exist_ok=True)
    places = {known: place for known, place in source.places.items() if known != "pan"}
    samples = {known: source.samples[known] for known in places}
    dates: frozenset[str] = frozenset()
    if isinstance(source.table, ParquetFile):
        dates = parquet_files.dates(source.table, source.role, places)
    reading = settle(source.role, opening.zone, samples, dates)
    out = folder / f"{source.role}-{number}.parquet"
    preparer = Preparer(opening.connection, reading, source.label, out, opening.rejects)
    if isinstance(source.table, ParquetFile):
        prepared = preparer.from_query(parquet_files.as_text(source.table, places))
        advance(float(source.path.stat().st_size))
        return prepared
    wanted = Wanted(places, source.has_header)
    return preparer.from_blocks(read_blocks(source.table, wanted, advance))
