"""``sekisho api-key``: the keys of the programs that call ``sekisho serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sekisho.app.opening import DatabaseOption, PersonOption, ReasonOption, acting, open_store
from sekisho.domain.caller import Scope
from sekisho.domain.errors import BadInput

_Name = Annotated[str, typer.Argument(metavar="NAME", help="The program's name.")]


def new(  # noqa: PLR0913, PLR0917 - options of the command line
    name: _Name,
    role: Annotated[
        list[str], typer.Option(help=f"What it is for: {', '.join(Scope)}; may be given often.")
    ],
    person_id: PersonOption,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the key to this new file (mode 0600) instead of the screen."),
    ] = None,
    per_second: Annotated[
        int, typer.Option(min=0, help="Requests that it may send a second; 0: no limit.")
    ] = 0,
    reason: Annotated[str, typer.Option(help="Why; goes into the audit log.")] = "a program joins",
    database: DatabaseOption = None,
) -> None:
    """Make a key. It is shown once: only its hash is kept."""
    from sekisho.store.api_keys import make_key  # noqa: PLC0415 - loads the database library
    from sekisho.vault.secret_files import write_new  # noqa: PLC0415

    with acting(database, person_id, reason) as tx:
        key = make_key(tx, name, _scopes(role), _entropy(), per_second)
        if out is not None:
            write_new(out, key + "\n", "the API key", "Choose a new name.")
    console = Console(highlight=False, soft_wrap=True)
    if out is not None:
        console.print(f"Made the key {escape(name)} in {escape(str(out))} (mode 0600).")
        return
    console.print(f"Made the key {escape(name)}. It is shown this once:")
    console.print(key, markup=False)
    console.print("Send it with each request: Authorization: Bearer KEY")


def show(database: DatabaseOption = None) -> None:
    """List the keys: what each is for, its state, when it was used last."""
    from sekisho.store.api_keys import all_keys  # noqa: PLC0415 - loads the database library

    with open_store(database, must_exist=True) as store, store.read() as connection:
        keys = all_keys(connection)
    console = Console(highlight=False, soft_wrap=True)
    if not keys:
        console.print("No key yet. Make one: sekisho api-key new NAME --role authorize")
        return
    table = Table("name", "id", "roles", "a second", "state", "last used (UTC)")
    for one in keys:
        caller = one.caller
        used = f"{one.used_at:%Y-%m-%d %H:%M}" if one.used_at else "never"
        limit = str(caller.per_second or "no limit")
        cells = (caller.name, caller.key_id, ", ".join(sorted(caller.scopes)), limit)
        table.add_row(*map(escape, cells), one.state, used)
    console.print(table)


def revoke(
    name: _Name, person_id: PersonOption, reason: ReasonOption, database: DatabaseOption = None
) -> None:
    """Take a key away for good; a running service stops taking it within seconds."""
    from sekisho.store.api_keys import revoke_key  # noqa: PLC0415 - loads the database library

    with acting(database, person_id, reason) as tx:
        revoke_key(tx, name)
    Console(highlight=False, soft_wrap=True).print(f"{escape(name)} can do nothing any more.")


def _entropy() -> bytes:
    """The random bytes of a new key."""
    from sekisho.app.opening import outside  # noqa: PLC0415 - loads the database library

    return outside().entropy(32)


def _scopes(roles: list[str]) -> list[Scope]:
    wrong = [role for role in roles if role not in set(Scope)]
    if wrong:
        raise BadInput(
            f"there is no role {wrong[0][:40]!r} for keys", hint=f"Roles: {', '.join(Scope)}"
        )
    return [Scope(role) for role in roles]


def register(app: typer.Typer) -> None:
    """Join these commands to the command line."""
    keys = typer.Typer(help="Keys of the programs that call sekisho serve.")
    keys.command("new")(new)
    keys.command("list")(show)
    keys.command("revoke")(revoke)
    app.add_typer(keys, name="api-key")
