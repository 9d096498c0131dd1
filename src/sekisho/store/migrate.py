"""Bring a database to the form that this version needs: all steps in one transaction, or none.

Two processes that start at once do not disturb one another: the second waits and finds nothing
left to do. There is no way back; before a step, make a backup.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from sekisho.domain.errors import BadInput
from sekisho.store.database import Database

_FOLDER: Final = Path(__file__).parent / "migrations"
# Any fixed number that no other program in the same database uses.
_LOCK: Final = 5_317_093_108


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def newest() -> str:
    """The form that this version needs."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def known_revisions() -> list[str]:
    """Every form there has been, oldest first."""
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return [script.revision for script in scripts][::-1]


def present(connection: Connection) -> str | None:
    """The form that the database has; None if it is new."""
    return MigrationContext.configure(connection).get_current_revision()


def migrate(database: Database, to: str | None = None) -> tuple[str | None, str]:
    """Bring ``database`` to the form ``to`` (the newest, if None); the form before, and after.

    Raises ``BadInput`` where a newer version of Sekisho has been at work.
    """
    with database.write() as connection:
        return migrate_in(connection, to)


def migrate_in(connection: Connection, to: str | None = None) -> tuple[str | None, str]:
    """Do the same inside a transaction that is open already."""
    wanted = to or newest()
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    before = present(connection)
    known = known_revisions()
    if before is not None and before not in known:
        raise BadInput(
            f"the database has form {before[:20]}, this version knows up to {known[-1]}",
            hint="A newer version of Sekisho has been at work in it: use that one.",
        )
    if before is None or known.index(before) < known.index(wanted):
        command.upgrade(_config(connection), wanted)
        return before, wanted
    return before, before
