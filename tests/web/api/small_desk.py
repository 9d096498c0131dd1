"""A small engine for the tests of the door: it decides, remembers and forgets nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sekisho.domain.authorization import (
    AuthorizationRequest,
    CardExposure,
    CardStatus,
    Decision,
    DecisionKind,
    FraudLabel,
    RetryWindow,
    Reversal,
)
from sekisho.web.api.ports import Purchase


@dataclass
class SmallDesk:
    """Declines above a limit and what is stopped; satisfies `CardDesk` and `Decisions`."""

    limit_minor: int = 50_000
    decided: dict[str, tuple[AuthorizationRequest, Decision]] = field(default_factory=dict)
    reversed: dict[str, Reversal] = field(default_factory=dict)
    labels: dict[str, FraudLabel] = field(default_factory=dict)
    cards: dict[str, CardStatus] = field(default_factory=dict)
    exposed: dict[str, CardExposure] = field(default_factory=dict)
    waits: int = 0
    breaks: Exception | None = None
    heard: Callable[[Decision], None] = lambda decision: None

    def decide(self, request: AuthorizationRequest) -> Decision:
        if self.breaks is not None:
            raise self.breaks
        earlier = self.decided.get(request.request_id)
        if earlier is not None:
            return replace(earlier[1], repeated=True)
        status = self.cards.setdefault(request.card_ref, CardStatus.OPEN)
        large = request.amount_minor > self.limit_minor
        declined = large or status is not CardStatus.OPEN
        reason = "card_stopped" if status is not CardStatus.OPEN else "score"
        decision = Decision(
            decision_id=f"D-{len(self.decided) + 1}",
            request_id=request.request_id,
            kind=DecisionKind.DECLINE if declined else DecisionKind.APPROVE,
            ask=large,
            reasons=(reason,) if declined else (),
            score=min(1.0, request.amount_minor / 1e6),
            decided_at=request.received_at,
        )
        self.decided[request.request_id] = (request, decision)
        self.heard(decision)
        return decision

    def reverse(self, reversal: Reversal) -> bool:
        self.reversed[reversal.request_id] = reversal
        return reversal.original_id in self.decided

    def learn(self, label: FraudLabel) -> bool:
        known = any(one.decision_id == label.decision_id for _, one in self.decided.values())
        if known:
            self.labels.setdefault(label.label_id, label)
        return known

    def set_status(self, change_id: str, card_ref: str, status: CardStatus) -> None:
        assert change_id
        self.cards[card_ref] = status

    def open_window(self, change_id: str, window: RetryWindow) -> None:
        raise NotImplementedError

    def expose(self, exposure: CardExposure) -> None:
        self.exposed[exposure.alert_id] = exposure

    def clear(self, alert_id: str) -> int:
        return int(self.exposed.pop(alert_id, None) is not None)

    async def durable(self) -> None:
        self.waits += 1

    def status(self, card_ref: str) -> CardStatus | None:
        return self.cards.get(card_ref)

    def request_of(self, decision_id: str) -> AuthorizationRequest | None:
        known = self.decided.values()
        return next((one for one, made in known if made.decision_id == decision_id), None)

    async def named(self, purchase: Purchase) -> Sequence[str]:
        return [
            decision.decision_id
            for request, decision in self.decided.values()
            if request.card_ref == purchase.card_ref
            and request.authorized_at == purchase.at
            and purchase.amount_minor in (None, request.amount_minor)
        ]
