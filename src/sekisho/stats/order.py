"""Putting visits in order: by place, each place's visits by spell and time, one a day."""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

LONG_AGO = np.int64(-(1 << 40))  # the day before a spell's first visit at a place


@nb.njit(cache=True, nogil=True)
def order_by_place(place: Ints, places: int) -> Ints:
    """The stable order of visits by ``place`` (numbers below ``places``), by counting."""
    spot = np.zeros(places + 1, np.int64)
    for i in range(place.size):
        spot[place[i] + 1] += 1
    for p in range(places):
        spot[p + 1] += spot[p]
    order = np.empty(place.size, np.int64)
    for i in range(place.size):
        order[spot[place[i]]] = i
        spot[place[i]] += 1
    return order


@nb.njit(cache=True, nogil=True)
def first_of_days(order: Ints, place: Ints, spell: Ints, day: Ints) -> tuple[Ints, Ints]:
    """Of visits in ``order`` the first on each day of a spell at a place, and the day before it.

    Returns the rows that are kept, in order, and for each the day of the spell's visit before at
    the same place (`LONG_AGO` for its first).
    """
    rows = np.empty(order.size, np.int64)
    previous = np.empty(order.size, np.int64)
    n = 0
    for i in range(order.size):
        row = order[i]
        before = LONG_AGO
        if n > 0:
            last = rows[n - 1]
            if place[last] == place[row] and spell[last] == spell[row]:
                if day[last] == day[row]:
                    continue
                before = day[last]
        rows[n] = row
        previous[n] = before
        n += 1
    return rows[:n].copy(), previous[:n].copy()
