"""Which database, opened how: the option, the environment, the usual place."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sekisho.domain.errors import BadInput

if TYPE_CHECKING:
    from sekisho.store.database import Database, Outside
    from sekisho.store.transaction import Store, Transaction

ENVIRONMENT: Final = "SEKISHO_DATABASE"
_PATIENCE_S: Final = 10.0

DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        envvar=ENVIRONMENT,
        show_envvar=True,
        show_default=False,
        help="sqlite:///PATH or postgresql://USER@HOST/NAME; else a file in your data folder.",
    ),
]
PersonOption = Annotated[
    str,
    typer.Option(
        "--person",
        envvar="SEKISHO_PERSON",
        show_envvar=True,
        show_default=False,
        help="Your id, as sekisho person list shows it; goes into the audit log.",
    ),
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; goes into the audit log.")]


def data_folder() -> Path:
    """Where this user's data lies unless told otherwise."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "sekisho"


def default_url() -> str:
    """The SQLite file in the data folder."""
    return f"sqlite:///{data_folder() / 'sekisho.db'}"


def outside() -> Outside:
    """The real clock and real chance."""
    from sekisho.store.database import Outside  # noqa: PLC0415 - loads the database library

    return Outside(
        clock=lambda: datetime.now(tz=UTC),  # noqa: TID251 - app hands the clock in
        entropy=os.urandom,
        sleep=time.sleep,
    )


def database_of(url: str | None, *, patience_s: float = _PATIENCE_S) -> Database:
    """The database that the option names; nothing is opened or made yet."""
    from sekisho.store.database import Database  # noqa: PLC0415 - loads the database library

    return Database(url or default_url(), outside=outside(), patience_s=patience_s)


@contextmanager
def open_store(
    url: str | None, *, must_exist: bool = False, patience_s: float = _PATIENCE_S
) -> Iterator[Store]:
    """The store, brought up to date; closed at the end of the block.

    ``must_exist``: do not make a new one, because there would be nothing in it to work on.
    """
    from sekisho.store.migrate import migrate  # noqa: PLC0415 - loads the database library
    from sekisho.store.transaction import Store  # noqa: PLC0415

    database = database_of(url, patience_s=patience_s)
    try:
        if must_exist:
            _refuse_new(database)
        migrate(database)
        yield Store(database, database.outside)
    finally:
        database.close()


def _refuse_new(database: Database) -> None:
    from sekisho.store.migrate import present  # noqa: PLC0415 - loads the database library

    if database.path is None or database.path.exists():
        with database.read() as connection:
            if present(connection) is not None:
                return
    raise BadInput(
        f"there is nothing yet in {database.shown}",
        hint=f"Name another with --database or {ENVIRONMENT}, or make it: sekisho store migrate",
    )


def because(reason: str) -> str:
    """The reason, with the account of the machine that the command ran under."""
    try:
        account = getpass.getuser()
    except (KeyError, OSError):
        account = str(os.getuid())
    return f"{' '.join(reason.split())} [account {account}]"


def person(person_id: str) -> str:
    """The actor of a command that a person runs."""
    from sekisho.store.audit import check_actor  # noqa: PLC0415 - loads the database library

    try:
        check_actor(f"person:{person_id}")
    except ValueError:
        raise BadInput(
            f"--person: {person_id[:40]!r} is not an id", hint="See: sekisho person list"
        ) from None
    return f"person:{person_id}"


@contextmanager
def acting(url: str | None, person_id: str, reason: str) -> Iterator[Transaction]:
    """One audited change to a store that must exist, by a person and for a reason."""
    with (
        open_store(url, must_exist=True) as store,
        store.transaction(person(person_id), because(reason)) as tx,
    ):
        yield tx
