"""A card history as arrays: what crosses from the warehouse to the reasoning half.

Cards and entities are small integers that the warehouse hands out; instants are seconds of wall
clock since 1970-01-01 in the trace's time zone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Survey:
    """The history at a glance. Instants are seconds of wall clock since 1970-01-01."""

    transactions: int
    cards: int
    first_at: int
    last_at: int


@dataclass(frozen=True, slots=True)
class CardTable:
    """Cards with what controls are matched on, one row for each card.

    ``product`` and ``home_area`` are codes (0: unknown). ``opened_at`` is the opening, or the
    first time seen; ``closed_at`` is far in the future for a card that is open.
    ``account`` is the same for cards that replace one another.
    """

    product: Codes
    home_area: Codes
    opened_at: Ints
    closed_at: Ints
    account: Codes

    def __len__(self) -> int:
        """Count the cards."""
        return int(self.product.size)


@dataclass(frozen=True, slots=True)
class VisitTable:
    """Visits: which card, at which entity, when; and whether the merchant started the charge."""

    card: Codes
    entity: Codes
    at: Ints
    merchant_initiated: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FraudTable:
    """Reported frauds. ``entity`` is where the card was misused, -1 where it is not known.

    ``dated`` says which reports have a date of their own; the others count as known at once. None
    where that is not known of any.
    """

    card: Codes
    at: Ints
    reported_at: Ints
    counts: NDArray[np.bool_]  # of a kind that data theft explains
    stops_card: NDArray[np.bool_]  # another kind that ends the card's life
    entity: Codes
    product: Codes
    dated: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class MisuseTable:
    """Reported transactions: what the thief showed. One row for each; False where not known.

    ``read_known`` and ``code_known`` say that the entry mode and the check of the security code
    are known at all; ``remote`` is a purchase without the card; ``authenticated`` that the holder's
    3-D Secure was passed.
    """

    card: Codes
    at: Ints
    approved: NDArray[np.bool_]
    read_known: NDArray[np.bool_]
    track: NDArray[np.bool_]
    remote: NDArray[np.bool_]
    code_known: NDArray[np.bool_]
    code_match: NDArray[np.bool_]
    authenticated: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TerminalTable:
    """Visits with the terminal: a number into ``ids``, -1 where it is not known."""

    card: Codes
    entity: Ints
    at: Ints
    terminal: Ints
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupTable:
    """Which merchants belong together, and when (a shop can be sold).

    Row i says that ``merchant[i]`` belongs to ``group[i]`` from the instant ``start[i]`` until
    before ``end[i]``. ``ids`` and ``names`` are those of the groups; rows are sorted by merchant
    and start, and only groups of two merchants and more are there.
    """

    merchant: Ints
    start: Ints
    end: Ints
    group: Ints
    ids: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tenure:
    """A merchant belongs to an entity from the instant ``start`` until before ``end``."""

    merchant: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ExposureWindow:
    """The visits at ``entity`` from ``start`` until before ``end`` (instants) expose a card.

    ``finding`` is the number of the finding that the window belongs to.
    """

    entity: int
    start: int
    end: int
    finding: int
