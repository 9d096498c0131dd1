"""A real server with the door, in a thread with a loop of its own, for a real client."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import httpx
import uvloop

from sekisho.domain.asking import (
    Answer,
    Answered,
    AnswerGiven,
    CaseState,
    Closing,
    Counted,
    Effect,
    Purchase,
)
from sekisho.domain.authorization import Decision
from sekisho.domain.caller import Caller, Scope
from sekisho.domain.errors import BadInput, Conflict
from sekisho.vault.keys import card_key
from sekisho.vault.surrogate import CardRefs
from sekisho.web.api.door import HttpDoor
from sekisho.web.api.metrics import Metrics
from sekisho.web.api.ports import Deliveries, Rooms
from sekisho.web.api.server import HttpServer, Tls
from web.api.small_desk import SmallDesk

NOW = datetime(2031, 3, 1, 9, 0, tzinfo=UTC)
REFS = CardRefs(card_key(hashlib.sha256(b"a key for tests").digest()))
ALL = "sekisho_all"


@dataclass
class SmallKeys:
    """One key for each scope, named like it, and one for all of them."""

    open: bool = False
    per_second: int = 0

    def caller(self, token: str) -> Caller | None:
        if token == ALL:
            return Caller("all", "all", frozenset(Scope), self.per_second)
        if token in set(Scope):
            return Caller(token, token, frozenset({Scope(token)}), self.per_second)
        return None

    def open_to_all(self) -> Caller | None:
        return Caller("anybody", "anybody", frozenset(Scope)) if self.open else None


@dataclass
class SmallAnswers:
    """Two cases; the first answer wins."""

    given: dict[str, AnswerGiven] = field(default_factory=dict)

    async def answer(self, given: AnswerGiven) -> Answered:
        if given.asked not in {"C-1", "C-2"}:
            raise BadInput("there is no such case", hint="Look again")
        before = self.given.setdefault(given.answer_id, given)
        if before != given:
            raise Conflict("the answer_id came with another answer")
        if given.answer is Answer.UNSURE:
            more = (PURCHASE,)
            return Answered(given.asked, Counted.UNSURE, CaseState.OPEN, None, (), more)
        effects = (Effect.BLOCK_CARD, Effect.LABEL_FRAUD)
        return Answered(given.asked, Counted.FIRST, CaseState.CLOSED, Closing.NOT_MINE, effects)


PURCHASE = Purchase(
    "D-1", 1_930_059_012, 70_000, "392", "a", "m", "架空ガジェット", "5732", "392", True, True
)


@dataclass
class SmallLog:
    """Entries, or nothing while ``away``."""

    entries: list[tuple[str, str, str, dict[str, str]]] = field(default_factory=list)
    away: bool = False

    async def write(
        self, actor: str, action: str, subject: str, details: Mapping[str, str]
    ) -> bool:
        if not self.away:
            self.entries.append((actor, action, subject, dict(details)))
        return not self.away


@dataclass
class SmallHealth:
    without: list[str] = field(default_factory=list)
    decides: bool = True

    def ready(self) -> bool:
        return self.decides

    def missing(self) -> Sequence[str]:
        return self.without


@dataclass
class Made:
    """The door's rooms, to look into."""

    desk: SmallDesk = field(default_factory=SmallDesk)
    keys: SmallKeys = field(default_factory=SmallKeys)
    answers: SmallAnswers = field(default_factory=SmallAnswers)
    log: SmallLog = field(default_factory=SmallLog)
    health: SmallHealth = field(default_factory=SmallHealth)
    deliveries: Deliveries | None = None
    figures: Metrics = field(default_factory=Metrics)
    address: tuple[str, int] = ("", 0)

    def door(self) -> HttpDoor:
        self.desk.heard = self.figures.decided
        rooms = Rooms(
            desk=self.desk,
            decisions=self.desk,
            log=self.log,
            health=self.health,
            keys=self.keys,
            card_ref=REFS.of_text,
            response_code=_response_code,
            clock=lambda: NOW,
            zone=ZoneInfo("Asia/Tokyo"),
            answers=self.answers,
            deliveries=self.deliveries,
        )
        return HttpDoor(rooms, self.figures)


def _response_code(decision: Decision) -> str:
    return "05" if decision.reasons else "00"


@contextmanager
def served(made: Made, tls: Tls | None = None) -> Iterator[httpx.Client]:
    """A client of the real server; everything is closed at the end."""
    listening = socket.create_server(("127.0.0.1", 0))
    made.address = listening.getsockname()
    server, ready, end = HttpServer(made.door(), tls), threading.Event(), asyncio.Event()
    loop = uvloop.new_event_loop()

    async def run() -> None:
        await server.start(listening)
        ready.set()
        await end.wait()
        await server.stop()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    try:
        assert ready.wait(60)
        headers = {"authorization": f"Bearer {ALL}"}
        url = f"http{'s' if tls else ''}://127.0.0.1:{made.address[1]}"
        verify = tls is None
        with httpx.Client(base_url=url, headers=headers, verify=verify, timeout=60) as client:
            yield client
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(60)
        loop.close()
        listening.close()
