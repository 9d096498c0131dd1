"""A small desk for tests: it decides by amount, remembers, and writes every decision to a file."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from sekisho.domain.authorization import (
    AuthorizationRequest,
    CardExposure,
    CardStatus,
    Decision,
    DecisionKind,
    FraudLabel,
    RequestKind,
    RetryWindow,
    Reversal,
)
from sekisho.domain.errors import StoreUnavailable

LIMIT = 50_000


class SmallDesk:
    """Declines what is over ``LIMIT``; ``away`` and ``not_durable`` make its disk fail."""

    def __init__(self, journal: Path, *, sync: bool = False) -> None:
        self.requests: list[AuthorizationRequest] = []
        self.reversals: list[Reversal] = []
        self.decisions: dict[str, Decision] = {}
        self.away = False
        self.not_durable = False
        self.waits: asyncio.Event | None = None
        self.flushes = 0
        self._sync = sync
        self._file = journal.open("ab", buffering=0)

    def close(self) -> None:
        self._file.close()

    def decide(self, request: AuthorizationRequest) -> Decision:
        if self.away:
            raise StoreUnavailable("the disk is full")
        known = self.decisions.get(request.request_id)
        if known is not None:
            return known
        declined = request.kind is RequestKind.REQUEST and request.amount_minor > LIMIT
        self._file.write(f"{request.request_id} {declined}\n".encode())
        self.requests.append(request)
        decision = Decision(
            decision_id=f"d{len(self.decisions)}",
            request_id=request.request_id,
            kind=DecisionKind.DECLINE if declined else DecisionKind.APPROVE,
            ask=declined,
            reasons=("score",) if declined else (),
            score=0.9 if declined else 0.1,
            decided_at=request.received_at,
        )
        self.decisions[request.request_id] = decision
        return decision

    def reverse(self, reversal: Reversal) -> bool:
        if self.away:
            raise StoreUnavailable("the disk is full")
        self.reversals.append(reversal)
        return reversal.original_id in self.decisions

    def learn(self, label: FraudLabel) -> bool:
        return any(one.decision_id == label.decision_id for one in self.decisions.values())

    def set_status(self, change_id: str, card_ref: str, status: CardStatus) -> None: ...

    def open_window(self, change_id: str, window: RetryWindow) -> None: ...

    def expose(self, exposure: CardExposure) -> None: ...

    def clear(self, alert_id: str) -> int:
        return 0

    async def durable(self) -> None:
        if self.waits is not None:
            await self.waits.wait()
        if self.not_durable:
            raise StoreUnavailable("the disk does not answer")
        self.flushes += 1
        if self._sync:
            await asyncio.get_running_loop().run_in_executor(None, os.fdatasync, self._file)
