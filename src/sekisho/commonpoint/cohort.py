"""The study's people: spells of card life that end with a reported fraud, or without.

A *spell* begins when a card is opened (or first seen, or a quiet gap after an earlier episode of
fraud has passed) and ends at its index time, the first reported fraud of a kind that data theft
explains; otherwise when the card is stopped for another reason, is closed, or at the as-of date.
Spells are what nested case-control studies call subjects: cases end with an index time, every
other spell that is open at that time is a possible control (Langholz & Goldstein 1996).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sekisho.domain.history import CardTable, FraudTable, VisitTable
from sekisho.stats.hazard import cumulate, fit_hazard, hazard_at, tally_at_risk

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

DAY = 86_400
SPAN = np.int64(1) << 40  # more than any instant in seconds: number * SPAN + instant sorts by both
BLOCK_DAYS = 30
LOOK_BACK_BLOCKS = 3  # activity is counted in the 90 days before each block
ACTIVITY_LEVELS = 8  # 0, 1, 2-3, 4-7, ... 64 and more visits in the look-back
TENURE_LEVELS = 3  # under 90 days, under a year, longer
QUIET_GAP = 90 * DAY  # a fraud after so long a quiet belongs to a new episode
SHRINKAGE = 4.0  # pseudo-cases that pull a level's relative hazard towards 1
MOST_LEVELS = 64  # rarer products and areas share one level


@dataclass(frozen=True, slots=True)
class Clock:
    """Blocks of 30 days counted back from the end of the as-of day, and the misuse periods.

    ``periods`` holds (first instant, end) of each: the trailing ones, all time, then past ones.
    ``trailing`` gives the days of the trailing ones, None for the others.
    """

    edges: Ints  # block edges, seconds; the last one is the end of the as-of day
    periods: tuple[tuple[int, int], ...]
    trailing: tuple[int | None, ...]

    @property
    def end(self) -> int:
        """The end of the as-of day."""
        return int(self.edges[-1])

    @property
    def all_time(self) -> int:
        """The number of the misuse period that is all time."""
        return self.periods.index((int(self.edges[0]), self.end))

    def covering(self, one: int, other: int) -> int:
        """The shortest misuse period that holds two others; all time does for any."""
        begin = min(self.periods[one][0], self.periods[other][0])
        until = max(self.periods[one][1], self.periods[other][1])
        fit = [n for n, (low, high) in enumerate(self.periods) if low <= begin and high >= until]
        return min(fit, key=lambda n: self.periods[n][1] - self.periods[n][0])


TRAILING_DAYS = (30, 60, 90, 180, 365)
PAST_DAYS = 60  # a burst of misuse that is over is looked for in spans of this length
PAST_MOST = 24  # spans; a longer history is cut into longer ones


def make_clock(first_at: int, end: int) -> Clock:
    """Lay blocks from ``end`` back until ``first_at`` is covered, and the misuse periods.

    Trailing periods and all time find what is going on now. A burst that is over would drown in
    them, so overlapping spans of the past are tried as well.
    """
    blocks = max(1, -(-(end - first_at) // (BLOCK_DAYS * DAY)))
    edges = end - np.arange(blocks, -1, -1, dtype=np.int64) * (BLOCK_DAYS * DAY)
    start = int(edges[0])
    days = [d for d in TRAILING_DAYS if end - d * DAY > start]
    periods = [(end - d * DAY, end) for d in days] + [(start, end)]
    width = max(PAST_DAYS, -(-2 * (end - start) // (PAST_MOST * DAY))) * DAY
    begin = end - width - width // 2
    while begin + width > start and len(periods) < 60:
        periods.append((max(begin, start), begin + width))
        begin -= width // 2
    trailing = (*days, *([None] * (len(periods) - len(days))))
    return Clock(edges=edges, periods=tuple(periods), trailing=trailing)


@dataclass(frozen=True, slots=True)
class SpellTable:
    """Spells in the order of their cards. ``is_case`` marks those that end at an index time."""

    card: Ints
    entry: Ints
    leave: Ints
    is_case: NDArray[np.bool_]
    burst: Ints  # number of the burst that the index fraud belongs to, or -1
    reported_at: Ints  # when the index fraud was reported; meaningless for other spells

    def __len__(self) -> int:
        """Count the spells."""
        return int(self.card.size)


def make_spells(cards: CardTable, frauds: FraudTable, clock: Clock, bursts: Ints) -> SpellTable:
    """Cut each card's life into spells at its reported frauds.

    ``bursts`` gives each fraud the number of its burst, or -1.
    """
    order = np.lexsort((frauds.at, frauds.card))
    order = order[frauds.counts[order] | frauds.stops_card[order]]
    card, at = frauds.card[order].astype(np.int64), frauds.at[order]
    # A report opens an episode when it is the card's first, or follows a quiet gap.
    opens = np.ones(card.size, bool)
    opens[1:] = (card[1:] != card[:-1]) | (at[1:] - at[:-1] > QUIET_GAP)
    closes = np.roll(opens, -1)
    if closes.size:
        closes[-1] = True
    heads, tails = np.flatnonzero(opens), np.flatnonzero(closes)
    stopped = frauds.stops_card[order][heads]
    # Spells that end with an episode, then one open spell after the last episode of each card.
    entry_before = np.where(
        (np.arange(heads.size) > 0) & (card[heads] == np.roll(card[heads], 1)),
        np.roll(at[tails], 1) + QUIET_GAP,
        cards.opened_at[card[heads]],
    )
    last = np.ones(heads.size, bool)
    last[:-1] = card[heads][1:] != card[heads][:-1]
    rest_card = np.concatenate([card[heads][last & ~stopped], _without(len(cards), card)])
    rest_entry = cards.opened_at[rest_card].copy()
    after = int((last & ~stopped).sum())
    rest_entry[:after] = at[tails][last & ~stopped] + QUIET_GAP
    spell_card = np.concatenate([card[heads], rest_card])
    entry = np.concatenate([entry_before, rest_entry])
    leave = np.concatenate([at[heads], np.full(rest_card.size, clock.end)])
    is_case = np.concatenate([~stopped, np.zeros(rest_card.size, bool)])
    burst = np.concatenate([bursts[order][heads], np.full(rest_card.size, -1)])
    reported = np.concatenate(
        [frauds.reported_at[order][heads], np.full(rest_card.size, clock.end)]
    )
    closed = cards.closed_at[spell_card]
    # A fraud reported on a card that the card file calls closed still counts as a case.
    leave = np.where(is_case, leave, np.minimum(leave, closed))
    entry = np.maximum(entry, clock.edges[0])
    keep = leave > entry
    final = np.lexsort((entry, spell_card))
    final = final[keep[final]]
    return SpellTable(
        spell_card[final], entry[final], leave[final], is_case[final], burst[final],
        reported[final],
    )  # fmt: skip


def _without(count: int, card: Ints) -> Ints:
    """Cards that have no episode."""
    free = np.ones(count, bool)
    free[card] = False
    return np.flatnonzero(free)


def block_counts(card: NDArray[np.int32], at: Ints, edges: Ints, cards: int) -> NDArray[np.int32]:
    """Visits per card and block, (cards, blocks)."""
    blocks = edges.size - 1
    block = np.clip(np.searchsorted(edges, at, side="right") - 1, 0, blocks - 1)
    flat = np.bincount(card.astype(np.int64) * blocks + block, minlength=cards * blocks)
    return flat.reshape(cards, blocks).astype(np.int32)


def activity_levels(counts: NDArray[np.int32], account: NDArray[np.int32]) -> NDArray[np.int8]:
    """Level of activity in the look-back before each block; replaced cards count as one account."""
    merged = counts
    groups = int(account.max()) + 1 if account.size else 0
    if groups < account.size:
        summed = np.zeros((groups, counts.shape[1]), np.int64)
        np.add.at(summed, account, counts)
        merged = summed[account].astype(np.int32)
    running = np.zeros((merged.shape[0], merged.shape[1] + 1), np.int32)
    np.cumsum(merged, axis=1, out=running[:, 1:])
    upto = np.arange(merged.shape[1])
    window = running[:, upto] - running[:, np.maximum(upto - LOOK_BACK_BLOCKS, 0)]
    level = np.zeros(window.shape, np.int8)
    for step in range(ACTIVITY_LEVELS - 1):
        level += window >= (1 << step)
    return level


def tenure_levels(opened: Ints, edges: Ints) -> NDArray[np.int8]:
    """Level of tenure at each block's beginning."""
    days = (edges[None, :-1] - opened[:, None]) // DAY
    return ((days >= 90).astype(np.int8) + (days >= 365)).astype(np.int8)


@dataclass(frozen=True, slots=True)
class Matching:
    """The levels that controls are matched on, and the hazard fitted over them."""

    cell_hazard: Floats
    block: Floats
    sizes: tuple[int, int, int, int]  # activity, tenure, product, home area


def cells(
    spells: SpellTable, cards: CardTable, activity: NDArray[np.int8], edges: Ints,
    sizes: tuple[int, int, int, int],
) -> NDArray[np.int32]:  # fmt: skip
    """The matching cell of each spell in each block, (spells, blocks)."""
    tenure = tenure_levels(cards.opened_at, edges)[spells.card]
    fixed = np.minimum(cards.product, sizes[2] - 1) * sizes[3] + np.minimum(
        cards.home_area, sizes[3] - 1
    )
    moving = activity[spells.card].astype(np.int32) * sizes[1] + tenure
    cell = moving * (sizes[2] * sizes[3]) + fixed[spells.card][:, None]
    return np.asarray(cell, np.int32)


def fit_matching(
    spells: SpellTable, cards: CardTable, activity: NDArray[np.int8], clock: Clock,
    weight: Floats, event: Floats,
) -> tuple[Matching, NDArray[np.int32]]:  # fmt: skip
    """Fit the background hazard; also the cell of each spell and block.

    ``event`` is how much each case counts (bursts share one event), 0 for other spells.
    """
    sizes = (
        ACTIVITY_LEVELS,
        TENURE_LEVELS,
        min(int(cards.product.max()) + 1, MOST_LEVELS),
        min(int(cards.home_area.max()) + 1, MOST_LEVELS),
    )
    cell = cells(spells, cards, activity, clock.edges, sizes)
    size = int(np.prod(sizes))
    at_risk = tally_at_risk(spells.entry, spells.leave, weight, cell, clock.edges, size)
    blocks = clock.edges.size - 1
    ends = np.clip(np.searchsorted(clock.edges, spells.leave, side="left") - 1, 0, blocks - 1)
    events = np.zeros((size, blocks))
    np.add.at(events, (cell[np.arange(len(spells)), ends], ends), event)
    used = np.flatnonzero(at_risk.any(axis=1))
    levels = np.unravel_index(used, sizes)
    hazard = fit_hazard(
        events[used], at_risk[used], tuple(np.asarray(level) for level in levels),
        shrinkage=SHRINKAGE,
    )  # fmt: skip
    cell_hazard = np.zeros(size)
    cell_hazard[used] = np.prod(
        [factor[level] for factor, level in zip(hazard.relative, levels, strict=True)], axis=0
    )
    return Matching(cell_hazard, hazard.block, sizes), cell


def cumulative_hazard(
    spells: SpellTable, cell: NDArray[np.int32], matching: Matching, clock: Clock
) -> Floats:
    """Cumulative hazard of each spell at each block edge, (spells, blocks + 1)."""
    return cumulate(
        spells.entry, spells.leave, cell, matching.cell_hazard, matching.block, clock.edges
    )


def spell_of_visits(visits: VisitTable, spells: SpellTable) -> Ints:
    """The spell in which each visit lies (after its entry, before its end), or -1."""
    # Spells are sorted by card and entry, so one search over the combined key finds the spell.
    starts = spells.card * SPAN + spells.entry
    found = np.searchsorted(starts, visits.card.astype(np.int64) * SPAN + visits.at, "right") - 1
    inside = found >= 0
    spot = np.maximum(found, 0)
    inside &= (spells.card[spot] == visits.card) & (visits.at < spells.leave[spot])
    return np.where(inside, spot, -1)


def hazard_at_visits(
    spell: Ints, at: Ints, spells: SpellTable, cumulative: Floats, clock: Clock
) -> Floats:
    """Cumulative hazard of each visit's spell at the instant of the visit."""
    return hazard_at(spell, at, spells.entry, spells.leave, cumulative, clock.edges)
