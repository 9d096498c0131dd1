"""A question to a holder, "was that you?": its states, the ways to reach and the ways to answer.

::

    open ──► stopped ──► closed        one case for each question; decisions on the same card while
      │ ▲       ▲          ▲           it is not closed join it
      │ └ unsure│          │
      └──► with_agent ─────┘

    created ─► sent ─► delivered ─► answered      one outreach for each channel that was tried
       │         │         ├─► expired            (answered, expired and undeliverable stay as they
       │         │         └─► closed             are, as proof; what is left over is closed)
       └─────────┴─► undeliverable
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sekisho.domain.errors import BadInput
from sekisho.domain.message import Channel


class Answer(StrEnum):
    """What a holder says."""

    MINE = "mine"
    FAMILY = "family"
    NOT_MINE = "not_mine"
    UNSURE = "unsure"

    @property
    def own(self) -> bool:
        """The purchase was the holder's, or the family's."""
        return self in (Answer.MINE, Answer.FAMILY)


class Way(StrEnum):
    """By which way an answer came."""

    LINK = "link"
    """A one-time link, without sign-in: it may only say "not me"."""
    APP = "app"
    """The issuer's own application, which has signed the holder in."""
    THREE_DS = "three_ds"
    """A 3-D Secure challenge that was passed."""
    PASSKEY = "passkey"
    AGENT = "agent"
    """By telephone, to a person at the desk who has made sure who is calling."""

    @property
    def signed_in(self) -> bool:
        """Somebody made sure that it is the holder who answers."""
        return self is not Way.LINK


class CaseState(StrEnum):
    """Where a question stands."""

    OPEN = "open"
    """Asked; nobody has answered."""
    STOPPED = "stopped"
    """Somebody without sign-in said "not me": the card is stopped, reversibly, until confirmed."""
    WITH_AGENT = "with_agent"
    """A person at the desk goes on: nobody answered, was sure, or could be reached."""
    CLOSED = "closed"


class Closing(StrEnum):
    """How a case ended."""

    MINE = "mine"
    FAMILY = "family"
    NOT_MINE = "not_mine"
    UNANSWERED = "unanswered"


class OutreachState(StrEnum):
    """Where one try to reach the holder stands."""

    CREATED = "created"
    SENT = "sent"
    DELIVERED = "delivered"
    ANSWERED = "answered"
    EXPIRED = "expired"
    UNDELIVERABLE = "undeliverable"
    CLOSED = "closed"


_O = OutreachState

OUTREACH_FOLLOWING: Final[Mapping[OutreachState, frozenset[OutreachState]]] = {
    _O.CREATED: frozenset(
        {_O.SENT, _O.DELIVERED, _O.ANSWERED, _O.EXPIRED, _O.UNDELIVERABLE, _O.CLOSED}
    ),
    _O.SENT: frozenset({_O.DELIVERED, _O.ANSWERED, _O.EXPIRED, _O.UNDELIVERABLE, _O.CLOSED}),
    _O.DELIVERED: frozenset({_O.ANSWERED, _O.EXPIRED, _O.UNDELIVERABLE, _O.CLOSED}),
    _O.ANSWERED: frozenset(),
    _O.EXPIRED: frozenset(),
    _O.UNDELIVERABLE: frozenset(),
    _O.CLOSED: frozenset(),
}
"""Which state of an outreach may follow which."""

CASE_FOLLOWING: Final[Mapping[CaseState, frozenset[CaseState]]] = {
    CaseState.OPEN: frozenset({CaseState.STOPPED, CaseState.WITH_AGENT, CaseState.CLOSED}),
    CaseState.STOPPED: frozenset({CaseState.CLOSED}),
    CaseState.WITH_AGENT: frozenset({CaseState.STOPPED, CaseState.CLOSED}),
    CaseState.CLOSED: frozenset(),
}
"""Which state of a case may follow which. A closed case is never opened again."""


class Counted(StrEnum):
    """What became of an answer."""

    FIRST = "first"
    """It acted: the card, the label and the case changed."""
    CONFIRMED = "confirmed"
    """It acted on a card that a link had stopped: the signed-in word decides."""
    UNSURE = "unsure"
    """More is shown and the question stays."""
    LATER = "later"
    """An answer was there before; this one is written down and does nothing."""
    REFUSED = "refused"
    """Not to be said by this way; written down."""


class Effect(StrEnum):
    """What follows from a step, to be carried out with it or by jobs written with it."""

    STOP_CARD = "stop_card"
    OPEN_CARD = "open_card"
    BLOCK_CARD = "block_card"
    OPEN_WINDOW = "open_window"
    LABEL_FRAUD = "label_fraud"
    LABEL_GENUINE = "label_genuine"
    DRAFT_REPORT = "draft_report"
    DRAFT_REISSUE = "draft_reissue"
    SHOW_MORE = "show_more"


@dataclass(frozen=True, slots=True)
class Outreach:
    """One try. ``step`` counts from 0. Times: seconds since 1970 UTC."""

    step: int
    channel: Channel
    state: OutreachState
    made_at: int
    changed_at: int

    @property
    def ended(self) -> bool:
        """Nothing can follow any more."""
        return not OUTREACH_FOLLOWING[self.state]


@dataclass(frozen=True, slots=True)
class HolderCase:
    """A question as it stands.

    ``decision_id``: the purchase that is asked about. ``declined``: it was not let through.
    ``unsure``: how often the holder was. ``moved_at``: when another purchase on the card was
    approved since. ``contradicted``: a later answer says the opposite of the one that counted.
    Times: seconds since 1970 UTC, None for what has not happened.
    """

    case_id: str
    card_ref: str
    decision_id: str
    declined: bool
    state: CaseState
    opened_at: int
    outreach: tuple[Outreach, ...] = ()
    unsure: int = 0
    moved_at: int | None = None
    stopped_at: int | None = None
    closed_at: int | None = None
    closed_as: Closing | None = None
    contradicted: bool = False


@dataclass(frozen=True, slots=True)
class AnswerGiven:
    """An answer as it came in.

    ``answer_id``: the key of idempotency, unique for each answer: the same one a second time
    changes nothing and gets the same result. ``asked``: the case's id, or that of the decision
    that is asked about (either will do). ``who``: ``person:ID`` of the agent, or ``system:NAME``.
    """

    answer_id: str
    asked: str
    answer: Answer
    way: Way
    who: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Purchase:
    """What is shown to a holder who is to recognise a purchase.

    ``authorized_at``: seconds since 1970 UTC. ``currency``: ISO 4217 numeric. ``mcc``, ``country``:
    as they came in; empty where they did not.
    """

    decision_id: str
    authorized_at: int
    amount_minor: int
    currency: str
    acquirer_id: str
    merchant_id: str
    merchant_name: str
    mcc: str
    country: str
    declined: bool
    asked: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of an answer. ``more``: purchases to show to a holder who is unsure."""

    case_id: str
    counted: Counted
    state: CaseState
    closed_as: Closing | None
    effects: tuple[Effect, ...]
    more: tuple[Purchase, ...] = ()


def may_become(before: OutreachState, after: OutreachState) -> bool:
    """Whether ``after`` may follow ``before``."""
    return after in OUTREACH_FOLLOWING[before]


def answer_of(text: str) -> Answer:
    """The answer spelt ``text``; ``BadInput`` where it is none."""
    if text not in set(Answer):
        raise BadInput(f"{text[:20]!r} is no answer", hint=f"Answers: {', '.join(Answer)}.")
    return Answer(text)
