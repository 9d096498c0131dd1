"""What the live engine writes down: each entry says all that is needed to play it again.

The state of the engine is what these entries make when they are played from the first to the last
one; nothing else changes it.
"""

from __future__ import annotations

from dataclasses import dataclass

from sekisho.domain.authorization import (
    AuthorizationRequest,
    CardExposure,
    CardStatus,
    Decision,
    FraudLabel,
    RetryWindow,
    Reversal,
)


@dataclass(frozen=True, slots=True)
class Decided:
    """An authorization and its answer.

    ``at``: the time under which it was counted, seconds since 1970; the purchase's own, unless
    that lies in the future. ``window``: the holder's retry window was used up.
    """

    request: AuthorizationRequest
    decision: Decision
    at: int
    window: bool = False


@dataclass(frozen=True, slots=True)
class Reversed:
    """A reversal, with what it reverses; None where that is not known (yet)."""

    reversal: Reversal
    original: Decided | None


@dataclass(frozen=True, slots=True)
class Learnt:
    """A label, with the authorization that it is about."""

    label: FraudLabel
    original: Decided


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """A card was stopped, blocked or opened."""

    change_id: str
    card_ref: str
    status: CardStatus


@dataclass(frozen=True, slots=True)
class WindowOpened:
    """A shop may charge a card once more."""

    change_id: str
    window: RetryWindow


@dataclass(frozen=True, slots=True)
class Exposed:
    """A card went on the watch list."""

    exposure: CardExposure


@dataclass(frozen=True, slots=True)
class Cleared:
    """All cards of an alert went off the watch list."""

    alert_id: str


Entry = Decided | Reversed | Learnt | StatusChanged | WindowOpened | Exposed | Cleared
