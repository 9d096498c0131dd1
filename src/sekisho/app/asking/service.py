"""Asking as it runs beside the engine: three threads, which may die at any moment and lose nothing.

The first follows the engine's decisions, the second sends and looks after cases, the third carries
answers to the engine, and is woken when there is one.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sekisho.app import message_worker
from sekisho.app.asking.asking import TICK, Asking
from sekisho.app.asking.desk import DeskLine, desk_handlers
from sekisho.app.asking.following import BATCH, CaseTick, Follower
from sekisho.app.asking.links import Links
from sekisho.app.asking.settings import read_asking
from sekisho.app.asking.texts import Texts
from sekisho.app.message_settings import MessageSettings, read_settings
from sekisho.app.one_time import link_maker, page_secret
from sekisho.app.outboxes import PATIENT, open_outbox
from sekisho.domain.authorization import Feed
from sekisho.domain.errors import SekishoError
from sekisho.rulebook.templates import load
from sekisho.store.outbox import Handler
from sekisho.store.transaction import Store
from sekisho.store.worker import Worker
from sekisho.vault.keys import read_key
from sekisho.web.holder.pages import HolderPages, ShownSender

log = logging.getLogger(__name__)
_IDLE_S: Final = 0.2
_LOOK_S: Final = 1.0
"""How often answers that another process took (the desk's commands) are looked for."""
_AWAY_S: Final = 2.0


def open_asking(store: Store, settings: Path, wake: Callable[[], None] = lambda: None) -> Asking:
    """Asking by the settings file of messages, with its table ``[asking]``."""
    chosen = read_settings(settings)
    return Asking(
        store=store,
        policy=read_asking(settings).policy,
        texts=Texts(load(chosen.templates), link_maker(chosen)),
        number_secret=read_key(chosen.number_key).secret,
        wake=wake,
    )


def holder_pages(asking: Asking, settings: MessageSettings) -> HolderPages:
    """The pages behind one-time links, to be mounted by the server."""
    shown = {
        language: ShownSender(one.name, one.phone, one.hours)
        for language, one in settings.senders.items()
    }
    return HolderPages(Links(asking), shown, page_secret(asking.number_secret))


class AskingThreads:
    """The three threads. ``alarm``: set it when an answer has come in."""

    def __init__(
        self, asking: Asking, line: DeskLine, feed: Feed, handlers: Mapping[str, Handler]
    ) -> None:
        self.alarm = threading.Event()
        self._stop = threading.Event()
        self._follower = Follower(asking, feed)
        store = asking.store
        name = f"asking-{secrets.token_hex(4)}"
        self._desk = Worker(
            store, open_outbox(store, PATIENT), desk_handlers(line), name=f"{name}-desk", threads=1
        )
        kinds = {**handlers, TICK: CaseTick(asking)}
        self._work = Worker(store, open_outbox(store), kinds, name=name, threads=2)
        self._threads = [
            threading.Thread(target=one, name=f"sekisho-{word}", daemon=True)
            for word, one in (
                ("follow", self._follow),
                ("ask", lambda: self._work.run(self._stop)),
                ("tell", self._tell),
            )
        ]

    def start(self) -> None:
        """Begin."""
        for one in self._threads:
            one.start()

    def stop(self) -> None:
        """End after what is under way; what is left is done by whoever starts next."""
        self._stop.set()
        self.alarm.set()
        for one in self._threads:
            one.join()

    def _follow(self) -> None:
        while not self._stop.is_set():
            wait_s = _IDLE_S
            try:
                if self._follower.follow_once() >= BATCH:
                    continue
            except Exception as error:  # whatever it is, the cursor waits and asking goes on later
                _note("decisions are not followed now", error)
                wait_s = _AWAY_S
            self._stop.wait(wait_s)

    def _tell(self) -> None:
        while not self._stop.is_set():
            self.alarm.clear()
            try:
                if self._desk.run_once(self._stop):
                    continue
            except Exception as error:  # the jobs are written down, and wait
                _note("answers do not reach the engine now", error)
                self._stop.wait(_AWAY_S)
            self.alarm.wait(_LOOK_S)


@contextmanager
def asking_beside(
    store: Store, settings: Path, line: DeskLine, feed: Feed
) -> Iterator[tuple[Asking, HolderPages]]:
    """Ask the holders of the engine behind ``line`` for the length of the block.

    Gives `Asking`, whose `Asking.answer` takes answers, and the pages to mount.
    """
    chosen = read_settings(settings)
    alarm: list[threading.Event] = []

    def wake() -> None:
        for one in alarm:
            one.set()

    asking = open_asking(store, settings, wake)
    with message_worker.handlers(chosen, store) as handlers:
        threads = AskingThreads(asking, line, feed, handlers)
        alarm.append(threads.alarm)
        threads.start()
        try:
            yield asking, holder_pages(asking, chosen)
        finally:
            threads.stop()


def _note(what: str, error: Exception) -> None:
    """Say what is wrong: our own errors hold no personal data, of others only the kind is told."""
    told = error.message if isinstance(error, SekishoError) else type(error).__name__
    log.warning("%s: %s", what, told)
