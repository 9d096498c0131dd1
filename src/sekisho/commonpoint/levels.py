"""Levels above the merchant: operators, processors and acquirers, read for each transaction.

A shop can be sold, so the group that a visit belongs to depends on when it was made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.cohort import SPAN
from sekisho.commonpoint.ports import History
from sekisho.commonpoint.study import Panel
from sekisho.domain.finding import EntityKind
from sekisho.domain.history import GroupTable

Ints = NDArray[np.int64]

UPWARD = (EntityKind.OPERATOR, EntityKind.PROCESSOR, EntityKind.ACQUIRER)


@dataclass(frozen=True, slots=True)
class Levels:
    """The groups of each level. Entities are numbered merchants first, then level by level."""

    merchants: int
    tables: dict[EntityKind, GroupTable]

    def offset(self, kind: EntityKind) -> int:
        """The number of a level's first entity."""
        if kind is EntityKind.MERCHANT:
            return 0
        before = 0
        for other in UPWARD[: UPWARD.index(kind)]:
            before += len(self.tables[other].ids) if other in self.tables else 0
        return self.merchants + before

    def kind_of(self, entity: int) -> EntityKind:
        """The level of an entity."""
        for kind in reversed(UPWARD):
            if kind in self.tables and entity >= self.offset(kind):
                return kind
        return EntityKind.MERCHANT

    def names(self, entity: int) -> tuple[str, str] | None:
        """Id and name of a group; None for a merchant."""
        kind = self.kind_of(entity)
        if kind is EntityKind.MERCHANT:
            return None
        number = entity - self.offset(kind)
        return self.tables[kind].ids[number], self.tables[kind].names[number]

    def merchants_of(self, entity: int) -> Ints:
        """Every merchant that ever belonged to an entity; a merchant's only one is itself."""
        kind = self.kind_of(entity)
        if kind is EntityKind.MERCHANT:
            return np.array([entity], np.int64)
        table = self.tables[kind]
        return np.unique(table.merchant[table.group == entity - self.offset(kind)])

    def tenure(self, entity: int, merchant: int) -> tuple[int, int]:
        """First and last instant at which a merchant belonged to a group."""
        kind = self.kind_of(entity)
        table = self.tables[kind]
        rows = (table.merchant == merchant) & (table.group == entity - self.offset(kind))
        return int(table.start[rows].min()), int(table.end[rows].max()) - 1

    def group_of(self, kind: EntityKind, merchant: Ints, at: Ints) -> Ints:
        """The entity of level ``kind`` that each visit belongs to, or -1."""
        table = self.tables[kind]
        if not table.merchant.size:
            return np.full(merchant.size, -1, np.int64)
        begins = table.merchant * SPAN + np.maximum(table.start, 0)
        spot = np.searchsorted(begins, merchant * SPAN + at, side="right") - 1
        held = spot >= 0
        spot = np.maximum(spot, 0)
        held &= (table.merchant[spot] == merchant) & (at < table.end[spot])
        return np.where(held, table.group[spot] + self.offset(kind), -1)


def read_levels(history: History, kinds: Sequence[EntityKind]) -> Levels:
    """Ask the history for the groups of the wanted levels."""
    tables = {}
    for kind in UPWARD:
        table = history.groups(kind) if kind in kinds else None
        if table is not None and table.ids:
            tables[kind] = table
    return Levels(history.entity_count(), tables)


def merchant_rows(panel: Panel) -> Ints:
    """The merchant of each visit of a panel of merchants."""
    return np.repeat(panel.entities, np.diff(panel.visits.first))
