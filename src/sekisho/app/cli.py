"""The command line: one module of ``commands`` for each command, joined here."""

from __future__ import annotations

import importlib
import pkgutil
import signal
import sys
from types import FrameType

import typer
from rich.console import Console
from rich.markup import escape

from sekisho import __version__
from sekisho.app import commands
from sekisho.domain.errors import Interrupted, SekishoError

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


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise Interrupted("stopped. Nothing was written.")


def main() -> None:
    """Run the command line; troubles become one clear message and an exit code."""
    # Typer turns KeyboardInterrupt into exit code 1; ours passes through it.
    signal.signal(signal.SIGINT, _stop)
    try:
        app()
    except SekishoError as error:
        console = Console(stderr=True)
        console.print(f"[bold red]error[/] ({error.code}): {escape(error.message)}", soft_wrap=True)
        if error.hint:
            console.print(f"  {escape(error.hint)}", soft_wrap=True)
        sys.exit(error.exit_code)
