"""``sekisho holder``: how holders are reached when they are asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from sekisho.app.opening import (
    DatabaseOption,
    PersonOption,
    ReasonOption,
    acting,
    because,
    open_store,
    person,
)

_SHOWN = 20


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Contacts (CSV).")],
    person_id: PersonOption,
    reason: Annotated[str, typer.Option(help="Why; goes into the audit log.")] = "contacts",
    database: DatabaseOption = None,
) -> None:
    """Take over how holders are reached, in the place of what was known of the same cards.

    Rows that cannot be used are listed and counted; the others are taken over together.
    """
    from sekisho.app.asking.contacts import read_contacts  # noqa: PLC0415 - loads the vault
    from sekisho.store.holders import put_holders  # noqa: PLC0415 - loads the database library

    found = read_contacts(file)
    console = Console(highlight=False, soft_wrap=True)
    for one in found.rejected[:_SHOWN]:
        console.print(escape(f"kept apart: {one.file} line {one.row}: {one.field} {one.reason}"))
    count = 0
    if found.holders:
        with (
            open_store(database) as store,
            store.transaction(person(person_id), because(reason)) as tx,
        ):
            count = put_holders(tx, found.holders)
    console.print(f"{count:,} holders can be reached; {len(found.rejected):,} rows kept apart.")
    if found.rejected:
        raise typer.Exit(1)


def erase(
    card_ref: Annotated[str, typer.Argument(metavar="CARD_REF")],
    person_id: PersonOption,
    reason: ReasonOption,
    database: DatabaseOption = None,
) -> None:
    """Remove everything that is known of how a card's holder is reached."""
    from sekisho.store.holders import erase_holder  # noqa: PLC0415 - loads the database library

    with acting(database, person_id, reason) as tx:
        erased = erase_holder(tx, card_ref)
    Console(highlight=False).print("Erased." if erased else "Nothing was known.")


def register(app: typer.Typer) -> None:
    """Join these commands to the command line."""
    holders = typer.Typer(help="How holders are reached when they are asked.")
    holders.command("import")(import_)
    holders.command("erase")(erase)
    app.add_typer(holders, name="holder")
