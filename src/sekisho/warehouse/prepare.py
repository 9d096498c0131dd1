"""Rows of text made into typed rows, once: checked, counted, and written to one Parquet file.

Every pass after this one is as fast as over the user's own Parquet. Rows that cannot be used go
to the reject file with their row number; cells that are optional and cannot be read become NULL
and are counted.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sekisho.domain.errors import BadInput, Rejected
from sekisho.domain.notes import note
from sekisho.warehouse.columns import KNOWN, PAIRS, Kind, Role
from sekisho.warehouse.csv_files import (
    BAD_BYTES,
    OPEN_QUOTE,
    ROW,
    WRONG_WIDTH,
    Block,
)
from sekisho.warehouse.engine import plain_errors
from sekisho.warehouse.rejects import (
    BEFORE_START,
    MISSING,
    TOO_EARLY,
    TOO_LATE,
    UNREADABLE,
    RejectFile,
)
from sekisho.warehouse.sqltext import fill, identifier, literal
from sekisho.warehouse.times import (
    END_DAY,
    FIRST_DAY,
    Shape,
    has_offset,
    is_clock_without_seconds,
    pair_text,
    shape_of,
    text_date,
    text_time,
)
from sekisho.warehouse.values import flag, minor_units, number, one_width, trimmed

PROBLEM = "problem__"

_SOURCE = "text__"
_KEPT_TEXTS = {"name", "product", "home_area", "fraud_type", "reference"}


@dataclass(frozen=True, slots=True)
class Reading:
    """How the columns of one file are read, settled from its sample before the first row."""

    role: Role
    zone: str
    columns: tuple[str, ...]  # known names as the file has them (pairs not joined yet)
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    short_clocks: frozenset[str] = frozenset()
    whole_amounts: bool = True
    dates: frozenset[str] = frozenset()  # columns that the file itself keeps as dates


@dataclass
class Prepared:
    """One prepared file and what was seen on the way."""

    path: Path
    columns: tuple[str, ...]
    rows: int = 0
    kept: int = 0
    unread_cells: Counter[str] = field(default_factory=Counter)
    with_offset: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


def settle(
    role: Role, zone: str, samples: Mapping[str, Sequence[str]], dates: Iterable[str] = ()
) -> Reading:
    """Settle how to read a file, from the sampled texts of each known column.

    ``dates`` are the known columns that the file itself keeps as dates.
    """
    shapes = {}
    short = set()
    for known, kind in KNOWN[role].items():
        values = [value.strip() for value in samples.get(known, ())]
        if kind is Kind.TIME and known in samples:
            shapes[known] = shape_of(values)
        if kind is Kind.TIME_PART and is_clock_without_seconds(values):
            short.add(known)
    whole = all("." not in value.rstrip("0").rstrip(".") for value in samples.get("amount", ()))
    return Reading(role, zone, tuple(samples), shapes, frozenset(short), whole, frozenset(dates))


def final_columns(columns: Iterable[str]) -> tuple[str, ...]:
    """Give the known names after reading: pairs joined, ``amount`` in minor units, no ``pan``."""
    have = set(columns)
    have |= {whole for whole, (date_part, _) in PAIRS.items() if date_part in have}
    have -= {part for pair in PAIRS.values() for part in pair}
    if "amount" in have:
        have = (have - {"amount"}) | {"amount_minor"}
    return tuple(sorted(have - {"pan"}))


def reading_sql(reading: Reading, source: str) -> str:
    """Give the query that makes text rows of ``source`` (``row__`` and known names) typed rows."""
    texts = ", ".join(
        f"{trimmed(known)} AS {identifier(_SOURCE + known)}" for known in reading.columns
    )
    values = ", ".join(
        f"{_value_of(reading, known)} AS {identifier(known)}"
        for known in final_columns(reading.columns)
    )
    counts = "".join(
        f", {condition} AS {identifier(name)}" for name, condition in _counted(reading).items()
    )
    return fill(
        "SELECT {kept}, {problem} AS {problem_name}{counts} FROM ("
        "SELECT *, {values} FROM (SELECT {row}, {texts} FROM {source}))",
        kept=", ".join(map(identifier, (ROW, *final_columns(reading.columns)))),
        problem=_problem(reading),
        problem_name=PROBLEM,
        counts=counts,
        values=values,
        row=ROW,
        texts=texts,
        source=source,
    )


def _source(known: str) -> str:
    return identifier(_SOURCE + known)


def _time_text(reading: Reading, known: str) -> str:
    """Write SQL for the text of a time, joined from its two columns where it has two."""
    date_part, time_part = PAIRS[known]
    if known in reading.columns:
        return _source(known)
    if time_part not in reading.columns:
        return _source(date_part)
    joined = pair_text(
        _source(date_part),
        _source(time_part),
        hours_and_minutes=time_part in reading.short_clocks,
    )
    return f"({joined})"


def _value_of(reading: Reading, known: str) -> str:
    if known == "amount_minor" and "amount_minor" not in reading.columns:
        currency = _source("currency") if "currency" in reading.columns else None
        return minor_units(number(_source("amount")), currency, whole=reading.whole_amounts)
    kind = KNOWN[reading.role][known]
    if kind is Kind.TIME:
        shape = reading.shapes.get(known, Shape.TEXT)
        return text_time(_time_text(reading, known), reading.zone, shape)
    if kind is Kind.DATE:
        text = _source(known)
        plain = known in reading.dates
        whole = text_date(text, month_end=known == "expires_on")
        return f"TRY_CAST({text} AS DATE)" if plain else whole
    if kind is Kind.FLAG:
        return flag(_source(known))
    if kind is Kind.MINOR:
        return f"TRY_CAST({number(_source(known))} AS BIGINT)"
    return _source(known)


def _problem(reading: Reading) -> str:
    """Write SQL for ``field|reason`` of the first trouble of a row, NULL for a usable row."""
    have = set(final_columns(reading.columns))
    rules: list[tuple[str, str, str]] = []
    if reading.role is Role.FRAUD:
        rules += _fraud_rules(reading, have)
    elif reading.role is Role.KNOWN_LEAKS:
        rules += _leak_rules(have)
    else:
        for known in ("card_ref", "merchant_id"):
            if known in have and known in _must_have(reading.role):
                rules.append((f"{identifier(known)} IS NULL", known, MISSING))
        if "authorized_at" in have:
            rules += _time_rules(reading, "authorized_at", optional=False)
    whens = " ".join(f"WHEN {rule} THEN {literal(f'{name}|{why}')}" for rule, name, why in rules)
    return f"CASE {whens} END"


def _must_have(role: Role) -> tuple[str, ...]:
    return {
        Role.TRANSACTIONS: ("card_ref", "merchant_id"),
        Role.FRAUD: (),
        Role.MERCHANTS: ("merchant_id",),
        Role.CARDS: ("card_ref",),
        Role.KNOWN_LEAKS: (),
    }[role]


def _fraud_rules(reading: Reading, have: set[str]) -> list[tuple[str, str, str]]:
    by_card = {"card_ref", "fraud_at"} <= have
    by_id = "transaction_id" in have
    rules: list[tuple[str, str, str]] = []
    if "fraud_at" in have:
        rules += _time_rules(reading, "fraud_at", optional=by_id)
    if "reported_at" in have:
        # Without its date the report would count as known from the day of the fraud.
        rules += _time_rules(reading, "reported_at", optional=True)
    if by_card:
        named = "transaction_id IS NULL AND " if by_id else ""
        rules.append((f"{named}card_ref IS NULL", "card_ref", MISSING))
        if by_id:
            rules.append((f"{named}fraud_at IS NULL", "fraud_at", MISSING))
    else:
        rules.append(("transaction_id IS NULL", "transaction_id", MISSING))
    return rules


def _leak_rules(have: set[str]) -> list[tuple[str, str, str]]:
    entities = [name for name in ("merchant_id", "operator_id", "processor_id") if name in have]
    first = entities[0]
    rules: list[tuple[str, str, str]] = [
        (f"coalesce({', '.join(map(identifier, entities))}) IS NULL", first, MISSING)
    ]
    for known in ("window_start", "window_end"):
        rules += [
            (f"{_source(known)} IS NULL", known, MISSING),
            (f"{identifier(known)} IS NULL", known, UNREADABLE),
            (f"{identifier(known)} < DATE {literal(FIRST_DAY.isoformat())}", known, TOO_EARLY),
            (f"{identifier(known)} >= DATE {literal(END_DAY.isoformat())}", known, TOO_LATE),
        ]
    return [*rules, ("window_end < window_start", "window_end", BEFORE_START)]


def _time_rules(reading: Reading, known: str, *, optional: bool) -> list[tuple[str, str, str]]:
    text, value = _time_text(reading, known), identifier(known)
    start, end = literal(FIRST_DAY.isoformat()), literal(END_DAY.isoformat())
    if known in reading.columns:
        absent = f"{text} IS NULL"
    else:
        parts = [part for part in PAIRS[known] if part in reading.columns]
        absent = " AND ".join(f"{_source(part)} IS NULL" for part in parts)
    rules = [] if optional else [(absent, known, MISSING)]
    rules += [
        (f"NOT ({absent}) AND {value} IS NULL", known, UNREADABLE),
        (f"{value} < TIMESTAMP {start}", known, TOO_EARLY),
        (f"{value} >= TIMESTAMP {end}", known, TOO_LATE),
    ]
    return rules


def _counted(reading: Reading) -> dict[str, str]:
    """Conditions that are counted on the way: ``unread__x`` and ``offset__x``."""
    conditions = {}
    for known in reading.columns:
        kind = KNOWN[reading.role][known]
        target = "amount_minor" if known == "amount" else known
        if kind in (Kind.DATE, Kind.FLAG, Kind.MINOR, Kind.MAJOR):
            text, value = _source(known), identifier(target)
            conditions[f"unread__{known}"] = f"({text} IS NOT NULL AND {value} IS NULL)"
        if kind is Kind.TIME and reading.shapes.get(known) is Shape.TEXT:
            conditions[f"offset__{known}"] = f"coalesce({has_offset(_source(known))}, false)"
    return conditions


_BATCH_ROWS = 100_000
_BATCHES = 8


@dataclass
class Preparer:
    """Writes the prepared file of one input."""

    connection: duckdb.DuckDBPyConnection
    reading: Reading
    label: str
    out: Path
    rejects: RejectFile
    broken_rows: int = 0  # rows that could not even be split into columns
    encodings: set[str] = field(default_factory=set)

    def from_blocks(self, blocks: Iterable[Block]) -> Prepared:
        """Read, check and write the blocks of a CSV file. Raises BadInput, OutputFailed."""
        return self._write(self._typed(blocks))

    def from_query(self, source: str) -> Prepared:
        """Give the same for ``source``, SQL that yields ``row__`` and the known columns as text."""
        with plain_errors(self.label):
            reader = self.connection.cursor().sql(source).to_arrow_reader(_BATCH_ROWS)
        return self.from_blocks(_blocks_of(reader))

    def _typed(self, blocks: Iterable[Block]) -> Iterable[pa.Table]:
        query = reading_sql(self.reading, "block__")
        for block in blocks:
            self.broken_rows += len(block.broken)
            self.encodings.add(block.encoding)
            self.rejects.add(Rejected(self.label, row, "", reason) for row, reason in block.broken)
            if not block.rows.num_rows:
                continue
            self.connection.register("block__", _in_one_width(block.rows))
            typed = self.connection.sql(query).to_arrow_table()
            self.connection.unregister("block__")
            yield typed

    def _write(self, tables: Iterable[pa.Table]) -> Prepared:
        columns = final_columns(self.reading.columns)
        prepared = Prepared(self.out, columns)
        writer: pq.ParquetWriter | None = None
        with plain_errors(self.label):
            try:
                for table in tables:
                    good = self._check(table, prepared)
                    if writer is None:
                        writer = pq.ParquetWriter(self.out, good.schema)
                    writer.write_table(good)
            finally:
                if writer is not None:
                    writer.close()
        prepared.rows += self.broken_rows
        if others := sorted(self.encodings - {"utf-8"}):
            prepared.notes.append(note("encoding", encoding=", ".join(others)))
        refuse_if_mostly_broken(self.reading.role, self.label, prepared.rows, self.rejects)
        _note_what_was_seen(self.reading, prepared)
        return prepared

    def _check(self, table: pa.Table, prepared: Prepared) -> pa.Table:
        """Keep the rows that can be used; the others go to the reject file."""
        problem = table.column(PROBLEM)
        prepared.rows += table.num_rows
        broken = pc.is_valid(problem)
        if pc.any(broken).as_py():
            self._reject(table.filter(broken))
            table = table.filter(pc.invert(broken))
        prepared.kept += table.num_rows
        for name in table.column_names:
            what, _, known = name.partition("__")
            if known and what in ("unread", "offset"):
                counter = prepared.unread_cells if what == "unread" else prepared.with_offset
                counter[known] += pc.sum(table.column(name)).as_py() or 0
        return table.select([ROW, *prepared.columns])

    def _reject(self, table: pa.Table) -> None:
        rows = table.column(ROW).to_pylist()
        problems = table.column(PROBLEM).to_pylist()
        pairs = sorted(zip(rows, problems, strict=True))
        self.rejects.add(
            Rejected(self.label, row, *problem.split("|", 1)) for row, problem in pairs
        )


def _blocks_of(batches: Iterable[pa.RecordBatch]) -> Iterator[Block]:
    """Give blocks of several batches each: the engine reads the batches of a block side by side."""
    waiting = iter(batches)
    while some := list(itertools.islice(waiting, _BATCHES)):
        yield Block(pa.Table.from_batches(some), ())


def _in_one_width(rows: pa.Table) -> pa.Table:
    """Give the rows with every text but those for people to read in one width."""
    for index, name in enumerate(rows.column_names):
        if name != ROW and name not in _KEPT_TEXTS:
            rows = rows.set_column(index, name, one_width(rows.column(name)))
    return rows


def refuse_if_mostly_broken(role: Role, label: str, rows: int, rejects: RejectFile) -> None:
    """Raise BadInput if more than half of ``rows`` were rejected: not the rows are wrong then."""
    broken = rejects.total(label)
    if broken * 2 <= rows:
        return
    (name, reason), count = rejects.counts[label].most_common(1)[0]
    where = f"{name} {reason}" if name else reason
    raise BadInput(
        f"{label}: {broken} of {rows} rows cannot be used; most often ({count} rows): {where}",
        hint=_hint_for(role, name, reason),
    )


def _hint_for(role: Role, name: str, reason: str) -> str:
    """Give the option that most probably helps against a reason that spoils most of a file."""
    prefix = "" if role is Role.TRANSACTIONS else f"{role}."
    if reason == WRONG_WIDTH:
        return "Check the delimiter and the quotation marks of the file."
    if reason == BAD_BYTES:
        return "Save the file as UTF-8 or cp932 (Shift_JIS)."
    if reason == OPEN_QUOTE:
        return 'Check the quotation marks (") of the file.'
    if name in PAIRS:
        date_part, time_part = PAIRS[name]
        return (
            f"Another column may be meant: --columns {prefix}{name}=NAME, or a date and a time: "
            f"--columns {prefix}{date_part}=NAME,{prefix}{time_part}=NAME. Read are ISO 8601, "
            "YYYY/MM/DD HH:MM:SS and YYYYMMDD with HHMMSS."
        )
    return f"Another column may be meant: --columns {prefix}{name}=NAME"


def _note_what_was_seen(reading: Reading, prepared: Prepared) -> None:
    for known, shape in reading.shapes.items():
        if shape is not Shape.TEXT:
            unit = "seconds" if shape is Shape.EPOCH_SECONDS else "milliseconds"
            prepared.notes.append(note("epoch", column=known, unit=unit))
    for known, count in sorted(prepared.with_offset.items()):
        if count and count < prepared.kept:
            prepared.notes.append(note("offsets", column=known, count=count, zone=reading.zone))
    for known, count in sorted(prepared.unread_cells.items()):
        if count:
            prepared.notes.append(note("unread_cells", column=known, count=count))
    if "amount" in reading.columns and "currency" not in reading.columns:
        unit = "whole units" if reading.whole_amounts else "units with two decimals"
        prepared.notes.append(note("no_currency", unit=unit))
