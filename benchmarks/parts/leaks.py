"""Leaks drawn for several benchmarks, and what somebody who saw the theft would say of its days."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sekisho.world import World, WorldSpec, single_leak
from sekisho.world.kernels import DAY, NEVER

Ints = NDArray[np.int64]

# Planned strengths (-log10 p) in turn; what a world turns out to be decides its bin.
STRENGTHS = ((9.0, 12.5), (12.0, 20.0), (3.0, 9.0), (20.0, 40.0), (8.5, 11.5))


def drawn_leak(seed: int) -> WorldSpec:
    """The world of a seed with one leaking web shop."""
    return single_leak(seed, strength=STRENGTHS[seed % len(STRENGTHS)])


def oracle_window_errors(world: World) -> tuple[int, int] | None:
    """Days by which an oracle's window misses the true one; None without a victim.

    It knows who of the reported victims was robbed at this shop, and which of their purchases were
    copied. Their first and last day, each moved out by the mean gap between the days, is the best
    that can be said of the ends of an even window (the estimate without bias).
    """
    leak = world.spec.leaks[0]
    first, last = leak.windows[0]
    times = world.truth.card_times(0, world.truth.stop)
    victim = times.own & (times.fraud < NEVER)
    rows = world.transactions
    day = rows.second // DAY
    here = np.isin(rows.merchant, world.truth.leaks[0].merchants)
    here &= (day >= first) & (day <= last) & victim[rows.card]
    here &= rows.second < times.fraud[rows.card]
    if not here.any():
        return None
    days = day[here]
    gap = (int(days.max()) - int(days.min())) / max(int(victim.sum()) - 1, 1)
    start, end = round(int(days.min()) - gap), round(int(days.max()) + gap)
    return start - first, end - last
