"""``sekisho store``: bring the database to the form that this version needs."""

from __future__ import annotations

import typer
from rich.console import Console

from sekisho.app.opening import DatabaseOption, database_of


def migrate(database: DatabaseOption = None) -> None:
    """Make the database, or bring it up to date; forward only, whole or not at all."""
    from sekisho.store.migrate import migrate as bring  # noqa: PLC0415 - loads the library

    opened = database_of(database)
    try:
        before, after = bring(opened)
    finally:
        opened.close()
    console = Console(highlight=False, markup=False, soft_wrap=True)
    if before == after:
        console.print(f"{opened.shown} is up to date (form {after}).")
    elif before is None:
        console.print(f"Made {opened.shown} (form {after}).")
        console.print("Next: sekisho person add ID --name NAME --role administrator --person ID")
    else:
        console.print(f"Brought {opened.shown} from form {before} to {after}.")


def register(app: typer.Typer) -> None:
    """Join these commands to the command line."""
    store = typer.Typer(help="The system's own database.")

    @store.callback()
    def _root() -> None:
        """Keep ``migrate`` a command of its own while it is the only one."""

    store.command("migrate")(migrate)
    app.add_typer(store, name="store")
