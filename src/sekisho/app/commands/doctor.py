"""``sekisho doctor``: is this installation well, and what is to be done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape

from sekisho.app.bars import drawn
from sekisho.app.opening import DatabaseOption, data_folder, database_of
from sekisho.app.wording import counted

_SIGNS: Final = {"well": "[green]✓[/]", "note": "[yellow]·[/]", "wrong": "[bold red]✗[/]"}


def look(
    database: DatabaseOption = None,
    card_key: Annotated[
        list[Path] | None, typer.Option(help="A key file to look at; may be given often.")
    ] = None,
    as_json: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--json", help="For programs.")
    ] = False,
) -> None:
    """Look at everything and say what to do; changes nothing. Ends with 1 if something is wrong."""
    from sekisho.app.doctor import examine  # noqa: PLC0415 - loads the database library

    opened = database_of(database, patience_s=0.0)
    try:
        with drawn({"verify": "Following the audit chain"}) as bars:
            checks = examine(opened, keys=card_key or [], data=data_folder(), progress=bars)
    finally:
        opened.close()
    wrong = sum(one.health.value == "wrong" for one in checks)
    if as_json:
        lines = [
            {"check": one.name, "health": one.health.value, "found": one.found, "todo": one.todo}
            for one in checks
        ]
        typer.echo(json.dumps({"schema": "sekisho.doctor/1", "wrong": wrong, "checks": lines}))
    else:
        console = Console(highlight=False, soft_wrap=True)
        for one in checks:
            sign = _SIGNS[one.health.value]
            console.print(f"{sign} [bold]{escape(one.name)}[/]: {escape(one.found)}")
            if one.todo:
                console.print(f"    {escape(one.todo)}")
        console.print(
            f"{counted(wrong, 'thing is', 'things are')} wrong." if wrong else "All is well."
        )
    if wrong:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Join this command to the command line."""
    app.command("doctor")(look)
