"""Carry what follows from answers to the engine: jobs of the outbox, each done once under its id.

The engine is called from one thread only, its own. `DeskLine` is that thread's door: over an event
loop (`LoopLine`, as the server has it), or directly behind a lock (`DirectLine`, where the caller
is the only one).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeVar

from sekisho.app.asking.effects import LEARN, STATUS, WINDOW
from sekisho.domain.authorization import (
    CardStatus,
    Desk,
    FraudLabel,
    LabelSource,
    RetryWindow,
)
from sekisho.store.outbox import Dead, Done, Handler, Job, Outcome, Running

T = TypeVar("T")
_PATIENCE_S: Final = 30.0


class DeskLine(Protocol):
    """Calls the engine in its own thread, and returns after what it did is durable."""

    def call(self, what: Callable[[Desk], T]) -> T:
        """``what(desk)``, and then wait for ``desk.durable()``."""


class LoopLine:
    """The engine lives in an event loop of another thread."""

    def __init__(self, desk: Desk, loop: asyncio.AbstractEventLoop) -> None:
        self._desk = desk
        self._loop = loop

    def call(self, what: Callable[[Desk], T]) -> T:
        """Raises ``TimeoutError`` where the loop does not answer; the call may still happen."""

        async def there() -> T:
            done = what(self._desk)
            await self._desk.durable()
            return done

        future = asyncio.run_coroutine_threadsafe(there(), self._loop)
        return future.result(_PATIENCE_S)


class DirectLine:
    """The engine is nobody else's; calls stand in line."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()

    def call(self, what: Callable[[Desk], T]) -> T:
        """Call it here and now."""
        with self._lock:
            done = what(self._desk)
            asyncio.run(self._wait())
        return done

    async def _wait(self) -> None:
        await self._desk.durable()


class DeskJobs:
    """The handler of ``desk.status``, ``desk.learn`` and ``desk.window``."""

    def __init__(self, line: DeskLine) -> None:
        self._line = line

    def handle(self, job: Job, running: Running) -> Outcome:  # noqa: ARG002 - the Protocol's form
        """Tell the engine, under the job's key; what it does not know is for a person to see."""
        payload = job.payload
        if job.kind == STATUS:
            status = CardStatus(payload["status"])
            card_ref = str(payload["card_ref"])
            self._line.call(lambda desk: desk.set_status(job.key, card_ref, status))
            return Done()
        if job.kind == WINDOW:
            window = RetryWindow(**payload)
            self._line.call(lambda desk: desk.open_window(job.key, window))
            return Done()
        label = FraudLabel(
            label_id=job.key,
            decision_id=str(payload["decision_id"]),
            fraud=bool(payload["fraud"]),
            source=LabelSource(payload["source"]),
            known_at=int(payload["known_at"]),
        )
        if self._line.call(lambda desk: desk.learn(label)):
            return Done()
        return Dead("the engine does not know the decision that the holder answered about")


def desk_handlers(line: DeskLine) -> Mapping[str, Handler]:
    """The handlers that a process with the engine in it runs."""
    one: Any = DeskJobs(line)
    return dict.fromkeys((STATUS, LEARN, WINDOW), one)
