"""Counting into order equals sorting, and one visit a day is kept."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sekisho.stats.order import LONG_AGO, first_of_days, order_by_place

ROWS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(0, 6)), min_size=0, max_size=60
)


@given(ROWS)
def test_order_and_days_equal_a_plain_sort(rows: list[tuple[int, int, int]]) -> None:
    rows = sorted(rows, key=lambda row: (row[1], row[2]))  # by spell and day, as they come
    place, spell, day = (np.array([row[i] for row in rows], np.int64) for i in range(3))
    order = order_by_place(place, 6)
    assert order.tolist() == np.argsort(place, kind="stable").tolist()
    kept, previous = first_of_days(order, place, spell, day)
    assert [rows[i] for i in kept] == sorted(set(rows))
    last: dict[tuple[int, int], int] = {}
    for i, before in zip(kept, previous, strict=True):
        key = rows[i][:2]
        assert before == last.get(key, LONG_AGO)
        last[key] = rows[i][2]
