"""The likelihood over windows: a naive twin, and intervals that hold what they say."""

from __future__ import annotations

import numpy as np

from sekisho.stats.window_ends import Exposures, ends_of, sum_windows


def test_sums_over_windows_are_those_of_counting() -> None:
    rng = np.random.default_rng(1)
    bins, cards = 14, 40
    visits = [sorted(set(rng.integers(0, bins, rng.integers(1, 5)).tolist())) for _ in range(cards)]
    begin, until, value = [], [], []
    worth: dict[tuple[int, int], float] = {}
    for card, days in enumerate(visits):
        before = -1
        for day in days:
            begin.append(before + 1)
            until.append(day)
            worth[card, day] = float(rng.normal())
            value.append(worth[card, day])
            before = day
    got = sum_windows(np.array(begin), np.array(until), np.array(value), bins)
    for start in range(bins):
        for end in range(start, bins):
            want = 0.0
            for card, days in enumerate(visits):
                inside = [day for day in days if start <= day <= end]
                want += worth[card, inside[0]] if inside else 0.0
            assert np.isclose(got[start, end], want)


def leaking(rng: np.random.Generator, *, sold: bool) -> tuple[Exposures, int, int]:
    """One shop over 300 days with single visits, some of whose cards are misused."""
    cards, days = 800, 160
    length = int(rng.integers(8, 70))
    first = int(rng.integers(5, 90 - length // 2))
    last = first + length - 1
    day = np.sort(rng.integers(0, days, cards))
    hazard = 3e-5
    fraud = day + rng.exponential(1.0 / hazard, cards)
    inside = np.flatnonzero((day >= first) & (day <= last))
    share = min(1.0, rng.uniform(4, 30) / max(inside.size, 1))
    stolen = inside[rng.random(inside.size) < share]
    lag = rng.exponential(6.0, stolen.size)
    misuse = (last + 8 + lag) if sold else (day[stolen] + lag)
    fraud[stolen] = np.minimum(fraud[stolen], misuse)
    case = np.flatnonzero(fraud < days)
    return Exposures(
        bins=days,
        begin=np.zeros(cards, np.int64),
        until=day,
        weight=np.ones(cards),
        left=(days - day).astype(float),
        case=case,
        card=case,
        fraud_day=fraud[case],
        lag=fraud[case] - day[case],
        told=fraud[case] - day[case],
        rate=np.full(case.size, hazard),
        counted=np.ones(case.size, bool),
        span=float(days),
    ), first, last  # fmt: skip


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(7)
    held, trials = np.zeros(2), 0
    for number in range(100):
        seen, first, last = leaking(rng, sold=number % 2 == 0)
        window = (seen.until[seen.case] >= first) & (seen.until[seen.case] <= last)
        if window.sum() < 4:
            continue
        # Where the search stands out: from the first victim to the last one.
        days = seen.until[seen.case][window]
        start, end = ends_of(seen, (int(days.min()), int(days.max())), 0.95)
        held += [start.lower <= first <= start.upper, end.lower <= last <= end.upper]
        assert start.lower <= start.middle <= start.upper
        assert end.lower <= end.middle <= end.upper
        trials += 1
    assert trials > 60
    # 95 % of 70 are 66.5, give or take 1.8; four of these standard errors.
    assert (held / trials > 0.85).all(), held / trials


def test_the_ends_close_in_as_victims_get_more() -> None:
    width = []
    for victims in (6, 60):
        days = np.linspace(100, 160, victims).astype(np.int64)
        everybody = np.concatenate([np.repeat(np.arange(300), 8), days])
        case = np.arange(everybody.size - victims, everybody.size)
        seen = Exposures(
            300, np.zeros(everybody.size, np.int64), everybody, np.ones(everybody.size),
            300.0 - everybody, case, case, days + 9.0, np.full(victims, 9.0),
            np.full(victims, 9.0), np.full(victims, 1e-6), np.ones(victims, bool), 300.0,
        )  # fmt: skip
        start, end = ends_of(seen, (100, 160), 0.95)
        assert start.lower <= 100 <= start.upper + 1
        assert end.lower - 1 <= 160 <= end.upper
        width.append(start.upper - start.lower + end.upper - end.lower)
    assert width[1] < width[0] / 3
