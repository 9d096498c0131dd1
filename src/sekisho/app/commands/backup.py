"""``sekisho backup`` and ``sekisho restore``: the database as one file for either kind."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from sekisho.app.bars import drawn
from sekisho.app.opening import DatabaseOption, open_store, outside

_TEXTS: Final = {
    "backup": "Writing the backup",
    "restore": "Bringing the rows in",
    "verify": "Following the audit chain",
}


def _console() -> Console:
    return Console(highlight=False, markup=False, soft_wrap=True)


def write(
    file: Annotated[Path, typer.Argument(help="The file to write. Must not exist.")],
    database: DatabaseOption = None,
) -> None:
    """Write everything to one file, as it is at one moment, while others go on working."""
    from sekisho.store.backup import backup  # noqa: PLC0415 - loads the database library

    with open_store(database, must_exist=True) as store, drawn(_TEXTS) as bars:
        contents = backup(store.database, file, now=outside().clock(), progress=bars)
        shown = store.database.shown
    console = _console()
    console.print(
        f"Wrote {file}: {sum(contents.rows.values()):,} rows of {shown}, mode 0600, "
        f"SHA-256 of the content {contents.sha256}."
    )
    console.print("It holds personal data: keep it locked up, and let it run out in time.")
    console.print(f"Next: sekisho restore {file} --database URL (an empty one, of either kind)")


def bring_back(
    file: Annotated[Path, typer.Argument(help="A file that sekisho backup wrote.")],
    database: DatabaseOption = None,
) -> None:
    """Bring a backup into an empty database, whole or not at all."""
    from sekisho.store.backup import check, restore  # noqa: PLC0415 - loads the library

    check(file)  # before a database is made
    with open_store(database) as store, drawn(_TEXTS) as bars:
        contents = restore(store, file, actor="system:restore", progress=bars)
        shown = store.database.shown
    console = _console()
    console.print(
        f"Restored {sum(contents.rows.values()):,} rows of {contents.made_at} into {shown}. "
        "The audit log is verified and continues."
    )
    console.print(
        "Jobs that were not finished are held, because they may have been done since: "
        "sekisho outbox list"
    )


def register(app: typer.Typer) -> None:
    """Join these commands to the command line."""
    app.command("backup")(write)
    app.command("restore")(bring_back)
