"""``sekisho worker``: run the jobs of the outbox."""

from __future__ import annotations

import os
import secrets
import signal
import threading
from types import FrameType
from typing import Annotated, Final

import typer
from rich.console import Console

from sekisho.app.opening import DatabaseOption, open_store

_PATIENCE_S: Final = 5.0


def work(
    database: DatabaseOption = None,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Jobs at a time.")] = 4,
    until_empty: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--until-empty", help="End when no job is open.")
    ] = False,
) -> None:
    """Run jobs until Ctrl-C or SIGTERM, which let those under way end. Start as many as you like.

    A worker that is killed loses nothing: its jobs come back when their leases run out.
    """
    import numpy as np  # noqa: PLC0415 - heavy, and not needed by the other commands

    from sekisho.app.jobs import handlers, plan_day  # noqa: PLC0415
    from sekisho.store.outbox import Outbox  # noqa: PLC0415
    from sekisho.store.worker import Worker  # noqa: PLC0415

    stop = _stop_on_signals()
    console = Console(highlight=False, markup=False, soft_wrap=True)
    with open_store(database, patience_s=_PATIENCE_S) as store:
        chance = np.random.default_rng(secrets.randbits(128))
        outbox = Outbox(store.database, store.outside, chance=chance)
        name = f"worker-{os.getpid()}-{secrets.token_hex(3)}"
        kinds = handlers()
        console.print(f"{name} runs {', '.join(sorted(kinds))} from {store.database.shown}.")
        console.print("Ctrl-C ends it after the jobs under way.")
        worker = Worker(store, outbox, kinds, name=name, threads=threads)
        tally = worker.run(
            stop,
            until_empty=until_empty,
            before_round=lambda: plan_day(store, outbox, store.outside.clock()),
        )
    console.print(
        f"{tally.done:,} done, {tally.retried:,} to be tried again, {tally.dead:,} dead letters, "
        f"{tally.postponed:,} put off, {tally.lost:,} taken over by others."
    )
    if tally.dead:
        console.print("See them: sekisho outbox list")


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
