"""Parquet inputs: looked at by their metadata, read in place where no cell can fail to be read.

A history of 10⁹ rows is neither copied nor scanned here: null counts and extremes come from the
footers, and the expressions below are casts that keep projection and filters at the scan. A file
whose references or times need parsing is prepared like a CSV file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from sekisho.domain.errors import BadInput
from sekisho.warehouse.columns import KNOWN, PAIRS, Kind, Role
from sekisho.warehouse.csv_files import ROW
from sekisho.warehouse.engine import plain_errors
from sekisho.warehouse.rejects import MISSING, TOO_EARLY, TOO_LATE
from sekisho.warehouse.sqltext import fill, identifier, literal, literals
from sekisho.warehouse.times import END_DAY, FIRST_DAY
from sekisho.warehouse.values import flag, minor_units, number

MAGIC = b"PAR1"
SAMPLE_GROUPS = 5

_INTEGERS = frozenset(
    ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
)
_WIDE_INTEGERS = frozenset(("UBIGINT", "HUGEINT", "UHUGEINT"))
_FLOATS = ("FLOAT", "DOUBLE", "DECIMAL")
_NAIVE_TIMES = frozenset(("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S", "DATE"))
_ZONED_TIMES = frozenset(("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ", "TIMESTAMP_TZ_NS"))
_NESTED = ("STRUCT", "MAP", "UNION", "LIST", "VARIANT", "GEOMETRY")


@dataclass(frozen=True, slots=True)
class ParquetFile:
    """One Parquet file as its footer describes it; ``types`` are the engine's."""

    path: Path
    label: str
    names: tuple[str, ...]
    types: tuple[str, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class Extremes:
    """What the footer or a scan says of the columns that every row must have.

    ``unusable`` rows lack one of them or lie outside the believed years. Times are wall-clock
    time in the trace's zone; None if there is no usable row.
    """

    unusable: int
    first: datetime | None
    last: datetime | None


def is_parquet(path: Path) -> bool:
    """Tell whether the file begins as Parquet does, whatever its name ends in."""
    with plain_errors(path.name), path.open("rb") as stream:
        return stream.read(4) == MAGIC or path.suffix.lower() in (".parquet", ".pq")


def look_at(connection: duckdb.DuckDBPyConnection, path: Path, label: str) -> ParquetFile:
    """Give names, types and row count. Raises BadInput for a file that is cut off or damaged."""
    try:
        with pq.ParquetFile(path) as file:
            rows = file.metadata.num_rows
        described = connection.execute(
            "DESCRIBE SELECT * FROM read_parquet(?, hive_partitioning = false)", [str(path)]
        ).fetchall()
    except (pa.ArrowException, duckdb.Error, OSError, ValueError) as error:
        raise BadInput(
            f"{label}: not a whole Parquet file",
            hint="It may be cut off or damaged; fetch it again from where it came.",
        ) from error
    names = tuple(str(row[0]) for row in described)
    return ParquetFile(path, label, names, tuple(str(row[1]) for row in described), rows)


def sample(file: ParquetFile, places: Mapping[str, int], limit: int) -> dict[str, list[str]]:
    """Take up to ``limit`` values of each column as text, from row groups spread over the file."""
    found: dict[str, list[str]] = {known: [] for known in places}
    # Pages one by one: of a large row group only its first values are wanted.
    pages = {"pre_buffer": False, "buffer_size": 1 << 16}
    with plain_errors(file.label), pq.ParquetFile(file.path, **pages) as parquet:
        groups = parquet.metadata.num_row_groups
        chosen = sorted({index * (groups - 1) // (SAMPLE_GROUPS - 1) for index in range(5)})
        wanted = {known: parquet.schema_arrow.names[place] for known, place in places.items()}
        share = max(1, limit // max(1, len(chosen)))
        for group in chosen if groups else ():
            batches = parquet.iter_batches(share, row_groups=[group], columns=[*wanted.values()])
            for batch in batches:
                for known, name in wanted.items():
                    values = batch.column(batch.schema.get_field_index(name)).to_pylist()
                    found[known] += [str(value) for value in values if value is not None]
                break
    return found


def check_types(file: ParquetFile, places: Mapping[str, int]) -> None:
    """Raise BadInput for a column that holds lists or structures."""
    for known, place in places.items():
        kind = file.types[place]
        if kind.startswith(_NESTED) or kind.endswith("]"):
            raise BadInput(
                f"{file.label}: {known} is read from {file.names[place]}, which is of type "
                f"{kind.partition('(')[0]}, not one value per row",
                hint=f"Name another column: --columns {known}=NAME",
            )


def reads_in_place(file: ParquetFile, places: Mapping[str, int]) -> bool:
    """Tell whether references and times are typed, so that casts alone make the known columns."""
    reference = file.types[places["card_ref"]] if "card_ref" in places else "VARCHAR"
    if reference.startswith(_FLOATS):
        return False
    for whole, (date_part, time_part) in PAIRS.items():
        if whole in places and file.types[places[whole]] not in _NAIVE_TIMES | _ZONED_TIMES:
            return False
        if date_part in places:
            day = file.types[places[date_part]]
            clock = file.types[places[time_part]] if time_part in places else "TIME"
            if day not in _NAIVE_TIMES or clock != "TIME":
                return False
    return True


def cast_columns(file: ParquetFile, places: Mapping[str, int], zone: str) -> dict[str, str]:
    """Write SQL for each known column of a transactions file that is read in place."""
    made: dict[str, str] = {}
    for known, place in places.items():
        name, kind = identifier(file.names[place]), file.types[place]
        wanted = KNOWN[Role.TRANSACTIONS][known]
        if known == "pan" or wanted is Kind.TIME_PART:
            continue
        if wanted is Kind.DATE_PART:
            made["authorized_at"] = _pair(file, places)
        elif wanted is Kind.TIME:
            made[known] = _time(name, kind, zone)
        elif wanted is Kind.REFERENCE:
            made[known] = _reference(name, kind)
        elif wanted is Kind.FLAG:
            made[known] = _flag(name, kind)
        elif wanted is Kind.MINOR:
            made[known] = f"CAST({_number(name, kind)} AS BIGINT)"
        elif wanted is Kind.MAJOR:
            made["amount_minor"] = _major(file, places)
        else:
            made[known] = _text(name, kind)
    made["acquirer_id"] = f"coalesce({made['acquirer_id']}, '')" if "acquirer_id" in made else "''"
    return made


def _pair(file: ParquetFile, places: Mapping[str, int]) -> str:
    date_part, time_part = PAIRS["authorized_at"]
    day = f"CAST({identifier(file.names[places[date_part]])} AS DATE)"
    if time_part not in places:
        return f"CAST({day} AS TIMESTAMP)"
    return f"({day} + {identifier(file.names[places[time_part]])})"


def _time(name: str, kind: str, zone: str) -> str:
    if kind in _ZONED_TIMES:
        return f"timezone({literal(zone)}, CAST({name} AS TIMESTAMPTZ))"
    return name if kind == "TIMESTAMP" else f"CAST({name} AS TIMESTAMP)"


def is_number(kind: str) -> bool:
    """Tell whether a reference of this type stays an integer (BIGINT)."""
    return kind in _INTEGERS


def _reference(name: str, kind: str) -> str:
    if kind in _INTEGERS:
        return name if kind == "BIGINT" else f"CAST({name} AS BIGINT)"
    return _text(name, kind)


def _text(name: str, kind: str) -> str:
    if kind == "VARCHAR":
        return name
    if kind == "BLOB":
        return f"lower(hex({name}))"
    if kind.startswith(_FLOATS):  # pandas makes 123.0 of an identifier beside an empty cell
        return f"regexp_replace(CAST({name} AS VARCHAR), '[.]0+$', '')"
    return f"CAST({name} AS VARCHAR)"


def _flag(name: str, kind: str) -> str:
    if kind == "BOOLEAN":
        return name
    if kind in _INTEGERS | _WIDE_INTEGERS or kind.startswith(_FLOATS):
        return f"({name} <> 0)"
    return flag(f"trim(CAST({name} AS VARCHAR))")


def _number(name: str, kind: str) -> str:
    if kind in _INTEGERS | _WIDE_INTEGERS:
        return name
    if kind.startswith(_FLOATS):
        return f"round({name})"
    return number(f"CAST({name} AS VARCHAR)")


def _major(file: ParquetFile, places: Mapping[str, int]) -> str:
    kind = file.types[places["amount"]]
    name = identifier(file.names[places["amount"]])
    value = (
        name
        if kind in _INTEGERS or kind.startswith(_FLOATS)
        else number(f"CAST({name} AS VARCHAR)")
    )
    currency = None
    if "currency" in places:
        place = places["currency"]
        currency = _text(identifier(file.names[place]), file.types[place])
    return minor_units(value, currency, whole=kind in _INTEGERS)


def as_text(file: ParquetFile, places: Mapping[str, int]) -> str:
    """Write SQL that yields ``row__`` and the known columns as text, for preparing."""
    columns = ", ".join(
        f"{_text_for_reading(identifier(file.names[place]), file.types[place])} "
        f"AS {identifier(known)}"
        for known, place in places.items()
    )
    return fill(
        "SELECT file_row_number + 1 AS {row}, {columns} FROM read_parquet([{path}], "
        "hive_partitioning = false, file_row_number = true)",
        row=ROW,
        columns=columns,
        path=literal(str(file.path)),
    )


def dates(file: ParquetFile, role: Role, places: Mapping[str, int]) -> frozenset[str]:
    """Give the known columns of days that the file itself keeps as dates."""
    return frozenset(
        known
        for known, place in places.items()
        if KNOWN[role][known] is Kind.DATE and file.types[place] == "DATE"
    )


def _text_for_reading(name: str, kind: str) -> str:
    if kind in _ZONED_TIMES:  # the engine writes these with their offset
        return f"CAST(CAST({name} AS TIMESTAMPTZ) AS VARCHAR)"
    return _text(name, kind)


def scan_of(paths: Sequence[Path], columns: Mapping[str, str]) -> str:
    """Write SQL over files that read the same way."""
    return fill(
        "SELECT {columns} FROM read_parquet([{paths}], hive_partitioning = false)",
        columns=", ".join(f"{sql} AS {identifier(known)}" for known, sql in columns.items()),
        paths=literals([str(path) for path in paths]),
    )


def unusable_sql(columns: Mapping[str, str]) -> str:
    """Write SQL that is true for rows without a required value or outside the believed years."""
    at = columns["authorized_at"]
    tests = [f"{columns[name]} IS NULL" for name in ("card_ref", "merchant_id", "authorized_at")]
    tests += [f"CAST({columns[name]} AS VARCHAR) = ''" for name in ("card_ref", "merchant_id")]
    tests += [f"{at} < {_stamp(FIRST_DAY)}", f"{at} >= {_stamp(END_DAY)}"]
    return " OR ".join(f"coalesce({test}, false)" for test in tests)


def problems_sql(file: ParquetFile, columns: Mapping[str, str]) -> str:
    """Write SQL that yields row number and ``field|reason`` of the unusable rows of a file."""
    at = columns["authorized_at"]
    whens = "".join(
        f"WHEN {columns[name]} IS NULL OR CAST({columns[name]} AS VARCHAR) = '' "
        f"THEN {literal(name + '|' + MISSING)} "
        for name in ("card_ref", "merchant_id", "authorized_at")
    )
    return fill(
        "SELECT file_row_number + 1 AS {row}, CASE {whens}WHEN {at} < {start} THEN {early} "
        "ELSE {late} END FROM read_parquet([{path}], hive_partitioning = false, "
        "file_row_number = true) WHERE {bad} ORDER BY 1",
        row=ROW,
        whens=whens,
        at=at,
        start=_stamp(FIRST_DAY),
        early=literal("authorized_at|" + TOO_EARLY),
        late=literal("authorized_at|" + TOO_LATE),
        path=literal(str(file.path)),
        bad=unusable_sql(columns),
    )


def _stamp(day: date) -> str:
    return f"TIMESTAMP {literal(day.isoformat())}"


def extremes(
    connection: duckdb.DuckDBPyConnection, file: ParquetFile, columns: Mapping[str, str]
) -> Extremes:
    """Unusable rows, first and last time of a file read in place.

    One pass over three columns only where the footer does not already tell.
    """
    with plain_errors(file.label):
        if (told := _from_footer(connection, file, columns)) is not None:
            return told
        unusable = unusable_sql(columns)
        sql = fill(
            "SELECT count(*) FILTER ({bad}), min({at}) FILTER (NOT ({bad})), "
            "max({at}) FILTER (NOT ({bad})) FROM read_parquet([{path}], hive_partitioning = false)",
            bad=unusable,
            at=columns["authorized_at"],
            path=literal(str(file.path)),
        )
        [row] = connection.execute(sql).fetchall()
    return Extremes(*row)


def _from_footer(
    connection: duckdb.DuckDBPyConnection, file: ParquetFile, columns: Mapping[str, str]
) -> Extremes | None:
    """Give the same from the footer, if every row group tells and no row is unusable."""
    places = {sql: name for name, sql in columns.items()}
    footer = connection.execute(
        "SELECT path_in_schema, bool_and(coalesce(stats_null_count = 0, false)), "
        "bool_and(stats_min_value IS NOT NULL AND stats_min_value <> ''), "
        "min(TRY_CAST(stats_min_value AS TIMESTAMP)), max(TRY_CAST(stats_max_value AS TIMESTAMP)), "
        "bool_and(TRY_CAST(stats_max_value AS TIMESTAMP) IS NOT NULL) "
        "FROM parquet_metadata(?) WHERE num_values > 0 GROUP BY path_in_schema",
        [str(file.path)],
    ).fetchall()
    told = {str(row[0]): row[1:] for row in footer}
    first = last = None
    for known in ("card_ref", "merchant_id", "authorized_at"):
        own = [name for name in file.names if _reads_only(columns[known], name)]
        if len(own) != 1 or own[0] not in told or known not in places.values():
            return None
        without_null, with_minimum, low, high, timed = told[own[0]]
        if not without_null or not with_minimum:
            return None
        if known == "authorized_at":
            if "timezone" in columns[known] or not timed:
                return None
            first, last = low, high
    if first is None or last is None or first.date() < FIRST_DAY or last.date() >= END_DAY:
        return None
    return Extremes(0, first, last)


def _reads_only(sql: str, name: str) -> bool:
    """Tell whether an expression is the column itself or one cast of it."""
    own = identifier(name)
    return sql in (own, *(f"CAST({own} AS {kind})" for kind in ("BIGINT", "VARCHAR", "TIMESTAMP")))
