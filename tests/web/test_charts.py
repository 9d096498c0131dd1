"""Geometry of the charts against sums and positions worked out the plain way."""

from __future__ import annotations

import math
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.domain.finding import Curve
from sekisho.web.report.charts import MAX_STEPS, MAX_TICKS, Span, TimeAxis, plot, steps_of

START = date(2020, 1, 1)


def daily(observed: list[int]) -> Curve:
    days = tuple(START + timedelta(days=i) for i in range(len(observed)))
    return Curve(days, tuple(observed), tuple(0.1 * n + 0.05 for n in observed), tuple(observed))


@given(st.lists(st.integers(0, 50), min_size=1, max_size=2500))
def test_joining_keeps_totals_order_and_a_size_a_reader_can_take_in(observed: list[int]) -> None:
    curve = daily(observed)
    unit, steps = steps_of(curve)
    assert len(steps) <= MAX_STEPS
    assert sum(step.observed for step in steps) == sum(observed)
    assert sum(step.exposed or 0 for step in steps) == sum(observed)
    assert math.fsum(s.expected for s in steps) == pytest.approx(math.fsum(curve.expected))
    assert steps[0].first == curve.days[0]
    assert steps[-1].last == curve.days[-1]
    assert all(b.first == a.last + timedelta(days=1) for a, b in pairwise(steps))
    assert (unit == "day") == (len(observed) <= MAX_STEPS)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=400))
def test_bars_stay_inside_and_are_as_high_as_their_count(observed: list[int]) -> None:
    drawn = plot(daily(observed), ())
    assert drawn is not None
    top = drawn.y_ticks[-1].value
    for bar, step in zip(drawn.bars, drawn.steps, strict=True):
        assert bar.x >= 0
        assert bar.x + bar.width <= 100.01
        assert bar.height == pytest.approx(100 * step.observed / top, abs=0.01)
        assert bar.y + bar.height == pytest.approx(100, abs=0.01)
    assert len(drawn.x_ticks) <= MAX_TICKS
    assert len(drawn.y_ticks) <= 6


def test_weekly_steps_are_named_so_and_keep_their_length_before_a_hole() -> None:
    days = (START, START + timedelta(days=7), START + timedelta(days=28))
    unit, steps = steps_of(Curve(days, (1, 2, 3), (0.1, 0.1, 0.1)))
    assert unit == "week"
    assert [step.last for step in steps] == [day + timedelta(days=6) for day in days]
    assert [step.exposed for step in steps] == [None, None, None]


def test_calendar_months_are_named_so() -> None:
    days = tuple(date(2025, month, 1) for month in range(1, 13))
    unit, steps = steps_of(Curve(days, (0,) * 12, (1.0,) * 12))
    assert unit == "month"
    assert steps[1].last == date(2025, 2, 28)


def test_shades_are_cut_at_the_axis() -> None:
    axis = TimeAxis(START, START + timedelta(days=99))
    inside = axis.shade(Span(START + timedelta(days=10), START + timedelta(days=19), "window"))
    assert inside is not None
    assert (inside.x, inside.width) == (10.0, 10.0)
    early = axis.shade(Span(date(2010, 1, 1), START + timedelta(days=4), "window"))
    assert early is not None
    assert (early.x, early.width) == (0.0, 5.0)
    assert axis.shade(Span(date(2010, 1, 1), date(2011, 1, 1), "window")) is None


@given(st.integers(0, 40_000))
def test_ticks_are_few_and_on_the_axis(length: int) -> None:
    axis = TimeAxis(START, START + timedelta(days=length))
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= MAX_TICKS
    assert all(0 <= tick.at <= 100 for tick in ticks)
