"""``sekisho proposal``: what one person proposed and another has to decide."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sekisho.app.opening import (
    DatabaseOption,
    PersonOption,
    ReasonOption,
    acting,
    open_store,
)
from sekisho.vault.pan import mask_embedded

if TYPE_CHECKING:
    from sekisho.store.proposals import Proposal

_ProposalId = Annotated[str, typer.Argument(metavar="ID", help="As sekisho proposal list shows.")]


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)


def show_open(database: DatabaseOption = None) -> None:
    """List what waits for a decision, or for being done."""
    from sekisho.store.proposals import open_proposals  # noqa: PLC0415 - loads the library

    with open_store(database, must_exist=True) as store, store.read() as connection:
        waiting = open_proposals(connection)
    if not waiting:
        _console().print("Nothing waits for a decision.")
        return
    table = Table("id", "what", "about", "by", "until", "state")
    for one in waiting:
        until = one.expires_at.isoformat(timespec="minutes")
        cells = (one.proposal_id, one.action, one.subject, one.proposed_by, until, one.state)
        table.add_row(*map(escape, cells))
    _console().print(table)
    _console().print("next: sekisho proposal show ID")


def show(proposal_id: _ProposalId, database: DatabaseOption = None) -> None:
    """Show what exactly is proposed, and the hash that an approval has to name."""
    from sekisho.store.proposals import proposal_of  # noqa: PLC0415 - loads the library

    with open_store(database, must_exist=True) as store, store.read() as connection:
        found = proposal_of(connection, proposal_id)
    console = _console()
    payload = json.dumps(found.payload, ensure_ascii=False, indent=2, sort_keys=True)
    for name, value in (
        ("what", f"{found.action} about {found.subject}"),
        (
            "proposed by",
            f"{found.proposed_by} at {found.proposed_at.isoformat(timespec='minutes')}",
        ),
        ("until", found.expires_at.isoformat(timespec="minutes")),
        ("state", found.state.value + (f" by {found.decided_by}" if found.decided_by else "")),
        ("hash", found.payload_hash),
        ("payload", mask_embedded(payload)),
    ):
        console.print(f"[bold]{name}[/]: {escape(value)}")
    if found.state.value == "proposed":
        console.print(f"next: sekisho proposal approve {found.proposal_id} --hash HASH")


def approve(
    proposal_id: _ProposalId,
    seen: Annotated[str, typer.Option("--hash", help="The hash of what you saw.")],
    person_id: PersonOption,
    reason: ReasonOption,
    database: DatabaseOption = None,
) -> None:
    """Approve it. Who proposed it cannot."""
    from sekisho.store import proposals  # noqa: PLC0415 - loads the database library

    with acting(database, person_id, reason) as tx:
        found = proposals.approve(tx, proposal_id, seen)
    _told(found)


def reject(
    proposal_id: _ProposalId,
    person_id: PersonOption,
    reason: ReasonOption,
    database: DatabaseOption = None,
) -> None:
    """Turn it down."""
    from sekisho.store import proposals  # noqa: PLC0415 - loads the database library

    with acting(database, person_id, reason) as tx:
        found = proposals.reject(tx, proposal_id)
    _told(found)


def withdraw(
    proposal_id: _ProposalId,
    person_id: PersonOption,
    reason: ReasonOption,
    database: DatabaseOption = None,
) -> None:
    """Take your own proposal back."""
    from sekisho.store import proposals  # noqa: PLC0415 - loads the database library

    with acting(database, person_id, reason) as tx:
        found = proposals.withdraw(tx, proposal_id)
    _told(found)


def _told(found: Proposal) -> None:
    _console().print(f"{escape(found.action)} about {escape(found.subject)}: {found.state.value}.")


def register(app: typer.Typer) -> None:
    """Join these commands to the command line."""
    proposals = typer.Typer(help="Four eyes: what one person proposed and another decides.")
    proposals.command("list")(show_open)
    proposals.command("show")(show)
    proposals.command("approve")(approve)
    proposals.command("reject")(reject)
    proposals.command("withdraw")(withdraw)
    app.add_typer(proposals, name="proposal")
