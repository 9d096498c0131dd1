"""The live engine as the doors of one process share it: counted, looked up, told to others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sekisho.app.asking.desk import DeskLine
from sekisho.app.live import LiveDesk
from sekisho.domain.authorization import (
    AuthorizationRequest,
    CardExposure,
    CardStatus,
    Decision,
    FraudLabel,
    RetryWindow,
    Reversal,
    Told,
)
from sekisho.domain.ledger import Decided
from sekisho.scoring.engine import STAND_IN
from sekisho.scoring.layout import (
    CAPACITY,
    E_TRANSACTION,
    E_WHEN,
    HEAD,
    LONGEST,
    START,
    TAIL,
    TIME_BITS,
)
from sekisho.scoring.lookup import key_of
from sekisho.web.api.ports import Purchase

NEAR_S: Final = 300
"""A purchase that is told by its time may be so many seconds away: clocks and minutes differ."""
FOLLOWED_MOST: Final = 100
_STATUS: Final = (CardStatus.OPEN, CardStatus.STOPPED, CardStatus.BLOCKED)


class ServedDesk:
    """A `Desk` on a `LiveDesk`; ``heard`` is told of each decision. One thread calls it."""

    def __init__(self, live: LiveDesk, heard: Callable[[Decision], None]) -> None:
        self.live = live
        self.standing_in = False
        self._heard = heard
        # Nothing is added to what only passes through.
        self.reverse: Callable[[Reversal], bool] = live.reverse
        self.learn: Callable[[FraudLabel], bool] = live.learn
        self.set_status: Callable[[str, str, CardStatus], None] = live.set_status
        self.open_window: Callable[[str, RetryWindow], None] = live.open_window
        self.expose: Callable[[CardExposure], None] = live.expose
        self.clear: Callable[[str], int] = live.clear
        self.after: Callable[[int, int], Sequence[Told]] = live.after

    def decide(self, request: AuthorizationRequest) -> Decision:
        """Decide, and tell who listens."""
        decision = self.live.decide(request)
        if not decision.repeated:
            self.standing_in = decision.policy == STAND_IN
        self._heard(decision)
        return decision

    async def durable(self) -> None:
        """As the engine's."""
        await self.live.durable()

    def status(self, card_ref: str) -> CardStatus | None:
        """What is done with the card; None for one that was never seen."""
        memory = self.live.engine.memory
        row = memory.cards.get(key_of("card", card_ref))
        return _STATUS[int(memory.status[row - 1])] if row else None

    def request_of(self, decision_id: str) -> AuthorizationRequest | None:
        """What was asked when this was decided; None where it is kept no longer."""
        position = self.live.journal.position_of(decision_id)
        entry = self.live.journal.read(position) if position else None
        if isinstance(entry, Decided) and entry.decision.decision_id == decision_id:
            return entry.request
        return None

    async def named(self, purchase: Purchase) -> Sequence[str]:
        """The decisions that the purchase can be, among the card's recent ones (30 days)."""
        found = [one for one in self._recent(purchase) if _fits(one.request, purchase)]
        exact = [one for one in found if one.request.authorized_at == purchase.at]
        nearest = sorted(exact or found, key=lambda one: abs(one.at - purchase.at))
        return [one.decision.decision_id for one in nearest]

    def _recent(self, purchase: Purchase) -> Sequence[Decided]:
        """What the card's ring of recent purchases points to, near the time."""
        memory, journal = self.live.engine.memory, self.live.journal
        row = memory.cards.get(key_of("card", purchase.card_ref))
        if not row:
            return ()
        card, events = memory.state.cards[row - 1], memory.state.events.row
        wrap = int(card[CAPACITY]) - 1
        found = []
        for position in range(int(card[TAIL + LONGEST]), int(card[HEAD])):
            cell = int(card[START]) + (position & wrap)
            at = int(events[cell, E_WHEN]) >> TIME_BITS
            if abs(at - purchase.at) <= NEAR_S:
                entry = journal.read(int(events[cell, E_TRANSACTION]))
                if isinstance(entry, Decided):
                    found.append(entry)
        return found


class FeedOnLoop:
    """A `Feed` for followers in other threads: the journal is read where it is written.

    Few at a time, because authorizations wait meanwhile.
    """

    def __init__(self, line: DeskLine, desk: ServedDesk) -> None:
        self._line = line
        self._desk = desk

    def after(self, cursor: int, most: int) -> Sequence[Told]:
        """At most ``most`` decisions after ``cursor``, and at most `FOLLOWED_MOST`."""
        few = min(most, FOLLOWED_MOST)
        return self._line.call(lambda _: self._desk.after(cursor, few))


def _fits(request: AuthorizationRequest, purchase: Purchase) -> bool:
    return (
        request.card_ref == purchase.card_ref
        and purchase.amount_minor in (None, request.amount_minor)
        and purchase.acquirer_id in ("", request.acquirer_id)
        and purchase.merchant_id in ("", request.merchant_id)
    )
