"""The file of known leaks: CSV or Parquet like every input, or JSON as ``findings.json`` has it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from sekisho.domain.errors import BadInput, NothingToDo
from sekisho.domain.finding import EntityKind
from sekisho.domain.known_leaks import DATA_KEYS, KnownLeak
from sekisho.domain.notes import note
from sekisho.warehouse.columns import KNOWN, Role
from sekisho.warehouse.prepare import Prepared
from sekisho.warehouse.sqltext import fill, identifier, literal

LIST_KEY = "known_leaks"
LARGEST_BYTES = 50_000_000
# The narrowest level that a row names is the one that leaked.
_LEVELS = (
    (EntityKind.MERCHANT, "merchant_id"),
    (EntityKind.OPERATOR, "operator_id"),
    (EntityKind.PROCESSOR, "processor_id"),
)


def is_json(path: Path) -> bool:
    """Tell by content whether a file is JSON: its first character opens a list or an object."""
    with path.open("rb") as stream:
        head = stream.read(256)
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"[", b"{"}


def json_as_table(path: Path, label: str, out: Path) -> Path:
    """Write the leaks of a JSON file as a Parquet table of texts to ``out``, and give it.

    The file is a list of objects, or an object with such a list under ``known_leaks``. Raises
    BadInput (with the place of the trouble) or NothingToDo.
    """
    if path.stat().st_size > LARGEST_BYTES:
        raise BadInput(f"{label}: a file of known leaks of more than {LARGEST_BYTES:,} bytes")
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadInput(f"{label}: the file is not UTF-8", hint="JSON is UTF-8.") from error
    except json.JSONDecodeError as error:
        raise BadInput(
            f"{label}: not JSON ({error.msg}, line {error.lineno}, column {error.colno})"
        ) from error
    except RecursionError as error:
        raise BadInput(f"{label}: lists within lists without end") from error
    rows = document.get(LIST_KEY) if isinstance(document, Mapping) else document
    if not isinstance(rows, list):
        raise BadInput(
            f"{label}: neither a list of leaks nor an object with one under {LIST_KEY!r}",
            hint='Write it as [{"merchant_id": "...", "window_start": "2024-01-01", '
            '"window_end": "2024-03-31"}].',
        )
    if not rows:
        raise NothingToDo(f"{label}: there is no leak in this file")
    names = list(dict.fromkeys(name for row in rows if isinstance(row, Mapping) for name in row))
    if not names and all(isinstance(row, Mapping) for row in rows):
        raise NothingToDo(f"{label}: the leaks in this file have no keys")
    texts = [_texts(label, place, row) for place, row in enumerate(rows, 1)]
    table = {name: pa.array([row.get(name) for row in texts], pa.string()) for name in names}
    pq.write_table(pa.table(table), out)
    return out


def _texts(label: str, place: int, row: object) -> dict[str, str | None]:
    """One object as texts; raises BadInput for anything else than values and lists of words."""
    if not isinstance(row, Mapping):
        raise BadInput(f"{label}: leak {place} is not an object")
    out: dict[str, str | None] = {}
    for name, value in row.items():
        if isinstance(value, list) and all(isinstance(word, str) for word in value):
            out[name] = " ".join(value)
        elif value is None or (isinstance(value, str | int) and not isinstance(value, bool)):
            out[name] = None if value is None else str(value)
        elif name in KNOWN[Role.KNOWN_LEAKS]:
            raise BadInput(f"{label}: {name} of leak {place} is neither a text nor a number")
    return out


def read_leaks(
    connection: duckdb.DuckDBPyConnection, prepared: Prepared
) -> tuple[tuple[KnownLeak, ...], list[str]]:
    """Give the leaks of a prepared file in its order, doubles once, and notes on them."""
    wanted = tuple(KNOWN[Role.KNOWN_LEAKS])
    columns = ", ".join(
        identifier(name) if name in prepared.columns else f"NULL AS {identifier(name)}"
        for name in wanted
    )
    rows = connection.execute(
        fill(
            "SELECT {columns} FROM read_parquet({path}) ORDER BY row__",
            columns=columns,
            path=literal(str(prepared.path)),
        )
    ).fetchall()
    strange: set[str] = set()
    leaks = [_leak(dict(zip(wanted, row, strict=True)), strange) for row in rows]
    notes: list[str] = []
    if strange:
        notes.append(note("strange_data", count=len(strange), known=", ".join(DATA_KEYS)))
    distinct = tuple(dict.fromkeys(leaks))
    if len(distinct) < len(leaks):
        notes.append(note("leaks_twice", count=len(leaks) - len(distinct)))
    return distinct, notes


def _leak(row: Mapping[str, Any], strange: set[str]) -> KnownLeak:
    kind, column = next((kind, name) for kind, name in _LEVELS if row[name])
    words = [word for word in re.split(r"[\s,;|]+", (row["data_taken"] or "").casefold()) if word]
    strange.update(word for word in words if word not in DATA_KEYS)
    return KnownLeak(
        entity_kind=kind,
        acquirer=(row["acquirer_id"] or "") if kind is EntityKind.MERCHANT else "",
        number=row[column],
        window_start=row["window_start"],
        window_end=row["window_end"],
        name=row["name"] or "",
        reference=row["reference"] or "",
        data_taken=_known_words(words),
    )


def _known_words(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(key for key in DATA_KEYS if key in words)
