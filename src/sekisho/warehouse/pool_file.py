"""The file that issuers exchange: ``sekisho.pool/1`` (docs/reference/pool-file.md).

A ZIP of ``header.json`` and four Parquet tables of integers. It comes from another house, so
everything is checked before it is believed: digests, types, ranges, and that no cell is smaller
than the header says.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sekisho.domain.errors import BadInput, OutputFailed
from sekisho.domain.pool import (
    EVER,
    FIRST_MONDAY,
    SCHEMA,
    UNIT,
    WEEK_DAYS,
    Agreement,
    CaseCells,
    EntityTotals,
    Pool,
    PoolHeader,
    ReachCells,
)

Ints = NDArray[np.int64]

HEADER = "header.json"
TABLES = ("cases.parquet", "reach.parquet", "entities.parquet", "periods.parquet")
GRID = {"first_monday": FIRST_MONDAY, "week_days": WEEK_DAYS, "unit": UNIT, "ever": EVER}
COUNTS = ("transactions", "cards", "cases", "controls", "sample_percent")
MOST_BYTES = 4 << 30  # unpacked; a larger file is not believed
MOST = np.int64(1) << 50  # no count or sum of millionths comes near it


def write_pool(path: Path, header: PoolHeader, pool: Pool) -> None:
    """Write the pool of one issuer, whole or not at all. Raises OutputFailed."""
    parts = {name: _parquet(table) for name, table in _tables(pool).items()}
    text = json.dumps(_header_document(header, parts), ensure_ascii=False, indent=2) + "\n"
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(partial, "x", zipfile.ZIP_STORED) as archive:
            for name, content in {HEADER: text.encode("utf-8"), **parts}.items():
                # A fixed time, so that the same counts are the same bytes.
                archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(path)
    except OSError as error:
        raise OutputFailed(
            f"The pool file could not be written to {path}: {error.strerror or error}.",
            hint="Name a file in a folder that you may write to, with room on its disk.",
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _tables(pool: Pool) -> dict[str, pa.Table]:
    cases, reach = pool.case_cells, pool.reach_cells
    columns = {name: getattr(reach, name) for name in ReachCells.__slots__ if name != "expected"}
    columns |= {f"expected_{p}": reach.expected[:, p] for p in range(pool.cases.size)}
    totals = {name: getattr(pool.totals, name) for name in EntityTotals.__slots__}
    return {
        "cases.parquet": pa.table({name: getattr(cases, name) for name in CaseCells.__slots__}),
        "reach.parquet": pa.table(columns),
        "entities.parquet": pa.table({"entity_id": pa.array(pool.names, pa.string()), **totals}),
        "periods.parquet": pa.table({"cases": pool.cases, "sampling": pool.sampling}),
    }


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _header_document(header: PoolHeader, parts: dict[str, bytes]) -> dict[str, Any]:
    agreement = header.agreement
    return {
        "schema": SCHEMA,
        "issuer": header.issuer,
        "legal_basis": header.legal_basis,
        "version": header.version,
        "grid": GRID,
        "as_of": agreement.as_of.isoformat(),
        "since": agreement.since.isoformat(),
        "timezone": agreement.timezone,
        "naming": agreement.naming,
        "periods": [
            {"begin": begin, "until": until, "trailing_days": days}
            for (begin, until), days in zip(agreement.periods, agreement.trailing, strict=True)
        ],
        "smallest_cell": header.smallest_cell,
        "counts": dict(header.counts),
        "suppressed": dict(header.suppressed),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()},
    }


def read_pool(path: Path) -> tuple[PoolHeader, Pool]:
    """Read and check a pool file. Raises BadInput, saying what is wrong and in which part."""
    try:
        with zipfile.ZipFile(path) as archive:
            document, parts = _unpack(path, archive)
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file.", hint="Name pool files of the issuers.") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, RuntimeError) as error:
        raise _broken(path, f"it is not a whole pool file ({error})") from error
    try:
        header = _header(path, document)
        pool = _pool(path, parts, header)
    except (pa.ArrowInvalid, pa.ArrowKeyError, KeyError, TypeError, ValueError) as error:
        raise _broken(path, f"a part is missing or of another kind ({error})") from error
    _check(path, header, pool)
    return header, pool


def _broken(path: Path, why: str) -> BadInput:
    return BadInput(
        f"{path.name} cannot be pooled: {why}.",
        hint="Ask its issuer for the file again (sekisho pool export).",
    )


def _unpack(path: Path, archive: zipfile.ZipFile) -> tuple[Any, dict[str, bytes]]:
    if set(archive.namelist()) != {HEADER, *TABLES}:
        raise _broken(path, f"it does not hold {HEADER} and the four tables")
    if sum(info.file_size for info in archive.infolist()) > MOST_BYTES:
        raise _broken(path, "it unpacks to more than 4 GiB")
    document = json.loads(archive.read(HEADER))
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise _broken(path, f"its schema is not {SCHEMA}")
    parts = {name: archive.read(name) for name in TABLES}
    digests = document.get("sha256")
    for name, content in parts.items():
        found = hashlib.sha256(content).hexdigest()
        if not isinstance(digests, dict) or digests.get(name) != found:
            raise _broken(path, f"{name} does not fit its digest")
    return document, parts


def _header(path: Path, document: dict[str, Any]) -> PoolHeader:
    if document["grid"] != GRID:
        raise _broken(path, f"its grid is {document['grid']}, not {GRID}")
    texts = {
        key: document[key] for key in ("issuer", "legal_basis", "version", "timezone", "naming")
    }
    for key, text in texts.items():
        if not isinstance(text, str) or not text.strip() or not text.isprintable():
            raise _broken(path, f"{key} in its header is not a text")
    periods = document["periods"]
    agreement = Agreement(
        as_of=date.fromisoformat(document["as_of"]),
        since=date.fromisoformat(document["since"]),
        timezone=texts["timezone"],
        periods=tuple((_count(p["begin"]), _count(p["until"])) for p in periods),
        trailing=tuple(
            None if p["trailing_days"] is None else _count(p["trailing_days"]) for p in periods
        ),
        naming=texts["naming"],
    )
    return PoolHeader(
        issuer=texts["issuer"],
        legal_basis=texts["legal_basis"],
        version=texts["version"],
        smallest_cell=_count(document["smallest_cell"]),
        agreement=agreement,
        counts={key: _count(document["counts"][key]) for key in COUNTS},
        suppressed={str(k): _count(v) for k, v in document["suppressed"].items()},
    )


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > MOST:
        message = f"{value!r} is not a whole number"
        raise ValueError(message)
    return value


def _pool(path: Path, parts: dict[str, bytes], header: PoolHeader) -> Pool:
    tables = {name: pq.read_table(io.BytesIO(content)) for name, content in parts.items()}
    periods = len(header.agreement.periods)

    def ints(table: str, column: str) -> Ints:
        values = tables[table].column(column)
        if values.type != pa.int64() or values.null_count:
            raise _broken(path, f"{column} in {table} is not all 64-bit integers")
        return np.asarray(values.to_numpy(), np.int64)

    reach = {name: ints("reach.parquet", name) for name in ReachCells.__slots__[:-1]}
    expected = [ints("reach.parquet", f"expected_{p}") for p in range(periods)]
    return Pool(
        tuple(tables["entities.parquet"].column("entity_id").to_pylist()),
        CaseCells(*(ints("cases.parquet", name) for name in CaseCells.__slots__)),
        ReachCells(**reach, expected=np.column_stack(expected)),
        EntityTotals(*(ints("entities.parquet", name) for name in EntityTotals.__slots__)),
        ints("periods.parquet", "cases"),
        ints("periods.parquet", "sampling"),
    )


def _check(path: Path, header: PoolHeader, pool: Pool) -> None:
    """Raise BadInput unless the numbers can be what the header says."""
    cases, reach, smallest = pool.case_cells, pool.reach_cells, header.smallest_cell
    periods, size = len(header.agreement.periods), len(pool.names)
    arrays = [
        *(getattr(cases, name) for name in CaseCells.__slots__),
        *(getattr(reach, name) for name in ReachCells.__slots__),
        *(getattr(pool.totals, name) for name in EntityTotals.__slots__),
        pool.cases,
        pool.sampling,
    ]
    names = [n for n in pool.names if isinstance(n, str) and n and n.isprintable()]
    tests = {
        "its misuse periods and their cases differ in number": pool.cases.size == periods > 0,
        "a merchant has no name": len(names) == size,
        "its merchants are not sorted, or one is there twice": names == sorted(set(names)),
        "a number is negative or impossibly large": all(
            ((a >= 0) & (a <= MOST)).all() for a in arrays
        ),
        "a cell belongs to no merchant": all(
            bool((c.entity < size).all() and (np.diff(c.entity) >= 0).all())
            for c in (cases, reach)
        ),
        "a cell lies in no misuse period": bool((cases.period < periods).all()),
        "a cell holds for no window": all(
            bool((c.begin <= c.last).all() and (np.maximum(c.last, c.until) < EVER).all())
            for c in (cases, reach)
        ),
        f"a cell describes fewer than {smallest} cards": bool(
            smallest >= 1 and (cases.count >= smallest).all() and (reach.cards >= smallest).all()
        ),
        "a cell has more new cards than cards": bool(
            (cases.new <= cases.count).all() and (cases.quick <= cases.count).all()
        ),
    }  # fmt: skip
    for why, right in tests.items():
        if not right:
            raise _broken(path, why)
