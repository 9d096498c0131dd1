"""Counts that issuers can add: cells over a grid of weeks, none of fewer than k cards.

The visit of a spell in week w, whose visit before at the same entity was in week v, is the first
one in every window [a, b] with v < a <= w <= b. That is a rectangle of windows; those of one spell
are disjoint, so the rectangles that hold a window count the spells exposed in it (summed-area
tables, Crow 1984), and rectangles of different cards simply add.

A cell of fewer than k cards is coarsened. Cells of cases go together with their neighbours in time
until k cards are together, and hold for the windows that surely expose all of them; who finds no
neighbours is dropped. Cells of what is expected grow outward, to blocks of 2, 4, 8 ... weeks, and
hold for the windows that may expose the cards. So suppression lowers counts and raises
expectations: no window looks stronger than it is.

When it lies: cells of misuse periods that overlap can be subtracted from each other, and the
difference may describe fewer than k cards. The file is for partners, not for publication.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from sekisho.domain.pool import (
    EVER,
    FIRST_MONDAY,
    UNIT,
    WEEK_DAYS,
    CaseCells,
    EntityTotals,
    Pool,
    ReachCells,
)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BLOCKS = (1, 2, 4, 8, 16, 32, 64, 128, 256, EVER)  # weeks; each divides the next
MOSTLY_NEW = 0.75
MOSTLY_QUICK = 0.6


@dataclass(frozen=True, slots=True)
class Rows:
    """Visits of spells, sorted by entity, spell and day; one for each day at most.

    ``spell`` tells the spells apart. ``previous`` is the day of the spell's visit before at the
    entity, or a very early day; ``weight`` how many cards a visit stands for, ``risk[i, p]`` the
    cases expected of these from the visit on in misuse period p. Bit p of ``periods`` says that the
    spell is a case of period p. ``new`` and ``quick`` say how shortly its fraud followed.
    """

    entity: Ints
    spell: Ints
    day: Ints
    previous: Ints
    weight: Floats
    risk: Floats
    periods: Ints
    new: NDArray[np.bool_]
    quick: NDArray[np.bool_]


def week_of(day: Ints) -> Ints:
    """The week of each day since 1970; weeks begin on Monday, week 0 on 1970-01-05."""
    return (day - FIRST_MONDAY) // WEEK_DAYS


def first_day_of(week: int) -> int:
    """The Monday of a week, in days since 1970."""
    return week * WEEK_DAYS + FIRST_MONDAY


@dataclass(frozen=True, slots=True)
class _Placed:
    """First visits of a spell in a week, with their rectangles."""

    row: Ints
    begin: Ints
    until: Ints


def _place(rows: Rows) -> _Placed:
    until = week_of(rows.day)
    begin = np.maximum(week_of(rows.previous) + 1, 0)
    kept = np.flatnonzero(begin <= until)
    return _Placed(kept, begin[kept], until[kept])


def _groups(columns: Sequence[Ints]) -> tuple[Ints, Ints]:
    """Number of the group of each row of equal keys, in sorted order, and a row of each group."""
    order = np.lexsort(tuple(reversed(columns)))
    fresh = np.zeros(order.size, bool)
    fresh[:1] = True
    for column in columns:
        fresh[1:] |= np.diff(column[order]) != 0
    group = np.empty(order.size, np.int64)
    group[order] = np.cumsum(fresh) - 1
    return group, order[fresh]


def _sums(group: Ints, size: int, values: Ints) -> Ints:
    out = np.zeros((size, *values.shape[1:]), values.dtype)
    np.add.at(out, group, values)
    return out


def _summed(keys: Sequence[Ints], values: Sequence[Ints]) -> tuple[list[Ints], list[Ints]]:
    """Rows of equal keys become one, sorted by key; their values are added."""
    group, heads = _groups(keys)
    return [key[heads] for key in keys], [_sums(group, heads.size, v) for v in values]


def case_cells(rows: Rows, smallest: int) -> tuple[CaseCells, dict[str, int]]:
    """Cells of the cases among ``rows``, each of at least ``smallest`` cards; and what that cost.

    The costs: ``case_visits`` (of all misuse periods), ``case_visits_coarsened``,
    ``case_visits_dropped``.
    """
    placed = _place(rows)
    bits = rows.periods[placed.row]
    parts = [np.flatnonzero((bits >> p) & 1) for p in range(rows.risk.shape[1])]
    pick = np.concatenate(parts)
    period = np.repeat(np.arange(len(parts)), [part.size for part in parts])
    row, begin, until = placed.row[pick], placed.begin[pick], placed.until[pick]
    keys = [rows.entity[row], period, begin, until.copy(), until]
    one = np.ones(row.size, np.int64)
    values = [one, rows.new[row].astype(np.int64), rows.quick[row].astype(np.int64)]
    cost = {"case_visits": int(row.size), "case_visits_coarsened": 0, "case_visits_dropped": 0}
    keys, values = _summed(keys, values)
    enough = values[0] >= smallest
    kept = [[column[enough] for column in (*keys, *values)]]
    few = [column[~enough] for column in (*keys, *values)]
    # Cards that were there for the first time go together first: what regulars do narrows a cell.
    for alike in (True, False):
        together, few = neighbours(few, smallest, alike=alike)
        kept.append(together)
        cost["case_visits_coarsened"] += int(together[5].sum())
    cost["case_visits_dropped"] = int(few[5].sum())
    columns = [np.concatenate(parts) for parts in zip(*kept, strict=True)]
    count, new, quick = columns[5:]
    # How many exactly would describe fewer cards than the cell; most of them, or not, does not.
    columns[6] = np.where(new >= MOSTLY_NEW * count, count, 0) if smallest > 1 else new
    columns[7] = np.where(quick >= MOSTLY_QUICK * count, count, 0) if smallest > 1 else quick
    return _sorted_cases(columns), cost


def neighbours(
    cells: Sequence[Ints], smallest: int, *, alike: bool
) -> tuple[list[Ints], list[Ints]]:
    """Cells too small to be published, put together with their neighbours in time.

    ``cells`` are the columns of `CaseCells`. Of each entity and misuse period the cells are taken
    week by week; each joins the following ones whose rectangles overlap with it until ``smallest``
    cards are together, and holds for the windows that lie in all their rectangles (aggregation of
    neighbours, Domingo-Ferrer & Mateo-Sanz 2002). Rectangles of one card do not overlap, so the
    cards of a cell are different ones. With ``alike`` only cells of one ``begin`` go together. Also
    returns the cells that found no neighbours.
    """
    entity, period, begin, until = cells[0], cells[1], cells[2], cells[4]
    order = np.lexsort((until, begin, period, entity) if alike else (begin, until, period, entity))
    columns = [column[order] for column in cells]
    entity, period, begin, last, until, count, new, quick = columns
    group = np.full(order.size, -1, np.int64)
    apart = (np.diff(entity) != 0) | (np.diff(period) != 0)
    apart |= (np.diff(begin) != 0) & alike
    ends = np.append(np.flatnonzero(apart) + 1, order.size)
    made = _join_neighbours(ends, begin, last, count, smallest, group) if order.size else 0
    there = group >= 0
    put = group[there]
    first = np.zeros(made, np.int64)
    first[put[::-1]] = np.flatnonzero(there)[::-1]
    inner_begin, inner_last = np.zeros(made, np.int64), np.full(made, EVER, np.int64)
    outer = np.zeros(made, np.int64)
    np.maximum.at(inner_begin, put, begin[there])
    np.minimum.at(inner_last, put, last[there])
    np.maximum.at(outer, put, until[there])
    sums = [_sums(put, made, column[there]) for column in (count, new, quick)]
    joined = [entity[first], period[first], inner_begin, inner_last, outer, *sums]
    return joined, [column[~there] for column in columns]


@nb.njit(cache=True, nogil=True)
def _join_neighbours(
    ends: Ints, begin: Ints, last: Ints, count: Ints, smallest: int, group: Ints
) -> int:
    """Number the cells that go together, within the stretches that stop before each of ``ends``."""
    lows, highs = np.empty(begin.size, np.int64), np.empty(begin.size, np.int64)
    made = start = 0
    for end in ends:
        oldest = made
        for i in range(start, end):
            if group[i] >= 0:
                continue
            low, high, cards = begin[i], last[i], count[i]
            group[i] = made
            j = i + 1
            while j < end and cards < smallest:
                if group[j] < 0 and max(low, begin[j]) <= min(high, last[j]):
                    low, high = max(low, begin[j]), min(high, last[j])
                    cards += count[j]
                    group[j] = made
                j += 1
            if cards >= smallest:
                lows[made], highs[made] = low, high
                made += 1
                continue
            for k in range(i, end):
                if group[k] == made:
                    group[k] = -1
            # The last few of a stretch go with those before them, if they can.
            g = _fitting(lows, highs, (oldest, made), (begin[i], last[i]))
            if g >= 0:
                lows[g], highs[g] = max(lows[g], begin[i]), min(highs[g], last[i])
                group[i] = g
        start = end
    return made


@nb.njit(cache=True, nogil=True)
def _fitting(lows: Ints, highs: Ints, groups: tuple[int, int], cell: tuple[int, int]) -> int:
    """The latest of some groups whose rectangles overlap with a cell's, or -1."""
    for g in range(groups[1] - 1, groups[0] - 1, -1):
        if max(lows[g], cell[0]) <= min(highs[g], cell[1]):
            return g
    return -1


def _sorted_cases(columns: Sequence[Ints]) -> CaseCells:
    keys, values = _summed(columns[:5], columns[5:])
    return CaseCells(*keys, *values)


@dataclass(slots=True)
class _Reach:
    """Rectangles of visits that wait to be published, one for each spell, entity and block."""

    entity: Ints
    spell: Ints
    begin: Ints
    last: Ints
    until: Ints
    row: Ints

    def keep(self, chosen: Ints | NDArray[np.bool_]) -> _Reach:
        return _Reach(*(getattr(self, name)[chosen] for name in self.__slots__))

    def outward(self, block: int) -> _Reach:
        """The windows of whole blocks that touch the rectangles; a spell's in one block are one.

        The earliest visit of the block has the widest rectangle and the most risk ahead.
        """
        begin, until = self.begin // block * block, self.until // block * block
        order = np.lexsort((self.row, until, self.spell, self.entity))
        fresh = np.ones(order.size, bool)
        fresh[1:] = np.diff(self.entity[order]) != 0
        fresh[1:] |= np.diff(self.spell[order]) != 0
        fresh[1:] |= np.diff(until[order]) != 0
        first = order[fresh]
        return _Reach(
            self.entity[first], self.spell[first], begin[first],
            until[first] + block - 1, until[first], self.row[first],
        )  # fmt: skip


def reach_cells(rows: Rows, smallest: int) -> tuple[ReachCells, dict[str, int]]:
    """Cells of what is expected of all visiting cards, each of at least ``smallest`` cards.

    Entities with fewer visiting cards are left out. The costs: ``visits``, ``visits_coarsened``,
    ``entities_left_out``.
    """
    placed = _place(rows)
    row = placed.row
    cost = {"visits": 0, "visits_coarsened": 0, "entities_left_out": 0}
    waiting = _Reach(
        rows.entity[row], rows.spell[row], placed.begin, placed.until, placed.until, row
    )
    enough, few = _enough_visitors(waiting, smallest)
    waiting = waiting.keep(enough)
    cost["visits"], cost["entities_left_out"] = int(waiting.row.size), few
    kept: list[tuple[list[Ints], Floats]] = []
    for block in BLOCKS:
        waiting = waiting if block == 1 else waiting.outward(block)
        keys = [waiting.entity, waiting.begin, waiting.last, waiting.until]
        group, heads = _groups(keys)
        cards = np.bincount(group, minlength=heads.size)
        full = cards >= smallest
        if block == EVER:
            full[:] = True
        chosen = full[group]
        number = np.cumsum(full) - 1
        amounts = _amounts(rows, waiting.row[chosen], number[group[chosen]], int(full.sum()))
        columns = [key[heads[full]] for key in keys]
        kept.append(([*columns, cards[full].astype(np.int64)], amounts))
        waiting = waiting.keep(~chosen)
        if block == 1:
            cost["visits_coarsened"] = int(waiting.row.size)
    keys = [np.concatenate(column) for column in zip(*(k for k, _ in kept), strict=True)]
    return _whole(keys, np.concatenate([a for _, a in kept]), smallest), cost


def _enough_visitors(waiting: _Reach, smallest: int) -> tuple[NDArray[np.bool_], int]:
    """Rows of entities with enough visiting spells, and how many entities have fewer."""
    _, heads = _groups([waiting.entity, waiting.spell])
    entity = waiting.entity[heads]
    seen, spells = np.unique(entity, return_counts=True)
    few = seen[spells < smallest]
    return ~np.isin(waiting.entity, few), int(few.size)


def _amounts(rows: Rows, row: Ints, group: Ints, size: int) -> Floats:
    """Weight and risks, added up by group: (size, 1 + periods)."""
    out = np.zeros((size, 1 + rows.risk.shape[1]))
    out[:, 0] = np.bincount(group, rows.weight[row], size)
    for p in range(rows.risk.shape[1]):
        out[:, 1 + p] = np.bincount(group, rows.risk[row, p], size)
    return out


def _whole(keys: list[Ints], amounts: Floats, smallest: int) -> ReachCells:
    """Round to integers, once; a rest of too few cards goes together with a neighbouring cell."""
    entity, begin, last, until, cards = keys
    for rest in np.flatnonzero((begin == 0) & (until == 0) & (last == EVER - 1)):
        if cards[rest] >= smallest:
            continue
        others = np.flatnonzero(entity == entity[rest])
        other = others[others != rest][-1]  # the coarsest one
        amounts[rest] += amounts[other]
        amounts[other] = 0.0
        cards[other] = 0
    there = cards > 0
    found, summed = _summed(
        [entity[there], begin[there], last[there], until[there]],
        [
            np.rint(amounts[there, 0]).astype(np.int64),
            # Upwards, so that rounding never makes a finding; the margin is for sums like 0.3.
            np.ceil(amounts[there, 1:] * UNIT - 1e-6).astype(np.int64),
        ],
    )
    return ReachCells(*found, *summed)


def add_pools(pools: Sequence[Pool]) -> Pool:
    """The sum of pools on one grid: names are united, equal cells added. Order does not matter."""
    names = tuple(sorted({name for pool in pools for name in pool.names}))
    number = {name: i for i, name in enumerate(names)}
    places = [np.array([number[name] for name in pool.names], np.int64) for pool in pools]
    cases = _joined([p.case_cells for p in pools], places, 5)
    reach = _joined([p.reach_cells for p in pools], places, 4)
    size = len(names)
    totals = {
        name: sum(
            (
                np.bincount(place, getattr(pool.totals, name), size).astype(np.int64)
                for pool, place in zip(pools, places, strict=True)
            ),
            np.zeros(size, np.int64),
        )
        for name in EntityTotals.__slots__
    }
    return Pool(
        names, CaseCells(*cases), ReachCells(*reach), EntityTotals(**totals),
        np.sum([p.cases for p in pools], axis=0), np.sum([p.sampling for p in pools], axis=0),
    )  # fmt: skip


def _joined(
    tables: Sequence[CaseCells] | Sequence[ReachCells], places: Sequence[Ints], keys: int
) -> list[Ints]:
    columns = [
        np.concatenate([
            place[getattr(table, name)] if name == "entity" else getattr(table, name)
            for table, place in zip(tables, places, strict=True)
        ])
        for name in tables[0].__slots__
    ]  # fmt: skip
    found, values = _summed(columns[:keys], columns[keys:])
    return [*found, *values]
