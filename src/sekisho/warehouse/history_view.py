"""The views over the history: files that read alike together, types made one, days cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from sekisho.domain.notes import note
from sekisho.warehouse import parquet_files
from sekisho.warehouse.columns import KNOWN, Kind, Role
from sekisho.warehouse.sqltext import fill, identifier, literal

DUPLICATE_SAMPLE_ROWS = 1_000_000
LOOKED_AT_ROWS = 5_000_000  # beyond, looking for duplicates takes a pass worth saving
QUIET_DAYS = 31

_SQL_TYPES = {
    Kind.TEXT: "VARCHAR",
    Kind.TIME: "TIMESTAMP",
    Kind.MINOR: "BIGINT",
    Kind.FLAG: "BOOLEAN",
}


@dataclass
class Part:
    """One file of the history: SQL by known column, and what its footer says."""

    path: Path  # what is scanned: the file itself or its prepared form
    source: Path
    columns: dict[str, str]
    rows: int  # usable ones
    read: int = 0  # all of them
    numbers: frozenset[str] = frozenset()  # references that are integers here
    first: datetime | None = None
    last: datetime | None = None
    unusable: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class History:
    """The parts as one table, with the types that its references have."""

    parts: tuple[Part, ...]
    columns: frozenset[str]
    card_type: str
    id_type: str


def join_parts(parts: Sequence[Part]) -> History:
    """Decide columns and types over all files. A reference is an integer if it is so in all."""
    columns = frozenset(known for part in parts for known in part.columns)
    types = {}
    for known in ("card_ref", "transaction_id"):
        having = [part for part in parts if known in part.columns]
        integers = [part for part in having if known in part.numbers]
        types[known] = "BIGINT" if having and len(integers) == len(having) else "VARCHAR"
        if integers and len(integers) < len(having):
            for part in integers:
                part.notes.append(note("mixed_reference", column=known))
    return History(tuple(parts), columns, types["card_ref"], types["transaction_id"])


def sql_type(history: History, known: str) -> str:
    """Give the type of a known column in the views."""
    if known == "card_ref":
        return history.card_type
    if known == "transaction_id":
        return history.id_type
    return _SQL_TYPES[KNOWN[Role.TRANSACTIONS][known]]


def make_history(connection: duckdb.DuckDBPyConnection, history: History) -> None:
    """Create the view ``history__``: all usable rows, the known columns in a fixed order."""
    groups: dict[tuple[tuple[tuple[str, str], ...], str], list[Path]] = {}
    for part in history.parts:
        columns = _columns_of(history, part)
        where = f" WHERE NOT ({parquet_files.unusable_sql(part.columns)})" if part.unusable else ""
        groups.setdefault((tuple(columns.items()), where), []).append(part.path)
    scans = [
        parquet_files.scan_of(paths, dict(columns)) + where
        for (columns, where), paths in groups.items()
    ]
    connection.execute("CREATE OR REPLACE VIEW history__ AS " + " UNION ALL ".join(scans))


def _columns_of(history: History, part: Part) -> dict[str, str]:
    columns = {}
    for known in sorted(history.columns):
        sql = part.columns.get(known)
        wanted = sql_type(history, known)
        if sql is None:
            columns[known] = f"CAST(NULL AS {wanted})"
        elif wanted == "VARCHAR" and known in part.numbers:
            columns[known] = f"CAST({sql} AS VARCHAR)"
        else:
            columns[known] = sql
    return columns


def cut_history(connection: duckdb.DuckDBPyConnection, history: History, as_of: date) -> None:
    """Create the view ``transactions``: the rows up to the end of ``as_of``."""
    end = as_of + timedelta(days=1)
    later = any(part.last is not None and part.last.date() > as_of for part in history.parts)
    where = f" WHERE authorized_at < TIMESTAMP {literal(end.isoformat())}" if later else ""
    view = "CREATE OR REPLACE VIEW transactions AS SELECT * FROM history__{where}"
    connection.execute(fill(view, where=where))


def rows_after(connection: duckdb.DuckDBPyConnection, part: Part, as_of: date) -> int:
    """Give the rows of one file that lie after the end of ``as_of``."""
    if part.last is None or part.last.date() <= as_of:
        return 0
    if part.first is not None and part.first.date() > as_of:
        return part.rows
    end = literal((as_of + timedelta(days=1)).isoformat())
    scan = parquet_files.scan_of([part.path], {"moment": part.columns["authorized_at"]})
    [row] = connection.execute(
        fill("SELECT count(*) FROM ({scan}) WHERE moment >= TIMESTAMP {end}", scan=scan, end=end)
    ).fetchall()
    return int(row[0])


def note_outlying_last_day(connection: duckdb.DuckDBPyConnection, history: History) -> None:
    """Note a last day that stands alone: one wrong date moves the as-of day with it."""
    ends = [(part.last, part) for part in history.parts if part.last is not None]
    starts = [part.first for part in history.parts if part.first is not None]
    if not ends or not starts:
        return
    last, part = max(ends, key=lambda end: end[0])
    quiet = last.date() - timedelta(days=QUIET_DAYS)
    if min(starts).date() >= quiet:
        return
    [row] = connection.execute(
        "SELECT count(*) FROM history__ WHERE authorized_at >= ? AND authorized_at < ?",
        [quiet, last.date()],
    ).fetchall()
    if not row[0]:
        part.notes.append(note("outlying_day", day=last.date().isoformat(), quiet=QUIET_DAYS))


def identity(columns: frozenset[str]) -> tuple[str, ...]:
    """Give the columns that make two rows one transaction."""
    if "transaction_id" in columns:
        return ("card_ref", "transaction_id", "authorized_at")
    own = ("card_ref", "acquirer_id", "merchant_id", "authorized_at", "amount_minor", "terminal_id")
    return tuple(known for known in own if known in columns)


def duplicates_in_sample(
    connection: duckdb.DuckDBPyConnection, history: History
) -> tuple[int, int]:
    """Duplicate rows among one card in so many, and that number (1: every card was looked at).

    The cards are chosen by a hash, so that any split and order of the files gives the same.
    """
    rows = sum(part.rows for part in history.parts)
    one_in = rows // DUPLICATE_SAMPLE_ROWS + 1
    keys = ", ".join(identifier(known) for known in identity(history.columns))
    [row] = connection.execute(
        fill(
            "SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM transactions "
            "WHERE {chosen} GROUP BY {keys})",
            chosen="true" if one_in == 1 else f"hash(card_ref) % {one_in} = 0",
            keys=keys,
        )
    ).fetchall()
    return int(row[0]), one_in


def ranges_overlap(parts: Sequence[Part]) -> bool:
    """Tell whether the time ranges of any two files meet."""
    ranges = sorted((part.first, part.last) for part in parts if part.first and part.last)
    latest: datetime | None = None
    for first, last in ranges:
        if latest is not None and first <= latest:
            return True
        latest = last if latest is None else max(latest, last)
    return False


def prepared_columns(columns: Sequence[str]) -> Mapping[str, str]:
    """Write SQL by known column for a prepared file, whose columns have their known names."""
    made = {known: identifier(known) for known in columns}
    made["acquirer_id"] = "coalesce(acquirer_id, '')" if "acquirer_id" in columns else "''"
    return made
