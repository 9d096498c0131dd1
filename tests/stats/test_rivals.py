"""The plain ratio against its naive twin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.stats.rivals import NO_FRAUD, Floor, plain_ratio

VISITS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 20)), max_size=40)
FRAUDS = st.lists(st.one_of(st.none(), st.integers(0, 20)), min_size=6, max_size=6)


def naive(visits: list[tuple[int, int, int]], frauds: list[int | None]) -> dict[int, tuple]:
    """Sets of cards at each place, counted by hand."""
    every: dict[int, set[int]] = {}
    stolen: dict[int, set[int]] = {}
    for card, entity, at in visits:
        every.setdefault(entity, set()).add(card)
        fraud = frauds[card]
        if fraud is not None and at < fraud:
            stolen.setdefault(entity, set()).add(card)
    return {e: (len(cards), len(every[e])) for e, cards in stolen.items()}


@given(VISITS, FRAUDS, st.integers(1, 3), st.sampled_from([0.0, 0.3, 0.6]))
def test_it_blames_what_counting_by_hand_blames(
    visits: list[tuple[int, int, int]], frauds: list[int | None], least: int, share: float
) -> None:
    first = np.array([NO_FRAUD if f is None else f for f in frauds], np.int64)
    card, entity, at = (np.array([visit[k] for visit in visits], np.int64) for k in range(3))
    for floor in (None, Floor(least, share)):
        blamed = plain_ratio(card, entity, at, first, floor)
        expected = {
            e: (count, every)
            for e, (count, every) in naive(visits, frauds).items()
            if floor is None or (count >= floor.cards and count / every >= floor.ratio)
        }
        found = zip(blamed.fraud_cards.tolist(), blamed.cards.tolist(), strict=True)
        assert dict(zip(blamed.entity.tolist(), found, strict=True)) == expected
        assert np.all(np.diff(blamed.ratio) <= 0)


def test_a_visit_at_the_moment_of_the_fraud_is_not_before_it() -> None:
    one = np.array([0]), np.array([0]), np.array([5])
    assert plain_ratio(*one, np.array([5])).entity.size == 0
    assert plain_ratio(*one, np.array([6])).ratio == pytest.approx([1.0])
