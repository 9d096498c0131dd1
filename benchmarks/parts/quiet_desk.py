"""A desk that approves everything and keeps nothing: what is measured or tried is the door."""

from __future__ import annotations

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


class QuietDesk:
    """Satisfies `sekisho.domain.authorization.Desk`."""

    def decide(self, request: AuthorizationRequest) -> Decision:
        """Approve."""
        return Decision(
            request.request_id, request.request_id, DecisionKind.APPROVE, ask=False, reasons=(),
            score=0.0, decided_at=request.received_at,
        )  # fmt: skip

    def reverse(self, reversal: Reversal) -> bool:
        """Nothing is known."""
        return not reversal.request_id

    def learn(self, label: FraudLabel) -> bool:
        """Nothing is known."""
        return not label.label_id

    def set_status(self, change_id: str, card_ref: str, status: CardStatus) -> None:
        """Nothing is kept."""

    def open_window(self, change_id: str, window: RetryWindow) -> None:
        """Nothing is kept."""

    def expose(self, exposure: CardExposure) -> None:
        """Nothing is kept."""

    def clear(self, alert_id: str) -> int:
        """Nothing is kept."""
        return len(alert_id) * 0

    async def durable(self) -> None:
        """There is nothing to wait for."""
