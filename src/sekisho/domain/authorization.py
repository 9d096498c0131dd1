"""What passes between the doors, the engine and those who ask: authorizations and their answers.

A door (ISO 8583, HTTP) turns bytes into these and answers into bytes; the engine knows nothing of
either. No clear card number gets this far: ``card_ref`` is the keyed hash. A security code never
does: intake turned it into match, no match or absent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class RequestKind(StrEnum):
    """What is asked of the engine."""

    REQUEST = "request"
    """0100: decide."""
    ADVICE = "advice"
    """0120: somebody else decided already (stand-in); count it, never decline it again."""


class CodeResult(StrEnum):
    """How the security code compared, told by the network or by the issuer's own check."""

    ABSENT = "absent"
    MATCH = "match"
    NO_MATCH = "no_match"


class DecisionKind(StrEnum):
    """What is answered."""

    APPROVE = "approve"
    DECLINE = "decline"


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """One authorization as a door read it.

    ``request_id``: the same for a repeat of the same message, and for no other (HTTP: the
    caller's; ISO 8583: fields 7, 11, 32, 37). ``authorized_at``: seconds since 1970 UTC, of the
    purchase; ``received_at``: when the door had it. ``amount_minor``: minor units of ``currency``
    (ISO 4217 numeric, three digits). ``merchant_id`` is unique within ``acquirer_id`` only.
    ``entry_mode`` and ``eci`` as the network spells them; ``country``: ISO 3166 numeric or "".
    ``approved``: of an advice, what was decided; None for a request.
    """

    request_id: str
    card_ref: str
    acquirer_id: str
    merchant_id: str
    authorized_at: int
    received_at: int
    amount_minor: int
    currency: str
    kind: RequestKind = RequestKind.REQUEST
    merchant_name: str = ""
    terminal_id: str = ""
    mcc: str = ""
    processing_code: str = ""
    entry_mode: str = ""
    eci: str = ""
    code_result: CodeResult = CodeResult.ABSENT
    expiry_matches: bool | None = None
    initiator: str = ""
    country: str = ""
    approved: bool | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What the engine answers.

    ``decision_id``: unique, and the same for a repeat. ``reasons``: the product's own words
    (``score``, ``exposed_card``, ``holder_said_no``, a rule's reason ...), the first one decisive;
    a door maps it to its response code. ``repeated``: this request was answered before, and this
    is the answer it got then. ``policy``, ``model``: versions that decided.
    """

    decision_id: str
    request_id: str
    kind: DecisionKind
    ask: bool
    reasons: tuple[str, ...]
    score: float
    decided_at: int
    policy: str = ""
    model: str = ""
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Reversal:
    """An authorization is taken back (0400, 0420), wholly or down to ``replacement_minor``.

    ``original_id``: the `AuthorizationRequest.request_id` of what is reversed.
    """

    request_id: str
    original_id: str
    card_ref: str
    received_at: int
    replacement_minor: int | None = None


class LabelSource(StrEnum):
    """Who said that a purchase was fraud, or was not."""

    HOLDER = "holder"
    """Answered when asked."""
    REPORT = "report"
    """A fraud report: scheme, issuer's desk, claim."""
    TIME = "time"
    """Nobody said anything for so long that it counts as genuine."""


@dataclass(frozen=True, slots=True)
class FraudLabel:
    """What became known of an authorization: fraud or genuine, by whom, when.

    ``label_id`` is the key of idempotency. ``decision_id`` names the authorization.
    """

    label_id: str
    decision_id: str
    fraud: bool
    source: LabelSource
    known_at: int


class CardStatus(StrEnum):
    """What the engine does with every authorization of a card."""

    OPEN = "open"
    STOPPED = "stopped"
    """For now and reversibly: somebody said "not me" without signing in, or a person stopped it."""
    BLOCKED = "blocked"
    """For good: confirmed; a replacement is due."""


@dataclass(frozen=True, slots=True)
class RetryWindow:
    """The holder said that it was her: let this shop charge up to so much until then, once more."""

    card_ref: str
    acquirer_id: str
    merchant_id: str
    up_to_minor: int
    currency: str
    until: int


@dataclass(frozen=True, slots=True)
class CardExposure:
    """A card was exposed by a leak: it goes on the watch list.

    ``data_taken``: names of data elements (``pan``, ``expiry``, ``security_code``, ``name``,
    ``track`` ...). Times are seconds since 1970 UTC; ``until`` is when watching ends.
    """

    alert_id: str
    card_ref: str
    exposed_at: int
    known_at: int
    until: int
    data_taken: tuple[str, ...] = ()


class Desk(Protocol):
    """The engine as doors and answers see it. Every method returns after it is written down.

    All calls are quick (well under a millisecond) and must come from one thread; a repeat of a
    ``request_id``, ``label_id`` or ``alert_id`` changes nothing and gets the same answer.
    """

    def decide(self, request: AuthorizationRequest) -> Decision:
        """Decide a request, or count an advice."""

    def reverse(self, reversal: Reversal) -> bool:
        """Undo an authorization; False if it is not known (it is answered all the same)."""

    def learn(self, label: FraudLabel) -> bool:
        """Learn a label; False if the decision is not known."""

    def set_status(self, change_id: str, card_ref: str, status: CardStatus) -> None:
        """Stop, block or open a card."""

    def open_window(self, change_id: str, window: RetryWindow) -> None:
        """Let one shop charge a card once more."""

    def expose(self, exposure: CardExposure) -> None:
        """Put a card on the watch list."""

    def clear(self, alert_id: str) -> int:
        """Take all cards of an alert off the watch list; how many."""

    async def durable(self) -> None:
        """Wait until all calls so far survive the machine's death; at once without --sync."""


@dataclass(frozen=True, slots=True)
class Told:
    """A decision as those who follow the engine read it; ``cursor`` only grows."""

    cursor: int
    request: AuthorizationRequest
    decision: Decision


class Feed(Protocol):
    """The decisions in the order in which they were written down."""

    def after(self, cursor: int, most: int) -> Sequence[Told]:
        """At most ``most`` decisions after ``cursor`` (0: from the beginning); empty: none yet."""
