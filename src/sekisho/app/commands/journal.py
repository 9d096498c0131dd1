"""``sekisho journal``: what the live engine wrote down, exported and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sekisho.app.bars import drawn

DataArgument = Annotated[Path, typer.Argument(help="The engine's data folder.")]
_TEXTS = {
    "answers": "reading the answers",
    "authorizations": "writing the authorizations",
    "check": "looking at every checksum",
}


def _console() -> Console:
    return Console(highlight=False, markup=False, soft_wrap=True)


def export(
    data: DataArgument,
    out: Annotated[Path, typer.Option(help="Folder for the Parquet files.")],
) -> None:
    """Write authorizations, frauds and answers as Parquet, while the engine goes on working."""
    from sekisho.app.journal_export import export_journal  # noqa: PLC0415 - heavy

    with drawn(_TEXTS) as bars:
        told = export_journal(data, out, bars)
    console = _console()
    console.print(
        f"{told.authorizations:,} authorizations and {told.reversals:,} reversals, "
        f"{told.frauds:,} frauds, {told.answers:,} answers: {out}"
    )
    console.print(
        f"next: sekisho trace {out / 'authorizations.parquet'} --fraud {out / 'fraud.parquet'} "
        "--out TRACE"
    )


def check(data: DataArgument) -> None:
    """Look at every checksum of journal and snapshots; nothing is changed."""
    from sekisho.app.journal_check import check_data  # noqa: PLC0415 - heavy

    with drawn(_TEXTS) as bars:
        told = check_data(data, bars)
    console = _console()
    console.print(
        f"journal: {told.entries:,} entries in {told.files:,} files, whole; "
        f"{told.torn:,} torn tails were set aside by earlier starts"
    )
    console.print(f"snapshots: {', '.join(told.snapshots) or 'none yet'}")


def register(app: typer.Typer) -> None:
    """Join these commands to the command line."""
    group = typer.Typer(help="What the live engine wrote down.", no_args_is_help=True)
    group.command("export")(export)
    group.command("check")(check)
    app.add_typer(group, name="journal")
