"""The nested case-control study: spells with their hazards, and visits ready for the scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.bursts import find_bursts
from sekisho.commonpoint.cohort import (
    DAY,
    SPAN,
    Clock,
    Matching,
    SpellTable,
    activity_levels,
    block_counts,
    cells,
    cumulative_hazard,
    fit_matching,
    hazard_at_visits,
    make_spells,
    spell_of_visits,
)
from sekisho.commonpoint.habit import habitual
from sekisho.domain.history import CardTable, FraudTable, VisitTable
from sekisho.stats.hazard import hazard_at
from sekisho.stats.order import LONG_AGO, first_of_days, order_by_place
from sekisho.stats.scan import Spells, Visits

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)  # without slots, which leave no room for what is counted once
class Study:
    """All that is known of the cards when shops are compared.

    ``event`` marks spells that count as a case (one for each burst). ``weight`` is how many cards
    of the bank a spell stands for: 0 for spells added to the drawn ones, which stand for them,
    and for those that have left.
    """

    cards: CardTable
    frauds: FraudTable
    clock: Clock
    spells: SpellTable
    event: NDArray[np.bool_]
    weight: Floats
    matching: Matching
    cell: NDArray[np.int32]
    cumulative: Floats
    hazard_from: Floats
    hazard_until: Floats
    gone: Ints  # spells that have left the study, explained by a finding
    habits: int  # reports that were set aside, at shops where their cards shop anyway

    @cached_property
    def period_bits(self) -> Ints:
        """For each spell the misuse periods that it is a case of: bit p for period p."""
        bits = np.zeros(len(self.spells), np.int64)
        cases = np.flatnonzero(self.event)
        leave = self.spells.leave[cases]
        for p, (begin, until) in enumerate(self.clock.periods):
            # An index time at the very end of the as-of day still belongs to it.
            bits[cases] |= ((leave >= begin) & (leave <= until)).astype(np.int64) << p
        return bits

    @cached_property
    def totals(self) -> Floats:
        """Cases in each misuse period."""
        bits = self.period_bits[self.event]
        return np.array([float((bits >> p & 1).sum()) for p in range(self.periods)])

    @cached_property
    def scale(self) -> Floats:
        """What hazards are multiplied with so that all cards together expect all cases."""
        drawn = np.flatnonzero(self.weight)
        fitted = self.weight[drawn] @ (self.hazard_until[drawn] - self.hazard_from[drawn])
        return np.divide(self.totals, fitted, out=np.ones_like(fitted), where=fitted > 0)

    def without(self, gone: Ints) -> Study:
        """The study as it is when some cases have left it, explained by another finding.

        Nothing is expected of them any more, and the level of the background in each block of
        time is that of the cases that stay.
        """
        event = self.event.copy()
        event[gone] = False
        weight = self.weight.copy()
        weight[gone] = 0.0
        steps = np.diff(self.cumulative, axis=1)
        blocks = steps.shape[1]
        ends = np.searchsorted(self.clock.edges, self.spells.leave[event], side="left") - 1
        wanted = np.bincount(np.clip(ends, 0, blocks - 1), minlength=blocks).astype(float)
        fitted = weight @ steps
        level = np.divide(wanted, fitted, out=np.ones(blocks), where=fitted > 0)
        cumulative = np.zeros_like(self.cumulative)
        np.cumsum(steps * level, axis=1, out=cumulative[:, 1:])
        since, until = period_hazards(self.spells, cumulative, self.clock)
        return replace(
            self, event=event, weight=weight, cumulative=cumulative,
            hazard_from=since, hazard_until=until, gone=np.union1d(self.gone, gone),
        )  # fmt: skip

    def renew(self, panel: Panel) -> Panel:
        """A panel of an earlier state of the study with this state's hazards and cases."""
        left = np.zeros(len(self.spells), bool)
        left[self.gone] = True
        kept = panel.where(~left[panel.visits.spell]) if self.gone.size else panel
        hazard = hazard_at_visits(
            kept.visits.spell, kept.at, self.spells, self.cumulative, self.clock
        )
        return replace(kept, visits=replace(kept.visits, hazard=hazard))

    @property
    def periods(self) -> int:
        """How many misuse periods are tried."""
        return len(self.clock.periods)

    def in_period(self, period: int) -> NDArray[np.bool_]:
        """Which cases were defrauded in a misuse period."""
        return np.asarray(self.period_bits >> period & 1, np.bool_)

    def hazard_by(self, spells: Ints, at: int) -> Floats:
        """Cumulative hazard of some spells at one instant."""
        return hazard_at(
            spells, np.full(spells.size, at, np.int64), self.spells.entry, self.spells.leave,
            self.cumulative, self.clock.edges,
        )  # fmt: skip

    def for_scan(self) -> Spells:
        """What the scan needs of each spell."""
        return Spells(
            periods=self.period_bits,
            hazard_from=self.hazard_from,
            hazard_until=self.hazard_until,
            totals=self.totals,
            scale=self.scale,
        )


def make_study(
    cards: CardTable, frauds: FraudTable, visits: VisitTable, clock: Clock, share: float
) -> Study:
    """Cut spells, match, and fit the background hazard.

    ``share`` of the cards without a fraud report were drawn; each stands for 1 / share cards.
    """
    drawn = np.ones(len(cards), bool)
    drawn[frauds.card] = False
    habits = habitual(frauds, visits, np.where(drawn, 1.0 / share, 1.0))
    frauds = replace(frauds, counts=frauds.counts & ~habits)
    bursts = find_bursts(frauds)
    spells = make_spells(cards, frauds, clock, bursts)
    event = spells.is_case & first_of_burst(spells)
    reported = np.zeros(len(cards), bool)
    reported[frauds.card] = True
    weight = np.where(reported[spells.card], 1.0, 1.0 / share)
    counts = block_counts(visits.card, visits.at, clock.edges, len(cards))
    activity = activity_levels(counts, cards.account)
    matching, cell = fit_matching(spells, cards, activity, clock, weight, event.astype(float))
    cumulative = cumulative_hazard(spells, cell, matching, clock)
    return Study(
        cards, frauds, clock, spells, event, weight, matching, cell, cumulative,
        *period_hazards(spells, cumulative, clock), np.zeros(0, np.int64), int(habits.sum()),
    )  # fmt: skip


def period_hazards(spells: SpellTable, cumulative: Floats, clock: Clock) -> tuple[Floats, Floats]:
    """Cumulative hazard of each spell at the beginning and at the end of each misuse period."""
    every = np.arange(len(spells))
    instants = sorted({at for period in clock.periods for at in period})
    known = {
        at: hazard_at(
            every, np.full(len(spells), at, np.int64), spells.entry, spells.leave,
            cumulative, clock.edges,
        )
        for at in instants
    }  # fmt: skip
    return (
        np.column_stack([known[begin] for begin, _ in clock.periods]),
        np.column_stack([known[until] for _, until in clock.periods]),
    )


def extend_study(study: Study, cards: CardTable, counts: NDArray[np.int32]) -> Study:
    """Add the cards beyond those of ``study`` (none has a fraud report).

    ``cards`` holds all cards, ``counts`` the activity of the added ones per block.
    """
    known = len(study.cards)
    added = np.arange(known, len(cards))
    entry = np.maximum(cards.opened_at[added], study.clock.edges[0])
    leave = np.minimum(cards.closed_at[added], study.clock.end)
    keep = leave > entry
    some = SpellTable(
        added[keep], entry[keep], leave[keep],
        np.zeros(int(keep.sum()), bool), np.full(int(keep.sum()), -1), leave[keep],
    )  # fmt: skip
    part = CardTable(*(getattr(cards, name)[known:] for name in cards.__slots__))
    alone = np.unique(part.account, return_inverse=True)[1].astype(np.int32)
    activity = activity_levels(counts, alone)
    shifted = replace(some, card=some.card - known)
    cell = cells(shifted, part, activity, study.clock.edges, study.matching.sizes)
    cumulative = cumulative_hazard(some, cell, study.matching, study.clock)
    since, until = period_hazards(some, cumulative, study.clock)
    joined = SpellTable(
        *(
            np.concatenate([getattr(study.spells, name), getattr(some, name)])
            for name in some.__slots__
        )
    )
    return replace(
        study,
        cards=cards,
        spells=joined,
        event=np.concatenate([study.event, np.zeros(len(some), bool)]),
        weight=np.concatenate([study.weight, np.zeros(len(some))]),
        cell=np.concatenate([study.cell, cell]),
        cumulative=np.concatenate([study.cumulative, cumulative]),
        hazard_from=np.concatenate([study.hazard_from, since]),
        hazard_until=np.concatenate([study.hazard_until, until]),
    )


def first_of_burst(spells: SpellTable) -> NDArray[np.bool_]:
    """Whether each spell stands for its burst (the first card of it), or is in none."""
    alone = spells.burst < 0
    first = np.zeros(len(spells), bool)
    numbers, spots = np.unique(spells.burst, return_index=True)
    first[spots[numbers >= 0]] = True
    return alone | first


@dataclass(frozen=True, slots=True)
class Panel:
    """Visits of a study at some entities, sorted for the scan.

    ``entities[i]`` is the entity behind the scan's number i; ``at`` are the visits' instants.
    """

    entities: Ints
    visits: Visits
    at: Ints

    @property
    def ever_first(self) -> NDArray[np.bool_]:
        """Whether a visit is its spell's first at the entity."""
        return np.asarray(self.visits.previous == LONG_AGO)

    def select(self, keep: Ints) -> Panel:
        """The panel of some of its entities (numbers of the scan, ascending)."""
        first = self.visits.first
        lengths = first[keep + 1] - first[keep]
        offset = np.concatenate([[0], np.cumsum(lengths)])
        rows = np.repeat(first[keep] - offset[:-1], lengths) + np.arange(offset[-1])
        return Panel(self.entities[keep], _take(self.visits, rows, offset), self.at[rows])

    def where(self, keep: NDArray[np.bool_]) -> Panel:
        """The panel without some visits."""
        running = np.concatenate([[0], np.cumsum(keep)])
        rows = np.flatnonzero(keep)
        offset = running[self.visits.first]
        return Panel(self.entities, _take(self.visits, rows, offset), self.at[rows])


def _take(visits: Visits, rows: Ints, first: Ints) -> Visits:
    return Visits(
        first=first.astype(np.int64),
        spell=visits.spell[rows],
        day=visits.day[rows],
        previous=visits.previous[rows],
        hazard=visits.hazard[rows],
        weight=visits.weight[rows],
    )


def join_panels(panels: Sequence[Panel]) -> Panel:
    """One panel of the entities of several."""
    before = np.concatenate([[0], np.cumsum([p.at.size for p in panels])])
    first = [p.visits.first[:-1] + n for p, n in zip(panels, before[:-1], strict=True)]
    columns = {
        name: np.concatenate([getattr(p.visits, name) for p in panels])
        for name in ("spell", "day", "previous", "hazard", "weight")
    }
    return Panel(
        np.concatenate([p.entities for p in panels]),
        Visits(first=np.concatenate([*first, before[-1:]]).astype(np.int64), **columns),
        np.concatenate([p.at for p in panels]),
    )


def own_fraud_keys(frauds: FraudTable) -> Ints:
    """Sorted (card, entity) keys of shops where a card's own fraud was reported."""
    known = frauds.entity >= 0
    return np.unique(frauds.card[known].astype(np.int64) * (1 << 32) + frauds.entity[known])


def exposing(study: Study, visits: VisitTable) -> tuple[Ints, Ints]:
    """Rows of the visits that can expose a card, and their spells.

    Such a visit lies inside a spell and not at a shop of the card's own reported fraud.
    """
    spell = spell_of_visits(visits, study.spells)
    own = own_fraud_keys(study.frauds)
    keep = spell >= 0
    if own.size:
        key = visits.card.astype(np.int64) * (1 << 32) + visits.entity
        keep &= own[np.minimum(np.searchsorted(own, key), own.size - 1)] != key
    rows = np.flatnonzero(keep)
    return rows, spell[rows]


@dataclass(frozen=True, slots=True)
class Exposing:
    """The visits that can expose a card: their rows, spells, instants, hazards and weights."""

    rows: Ints
    spell: Ints
    at: Ints
    hazard: Floats
    weight: Floats

    def at_entities(self, place: Ints) -> Panel:
        """The panel of these visits at ``place``, one for each visit of the whole table.

        Visits at a place of -1 are left out.
        """
        mine = place[self.rows]
        if (mine < 0).any():
            keep = np.flatnonzero(mine >= 0)
            return arrange(
                mine[keep], self.spell[keep], self.at[keep], self.hazard[keep], self.weight[keep]
            )
        return arrange(mine, self.spell, self.at, self.hazard, self.weight)


def exposing_visits(
    study: Study, visits: VisitTable, *, shares: tuple[Ints, Floats] | None = None
) -> Exposing:
    """The visits that can expose a card, with ``shares`` as in `make_panel`."""
    rows, spell = exposing(study, visits)
    at = visits.at[rows]
    # Sorted once here, the visits need no sorting at each level of entities.
    order = np.argsort(spell * SPAN + at, kind="stable")
    rows, spell, at = rows[order], spell[order], at[order]
    hazard = hazard_at_visits(spell, at, study.spells, study.cumulative, study.clock)
    weight = study.weight[spell]
    if shares is not None:
        entities, share = shares
        reported = np.zeros(len(study.cards), bool)
        reported[study.frauds.card] = True
        others = ~reported[study.spells.card[spell]]
        own = share[np.searchsorted(entities, visits.entity[rows])]
        weight = np.where(others, 1.0 / own, 1.0)
    return Exposing(rows, spell, at, hazard, weight)


def make_panel(
    study: Study, visits: VisitTable, *, shares: tuple[Ints, Floats] | None = None
) -> Panel:
    """Keep the visits that can expose a card, one a day for each spell and merchant.

    With ``shares``, the visited merchants (ascending) and the share of each one's visitors that
    the visits are of, every visit stands for as many; cards with a report were all looked at.
    """
    found = exposing_visits(study, visits, shares=shares)
    return found.at_entities(visits.entity.astype(np.int64))


def arrange(place: Ints, spell: Ints, at: Ints, hazard: Floats, weight: Floats) -> Panel:
    """Sort visits for the scan; of several of a spell at an entity on one day the first is kept."""
    key = spell * SPAN + at
    if (key[1:] < key[:-1]).any():
        by_spell = np.argsort(key, kind="stable")
        place, spell, at = place[by_spell], spell[by_spell], at[by_spell]
        hazard, weight = hazard[by_spell], weight[by_spell]
    day = at // DAY
    order = order_by_place(place, int(place.max(initial=-1)) + 1)
    rows, previous = first_of_days(order, place, spell, day)
    place = place[rows]
    first = np.flatnonzero(np.diff(place, prepend=-1))
    visits = Visits(
        np.append(first, rows.size), spell[rows], day[rows], previous, hazard[rows], weight[rows]
    )
    return Panel(place[first], visits, at[rows])


def regroup(panel: Panel, rows: Ints, entity: int) -> Panel:
    """Some visits of a panel as if they were all at one entity."""
    visits = panel.visits
    alone = arrange(
        np.zeros(rows.size, np.int64), visits.spell[rows], panel.at[rows],
        visits.hazard[rows], visits.weight[rows],
    )  # fmt: skip
    return replace(alone, entities=alone.entities + entity)
