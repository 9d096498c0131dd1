"""Counts over windows of weeks against counting the cards one by one."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.domain.pool import UNIT, CaseCells, EntityTotals, Pool, ReachCells
from sekisho.stats.pool_scan import in_window, pool_surface, scan_pool
from sekisho.stats.pooling import (
    Rows,
    add_pools,
    case_cells,
    first_day_of,
    neighbours,
    reach_cells,
    week_of,
)
from stats.naive import naive_score

LONG_AGO = -(1 << 40)
PERIODS = 2
FIRST_WEEK = 2_800
SEEDS = st.integers(0, 2**32 - 1)


def visits(rng, spells=14, entities=3, count=90, weeks=21, spell_from=0):
    """Random visits, one a day for each spell and entity at most; risks fall over time."""
    rows = sorted({
        (int(rng.integers(entities)), int(rng.integers(spells)), int(rng.integers(weeks * 7)))
        for _ in range(count)
    })  # fmt: skip
    entity, spell, day = (np.array([row[i] for row in rows]) for i in range(3))
    previous = np.full(len(rows), LONG_AGO)
    same = np.zeros(len(rows), bool)
    same[1:] = (np.diff(entity) == 0) & (np.diff(spell) == 0)
    first_day = first_day_of(FIRST_WEEK)
    previous[same] = day[np.flatnonzero(same) - 1] + first_day
    rate = rng.random((spells, PERIODS)) * 0.3
    is_case = rng.random(spells) < 0.6
    periods = np.where(is_case, rng.integers(0, 1 << PERIODS, spells), 0)
    weight = np.where(is_case, 1.0, 3.0)
    new = rng.random(spells) < 0.4
    risk = weight[spell, None] * rate[spell] * (1.0 - day / (weeks * 7))[:, None]
    return Rows(
        entity, spell + spell_from, day + first_day, previous, weight[spell], risk,
        periods[spell], new[spell], new[spell] & (rng.random(spells) < 0.5)[spell],
    )  # fmt: skip


def pool_of(rows, smallest, entities=3, names=None):
    """A pool of rows with the totals that the scan needs."""
    cells, _ = case_cells(rows, smallest)
    reach, _ = reach_cells(rows, smallest)
    zero = np.zeros(entities, np.int64)
    names = names or tuple(f"A1/{i}" for i in range(entities))
    cases = np.array([20, 30], np.int64)
    return Pool(
        names, cells, reach, EntityTotals(zero, zero, zero, zero), cases, np.zeros(2, np.int64)
    )


def naive(rows, entity, window, period):
    """Cases, expectation and cards of a window of weeks, card by card."""
    first = {}
    for i in range(rows.day.size):
        week = (int(rows.day[i]) - 4) // 7
        if rows.entity[i] == entity and window[0] <= week <= window[1]:
            first.setdefault(int(rows.spell[i]), i)
    there = list(first.values())
    cases = sum(int(rows.periods[i]) >> period & 1 for i in there)
    return cases, sum(rows.risk[i, period] for i in there), sum(rows.weight[i] for i in there)


def counted(pool, entity, window, period):
    """The same from the cells."""
    cells, reach = pool.case_cells, pool.reach_cells
    mine = in_window(cells, entity, *window) & (cells.period == period)
    every = in_window(reach, entity, *window)
    return (
        int(cells.count[mine].sum()),
        int(reach.expected[every, period].sum()) / UNIT,
        int(reach.cards[every].sum()),
        int(every.sum()),
    )


def windows(weeks=21):
    return [
        (FIRST_WEEK + a, FIRST_WEEK + b) for a in range(0, weeks, 2) for b in range(a, weeks, 3)
    ]


def test_weeks_begin_on_monday() -> None:
    monday = np.datetime64("2026-03-30").astype(int)
    assert week_of(np.array([monday - 1, monday, monday + 6, monday + 7])).tolist() == [
        week_of(np.array([monday]))[0] + step for step in (-1, 0, 0, 1)
    ]
    assert first_day_of(int(week_of(np.array([monday + 3]))[0])) == monday
    assert first_day_of(0) == np.datetime64("1970-01-05").astype(int)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_without_suppression_every_window_is_counted_exactly(seed):
    rows = visits(np.random.default_rng(seed))
    pool = pool_of(rows, 1)
    for entity in range(3):
        for window in windows():
            for period in range(PERIODS):
                cases, expected, cards = naive(rows, entity, window, period)
                k, mean, seen, cells = counted(pool, entity, window, period)
                assert (k, seen) == (cases, cards)
                assert -1e-9 <= mean - expected <= cells / UNIT + 1e-9


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.sampled_from([3, 5]))
def test_suppression_lowers_counts_raises_expectations_and_keeps_its_word(seed, smallest):
    rows = visits(np.random.default_rng(seed), spells=40, count=260)
    pool = pool_of(rows, smallest)
    assert (pool.case_cells.count >= smallest).all()
    assert (pool.reach_cells.cards >= smallest).all()
    shrunk = 0
    for entity in range(3):
        for window in windows():
            for period in range(PERIODS):
                cases, expected, cards = naive(rows, entity, window, period)
                k, mean, seen, _ = counted(pool, entity, window, period)
                assert k <= cases
                assert mean >= expected - 1e-9
                assert seen >= cards
                shrunk += k < cases
    assert shrunk  # something was suppressed at all


def test_published_cells_hold_at_least_so_many_different_cards():
    """Each cell's rectangle is opened by that many spells, counted by hand."""
    rows = visits(np.random.default_rng(4), spells=40, count=260)
    cells, cost = case_cells(rows, 3)
    for i in range(cells.count.size):
        whole = (int(cells.last[i]), int(cells.until[i]))
        cases = naive(rows, cells.entity[i], whole, int(cells.period[i]))[0]
        assert cases >= cells.count[i] >= 3
    assert cost["case_visits"] >= cost["case_visits_coarsened"] + cost["case_visits_dropped"] > 0
    # Of a cell only whether most of its cards are new is told.
    assert set((cells.new / cells.count).tolist()) <= {0.0, 1.0}


def test_neighbours_are_put_together_and_nobody_twice():
    """Four newcomers of one quarter and a regular: three go together, the fourth joins them."""
    zero = np.zeros(5, np.int64)
    one = np.ones(5, np.int64)
    weeks = np.array([10, 12, 13, 20, 21])
    begin = np.array([0, 0, 0, 0, 19])
    cells = [zero, zero, begin, weeks, weeks, one, zero, zero]
    joined, left = neighbours(cells, 3, alike=True)
    assert [column.tolist() for column in joined[2:6]] == [[0], [10], [20], [4]]
    assert left[4].tolist() == [21]  # the regular's rectangle begins later: no neighbour of theirs
    joined, left = neighbours(cells, 3, alike=False)
    assert joined[5].tolist() == [4]
    # Two visits of one card have rectangles that do not overlap, so they never count together.
    twice = [zero[:3], zero[:3], np.array([0, 0, 6]), np.array([5, 6, 9]), np.array([5, 6, 9]),
             one[:3], zero[:3], zero[:3]]  # fmt: skip
    joined, left = neighbours(twice, 3, alike=False)
    assert not joined[5].size
    assert left[5].sum() == 3


def test_entities_with_too_few_visitors_are_left_out():
    rows = visits(np.random.default_rng(6), spells=40, count=200, entities=2)
    few = replace(rows, entity=np.where(rows.spell < 2, 2, rows.entity))
    order = np.lexsort((few.day, few.spell, few.entity))
    few = Rows(*(getattr(few, name)[order] for name in Rows.__slots__))
    reach, cost = reach_cells(few, 3)
    assert cost["entities_left_out"] == 1
    assert set(reach.entity.tolist()) == {0, 1}
    assert 2 not in case_cells(few, 3)[0].entity
    assert set(reach_cells(few, 1)[0].entity.tolist()) == {0, 1, 2}


def same(one: Pool, other: Pool) -> bool:
    pairs = [(one.names, other.names), (one.cases, other.cases), (one.sampling, other.sampling)]
    for kind, name in (
        (CaseCells, "case_cells"),
        (ReachCells, "reach_cells"),
        (EntityTotals, "totals"),
    ):
        left, right = getattr(one, name), getattr(other, name)
        pairs += [(getattr(left, field), getattr(right, field)) for field in kind.__slots__]
    return all(np.array_equal(a, b) for a, b in pairs)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_adding_does_not_mind_order_or_grouping(seed):
    rng = np.random.default_rng(seed)
    names = [("A1/0", "A1/1", "A1/2"), ("A1/1", "A1/2", "A2/9"), ("A0/7", "A1/0", "B/1")]
    parts = [pool_of(visits(rng), 1, names=n) for n in names]
    whole = add_pools(parts)
    for order in ((2, 1, 0), (1, 2, 0)):
        assert same(add_pools([parts[i] for i in order]), whole)
    assert same(reduce(lambda a, b: add_pools([a, b]), parts), whole)
    assert same(add_pools([parts[0], add_pools(parts[1:])]), whole)
    assert int(whole.case_cells.count.sum()) == sum(int(p.case_cells.count.sum()) for p in parts)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_the_sum_of_issuers_is_the_count_of_their_joined_cards(seed):
    rng = np.random.default_rng(seed)
    parts = [visits(rng, spell_from=100 * i) for i in range(4)]
    together = [np.concatenate(c) for c in zip(*map(columns, parts), strict=True)]
    order = np.lexsort((together[2], together[1], together[0]))
    joined = pool_of(Rows(*(column[order] for column in together)), 1)
    added = add_pools([pool_of(part, 1) for part in parts])
    for name in CaseCells.__slots__:
        assert np.array_equal(getattr(joined.case_cells, name), getattr(added.case_cells, name))
    for name in ("entity", "begin", "last", "until", "cards"):
        assert np.array_equal(getattr(joined.reach_cells, name), getattr(added.reach_cells, name))
    apart = added.reach_cells.expected - joined.reach_cells.expected
    assert 0 <= apart.min() <= apart.max() <= 3  # each issuer rounds once more


def columns(rows):
    return [getattr(rows, name) for name in Rows.__slots__]


@settings(max_examples=12, deadline=None)
@given(SEEDS)
def test_the_pooled_scan_equals_the_naive_twin(seed):
    rows = visits(np.random.default_rng(seed))
    pool = pool_of(rows, 1)
    best = scan_pool(pool, least=2)
    for entity in range(3):
        score, found = 0.0, None
        for a in range(21):
            for b in range(a, 21):
                window = (FIRST_WEEK + a, FIRST_WEEK + b)
                for period in range(PERIODS):
                    k, expected, _ = naive(rows, entity, window, period)
                    value = naive_score(k, max(expected, 1e-6), float(pool.cases[period]))
                    if k >= 2 and value > score:
                        score, found = value, (period, k, expected)
        assert best.score[entity] == pytest.approx(score, abs=0.01)  # expectations are rounded up
        if found is not None:
            assert best.cases[entity] >= 2
            window = (int(best.start[entity]), int(best.end[entity]))
            k, expected, _ = naive(rows, entity, window, int(best.period[entity]))
            assert k == best.cases[entity]
            assert best.expected[entity] == pytest.approx(expected, abs=1e-4)
            scores = pool_surface(pool, entity, int(best.period[entity]), least=2)[2]
            assert scores.max() == pytest.approx(best.score[entity])
