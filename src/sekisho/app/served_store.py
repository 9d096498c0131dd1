"""What a running service does with the state store: in other threads, and without waiting for it.

While the store is away, authorizations go on; what has to be written down follows when it is back.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sekisho.app.api_keys import KeyBook
from sekisho.app.messaging import take_event
from sekisho.domain.asking import Answered, AnswerGiven
from sekisho.domain.errors import SekishoError, StoreUnavailable
from sekisho.gateways.inbound.webhook.events import NotGenuine, read_event
from sekisho.store.canonical import Plain
from sekisho.store.transaction import Store

log = logging.getLogger(__name__)
_REFRESH_S: Final = 5.0
_NOTE_EVERY: Final = 12
_PENDING_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Entry:
    actor: str
    action: str
    subject: str
    details: Mapping[str, str]


class StoreLog:
    """Satisfies `sekisho.web.api.ports.Log`: writes at once, or as soon as the store is back."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pending: deque[_Entry] = deque(maxlen=_PENDING_MOST)

    @property
    def pending(self) -> int:
        """Entries that wait for the store."""
        return len(self._pending)

    async def write(
        self, actor: str, action: str, subject: str, details: Mapping[str, str]
    ) -> bool:
        """Write an entry; False where it follows later."""
        entry = _Entry(actor, action, subject, details)
        try:
            await asyncio.to_thread(self._write, entry)
        except StoreUnavailable:
            if action != "card.open":  # what was not done is not written down later
                self._pending.append(entry)
            return False
        return True

    def _write(self, entry: _Entry) -> None:
        details: dict[str, Plain] = {"change_id": entry.details["change_id"]}
        with self._store.transaction(entry.actor, entry.details["reason"]) as tx:
            personal = {"person": entry.details["person"]}
            tx.record(entry.action, entry.subject, details, personal=personal)

    def catch_up(self) -> None:
        """Write what waits; raises ``StoreUnavailable``. Called from another thread."""
        while self._pending:
            self._write(self._pending[0])
            self._pending.popleft()


class StoreKeeper:
    """Looks after what a service keeps of the store; knows whether the store is there."""

    def __init__(self, keys: KeyBook, log_entries: StoreLog) -> None:
        self.away = False
        self._keys = keys
        self._log = log_entries

    async def run(self) -> None:
        """Until it is cancelled."""
        turn = 0
        while True:
            await asyncio.sleep(_REFRESH_S)
            turn += 1
            try:
                await asyncio.to_thread(self._look, turn % _NOTE_EVERY == 0)
            except SekishoError as error:
                if not self.away:
                    log.warning("the state store is away: %s", error.message)
                self.away = True
            else:
                if self.away:
                    log.warning("the state store is back")
                self.away = False

    def _look(self, note: bool) -> None:  # noqa: FBT001 - private
        self._keys.refresh()
        self._log.catch_up()
        if note:
            self._keys.note()

    def end(self) -> None:
        """Write down what waits, if the store is there."""
        try:
            self._log.catch_up()
            self._keys.note()
        except SekishoError as error:
            log.warning("not written down at the end: %s", error.message)


class StoreAnswers:
    """Satisfies `sekisho.web.api.ports.Answers`: an answer is one transaction, in a thread."""

    def __init__(self, take: Callable[[AnswerGiven], Answered]) -> None:
        self._take = take

    async def answer(self, given: AnswerGiven) -> Answered:
        """Take the answer."""
        return await asyncio.to_thread(self._take, given)


class StoreDeliveries:
    """Satisfies `sekisho.web.api.ports.Deliveries`; ``secrets``: one for each provider."""

    def __init__(self, store: Store, secrets: Sequence[bytes]) -> None:
        self._store = store
        self._secrets = secrets

    async def take(self, body: bytes, signature: str) -> bool:
        """Take one report; whether a message changed."""
        return await asyncio.to_thread(self._take, body, signature)

    def _take(self, body: bytes, signature: str) -> bool:
        now: datetime = self._store.outside.clock()
        trouble = NotGenuine("the request is not signed as it should be")
        for secret in self._secrets:
            try:
                event = read_event(body, signature, secret, now)
            except NotGenuine as error:
                trouble = error
            else:
                return take_event(self._store, event)
        raise trouble
