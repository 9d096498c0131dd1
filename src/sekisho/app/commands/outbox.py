"""``sekisho outbox``: jobs that a person has to see to."""

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
    because,
    open_store,
    person,
)
from sekisho.app.wording import counted
from sekisho.domain.errors import BadInput

_Numbers = Annotated[list[int] | None, typer.Argument(metavar="NUMBER...", help="Only these jobs.")]
_All = Annotated[bool, typer.Option("--all", help="All of them.")]


def show(database: DatabaseOption = None) -> None:
    """Count the jobs in each state; list dead letters and held jobs with their reasons."""
    from sekisho.store.unfinished import job_counts, unfinished  # noqa: PLC0415 - loads the library

    with open_store(database, must_exist=True) as store, store.read() as connection:
        counts, listed = job_counts(connection), unfinished(connection)
    console = Console(highlight=False, soft_wrap=True)
    said = ", ".join(f"{count:,} {state}" for state, count in sorted(counts.items()))
    console.print(f"jobs: {said or 'none'}")
    if not listed:
        return
    table = Table("number", "kind", "key", "state", "attempts", "why")
    for one in listed:
        cells = (str(one.job_id), one.kind, one.key, one.state, str(one.attempts), one.trouble)
        table.add_row(*map(escape, cells))
    console.print(table)
    if any(one.state == "dead" for one in listed):
        console.print("dead letters: remove the cause, then sekisho outbox retry NUMBER...")
    if any(one.state == "held" for one in listed):
        console.print(
            "held: the database was restored from a backup, and these may have been done after it "
            "was made. Compare with what went out, then sekisho outbox release NUMBER..."
        )


def retry(
    person_id: PersonOption,
    reason: ReasonOption,
    numbers: _Numbers = None,
    every: _All = False,  # noqa: FBT002 - a flag of the command line
    database: DatabaseOption = None,
) -> None:
    """Let dead letters be tried again, from the first attempt."""
    _again("dead", (numbers, every), (person_id, reason), database)


def release(
    person_id: PersonOption,
    reason: ReasonOption,
    numbers: _Numbers = None,
    every: _All = False,  # noqa: FBT002 - a flag of the command line
    database: DatabaseOption = None,
) -> None:
    """Let held jobs be taken by the workers."""
    _again("held", (numbers, every), (person_id, reason), database)


def _again(
    state: str, which: tuple[list[int] | None, bool], who: tuple[str, str], database: str | None
) -> None:
    from sekisho.store.unfinished import try_again  # noqa: PLC0415 - loads the library

    numbers, every = which
    if bool(numbers) == every:
        raise BadInput("which jobs?", hint="Give their numbers, or --all.")
    with (
        open_store(database, must_exist=True) as store,
        store.transaction(person(who[0]), because(who[1])) as tx,
    ):
        count = try_again(tx, state, numbers or None)
    Console(highlight=False).print(
        f"Waiting for a worker: {counted(count, 'job', 'jobs')}. Start one: sekisho worker"
    )


def register(app: typer.Typer) -> None:
    """Join these commands to the command line."""
    outbox = typer.Typer(help="Jobs that wait, and those that a person has to see to.")
    outbox.command("list")(show)
    outbox.command("retry")(retry)
    outbox.command("release")(release)
    app.add_typer(outbox, name="outbox")
