"""The program: one module of ``commands`` for each command, joined here."""

from __future__ import annotations

import importlib
import pkgutil

import typer

from sekisho import __version__
from sekisho.app import commands

app = typer.Typer(
    name="sekisho",
    help="Find where card data leaked, protect every exposed card, get each holder told.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(asked: bool) -> None:  # noqa: FBT001 - typer hands flags over by position
    if asked:
        typer.echo(f"sekisho {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(  # noqa: FBT001
        False, "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
    ),
) -> None:
    """Find where card data leaked, protect every exposed card, get each holder told."""


for _module in pkgutil.iter_modules(commands.__path__):
    importlib.import_module(f"{commands.__name__}.{_module.name}").register(app)
