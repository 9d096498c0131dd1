"""A process for tests that forks others which die as they are told: orders come as lines of JSON.

An order: URL, folder, what, point, run. What: ``follow`` takes the engine's decisions over,
``answer`` takes "not mine" from the app, ``tell`` carries jobs to the engine, ``all`` does all
three. Point: at which of the points where something is done, counted from 1, it kills itself
(SIGKILL); 0 is never.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from asking.asking_world import MIDNIGHT
from asking.paper_desk import PaperDesk
from sekisho.app.asking.desk import DirectLine, desk_handlers
from sekisho.app.asking.following import Follower
from sekisho.app.asking.service import open_asking
from sekisho.domain.asking import Answer, AnswerGiven, Way
from sekisho.store.database import Database, Outside
from sekisho.store.outbox import Outbox, RetryPolicy
from sekisho.store.transaction import Store, Transaction
from sekisho.store.worker import Worker


class Fate:
    """Counts what is done and kills the process at the point chosen."""

    def __init__(self, point: int) -> None:
        self.left = point
        self.count = 0

    def here(self) -> None:
        self.count += 1
        if self.count == self.left:
            os.kill(os.getpid(), signal.SIGKILL)


def hooked(fate: Fate, where: Any, name: str) -> None:
    """Kill before and after each call of ``where.name``."""
    really = getattr(where, name)

    def call(*given: Any, **more: Any) -> Any:
        fate.here()
        done = really(*given, **more)
        fate.here()
        return done

    setattr(where, name, call)


def work(url: str, folder: Path, what: str, point: int, run: int) -> int:
    """Do it, and die at ``point``; how many points there are."""
    fate = Fate(point)
    now = MIDNIGHT + timedelta(minutes=1, seconds=10 * run)
    database = Database(url, outside=Outside(lambda: now, os.urandom, lambda _: None))
    store = Store(database, database.outside)
    desk = PaperDesk(folder / "desk.jsonl")
    asking = open_asking(store, folder / "messages.toml")
    for name in ("record", "finish"):
        hooked(fate, Transaction, name)
    hooked(fate, Connection, "commit")
    hooked(fate, PaperDesk, "_note")
    if what in ("follow", "all"):
        Follower(asking, desk).follow_once()
    if what in ("answer", "all"):
        asking.answer(AnswerGiven("the-answer", "d-r1", Answer.NOT_MINE, Way.APP, "system:app"))
    if what in ("tell", "all"):
        policy = RetryPolicy(attempts=500, first_s=0.01, longest_s=0.01, lease_s=5)
        outbox = Outbox(database, database.outside, chance=np.random.default_rng(1), policy=policy)
        kinds = desk_handlers(DirectLine(desk))
        worker = Worker(store, outbox, kinds, name="killed", threads=1)
        while worker.run_once(threading.Event()):
            pass
    desk.close()
    database.close()
    return fate.count


def main() -> None:
    """Fork for each line of orders, so that everything is imported once; say what became of it."""
    for line in sys.stdin:
        url, folder, what, point, run = json.loads(line)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            try:
                os.write(writer, str(work(url, Path(folder), what, point, run)).encode())
            except BaseException:  # the parent reads it
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            points = pipe.read()
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        told = {"killed": killed, "points": points, "status": status}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
