"""What the search for common points needs of the world outside: a history that can be asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from sekisho.domain.finding import EntityKind
from sekisho.domain.history import (
    CardTable,
    Codes,
    ExposureWindow,
    Floats,
    FraudTable,
    GroupTable,
    Ints,
    MisuseTable,
    Survey,
    Tenure,
    TerminalTable,
    VisitTable,
)


class History(Protocol):
    """A bank's card history. Cards and entities are integers that the history hands out."""

    passes: int

    def survey(self) -> Survey:
        """Read the history once: how large, from when to when."""

    def draw(self, *, cards: int) -> float:
        """Choose all cards with a fraud report and, by hash, about ``cards`` others.

        Returns the share of the others that was drawn.
        """

    def cards(self) -> CardTable:
        """The cards chosen so far, in the order of their numbers.

        Those that `add_visitors` added come with `added_activity`.
        """

    def frauds(self) -> FraudTable:
        """All usable fraud reports of chosen cards."""

    def visits(self) -> VisitTable:
        """All visits of the drawn cards."""

    def entity_count(self) -> int:
        """How many entities have been seen."""

    def entity_id(self, entity: int) -> str:
        """The entity's name for files."""

    def entity_name(self, entity: int) -> str:
        """The entity's name for people."""

    def groups(self, kind: EntityKind) -> GroupTable | None:
        """Operators, processors or acquirers of the merchants seen; None where nothing says."""

    def misuse(self) -> MisuseTable | None:
        """The reported transactions of drawn cards; None if nothing is known about them."""

    def terminals(self, entities: Ints) -> TerminalTable | None:
        """The drawn cards' visits at some merchants with terminals; None if none is known."""

    def shops_of(self, kind: EntityKind, acquirer: str, number: str) -> tuple[Tenure, ...]:
        """The merchants of an entity that is known by its number, with the times of belonging.

        Without ``acquirer`` a merchant's number may name several.
        """

    def add_visitors(self, entities: Ints, shares: Floats) -> VisitTable:
        """Choose also cards that ever visited ``entities``; these cards' visits there.

        Of each entity's visitors all with a fraud report are chosen, and by hash ``shares`` of
        the others (at least the share that was drawn).
        """

    def added_activity(self) -> tuple[Codes, Ints]:
        """Card and instant of every visit of the cards that `add_visitors` added."""

    def expose(self, windows: Iterable[ExposureWindow]) -> None:
        """Keep the cards that visited inside a window."""

    def exposed_count(self) -> int:
        """Distinct cards kept by `expose`."""

    def defrauded_count(self) -> int:
        """Distinct cards kept by `expose` with a fraud that counts after they were exposed."""
