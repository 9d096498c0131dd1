"""``sekisho key``: make the card key that card references are computed with."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sekisho.vault.keys import KEY_BYTES, write_key


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    keys = typer.Typer(help="The card key: what card references are computed with.")

    @keys.callback()
    def _root() -> None:
        """Keep ``new`` a command of its own while it is the only one."""

    @keys.command("new")
    def new(
        out: Annotated[Path, typer.Option("--out", help="The key file to write. Must not exist.")],
    ) -> None:
        """Make a new card key, readable by you alone."""
        key = write_key(out, secrets.token_bytes(KEY_BYTES))
        console = Console(highlight=False, markup=False, soft_wrap=True)
        console.print(f"Wrote {out} (key id {key.key_id}, mode 0600).")
        console.print("Keep a copy in a safe place, away from the data: without it the same card")
        console.print(
            "never gets the same reference again; with it references can be guessed back."
        )
        console.print(f"Next: sekisho import FILES... --card-key {out} --out DIR")

    app.add_typer(keys, name="key")
