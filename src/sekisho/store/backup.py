"""The whole store as one file, which fits either database.

A compressed file of JSON lines: what it is, then every row of every table, last how many there
are and a SHA-256 over all of it. Read in one snapshot, so that nothing is half in it, and written
under its name only when it is complete. Restoring goes into an empty database, whole or not
at all, and the audit log is verified before it is committed. Jobs that were not finished are held:
what was sent after the backup was made must not be sent again.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnClause, Connection, Table, column, func, insert, select, table, update
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

from sekisho.domain.errors import BadInput, OutputFailed
from sekisho.domain.progress import Progress
from sekisho.store.canonical import Plain
from sekisho.store.database import Database
from sekisho.store.migrate import known_revisions, migrate_in, present
from sekisho.store.tables import audit_entry, chain_head, metadata, outbox_job
from sekisho.store.transaction import Store, Transaction
from sekisho.store.verify import verify

FORMAT: Final = "sekisho.backup/1"
_ROWS: Final = 1_000
_LINE_MAX: Final = 64 * 2**20
_NOT_OURS: Final = "Give a file that sekisho backup wrote, whole and unchanged."


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup holds. ``rows``: by table. ``head`` is that of the audit log, if it has one."""

    revision: str
    made_at: str
    rows: Mapping[str, int]
    sha256: str


def _ordered() -> list[Table]:
    """Tables that others point to come first; in the audit log entries before values."""
    return list(metadata.sorted_tables)


def backup(database: Database, target: Path, *, now: datetime, progress: Progress) -> Contents:
    """Write ``target`` (mode 0600, must not exist) from one snapshot of the store."""
    if target.exists():
        raise BadInput(
            f"{target.name} exists and is not overwritten", hint="Choose a new name for each."
        )
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise OutputFailed(
            f"nothing can be written to {target.parent}: {error.strerror}",
            hint="Choose a folder that exists and that you may write to.",
        ) from None
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as raw:
            with gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as file:
                contents = _write(database, file, now, progress)
            raw.flush()
            os.fsync(raw.fileno())
        os.link(part, target)  # never over another one, unlike rename
    except OSError as error:
        raise OutputFailed(
            f"the backup could not be written whole: {error.strerror}. Nothing was left behind.",
            hint="Is there room for it?",
        ) from None
    finally:
        part.unlink(missing_ok=True)
    return contents


def _write(database: Database, file: gzip.GzipFile, now: datetime, progress: Progress) -> Contents:
    total = hashlib.sha256()

    def put(line: object) -> None:
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        total.update(text)
        file.write(text)

    rows: dict[str, int] = {}
    with database.read() as connection:
        revision = present(connection) or ""
        tables = _ordered()
        _count(connection, tables, progress, "backup")
        columns = {one.name: [each.name for each in one.columns] for one in tables}
        made_at = now.isoformat(timespec="seconds")
        put({"format": FORMAT, "revision": revision, "made_at": made_at, "tables": columns})
        for one in tables:
            rows[one.name] = 0
            wanted = select(one).order_by(*one.primary_key.columns)
            for row in connection.execute(wanted, execution_options={"yield_per": _ROWS}):
                put([one.name, *row])
                rows[one.name] += 1
            progress.advance(rows[one.name])
    sha256 = total.hexdigest()
    file.write(json.dumps({"rows": rows, "sha256": sha256}).encode() + b"\n")
    return Contents(revision, made_at, rows, sha256)


def _count(connection: Connection, tables: list[Table], progress: Progress, step: str) -> None:
    counts = (connection.execute(select(func.count()).select_from(one)) for one in tables)
    progress.step(step, total=sum(one.scalar_one() for one in counts))


def read_lines(path: Path) -> Iterator[bytes]:
    """The lines of a backup; ``BadInput`` where the file is cut off or damaged."""
    try:
        with gzip.open(path, "rb") as file:
            while line := file.readline(_LINE_MAX):
                yield line
    except FileNotFoundError:
        raise BadInput(f"{path.name} is not there", hint=_NOT_OURS) from None
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{path.name} cannot be read whole: {error}", hint=_NOT_OURS) from None


def check(path: Path) -> Contents:
    """Read the whole file and say what is in it; ``BadInput`` unless its checksum fits."""
    total = hashlib.sha256()
    header: dict[str, Any] = {}
    previous = b""
    rows: dict[str, int] = {}
    for line in read_lines(path):
        if previous:
            total.update(previous)
            if not header:
                header = _header(path, previous)
            else:
                name = _row(path, previous, header)[0]
                rows[name] = rows.get(name, 0) + 1
        previous = line
    end = _parsed(path, previous)
    sha256 = total.hexdigest()
    if not header or not isinstance(end, dict) or end.get("sha256") != sha256:
        raise BadInput(f"{path.name} is damaged or cut off", hint=_NOT_OURS)
    if {name: count for name, count in end["rows"].items() if count} != rows:
        raise BadInput(f"{path.name} does not hold the rows that it says", hint=_NOT_OURS)
    return Contents(header["revision"], header["made_at"], rows, sha256)


def _parsed(path: Path, line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        raise BadInput(f"{path.name} is no backup of Sekisho", hint=_NOT_OURS) from None


def _header(path: Path, line: bytes) -> dict[str, Any]:
    header = _parsed(path, line)
    if not isinstance(header, dict) or not str(header.get("format")).startswith("sekisho.backup/"):
        raise BadInput(f"{path.name} is no backup of Sekisho", hint=_NOT_OURS)
    revision = header.get("revision")
    if header["format"] != FORMAT or revision not in known_revisions():
        raise BadInput(
            f"{path.name} is of format {header['format']} with form {revision}, which this "
            "version does not know",
            hint="Restore it with the version of Sekisho that wrote it, or a newer one.",
        )
    return header


def _row(path: Path, line: bytes, header: Mapping[str, Any]) -> list[Any]:
    row = _parsed(path, line)
    columns = header["tables"].get(row[0]) if isinstance(row, list) and row else None
    if columns is None or len(row) != len(columns) + 1:
        raise BadInput(f"{path.name} holds a row that fits no table", hint=_NOT_OURS)
    return list(row)


def restore(store: Store, path: Path, *, actor: str, progress: Progress) -> Contents:
    """Bring the backup into the empty database of ``store``, whole or not at all.

    Afterwards it has the newest form, the log is verified and says that it was restored,
    and unfinished jobs are held.
    """
    contents = check(path)
    database = store.database
    with database.write() as connection:
        _refuse_unless_empty(database, connection)
        migrate_in(connection, contents.revision)
        connection.execute(chain_head.delete())
        progress.step("restore", total=sum(contents.rows.values()))
        _insert(connection, path, progress)
        migrate_in(connection)
        verdict = verify(connection, progress=progress)
        if not verdict.intact:
            first = verdict.breaks[0]
            raise BadInput(
                f"the audit log in {path.name} is broken at entry {first.sequence}: {first.what}. "
                "Nothing was restored.",
                hint="Take an older backup, and find out who could write to the database.",
            )
        details: dict[str, Plain] = {
            "backup": contents.sha256,
            "made_at": contents.made_at,
            "jobs_held": _hold(connection),
        }
        tx = Transaction(connection, actor=actor, reason="restore", outside=store.outside)
        tx.record("store.restore", f"backup:{contents.sha256[:16]}", details)
        tx.finish()
    return contents


def _refuse_unless_empty(database: Database, connection: Connection) -> None:
    if present(connection) is None:
        return
    if connection.execute(select(func.count()).select_from(audit_entry)).scalar_one():
        raise BadInput(
            f"the database {database.shown} is in use: its audit log has entries",
            hint="Restore into a new one: --database sqlite:///NEW/sekisho.db or an empty "
            "PostgreSQL database. Nothing is ever overwritten.",
        )


def _insert(connection: Connection, path: Path, progress: Progress) -> None:
    header: dict[str, Any] = {}
    batch: list[dict[str, Any]] = []
    name = ""
    for line in read_lines(path):
        if not header:
            header = _header(path, line)
            continue
        row = json.loads(line)
        if isinstance(row, dict):
            break
        if batch and (row[0] != name or len(batch) >= _ROWS):
            _insert_rows(connection, path, name, batch)
            progress.advance(len(batch))
            batch = []
        name = row[0]
        batch.append(dict(zip(header["tables"][name], row[1:], strict=True)))
    if batch:
        _insert_rows(connection, path, name, batch)
        progress.advance(len(batch))


def _insert_rows(connection: Connection, path: Path, name: str, rows: list[dict[str, Any]]) -> None:
    try:
        # By the columns of the backup: an older form has other ones than this version.
        columns: list[ColumnClause[Any]] = [column(one) for one in rows[0]]
        connection.execute(insert(table(name, *columns)), rows)
    except (IntegrityError, DataError, ProgrammingError):
        raise BadInput(
            f"a row of the table {name} in {path.name} does not fit it. Nothing was restored.",
            hint=_NOT_OURS,
        ) from None


def _hold(connection: Connection) -> int:
    held = (
        update(outbox_job)
        .where(outbox_job.c.state.in_(("waiting", "running")))
        .values(state="held", due_us=None, lease_token=None, trouble="held: restored from a backup")
    )
    return connection.execute(held).rowcount
