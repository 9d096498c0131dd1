"""``sekisho person``: who may act, in which roles."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sekisho.app.opening import (
    DatabaseOption,
    PersonOption,
    ReasonOption,
    acting,
    because,
    open_store,
    person,
)

_PersonId = Annotated[str, typer.Argument(metavar="ID", help="The person's id.")]


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)


def add(
    new_id: Annotated[
        str, typer.Argument(metavar="ID", help="A short id, not a name: it stays in the log.")
    ],
    name: Annotated[str, typer.Option(help="The name, for people to read; can be erased.")],
    role: Annotated[list[str], typer.Option(help="A role; may be given often.")],
    person_id: PersonOption,
    reason: Annotated[str, typer.Option(help="Why; goes into the audit log.")] = "joins",
    database: DatabaseOption = None,
) -> None:
    """Add somebody. The first person adds themselves, as administrator."""
    from sekisho.store.people import add_person  # noqa: PLC0415 - loads the database library

    with (
        open_store(database) as store,
        store.transaction(person(person_id), because(reason)) as tx,
    ):
        added = add_person(tx, new_id, name, tuple(role))
    _console().print(f"Added {escape(added.person_id)}: {', '.join(added.roles)}.")


def show(database: DatabaseOption = None) -> None:
    """List people with their roles, and what each role is for."""
    from sekisho.store.people import people, roles  # noqa: PLC0415 - loads the library

    with open_store(database, must_exist=True) as store, store.read() as connection:
        everybody = people(connection)
    console = _console()
    table = Table("id", "name", "roles", "state")
    for one in everybody:
        cells = (one.person_id, one.name, ", ".join(one.roles), one.state)
        table.add_row(*map(escape, cells))
    if everybody:
        console.print(table)
    else:
        console.print("Nobody yet. Add yourself first:")
        console.print("  sekisho person add ID --name NAME --role administrator --person ID")
    for role in roles().values():
        console.print(f"[bold]{role.name}[/]: {escape(role.description)}")


def change(
    who: _PersonId,
    given: Annotated[list[str], typer.Argument(metavar="ROLE...", help="Exactly these roles.")],
    person_id: PersonOption,
    reason: ReasonOption,
    database: DatabaseOption = None,
) -> None:
    """Give somebody exactly these roles."""
    from sekisho.store.people import set_roles  # noqa: PLC0415 - loads the database library

    with acting(database, person_id, reason) as tx:
        set_roles(tx, who, tuple(given))
    _console().print(f"{escape(who)} is now: {escape(', '.join(sorted(set(given))))}.")


def remove(
    who: _PersonId,
    person_id: PersonOption,
    reason: ReasonOption,
    database: DatabaseOption = None,
) -> None:
    """Take every role from somebody; the log keeps the id."""
    from sekisho.store.people import remove_person  # noqa: PLC0415 - loads the library

    with acting(database, person_id, reason) as tx:
        remove_person(tx, who)
    _console().print(f"{escape(who)} can do nothing any more.")


def register(app: typer.Typer) -> None:
    """Join these commands to the command line."""
    persons = typer.Typer(help="Who may act, in which roles.")
    persons.command("add")(add)
    persons.command("list")(show)
    persons.command("roles")(change)
    persons.command("remove")(remove)
    app.add_typer(persons, name="person")
