"""Fraud at shops where its card shops anyway: told from theft, and never where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from sekisho.commonpoint import habit
from sekisho.commonpoint.cohort import DAY
from sekisho.commonpoint.habit import SETTLED, habitual
from sekisho.domain.history import FraudTable, VisitTable

CARDS, SHOPS, DAYS = 2_000, 300, 300


def visits_of(rng: np.random.Generator) -> VisitTable:
    """Cards with a few habitual shops each, shops of very different popularity."""
    popular = np.arange(1, SHOPS + 1) ** -0.8
    popular /= popular.sum()
    own = rng.choice(SHOPS, size=(CARDS, 6), p=popular)
    count = rng.integers(10, 60, CARDS)
    card = np.repeat(np.arange(CARDS), count)
    entity = own[card, rng.integers(0, 6, card.size)]
    at = rng.integers(0, DAYS * DAY, card.size)
    return VisitTable(card.astype(np.int32), entity.astype(np.int32), at, np.zeros(card.size, bool))


def frauds_of(card: np.ndarray, at: np.ndarray, entity: np.ndarray) -> FraudTable:
    n = card.size
    return FraudTable(
        card=card.astype(np.int32), at=at, reported_at=at, counts=np.ones(n, bool),
        stops_card=np.zeros(n, bool), entity=entity.astype(np.int32),
        product=np.zeros(n, np.int32),
    )  # fmt: skip


def theft(rng: np.random.Generator, visits: VisitTable, count: int) -> tuple[np.ndarray, ...]:
    """Thieves pick shops by popularity, not by whose card it is."""
    return (
        rng.integers(0, CARDS, count), rng.integers(0, DAYS * DAY, count),
        visits.entity[rng.integers(0, visits.entity.size, count)],
    )  # fmt: skip


def habits(rng: np.random.Generator, visits: VisitTable, count: int) -> tuple[np.ndarray, ...]:
    """A card, and one of the shops that it visits."""
    row = rng.integers(0, visits.card.size, count)
    return visits.card[row], rng.integers(0, DAYS * DAY, count), visits.entity[row]


def joined(*parts: tuple[np.ndarray, ...]) -> FraudTable:
    return frauds_of(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


@pytest.mark.parametrize("seed", range(5))
def test_theft_alone_is_left_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    visits = visits_of(rng)
    found = habitual(joined(theft(rng, visits, 600)), visits, np.ones(CARDS))
    assert found.mean() < 0.01


@pytest.mark.parametrize(("share", "lost"), [(0.2, 0.1), (0.8, 0.3)])
def test_habits_are_told_from_theft(share: float, lost: float) -> None:
    rng = np.random.default_rng(7)
    visits = visits_of(rng)
    count = round(2_000 * share)
    frauds = joined(habits(rng, visits, count), theft(rng, visits, 2_000 - count))
    found = habitual(frauds, visits, np.ones(CARDS))
    truth = np.arange(2_000) < count
    late = frauds.at > 150 * DAY  # before, a habit may not have shown yet
    assert found[truth & late].mean() > 0.75
    # What is lost of the theft hit a familiar shop by chance, or a card hardly known yet.
    assert found[~truth].mean() < lost


def test_where_all_fraud_is_habit_early_reports_are_set_aside_too() -> None:
    rng = np.random.default_rng(3)
    visits = visits_of(rng)
    frauds = joined(habits(rng, visits, 1_900), theft(rng, visits, 100))
    found = habitual(frauds, visits, np.ones(CARDS))
    early = (frauds.at < 20 * DAY) & (np.arange(2_000) < 1_900)
    assert found[early].mean() > 0.75


def test_few_reports_and_reports_without_a_shop_say_nothing() -> None:
    rng = np.random.default_rng(1)
    visits = visits_of(rng)
    few = joined(habits(rng, visits, 15))
    assert not habitual(few, visits, np.ones(CARDS)).any()
    card, at, shop = habits(rng, visits, 200)
    assert not habitual(frauds_of(card, at, np.full_like(shop, -1)), visits, np.ones(CARDS)).any()


def test_familiar_and_its_chance_equal_a_plain_count() -> None:
    rng = np.random.default_rng(5)
    visits = visits_of(rng)
    frauds = joined(habits(rng, visits, 40), theft(rng, visits, 40))
    weight = rng.integers(1, 4, CARDS).astype(float)
    rows = np.arange(80)
    familiar, chance = habit._familiar(frauds, rows, visits, weight)
    busy = np.array([(visits.card == c).sum() for c in range(CARDS)])
    usual = (busy * weight).sum() / weight.sum()
    for i in rows:
        card, shop, before = frauds.card[i], frauds.entity[i], frauds.at[i] - SETTLED
        there = set(visits.card[(visits.entity == shop) & (visits.at <= before)].tolist())
        assert familiar[i] == (card in there)
        share = max(sum(weight[c] for c in there), 0.5) / weight.sum()
        wanted = 1 - (1 - min(share, 0.999)) ** max(busy[card] / usual, 0.1)
        assert chance[i] == pytest.approx(wanted)
