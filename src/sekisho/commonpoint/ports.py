"""What the search for common points needs of the world outside: a history that can be asked."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sekisho.domain.history import CardTable, FraudTable, Ints, Survey, VisitTable


class History(Protocol):
    """A bank's card history. Cards and entities are integers that the history hands out."""

    def survey(self) -> Survey:
        """Read the history once: how large, from when to when."""

    def draw(self, *, cards: int) -> float:
        """Choose all cards with a fraud report and, by hash, about ``cards`` others; the latter's share."""

    def cards(self) -> CardTable:
        """The cards chosen so far, in the order of their numbers."""

    def frauds(self) -> FraudTable:
        """All usable fraud reports of chosen cards."""

    def visits(self) -> VisitTable:
        """All visits of the chosen cards."""

    def entity_count(self) -> int:
        """How many entities have been seen so far."""

    def entity_id(self, entity: int) -> str:
        """The entity's name for files: ``acquirer/merchant``, or the merchant alone."""

    def entity_name(self, entity: int) -> str:
        """The entity's name for people."""

    def add_visitors(self, entities: Ints) -> VisitTable:
        """Choose also every card that ever visited ``entities``; all their visits there."""

    def activity(self, edges: Ints, *, since: int) -> NDArray[np.int32]:
        """Visits of the cards numbered ``since`` and on, in each block: (cards, blocks)."""
