"""Levels above the shop: who belongs to whom and when, against plain loops; and both histories."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from commonpoint.array_history import Belonging
from commonpoint.tiny import DAY, START, Economy, Leak, duck, make, shop_name, with_trouble
from sekisho.commonpoint.cohort import make_clock
from sekisho.commonpoint.levels import Levels, merchant_rows, read_levels
from sekisho.commonpoint.study import (
    LONG_AGO,
    Panel,
    arrange,
    exposing_visits,
    make_panel,
    make_study,
    regroup,
)
from sekisho.domain.finding import EntityKind
from sekisho.domain.history import GroupTable

FAR = 1 << 40
OPERATOR, PROCESSOR, ACQUIRER = EntityKind.OPERATOR, EntityKind.PROCESSOR, EntityKind.ACQUIRER

Row = tuple[int, int, int, int]  # merchant, from, until before, group


def table(rows: list[Row], groups: int) -> GroupTable:
    columns = [np.array([row[i] for row in sorted(rows)], np.int64) for i in range(4)]
    names = tuple(f"G{i}" for i in range(groups))
    return GroupTable(*columns, names, names)


def naive_group(rows: list[Row], merchant: int, at: int) -> int:
    found = [group for m, start, end, group in rows if m == merchant and start <= at < end]
    return found[0] if found else -1


def random_rows(rng: np.random.Generator, merchants: int, groups: int) -> list[Row]:
    """Every merchant is sold up to three times, now and then with a gap in which nobody knows."""
    rows = []
    for merchant in range(merchants):
        cuts = np.sort(rng.choice(1_000, 4, replace=False)).tolist()
        spans = [(-1, cuts[0]), (cuts[0], cuts[1]), (cuts[2], cuts[3]), (cuts[3], FAR)]
        rows += [
            (merchant, a, b, int(rng.integers(groups))) for a, b in spans if rng.random() < 0.7
        ]
    return rows


@pytest.mark.parametrize("seed", range(5))
def test_the_group_of_a_visit_is_the_one_that_held_the_shop_then(seed: int) -> None:
    rng = np.random.default_rng(seed)
    low, high = random_rows(rng, 30, 6), random_rows(rng, 30, 3)
    levels = Levels(30, {OPERATOR: table(low, 6), PROCESSOR: table(high, 3)})
    merchant, at = rng.integers(0, 30, 4_000), rng.integers(0, 1_001, 4_000)
    for kind, rows, offset in ((OPERATOR, low, 30), (PROCESSOR, high, 36)):
        fast = levels.group_of(kind, merchant, at)
        slow = [
            naive_group(rows, m, t) for m, t in zip(merchant.tolist(), at.tolist(), strict=True)
        ]
        assert fast.tolist() == [g + offset if g >= 0 else -1 for g in slow]
        assert (fast >= 0).sum() > 500


def test_belonging_ends_before_the_instant_of_sale() -> None:
    levels = Levels(2, {OPERATOR: table([(0, -1, 100, 0), (1, 5, FAR, 0), (0, 100, FAR, 1)], 2)})
    at = np.array([0, 99, 100, 4, 5])
    assert levels.group_of(OPERATOR, np.array([0, 0, 0, 1, 1]), at).tolist() == [2, 2, 3, -1, 2]


def test_entities_are_numbered_level_by_level() -> None:
    rows = [(0, -1, FAR, 0), (1, -1, FAR, 0), (2, -1, 50, 1), (3, -1, FAR, 1), (2, 50, FAR, 0)]
    levels = Levels(4, {OPERATOR: table(rows, 2), ACQUIRER: table([(1, -1, FAR, 0)], 1)})
    assert [levels.offset(kind) for kind in (EntityKind.MERCHANT, OPERATOR, ACQUIRER)] == [0, 4, 6]
    kinds = [levels.kind_of(entity) for entity in range(7)]
    assert kinds == [EntityKind.MERCHANT] * 4 + [OPERATOR] * 2 + [ACQUIRER]
    assert levels.names(3) is None
    assert levels.names(5) == ("G1", "G1")
    assert levels.merchants_of(3).tolist() == [3]
    assert levels.merchants_of(4).tolist() == [0, 1, 2]
    assert levels.merchants_of(5).tolist() == [2, 3]
    assert levels.tenure(4, 2) == (50, FAR - 1)
    assert levels.tenure(5, 2) == (-1, 49)


# ---------------------------------------------------------------- reading them


def belongings() -> tuple[Belonging, ...]:
    """Shop 5 is sold on day 120; operator "lone" has one shop; shop 900 is never visited."""
    sale = START + 120 * DAY
    return (
        Belonging(shop_name(3), OPERATOR, "first"),
        Belonging(shop_name(5), OPERATOR, "first", None, sale),
        Belonging(shop_name(5), OPERATOR, "second", sale, None),
        Belonging(shop_name(7), OPERATOR, "second", START + 10 * DAY, START + 200 * DAY),
        Belonging(shop_name(9), OPERATOR, "lone"),
        Belonging(shop_name(11), OPERATOR, "half"),
        Belonging(shop_name(900), OPERATOR, "half"),
        *(Belonging(shop_name(shop), PROCESSOR, f"p{shop % 2}") for shop in range(2, 12)),
    )


def small() -> Economy:
    return replace(make(5, cards=150), belongings=belongings())


def test_both_histories_know_the_same_groups(tmp_path: Path) -> None:
    plain = small().arrays()
    plain.draw(cards=10_000)
    with duck(small(), tmp_path) as history:
        history.survey()
        history.draw(cards=10_000)
        for kind, ids in ((OPERATOR, ("first", "second")), (PROCESSOR, ("p0", "p1"))):
            one, other = plain.groups(kind), history.groups(kind)
            assert one is not None
            assert other is not None
            assert one.ids == other.ids == ids
            for name in ("merchant", "start", "end", "group"):
                np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        acquirers = history.groups(ACQUIRER)
        assert acquirers is not None
        assert acquirers.ids == ("A1", "A2")


def test_a_group_of_one_shop_is_no_level_of_its_own(tmp_path: Path) -> None:
    """One visited shop is one entity, whatever else its operator has that nobody visited."""
    with duck(small(), tmp_path) as history:
        history.survey()
        history.draw(cards=10_000)
        levels = read_levels(history, (OPERATOR,))
        names = {
            levels.names(levels.merchants + i) for i in range(len(levels.tables[OPERATOR].ids))
        }
        assert names == {("first", "first"), ("second", "second")}
        lone = history.find_entity("/".join(shop_name(9)))
        assert lone is not None
        at = np.array([START + 50 * DAY])
        assert levels.group_of(OPERATOR, np.array([lone]), at).tolist() == [-1]


def test_only_wanted_levels_are_read() -> None:
    history = small().arrays()
    history.draw(cards=10_000)
    assert set(read_levels(history, (OPERATOR,)).tables) == {OPERATOR}
    assert set(read_levels(history, (OPERATOR, PROCESSOR)).tables) == {OPERATOR, PROCESSOR}
    assert read_levels(history, (EntityKind.MERCHANT,)).tables == {}


# ---------------------------------------------------------------- visits of a group


def naive_arrange(
    rows: list[tuple[int, int, int, float, float]],
) -> dict[int, list[tuple[int, int, int, float, float, int]]]:
    """Per place: (spell, day, day of the visit before, hazard, weight, instant), one a day."""
    out: dict[int, list[tuple[int, int, int, float, float, int]]] = {}
    seen: dict[tuple[int, int], int] = {}
    for place, spell, at, hazard, weight in sorted(rows):
        day, before = at // DAY, seen.get((place, spell), int(LONG_AGO))
        if day != before:
            out.setdefault(place, []).append((spell, day, before, hazard, weight, at))
        seen[place, spell] = day
    return out


def as_dict(panel: Panel) -> dict[int, list[tuple[int, int, int, float, float, int]]]:
    v, out = panel.visits, {}
    for i, entity in enumerate(panel.entities.tolist()):
        part = slice(v.first[i], v.first[i + 1])
        columns = (v.spell, v.day, v.previous, v.hazard, v.weight, panel.at)
        out[entity] = list(zip(*(c[part].tolist() for c in columns), strict=True))
    return out


@pytest.mark.parametrize("seed", range(4))
def test_visits_are_arranged_as_by_hand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 1_500
    place, spell = rng.integers(0, 9, n), rng.integers(0, 40, n)
    at = rng.permutation(60 * DAY)[:n].astype(np.int64)
    hazard, weight = rng.random(n), rng.integers(1, 9, n).astype(float)
    columns = (place, spell, at, hazard, weight)
    rows = list(zip(*(c.tolist() for c in columns), strict=True))
    panel = arrange(*columns)
    assert as_dict(panel) == naive_arrange(rows)
    assert panel.at.size < n  # some came twice a day


@pytest.mark.parametrize("seed", [1, 2])
def test_a_group_is_its_shops_visits_as_if_there_was_one_shop(seed: int) -> None:
    """A card that goes to two shops of a group on one day was exposed there once."""
    economy = make(seed, cards=200, leaks=(Leak(3, 20, 90, 0.5),), change=with_trouble)
    history = economy.arrays()
    survey, share = history.survey(), history.draw(cards=10_000)
    visits = history.visits()
    clock = make_clock(survey.first_at, START + economy.days * DAY)
    study = make_study(history.cards(), history.frauds(), visits, clock, share)
    panel = make_panel(study, visits)
    owner = merchant_rows(panel)
    rows = np.flatnonzero(np.isin(owner, [0, 3, 4, 8]))
    v = panel.visits
    plain = [
        (77, int(v.spell[i]), int(panel.at[i]), float(v.hazard[i]), float(v.weight[i]))
        for i in rows
    ]
    assert as_dict(regroup(panel, rows, 77)) == naive_arrange(plain)
    group = np.where(np.isin(visits.entity, [0, 3, 4, 8]), 77, -1).astype(np.int64)
    direct = exposing_visits(study, visits).at_entities(group)
    assert as_dict(direct) == naive_arrange(plain)
