"""The program: one module of ``commands`` for each command, joined here."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence

import typer

from sekisho import __version__
from sekisho.app import commands


def _show_version(asked: bool) -> None:  # noqa: FBT001 - typer hands flags over by position
    if asked:
        typer.echo(f"sekisho {__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(  # noqa: FBT001
        False, "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
    ),
) -> None:
    """Find where card data leaked, protect every exposed card, get each holder told."""


def program(words: Sequence[str] | None = None) -> typer.Typer:
    """The program with the command that ``words`` call, or with all of them.

    Commands load engines that take seconds; whoever calls one need not wait for the others.
    """
    app = typer.Typer(
        name="sekisho",
        help="Find where card data leaked, protect every exposed card, get each holder told.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    names = [module.name for module in pkgutil.iter_modules(commands.__path__)]
    called = words[0] if words else ""
    if called == "--version":
        names = []
    # A command's module has its name, with underscores for hyphens, and one at the end where
    # Python has the word itself.
    wanted = [name for name in names if name.rstrip("_") == called.replace("-", "_")]
    for name in wanted or names:
        importlib.import_module(f"{commands.__name__}.{name}").register(app)
    return app
