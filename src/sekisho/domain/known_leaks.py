"""Leaks that are known already: what the bank hands in, and what a trace made of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sekisho.domain.finding import EntityKind

DATA_KEYS = (
    "pan", "expiry", "security_code", "holder_name", "track", "pin", "address", "credentials",
)  # fmt: skip
"""The kinds of data that can be taken, as `Finding.data_taken` names them."""


@dataclass(frozen=True, slots=True)
class KnownLeak:
    """One row of the file of known leaks. Both days of the window are inside.

    ``number`` is the merchant's, operator's or processor's; ``acquirer`` belongs to a merchant and
    may be empty.
    """

    entity_kind: EntityKind
    acquirer: str
    number: str
    window_start: date
    window_end: date
    name: str = ""
    reference: str = ""
    data_taken: tuple[str, ...] = ()

    @property
    def entity_id(self) -> str:
        """The entity as findings name it."""
        return f"{self.acquirer}/{self.number}" if self.acquirer else self.number


class KnownState(StrEnum):
    """What became of a known leak in a trace."""

    TAKEN_OUT = "taken_out"  # its excess of misused cards has left the study
    NO_EXCESS = "no_excess"  # its cards were misused no more often than others: nothing to take
    NO_VISITS = "no_visits"  # the history has no purchase there in the window
    UNKNOWN = "unknown"  # the history does not know the entity
    AMBIGUOUS = "ambiguous"  # several acquirers have a merchant of this number


@dataclass(frozen=True, slots=True)
class TakenOut:
    """A known leak with its cards: exposed in the window, misused afterwards, and taken out.

    ``cards_expected`` would have been misused without the leak; ``cards_taken_out`` have left the
    study, so that they speak for no other place.
    """

    leak: KnownLeak
    state: KnownState
    cards_exposed: int = 0
    cards_defrauded: int = 0
    cards_expected: float = 0.0
    cards_taken_out: int = 0
