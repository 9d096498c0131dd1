"""SQLite files, PostgreSQL and MySQL: every table, read only, column by column."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from sekisho.discovery.finding import NotRead, Report
from sekisho.discovery.grid import GridScan
from sekisho.discovery.opening import Source
from sekisho.discovery.text import Machine
from sekisho.domain.errors import BadInput

SCHEMES: Final = ("postgresql", "postgres", "mysql", "mariadb")
_BATCH: Final = 2000
_MYSQL_DENIED: Final = (1044, 1142, 1143, 1227)
_MYSQL_GONE: Final = (1053, 1927, 2006, 2013, 2014, 2055)
_SYSTEM: Final = ("information_schema", "mysql", "performance_schema", "sys", "pg_catalog")


def is_database(path: str) -> bool:
    """Whether ``path`` is the address of a database."""
    return path.partition("://")[0] in SCHEMES and "://" in path


def shown(address: str) -> str:
    """An address without its password."""
    return re.sub(r"://([^:@/]*):[^@/]*@", r"://\1:***@", address)


def sqlite_file(source: Source, machine: Machine, sample: int | None) -> Iterator[Report]:
    """Look through each table of a SQLite file; nothing is written, not even a journal."""
    if source.disk:
        address = f"file:{_quoted_path(source.disk)}?mode=ro&immutable=1"
        connection = sqlite3.connect(address, uri=True)
    else:
        connection = sqlite3.connect(":memory:")
        connection.deserialize(source.seekable().read())
    with closing(connection):
        if _cut_off(source):
            yield NotRead(source.path, "database is cut off")
        connection.text_factory = bytes
        listed = "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0"
        for (name,) in connection.execute(listed).fetchall():
            table = name.decode("utf-8", "replace")
            try:
                cursor = connection.execute(_select("main", _double_quoted(table), sample))
                yield from _rows(cursor, table, source.path, machine)
            except sqlite3.Error as error:
                yield NotRead(f"{source.path}!{table}", f"table is broken ({type(error).__name__})")


def _cut_off(source: Source) -> bool:
    """Whether a SQLite file says it has more pages than there are (its file format, 1.3)."""
    head = source.stream.peek(100)
    if source.file is None or len(head) < 100:
        return False
    page = int.from_bytes(head[16:18], "big")
    pages = int.from_bytes(head[28:32], "big")
    in_use = head[24:28] == head[92:96]  # else the count of pages is not to be trusted
    size = source.file.seek(0, 2)
    return bool(in_use and size < pages * (65536 if page == 1 else page))


def database(address: str, machine: Machine, sample: int | None) -> Iterator[Report]:
    """Look through each table of a database at ``address``, in one read-only transaction.

    Raises BadInput where the driver is missing or the address is no address.
    """
    scheme = urlsplit(address).scheme
    reader = _postgres if scheme.startswith("postgres") else _mysql
    path = shown(address)
    try:
        yield from reader(address, path, machine, sample)
    except ModuleNotFoundError:
        raise BadInput(
            f"{path}: the driver for {scheme} is not installed.",
            hint="Install it with: pip install 'sekisho[databases]'",
        ) from None


def _postgres(address: str, path: str, machine: Machine, sample: int | None) -> Iterator[Report]:
    import psycopg  # noqa: PLC0415 - an extra

    try:
        with psycopg.connect(address, connect_timeout=15) as connection:
            connection.read_only = True
            connection.execute("SELECT set_config('statement_timeout', '0', true)")
            tables = connection.execute(
                # Not information_schema: it keeps silent about tables that may not be read.
                "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c "
                "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                "WHERE c.relkind IN ('r', 'm') AND n.nspname NOT LIKE 'pg\\_%%' "
                "AND n.nspname <> ALL (%s) ORDER BY 1, 2",
                (list(_SYSTEM),),
            ).fetchall()
            for schema, table in tables:
                name = f"{schema}.{table}"
                query = _select(_double_quoted(schema), _double_quoted(table), sample)
                try:
                    # A savepoint, so that one table without permission does not end the rest.
                    with connection.transaction(), connection.cursor(name="sekisho") as cursor:
                        cursor.itersize = _BATCH
                        cursor.execute(query.encode())
                        yield from _rows(cursor, name, path, machine)
                except psycopg.OperationalError:
                    raise
                except psycopg.Error as error:
                    yield NotRead(f"{path}!{name}", _postgres_reason(error))
    except psycopg.OperationalError as error:
        yield NotRead(path, f"database cannot be reached or went away ({type(error).__name__})")


def _postgres_reason(error: Any) -> str:
    return "no permission" if error.sqlstate == "42501" else f"cannot be read ({error.sqlstate})"


def _mysql(address: str, path: str, machine: Machine, sample: int | None) -> Iterator[Report]:
    import pymysql  # noqa: PLC0415 - an extra
    from pymysql.cursors import SSCursor  # noqa: PLC0415

    parts = urlsplit(address)
    try:
        connection = pymysql.connect(
            host=parts.hostname or "localhost", port=parts.port or 3306,
            user=unquote(parts.username or ""), password=unquote(parts.password or ""),
            database=parts.path.strip("/") or None, charset="utf8mb4", connect_timeout=15,
        )  # fmt: skip
        with closing(connection):
            with connection.cursor() as cursor:
                cursor.execute("START TRANSACTION READ ONLY")
                cursor.execute(
                    "SELECT table_schema, table_name FROM information_schema.tables "
                    "WHERE table_type = 'BASE TABLE' AND table_schema NOT IN %s ORDER BY 1, 2",
                    (_SYSTEM,),
                )
                tables = cursor.fetchall()
            for schema, table in tables:
                query = _select(_back_quoted(schema), _back_quoted(table), sample)
                try:
                    with connection.cursor(SSCursor) as stream:
                        stream.execute(query)
                        yield from _rows(stream, f"{schema}.{table}", path, machine)
                except pymysql.err.MySQLError as error:
                    if error.args[0] in _MYSQL_GONE:
                        raise
                    yield NotRead(f"{path}!{schema}.{table}", _mysql_reason(error.args[0]))
    except pymysql.err.MySQLError as error:
        yield NotRead(path, f"database cannot be reached or went away ({error.args[0]})")


def _mysql_reason(code: int) -> str:
    return "no permission" if code in _MYSQL_DENIED else f"cannot be read ({code})"


def _rows(cursor: Any, table: str, path: str, machine: Machine) -> Iterator[Report]:
    """Look through the rows that a cursor gives, in batches."""
    names = [_name(one) for one in cursor.description or ()]
    scan = GridScan(machine, path, names, lambda name, row: f"{table}.{name}[{row}]")
    while rows := cursor.fetchmany(_BATCH):
        yield from scan.feed([_texts(column) for column in zip(*rows, strict=True)])


def _name(described: Any) -> str:
    name = described[0]
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


def _texts(column: Sequence[Any]) -> list[str | bytes | None]:
    return [
        value if value is None or isinstance(value, str | bytes)
        else bytes(value) if isinstance(value, memoryview | bytearray)
        else str(value)
        for value in column
    ]  # fmt: skip


def _select(schema: str, table: str, sample: int | None) -> str:
    """All rows of a table, or the first ones; names come quoted, as no driver binds them."""
    limit = f" LIMIT {int(sample)}" if sample else ""
    return f"SELECT * FROM {schema}.{table}{limit}"  # noqa: S608 - see above


def _double_quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _back_quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _quoted_path(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
