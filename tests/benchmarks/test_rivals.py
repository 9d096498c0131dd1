"""The rivals against plain loops, and the thresholds that they are given."""

from __future__ import annotations

import itertools
from math import log, sqrt

import numpy as np
import pytest
from benchmarks.rivals import blame, likelihood, ratio
from benchmarks.rivals.facts import Facts
from benchmarks.rivals.thresholds import FLOORS, VARIANTS, Who, best_of, play


def random_facts(seed: int, *, cards: int = 40, entities: int = 6, visits: int = 300) -> Facts:
    rng = np.random.default_rng(seed)
    return Facts(
        rng.integers(cards, size=visits), rng.integers(entities, size=visits),
        rng.integers(60, size=visits), rng.random(cards) < 0.3, entities,
    )  # fmt: skip


def rows_of(facts: Facts) -> list[tuple[int, int, int]]:
    columns = (facts.card, facts.entity, facts.day)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("width", [1, 7, 30])
def test_the_ratio_on_the_same_days(seed: int, width: int) -> None:
    facts = random_facts(seed)
    rows, scores = rows_of(facts), ratio.on_the_same_days(facts, width)
    for entity in range(facts.entities):
        days = {day // width for card, e, day in rows if e == entity and facts.case[card]}
        seen = {card for card, e, day in rows if e == entity and day // width in days}
        guilty = sum(bool(facts.case[card]) for card in seen)
        assert scores.count[entity] == guilty
        assert scores.score[entity] == pytest.approx(guilty / max(len(seen), 1))


@pytest.mark.parametrize("seed", range(5))
def test_the_likelihood_ratio(seed: int) -> None:
    facts = random_facts(seed, visits=90)
    rows, scores = rows_of(facts), likelihood.without_windows(facts)
    cards, cases = facts.case.size, int(facts.case.sum())
    for entity in range(facts.entities):
        seen = {card for card, e, _ in rows if e == entity}
        table = [[0, 0], [0, 0]]
        for card in range(cards):
            table[card in seen][bool(facts.case[card])] += 1
        g2 = 0.0
        for row, column in itertools.product((0, 1), (0, 1)):
            expected = sum(table[row]) * (table[0][column] + table[1][column]) / cards
            if table[row][column]:
                g2 += 2 * table[row][column] * log(table[row][column] / expected)
        sign = 1 if table[1][1] * cards > len(seen) * cases else -1
        assert scores.score[entity] == pytest.approx(sign * sqrt(max(g2, 0.0)), abs=1e-6)


@pytest.mark.parametrize("width", [None, 30])
def test_blame_adds_up_and_finds_the_source(width: int | None) -> None:
    rng = np.random.default_rng(1)
    facts = random_facts(1, cards=2_000, entities=30, visits=20_000)
    case = rng.random(2_000) < 0.01
    case[facts.card[facts.entity == 7][:40]] = True
    told = Facts(facts.card, facts.entity, facts.day, case, 30)
    scores = blame.alternating(told, width)
    assert 0 < scores.count.sum() <= case.sum()
    assert scores.entity[int(np.argmax(scores.count))] == 7


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("width", [None, 20])
def test_blame_against_loops(seed: int, width: int | None) -> None:
    facts = random_facts(seed, cards=15, entities=4, visits=80)
    span = width or facts.days
    at = {(card, (entity, day // span)) for card, entity, day in rows_of(facts)}
    cells = sorted({cell for _, cell in at})
    seen = {cell: sum(other == cell for _, other in at) for cell in cells}
    guilty = [card for card in range(15) if facts.case[card]]
    mine = {card: [cell for c, cell in at if c == card] for card in guilty}
    pairs = sum(len(of) for of in mine.values())
    base = len(guilty) / 15
    prior = base / (2 * max(pairs / max(len(guilty), 1), 1))
    chance, none = dict.fromkeys(cells, prior), base / 2
    for _ in range(blame.ROUNDS):
        total = {card: none + sum(chance[cell] for cell in of) for card, of in mine.items()}
        share = {
            cell: sum(chance[cell] / total[card] for card in guilty if cell in mine[card])
            for cell in cells
        }
        chance = {
            cell: (prior * blame.PRIOR_CARDS + share[cell]) / (blame.PRIOR_CARDS + seen[cell])
            for cell in cells
        }
        none = sum(none / total[card] for card in guilty) / 15
    scores = blame.alternating(facts, width)
    spans = scores.entity.size // facts.entities
    for entity, period in cells:
        assert scores.score[entity * spans + period] == pytest.approx(chance[entity, period])
        assert scores.count[entity * spans + period] == pytest.approx(share[entity, period])


def test_thresholds_name_nobody_who_is_innocent() -> None:
    quiet = [play(random_facts(seed), Who((), ())) for seed in range(4)]
    leaks = [play(random_facts(seed), Who((seed % 6,), (5,))) for seed in range(10, 18)]
    for rival, side in itertools.product(VARIANTS, ("others", "told")):
        loose = best_of(rival, leaks, quiet, side, strict=False)
        strict = best_of(rival, leaks, quiet, side, strict=True)
        assert strict.false == 0
        assert strict.recall <= loose.recall
        at = FLOORS.index(loose.floor)
        key = f"{rival}, {loose.variant}"
        assert max(world[key][side][at] for world in quiet) <= loose.threshold
