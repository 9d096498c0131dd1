"""The watch list of the store reaches the engine beside it: jobs of the outbox, run in a thread."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np

from sekisho.app.asking.desk import DeskLine
from sekisho.app.exposing import HandToEngine
from sekisho.domain.authorization import CardExposure
from sekisho.store.exposures import WATCH
from sekisho.store.outbox import Outbox, RetryPolicy
from sekisho.store.transaction import Store
from sekisho.store.worker import Worker

_POLICY: Final = RetryPolicy(attempts=1000, first_s=0.5, longest_s=60.0)
"""The engine is beside us: what it cannot take now it takes soon, and nothing is given up."""


class WatcherOnLine:
    """Satisfies `sekisho.app.exposing.Watcher` in another thread than the engine's."""

    def __init__(self, line: DeskLine) -> None:
        self._line = line

    def expose(self, exposure: CardExposure) -> None:
        """Put a card on the watch list."""
        self._line.call(lambda desk: desk.expose(exposure))

    def clear(self, alert_id: str) -> int:
        """Take what an alert put there off it."""
        return self._line.call(lambda desk: desk.clear(alert_id))


@contextmanager
def watching_beside(store: Store, line: DeskLine) -> Iterator[None]:
    """Hand alerts of the store to the engine behind ``line`` for the length of the block."""
    chance = np.random.default_rng(secrets.randbits(128))
    outbox = Outbox(store.database, store.outside, chance=chance, policy=_POLICY)
    handlers = {WATCH: HandToEngine(WatcherOnLine(line))}
    name = f"watch-{secrets.token_hex(4)}"
    worker = Worker(store, outbox, handlers, name=name, threads=1)
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,), name="sekisho-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
