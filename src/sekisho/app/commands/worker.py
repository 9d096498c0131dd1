"""``sekisho worker``: run the jobs of the outbox."""

from __future__ import annotations

import os
import secrets
import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from sekisho.app.opening import DatabaseOption, open_store

if TYPE_CHECKING:
    from sekisho.app.message_settings import MessageSettings
    from sekisho.domain.errors import SekishoError
    from sekisho.store.transaction import Store
    from sekisho.store.worker import Tally

_PATIENCE_S: Final = 5.0


def work(
    database: DatabaseOption = None,
    settings: Annotated[
        Path | None,
        typer.Option(
            "--settings",
            envvar="SEKISHO_MESSAGES",
            show_envvar=True,
            help="Who writes, and by which ways (TOML); without it no message is sent.",
        ),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Jobs at a time.")] = 4,
    until_empty: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--until-empty", help="End when no job is open.")
    ] = False,
) -> None:
    """Run jobs until Ctrl-C or SIGTERM, which let those under way end. Start as many as you like.

    One worker does everything that the store asks for: its own housekeeping and, with --settings,
    the messages of released mailings. A worker that is killed loses nothing: its jobs come back
    when their leases run out.
    """
    stop = _stop_on_signals()
    chosen = _read(settings)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    with open_store(database, patience_s=_PATIENCE_S) as store:
        tally = _run(store, chosen, stop, console, _How(threads, until_empty))
    console.print(
        f"{tally.done:,} done, {tally.retried:,} to be tried again, {tally.dead:,} dead letters, "
        f"{tally.postponed:,} put off, {tally.lost:,} taken over by others."
    )
    if tally.dead:
        console.print("See them: sekisho outbox list")


@dataclass(frozen=True, slots=True)
class _How:
    threads: int
    until_empty: bool


def _run(
    store: Store,
    settings: MessageSettings | None,
    stop: threading.Event,
    console: Console,
    how: _How,
) -> Tally:
    from sekisho.app.jobs import (  # noqa: PLC0415 - heavy, and not needed by the other commands
        handlers,
        plan_day,
    )
    from sekisho.app.outboxes import open_outbox  # noqa: PLC0415
    from sekisho.store.unfinished import open_jobs  # noqa: PLC0415
    from sekisho.store.worker import Worker  # noqa: PLC0415

    outbox = open_outbox(store)
    name = f"worker-{os.getpid()}-{secrets.token_hex(3)}"
    voice = _Voice(console)

    def before_round() -> None:
        plan_day(store, outbox, store.outside.clock())
        voice.works()

    with handlers(store, settings) as kinds:
        console.print(f"{name} runs {', '.join(sorted(kinds))} from {store.database.shown}.")
        console.print("Ctrl-C ends it after the jobs under way.")
        with store.read() as connection:
            waiting = open_jobs(connection)
        for kind in sorted(set(waiting) - set(kinds)):
            hint = " (give it --settings)" if settings is None else ""
            console.print(f"{waiting[kind]:,} jobs of {kind} wait for another worker{hint}.")
        worker = Worker(store, outbox, kinds, name=name, threads=how.threads)
        return worker.run(
            stop,
            until_empty=how.until_empty,
            before_round=before_round,
            on_trouble=voice.waits,
        )


def _read(settings: Path | None) -> MessageSettings | None:
    if settings is None:
        return None
    from sekisho.app.message_settings import read_settings  # noqa: PLC0415 - loads the rulebook

    return read_settings(settings)


class _Voice:
    """Says why the worker waits, and that it goes on: once each."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._trouble = ""

    def waits(self, error: SekishoError) -> None:
        """The database cannot be used."""
        if error.code != self._trouble:
            self._console.print(f"Waiting ({error.code}): {error.message} {error.hint}".rstrip())
        self._trouble = error.code

    def works(self) -> None:
        """The database could be used."""
        if self._trouble:
            self._console.print("The database can be used again.")
        self._trouble = ""


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()

    def told(number: int, _frame: FrameType | None) -> None:
        stop.set()
        # The second time it is meant: end at once, the leases will run out.
        signal.signal(number, signal.SIG_DFL)

    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, told)
    return stop


def register(app: typer.Typer) -> None:
    """Join this command to the command line."""
    app.command("worker")(work)
