"""What every rival sees: who shopped where on which day, and whose card was defrauded when.

The rivals are handed clean input: refunds and reversals are gone, fraud of a kind that data theft
does not explain is gone, and a defrauded card's visits end before its first fraud.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sekisho.warehouse.history import FAR, DuckHistory

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Facts:
    """Visits as arrays of one length, days from the first visit; ``case`` has one entry a card."""

    card: Ints
    entity: Ints
    day: Ints
    case: NDArray[np.bool_]
    entities: int

    @property
    def days(self) -> int:
        """Days from the first to the last visit, both inside."""
        return int(self.day.max()) + 1 if self.day.size else 1


@dataclass(frozen=True, slots=True)
class Scores:
    """One entry for each entity, or for each entity and span of days.

    ``count`` is the number of defrauded cards that speak for it (the floor is on these), ``score``
    grows with suspicion.
    """

    entity: Ints
    count: Floats
    score: Floats


def facts_of(history: DuckHistory) -> Facts:
    """Gather the facts of a history that was drawn whole."""
    frauds, visits = history.frauds(), history.visits()
    count = len(history.cards())
    first = np.full(count, FAR)
    np.minimum.at(first, frauds.card[frauds.counts], frauds.at[frauds.counts])
    before = visits.at < first[visits.card]
    day = visits.at[before] // DAY
    return Facts(
        card=visits.card[before].astype(np.int64),
        entity=visits.entity[before].astype(np.int64),
        day=day - int(day.min()) if day.size else day,
        case=first < FAR,
        entities=history.entity_count(),
    )


def distinct(facts: Facts, cell: Ints, cells: int) -> tuple[Ints, Ints]:
    """The distinct pairs (card, cell) of visits that lie in the cells ``cell``."""
    pairs = np.unique(facts.card * cells + cell)
    return pairs // cells, pairs % cells
