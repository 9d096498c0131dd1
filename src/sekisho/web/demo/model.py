"""What the demo's page shows: a leak replayed month by month, every number from one run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Role(StrEnum):
    """What a place really was, as only the maker of the world knows."""

    LEAK = "leak"
    TEST = "test"  # stolen cards are tested there
    SPEND = "spend"  # stolen cards are spent there
    INNOCENT = "innocent"


class Standing(StrEnum):
    """What a trace said of one shop."""

    SILENT = "silent"
    SUSPECT = "suspect"
    USED = "used"  # filed as a place where stolen cards are tested or spent
    FOUND = "found"


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop that leaked, with its true window (both days inside)."""

    entity_id: str
    name: str
    window_start: date
    window_end: date


@dataclass(frozen=True, slots=True)
class Said:
    """What one trace said of one shop; the window and p are None while it is silent."""

    standing: Standing
    p_value: float | None = None
    window_start: date | None = None
    window_end: date | None = None


@dataclass(frozen=True, slots=True)
class Blame:
    """One place that the plain ratio blames: pre-fraud cards, all cards, and what it really was.

    ``sekisho`` is what the trace of the same day said of it.
    """

    name: str
    role: Role
    fraud_cards: int
    cards: int
    ratio: float
    sekisho: Standing


@dataclass(frozen=True, slots=True)
class Look:
    """One trace, as of the end of the day ``as_of``.

    ``victims_known`` are cards whose misuse after the leak was reported by then. ``said`` goes
    with the shops of the replay. ``wrong`` are names among the findings that did not leak.
    ``listed`` are exposed cards of the findings, ``misused_later`` those of them that were misused
    because of the leak after that day, ``yen_later`` what was taken from them then.
    """

    as_of: date
    victims_known: int
    said: tuple[Said, ...]
    wrong: tuple[str, ...]
    blamed: tuple[Blame, ...]
    listed: int
    misused_later: int
    yen_later: int

    @property
    def found(self) -> int:
        """How many of the leaking shops are findings."""
        return sum(said.standing is Standing.FOUND for said in self.said)

    @property
    def strongest(self) -> float | None:
        """The least p of a leaking shop, None while all are silent."""
        return min((s.p_value for s in self.said if s.p_value is not None), default=None)

    @property
    def blamed_rightly(self) -> int:
        """How many of the places that the ratio blames did leak."""
        return sum(blame.role is Role.LEAK for blame in self.blamed)


@dataclass(frozen=True, slots=True)
class Milestones:
    """What happened on which day without Sekisho, as long after one another as on record.

    ``misuse_begins`` alone is not on record, but chosen.
    """

    misuse_begins: date
    word: date  # card companies tell the operator; card payment stops
    holder_called: date
    first_notice: date
    full_notice: date


@dataclass(frozen=True, slots=True)
class Replay:
    """The whole demo. ``exposed`` and ``misused`` are the issuer's cards as they really were."""

    shops: tuple[Shop, ...]
    looks: tuple[Look, ...]
    milestones: Milestones
    cards: int
    transactions: int
    exposed: int
    misused: int
    misuse_share: float  # of the exposed cards, as planned
    floor_cards: int
    floor_ratio: float
    family_wise_error: float
    seed: int
    version: str

    @property
    def wrong_in_all(self) -> int:
        """How many different places that did not leak were findings at any look."""
        return len({name for look in self.looks for name in look.wrong})

    @property
    def first_found(self) -> Look | None:
        """The first look with a leaking shop among its findings."""
        return next((look for look in self.looks if look.found), None)

    @property
    def all_found(self) -> Look | None:
        """The first look at which every leaking shop is a finding."""
        return next((look for look in self.looks if look.found == len(self.shops)), None)
