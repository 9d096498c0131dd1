"""What the HTTP door needs of the rest; ``app`` joins it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Protocol

from sekisho.domain.asking import Answered, AnswerGiven
from sekisho.domain.authorization import AuthorizationRequest, CardStatus, Decision, Desk
from sekisho.domain.caller import Caller


class Keys(Protocol):
    """The API keys that are valid now."""

    def caller(self, token: str) -> Caller | None:
        """Who has this key; None for nobody. Takes as long for a wrong key as for a right one."""

    def open_to_all(self) -> Caller | None:
        """Who is served without a key.

        Somebody only while none was ever made, and nobody can come in from outside this machine.
        """


class CardDesk(Desk, Protocol):
    """The engine, and what it knows of a card and of what it answered."""

    def request_of(self, decision_id: str) -> AuthorizationRequest | None:
        """What was asked when this was decided; None where it is not known (any more)."""

    def status(self, card_ref: str) -> CardStatus | None:
        """What is done with the card's authorizations; None for a card never seen."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase as somebody outside describes it: ``at`` in seconds since 1970 UTC.

    Empty ``acquirer_id`` and ``merchant_id`` and an ``amount_minor`` of None mean: not told.
    """

    card_ref: str
    at: int
    amount_minor: int | None = None
    acquirer_id: str = ""
    merchant_id: str = ""


class Decisions(Protocol):
    """The decisions so far."""

    async def named(self, purchase: Purchase) -> Sequence[str]:
        """The ids of the decisions that the purchase can be, nearest in time first."""


class Answers(Protocol):
    """Where the answers of holders go."""

    async def answer(self, given: AnswerGiven) -> Answered:
        """Take the answer; what became of it.

        Raises ``BadInput`` for a case that is not known and ``Conflict`` where the same
        ``answer_id`` came with another answer. The first answer wins: a later one is noted.
        """


class Deliveries(Protocol):
    """Where a provider's reports on messages go."""

    async def take(self, body: bytes, signature: str) -> bool:
        """Take one report; whether a message changed. Raises ``BadInput`` (`NotGenuine`)."""


class Log(Protocol):
    """The audit log, as far as the door writes to it."""

    async def write(
        self, actor: str, action: str, subject: str, details: Mapping[str, str]
    ) -> bool:
        """Write an entry; False where the store is away: then it follows when it is back."""


class Health(Protocol):
    """How the service is."""

    def ready(self) -> bool:
        """Whether authorizations are decided by the engine now."""

    def missing(self) -> Sequence[str]:
        """What is not as it should be, in words; some of it does not keep it from deciding."""


@dataclass(frozen=True, slots=True)
class Rooms:
    """Everything that the door is joined to.

    ``card_ref``: the reference of a card number as text, None for what is no number
    (``CardRefs.of_text``). ``response_code``: field 39 for a decision. ``clock``: now, with a zone.
    ``zone``: of instants that come without one.
    ``answers``, ``deliveries``: None where the installation does not ask holders, or sends no
    messages.
    """

    desk: CardDesk
    decisions: Decisions
    log: Log
    health: Health
    keys: Keys
    card_ref: Callable[[str], str | None]
    response_code: Callable[[Decision], str]
    clock: Callable[[], datetime]
    zone: tzinfo
    answers: Answers | None = None
    deliveries: Deliveries | None = None
