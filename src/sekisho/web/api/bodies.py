"""What is sent to the door and what it answers, as types: the schema is made from them.

No field is open to a security code, track data or a PIN, and a field that is not named here is
refused: nothing that is sent is dropped unseen.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

# No control characters anywhere: PostgreSQL keeps no NUL, and a log line is one line.
Id = Annotated[
    str, Meta(pattern=r"^[!-~]{1,100}$", description="1 to 100 ASCII characters without spaces")
]
Who = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{1,100}$")]
CardRef = Annotated[
    str, Meta(pattern=r"^[0-9A-Za-z_.:\-]{1,64}$", description="a card reference, never a number")
]
Pan = Annotated[
    str,
    Meta(min_length=12, max_length=40, description="a card number: made a card_ref, never kept"),
]
Short = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{0,40}$")]
Name = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{0,100}$")]
Code = Annotated[
    str | int,
    Meta(description="letters or digits in quotes; a bare number is filled up with zeros"),
]
Amount = Annotated[
    int,
    Meta(ge=0, le=1_000_000_000_000_000, description="minor units (ISO 4217): 70000 is ¥70,000"),
]
Instant = Annotated[
    datetime, Meta(description="ISO 8601; without a zone it is the installation's (Asia/Tokyo)")
]
CodeOutcome = Literal["match", "no_match", "absent", "M", "N", "P", "S", "U"]


class AuthorizationBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    """One authorization to be decided; exactly one of ``pan`` and ``card_ref``."""

    request_id: Id
    merchant_id: Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{1,40}$")]
    authorized_at: Instant
    amount_minor: Amount
    currency: Code
    pan: Pan | None = None
    card_ref: CardRef | None = None
    acquirer_id: Short | None = None
    merchant_name: Name | None = None
    terminal_id: Short | None = None
    mcc: Code | None = None
    processing_code: Code | None = None
    entry_mode: Code | None = None
    eci: Code | None = None
    security_code_result: CodeOutcome | None = None
    expiry_matches: bool | None = None
    initiator: Short | None = None
    country: Code | None = None


class DecisionBody(msgspec.Struct, frozen=True, gc=False):
    """What was decided. ``reasons``: the first one was decisive. ``repeated``: it was before."""

    decision: Literal["approve", "decline"]
    ask: bool
    reasons: tuple[str, ...]
    response_code: str
    score: float | None
    decision_id: str
    repeated: bool


class ReversalBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """An authorization is taken back, wholly or down to ``replacement_minor``."""

    request_id: Id
    original_request_id: Id
    pan: Pan | None = None
    card_ref: CardRef | None = None
    replacement_minor: Amount | None = None


class ReversedBody(msgspec.Struct, frozen=True):
    """``known``: the authorization was there. It is taken back either way."""

    known: bool


class FraudReportBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One purchase was fraud (or, with ``fraud`` false, was not after all).

    It is named by ``decision_id``, or by the card and ``authorized_at``, with amount, shop and
    acquirer where they are known.
    """

    report_id: Id
    decision_id: Id | None = None
    pan: Pan | None = None
    card_ref: CardRef | None = None
    authorized_at: Instant | None = None
    amount_minor: Amount | None = None
    acquirer_id: Short | None = None
    merchant_id: Short | None = None
    fraud: bool = True
    fraud_type: Short | None = None
    reported_at: Instant | None = None


class FraudReportsBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Many reports at once; each is taken by itself."""

    reports: Annotated[list[FraudReportBody], Meta(min_length=1, max_length=10_000)]


class ReportTaken(msgspec.Struct, frozen=True):
    """What became of one report.

    ``learned``: the engine knows. ``not_found``: no such decision; send it again when there is
    one. ``ambiguous``: several purchases fit; name one of ``candidates`` by ``decision_id``.
    """

    report_id: str
    outcome: Literal["learned", "not_found", "ambiguous"]
    decision_id: str | None = None
    candidates: tuple[str, ...] = ()


class ReportsTaken(msgspec.Struct, frozen=True):
    """What became of each report, in the order in which they came."""

    learned: int
    not_found: int
    ambiguous: int
    reports: list[ReportTaken]


class AnswerBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a signed-in holder answered in the issuer's own channel.

    ``case_id``: the case, or the decision that was asked about. ``answer_id`` makes a repeat
    harmless. ``way``: how the holder was signed in. ``answered_by``: who, as the issuer names them.
    """

    case_id: Id
    answer: Literal["mine", "family", "not_mine", "unsure"]
    answer_id: Id
    answered_by: Who
    way: Literal["app", "three_ds", "passkey"] = "app"


class MorePurchase(msgspec.Struct, frozen=True):
    """A purchase to show to a holder who is unsure; the shop as it names itself."""

    decision_id: str
    authorized_at: datetime
    amount_minor: int
    currency: str
    merchant_name: str
    mcc: str
    country: str
    declined: bool


class AnswerTaken(msgspec.Struct, frozen=True):
    """What became of an answer.

    ``counted``: ``first`` acted, ``confirmed`` acted on a card that a link had stopped, ``unsure``
    changed nothing, ``later`` and ``refused`` were only written down. ``effects``: what follows.
    """

    case_id: str
    counted: str
    state: str
    closed_as: str | None
    effects: tuple[str, ...]
    more: tuple[MorePurchase, ...]


class CardBody(msgspec.Struct, frozen=True):
    """What is done with a card's authorizations."""

    card_ref: str
    status: Literal["open", "stopped", "blocked"]


class CardChangeBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Stop or open a card: ``change_id`` makes a repeat harmless; who and why go into the log."""

    change_id: Id
    person: Who
    reason: Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{1,500}$")]


class CardChanged(msgspec.Struct, frozen=True):
    """``status``: what holds now. ``logged``: the audit log has its entry; else it follows."""

    card_ref: str
    status: Literal["open", "stopped", "blocked"]
    logged: bool


class EventTaken(msgspec.Struct, frozen=True):
    """``changed``: the state of a message moved."""

    changed: bool


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    status: Literal["ok"]


class Ready(msgspec.Struct, frozen=True):
    """``ready``: the engine decides. ``missing``: what is not as it should be, in words."""

    ready: bool
    missing: tuple[str, ...]
