"""Cards that a leak exposed, as alerts name them, and what becomes of each on the watch list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final


class AlertSource(StrEnum):
    """Who says that cards were exposed."""

    TRACE = "trace"
    """Our own finding."""
    SCHEME = "scheme"
    ACQUIRER = "acquirer"
    PROCESSOR = "processor"
    OPERATOR = "operator"
    POLICE = "police"


class EntryAction(StrEnum):
    """What an alert asks for one card."""

    ADD = "add"
    WITHDRAW = "withdraw"


class Fate(StrEnum):
    """What becomes of a card that an alert names; the first one that holds, in this order."""

    WITHDRAWN = "withdrawn"
    """The alert takes it back."""
    DUPLICATE = "duplicate"
    """The same alert named it before."""
    NOT_OURS = "not_ours"
    """The card file does not have it."""
    SEVERAL_FIT = "several_fit"
    """BIN, last digits and expiry date fit several cards: none is guessed at."""
    REISSUED = "reissued"
    """Replaced, or its expiry date on file is another than in the alert: it has a new card."""
    CLOSED = "closed"
    EXPIRED = "expired"
    ISSUED_AFTER = "issued_after"
    """Issued after the exposure window had ended."""
    NOTICE_ONLY = "notice_only"
    """Nothing was taken that a card could be misused with: its holder is told, no more."""
    WATCHED = "watched"


ALIASES: Final = {
    "cvc": "security_code", "cvv": "security_code", "cvv2": "security_code", "name": "holder_name",
    "number": "pan", "password": "credentials", "mail": "email", "3ds_id": "three_ds",
    "3-d_secure": "three_ds",
}  # fmt: skip
"""Other words for data elements, as alerts and older files use them."""


@dataclass(frozen=True, slots=True)
class AlertEntry:
    """One card of an alert. Either ``card_ref``, or ``bin`` and ``last4``, name it.

    ``row`` counts from 1 with the header line; ``expiry`` is the last day of the month in the
    alert, None where it has none; ``exposed_at``: seconds since 1970 UTC, None: the window's end;
    ``elements``: what was taken of this card, empty: what the alert says.
    """

    row: int
    card_ref: str = ""
    bin: str = ""
    last4: str = ""
    expiry: date | None = None
    exposed_at: int | None = None
    elements: tuple[str, ...] = ()
    action: EntryAction = EntryAction.ADD


@dataclass(frozen=True, slots=True)
class Alert:
    """What one source says of one event. Dates are calendar days; both window ends are inside.

    ``elements``: data elements that were taken. ``place``: kind and id of the entity, as far as
    it is told; no holder ever reads it.
    """

    alert_id: str
    source: AlertSource
    received_on: date
    elements: tuple[str, ...]
    entries: tuple[AlertEntry, ...]
    window_start: date | None = None
    window_end: date | None = None
    place: str = ""


@dataclass(frozen=True, slots=True)
class CardOnFile:
    """A card as the issuer's card file has it; ``bin`` and ``last4`` only to be matched by."""

    card_ref: str
    opened_on: date | None = None
    closed_on: date | None = None
    expires_on: date | None = None
    replaced_by: str = ""
    bin: str = ""
    last4: str = ""


@dataclass(frozen=True, slots=True)
class Fated:
    """What became of one entry. ``until``: last day of watching; ``prior_on``: an earlier alert."""

    row: int
    card_ref: str
    fate: Fate
    until: date | None = None
    exposed_at: int | None = None
    elements: tuple[str, ...] = ()
    prior_on: date | None = None


@dataclass(frozen=True, slots=True)
class Funnel:
    """How many cards of an alert came how far: the counts add up.

    ``in_alert`` = ``active`` + all that was left out before (withdrawn, duplicate, not ours,
    several fit, reissued, closed, expired, issued after) + ``unreadable``;
    ``active`` = ``watched`` + ``notice_only``. ``sent_prior``: of the watched, those that an
    earlier alert named.
    """

    in_alert: int
    unreadable: int
    active: int
    watched: int
    sent_prior: int
    fates: tuple[tuple[str, int], ...]


def funnel_of(fated: Sequence[Fated], unreadable: int) -> Funnel:
    """Count what became of the entries."""
    counts = Counter(one.fate for one in fated)
    watched = counts[Fate.WATCHED]
    return Funnel(
        in_alert=len(fated) + unreadable,
        unreadable=unreadable,
        active=watched + counts[Fate.NOTICE_ONLY],
        watched=watched,
        sent_prior=sum(one.prior_on is not None for one in fated if one.fate is Fate.WATCHED),
        fates=tuple((fate.value, counts[fate]) for fate in Fate),
    )
