"""Geometry of the report's charts: positions in percent, so that a chart fits any width.

Nothing here draws: templates turn these values into SVG. A chart and the table beside it are made
from the same `Step` values, so no number can be in one and not in the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Final, Literal

from sekisho.domain.finding import Curve

MAX_STEPS: Final = 62
"""More steps than this are hard to tell apart, and too long a table."""

MAX_TICKS: Final = 6

Unit = Literal["day", "week", "month", "quarter", "year", "step"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a curve: days ``first`` to ``last``, both included."""

    first: date
    last: date
    observed: int
    expected: float
    exposed: int | None


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in percent of the plot, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis, in percent from the left or from the top."""

    at: float
    value: float
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Days to shade in a plot, both ends included; ``role`` is the class of the shape."""

    first: date
    last: date
    role: str


@dataclass(frozen=True, slots=True)
class Shade:
    """A shaded stretch of a plot, in percent."""

    x: float
    width: float
    role: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Everything that a template needs to draw one curve."""

    unit: Unit
    steps: tuple[Step, ...]
    bars: tuple[Box, ...]
    expected_points: str  # of a polyline in a 100 x 100 box
    shades: tuple[Shade, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


class TimeAxis:
    """Days to percent from the left; ``first`` and ``last`` are both included."""

    def __init__(self, first: date, last: date) -> None:
        self.first = first
        self.last = max(first, last)
        self._days = (self.last - first).days + 1

    def start(self, day: date) -> float:
        """Return where ``day`` begins, kept within the axis."""
        return round(100 * min(max((day - self.first).days / self._days, 0.0), 1.0), 3)

    def end(self, day: date) -> float:
        """Return where ``day`` ends, kept within the axis."""
        return self.start(day + timedelta(days=1))

    def shade(self, span: Span) -> Shade | None:
        """Return the part of ``span`` that is on the axis, or None."""
        left, right = self.start(span.first), self.end(span.last)
        if right <= left:
            return None
        return Shade(left, round(right - left, 3), span.role)

    def ticks(self) -> tuple[Tick, ...]:
        """Return at most `MAX_TICKS` marks on days that people count in."""
        for follow in _TICK_STEPS:
            days = _tick_days(self.first, self.last, follow)
            if len(days) <= MAX_TICKS:
                return tuple(Tick(self.start(day), 0.0, day) for day in days)
        return (Tick(0.0, 0.0, self.first),)


def plot(curve: Curve, spans: tuple[Span, ...]) -> Plot | None:
    """Lay out one curve, or return None if it has no steps."""
    unit, steps = steps_of(curve)
    if not steps:
        return None
    axis = TimeAxis(steps[0].first, steps[-1].last)
    top, y_ticks = _value_axis(max(max(s.observed, s.expected) for s in steps))
    bars = tuple(_bar(axis, step, top) for step in steps)
    points: list[str] = []
    for step in steps:
        height = round(100 - 100 * step.expected / top, 3)
        points += [f"{axis.start(step.first)},{height}", f"{axis.end(step.last)},{height}"]
    shades = tuple(shade for span in spans if (shade := axis.shade(span)) is not None)
    return Plot(unit, steps, bars, " ".join(points), shades, axis.ticks(), y_ticks)


def steps_of(curve: Curve) -> tuple[Unit, tuple[Step, ...]]:
    """Join the steps of a curve to days, weeks, months, ... until a reader can take them in.

    Counts and expectations are summed, so the totals stay the same.
    """
    single = _as_given(curve)
    unit = _unit_of(single)
    if len(single) <= MAX_STEPS:
        return unit, single
    joins: tuple[tuple[Unit, Callable[[date], object]], ...] = (
        ("week", lambda day: (day - curve.days[0]).days // 7),
        ("month", lambda day: (day.year, day.month)),
        ("quarter", lambda day: (day.year, (day.month - 1) // 3)),
        ("year", lambda day: day.year),
    )
    for wider, key in joins:
        joined = _join(single, key)
        if len(joined) <= MAX_STEPS:
            return wider, joined
    return "year", _join(single, joins[-1][1])


def _as_given(curve: Curve) -> tuple[Step, ...]:
    if not curve.days:
        return ()
    gaps = [(later - earlier).days for earlier, later in pairwise(curve.days)]
    usual = min(gaps, default=1)
    # A step ends where the next begins; after a hole (days without anything) it keeps its length.
    longest = 31 if usual >= 28 else usual
    lengths = [min(gap, longest) for gap in gaps] + [usual]
    exposed: tuple[int | None, ...] = curve.exposed or (None,) * len(curve.days)
    return tuple(
        Step(day, day + timedelta(days=length - 1), observed, expected, seen)
        for day, length, observed, expected, seen in zip(
            curve.days, lengths, curve.observed, curve.expected, exposed, strict=True
        )
    )


def _unit_of(steps: tuple[Step, ...]) -> Unit:
    length = max(((step.last - step.first).days + 1 for step in steps), default=1)
    if length == 1:
        return "day"
    if length == 7:
        return "week"
    return "month" if 28 <= length <= 31 else "step"


def _join(steps: tuple[Step, ...], key: Callable[[date], object]) -> tuple[Step, ...]:
    groups: dict[object, list[Step]] = {}
    for step in steps:
        groups.setdefault(key(step.first), []).append(step)
    return tuple(
        Step(
            group[0].first,
            group[-1].last,
            sum(step.observed for step in group),
            math.fsum(step.expected for step in group),
            None if group[0].exposed is None else sum(step.exposed or 0 for step in group),
        )
        for group in groups.values()
    )


def _bar(axis: TimeAxis, step: Step, top: float) -> Box:
    left, right = axis.start(step.first), axis.end(step.last)
    height = round(100 * step.observed / top, 3)
    gap = 0.16 * (right - left)
    return Box(
        round(left + gap / 2, 3), round(100 - height, 3), round(right - left - gap, 3), height
    )


def _value_axis(largest: float) -> tuple[float, tuple[Tick, ...]]:
    """Return the top of the axis and its marks at round numbers."""
    rough = max(largest, 1.0) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    step = max(step, 1.0)  # counts of cards
    count = math.ceil(max(largest, 1.0) / step)
    top = count * step
    return top, tuple(Tick(round(100 - 100 * i / count, 3), i * step) for i in range(count + 1))


def _next_month(day: date, months: int) -> date:
    index = (day.year * 12 + day.month - 1) // months * months + months
    return date(index // 12, index % 12 + 1, 1)


_TICK_STEPS: Final[tuple[Callable[[date], date], ...]] = (
    lambda day: day + timedelta(days=1),
    lambda day: day + timedelta(days=7 - day.weekday()),
    lambda day: _next_month(day, 1),
    lambda day: _next_month(day, 3),
    lambda day: _next_month(day, 6),
    lambda day: _next_month(day, 12),
    lambda day: _next_month(day, 24),
    lambda day: _next_month(day, 60),
    lambda day: _next_month(day, 240),
)


def _tick_days(first: date, last: date, follow: Callable[[date], date]) -> list[date]:
    days: list[date] = []
    day = follow(first - timedelta(days=1))
    while day <= last and len(days) <= MAX_TICKS:
        days.append(day)
        day = follow(day)
    return days
