"""One way to either database: SQLite by default, PostgreSQL by URL.

Writing connections begin at once (``BEGIN IMMEDIATE`` on SQLite), reading ones see one snapshot and
cannot write. A database that is away, locked or full becomes a typed error in which nothing
was changed; beginning is tried again until ``patience_s`` is used up.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sekisho.domain.errors import BadInput, SekishoError, StoreFull, StoreUnavailable

_CONNECT_S: Final = 5
_PAUSE_MIN_S: Final = 0.05
_PAUSE_MAX_S: Final = 2.0
_MIGRATE: Final = "Bring it up to date: sekisho store migrate"
_WRITABLE: Final = "Write sqlite:///PATH/sekisho.db or postgresql://USER:PASSWORD@HOST/NAME"
# A server that ends, has no room, or waits for locks: https://www.postgresql.org/docs/16/errcodes-appendix.html
_PASSING_CLASSES: Final = ("08", "40", "53", "55", "57")
_FULL_STATES: Final = ("53100", "53200")
# By a part of SQLite's message or PostgreSQL's state: what will not pass by itself.
_REFUSALS: Final = {
    "no such table": _MIGRATE,
    "42P01": _MIGRATE,
    "unable to open": "Does its folder exist, and may you write there?",
    "readonly": "May you write to the file and to its folder?",
    "not a database": "The file is something else. " + _WRITABLE,
    "malformed": "The file is damaged. Move it away and bring back a backup: sekisho restore FILE",
    "password authentication failed": "Is the password right? " + _WRITABLE,
    "no pg_hba.conf entry": "Ask the database's administrator to let this machine in.",
    "does not exist": "Does the server have this database and this user? createdb NAME",
    "42501": "The user needs the right to make tables in this database.",
}


@dataclass(frozen=True, slots=True)
class Outside:
    """Time and chance, handed in.

    ``clock``: now, with a zone. ``entropy``: that many bytes from a cryptographic source.
    ``sleep``: waits so many seconds.
    """

    clock: Callable[[], datetime]
    entropy: Callable[[int], bytes]
    sleep: Callable[[float], None]


class Database:
    """A database that is opened at first use; `shown` is its URL without the password."""

    def __init__(
        self, url: str, *, outside: Outside, patience_s: float = 10.0, lock_wait_s: int = 15
    ) -> None:
        """Read ``url``; raises ``BadInput`` where it names neither database.

        ``patience_s``: how long beginning is tried again. ``lock_wait_s``: how long one try waits
        for others to finish.
        """
        self._url = _read(url)
        self.kind = self._url.get_backend_name()
        self.shown = shown(self._url)
        self.outside = outside
        self._patience_s = patience_s
        self._lock_wait_s = lock_wait_s
        self._opened: Engine | None = None

    @property
    def path(self) -> Path | None:
        """The file of a SQLite database."""
        return Path(self._url.database or "") if self.kind == "sqlite" else None

    @property
    def engine(self) -> Engine:
        """The engine, made at first use; for migrations."""
        if self._opened is None:
            opening = _sqlite if self.kind == "sqlite" else _postgresql
            self._opened = opening(self._url, self._lock_wait_s)
        return self._opened

    def close(self) -> None:
        """Give back every connection."""
        if self._opened is not None:
            self._opened.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot, read only, for the length of the block."""
        options: dict[str, Any] = {"sekisho_begin": "BEGIN"}
        if self.kind == "postgresql":
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        connection = self._begun(options)
        try:
            with self.told():
                if self.kind == "sqlite":
                    connection.exec_driver_sql("PRAGMA query_only = ON")
                yield connection
        finally:
            with suppress(DBAPIError):
                if self.kind == "sqlite":
                    connection.exec_driver_sql("PRAGMA query_only = OFF")
                connection.rollback()
            connection.close()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: committed at the end of the block, rolled back where it raises."""
        connection = self._begun({"sekisho_begin": "BEGIN IMMEDIATE"})
        try:
            with self.told():
                yield connection
                connection.commit()
        finally:
            with suppress(DBAPIError):
                connection.rollback()
            connection.close()

    def shrink(self) -> None:
        """Let no page outlive what was erased from it: SQLite's journal is emptied.

        PostgreSQL frees dead rows by itself (autovacuum); its archives are its operator's.
        """
        if self.kind == "sqlite":
            with self.told(), self.engine.connect() as connection:
                raw = connection.connection.driver_connection
                if raw is not None:
                    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def told(self) -> Iterator[None]:
        """Troubles of the database inside the block become Sekisho's own errors."""
        try:
            yield
        except (DBAPIError, PoolTimeout) as error:
            trouble = self._trouble(error)
            if trouble is None:
                raise
            # The original may repeat values of the row: it is not chained.
            raise trouble from None

    def _begun(self, options: dict[str, Any]) -> Connection:
        """A connection with a transaction begun; tried again while the trouble may pass."""
        waited, pause = 0.0, _PAUSE_MIN_S
        while True:
            try:
                with self.told():
                    return self._begin_once(options)
            except StoreUnavailable:
                if waited >= self._patience_s:
                    raise
                self.outside.sleep(pause)
                waited, pause = waited + pause, min(2 * pause, _PAUSE_MAX_S)

    def _begin_once(self, options: dict[str, Any]) -> Connection:
        if self.path is not None:
            _private(self.path)
        connection = self.engine.connect()
        try:
            connection = connection.execution_options(**options)
            connection.begin()
        except BaseException:
            connection.close()
            raise
        return connection

    def _trouble(self, error: DBAPIError | PoolTimeout) -> SekishoError | None:
        text = str(getattr(error, "orig", error)).strip().splitlines() or [""]
        what = self._without_password(text[0])
        state = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
        where = f"the database {self.shown}"
        if "disk is full" in what or "disk I/O error" in what or state in _FULL_STATES:
            return StoreFull(
                f"{where} has no room left ({what}). Nothing was changed.",
                hint="Make room where it lies, then do the same again.",
            )
        if isinstance(error, IntegrityError):
            return None
        signs = (text for sign, text in _REFUSALS.items() if sign in what or sign == state)
        hint = next(signs, "")
        if hint:
            return BadInput(f"{where} cannot be used: {what}", hint=hint)
        if _may_pass(error, state, what):
            return StoreUnavailable(
                f"{where} cannot be used now: {what}. Nothing was changed.",
                hint="See whether it runs and can be reached, then try again.",
            )
        return None

    def _without_password(self, text: str) -> str:
        password = self._url.password
        return text.replace(str(password), "***") if password else text


def shown(url: URL) -> str:
    """``url`` without password and without options, which may hold one too."""
    return url.set(query={}, drivername=url.get_backend_name()).render_as_string(hide_password=True)


def _read(text: str) -> URL:
    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError):
        # The text is not repeated: it may hold a password.
        raise BadInput("the database's URL cannot be read", hint=_WRITABLE) from None
    backend = url.drivername.partition("+")[0]
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and url.database and url.database != ":memory:":
        return url.set(drivername="sqlite+pysqlite")
    raise BadInput(f"a database of the kind {backend[:20]!r} is not known", hint=_WRITABLE)


def _may_pass(error: DBAPIError | PoolTimeout, state: str, what: str) -> bool:
    if isinstance(error, PoolTimeout) or error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.Error):
        return "locked" in what or "busy" in what
    if state:
        return state[:2] in _PASSING_CLASSES
    return isinstance(error, OperationalError)


def _private(path: Path) -> None:
    """Make a new file readable by its owner alone before anything is in it."""
    if path.exists():
        return
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise BadInput(
            f"the database file {path} cannot be made: {error.strerror}",
            hint="Choose another place: --database sqlite:///PATH/sekisho.db",
        ) from None


def _sqlite(url: URL, lock_wait_s: int) -> Engine:
    engine = create_engine(
        url, hide_parameters=True, connect_args={"timeout": lock_wait_s}, pool_timeout=lock_wait_s
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # BEGIN is ours: pysqlite would defer it
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",  # a committed change outlives the machine's power
            "foreign_keys = ON",
            "trusted_schema = OFF",
            "secure_delete = ON",  # erased personal data is overwritten
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        connection.exec_driver_sql(options.get("sekisho_begin", "BEGIN IMMEDIATE"))

    return engine


def _postgresql(url: URL, lock_wait_s: int) -> Engine:
    try:
        return create_engine(
            url,
            hide_parameters=True,
            pool_pre_ping=True,
            pool_timeout=lock_wait_s,
            connect_args={
                "connect_timeout": _CONNECT_S,
                "application_name": "sekisho",
                # A process that hangs in a transaction must not hold the chain for ever.
                "options": f"-c lock_timeout={lock_wait_s}s -c timezone=UTC"
                " -c idle_in_transaction_session_timeout=60s",
            },
        )
    except ModuleNotFoundError:
        raise BadInput(
            "PostgreSQL needs a driver that is not installed",
            hint="Install it: pip install 'sekisho[postgresql]'",
        ) from None
