"""The pictures of a back-test as plain lines and points; the template only draws them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

WIDTH, HEIGHT = 520, 200  # of a plot, in its own units
_LEAST_INSULT: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: where, and what stands beside it."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points; ``kind`` is how it looks."""

    kind: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines and single points over two axes. ``y`` grows downwards, as in a picture."""

    lines: tuple[Line, ...]
    dots: tuple[tuple[str, float, float], ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


def trade_off(document: Mapping[str, Any]) -> Plot:
    """Value detection over the insult rate (a logarithm): the score alone, and each policy."""
    sides = _sides(document)
    insults = [point["insult_rate"] or 0.0 for _, side in sides for point in side["curve"]]
    insults += [side["rates"]["insult_rate"] or 0.0 for _, side in sides]
    low = math.log10(max(_LEAST_INSULT, min((one for one in insults if one > 0), default=1e-4)))
    low = math.floor(low)
    high = max(math.ceil(math.log10(max([10.0 ** (low + 1), *insults]))), low + 1)

    def x(rate: float) -> float:
        held = math.log10(max(rate, 10.0**low))
        return round(WIDTH * (held - low) / (high - low), 1)

    lines, dots = [], []
    for kind, side in sides:
        points = [
            (x(point["insult_rate"] or 0.0), _share(point["value_detection"]))
            for point in side["curve"]
            if point["value_detection"] is not None
        ]
        lines.append(Line(kind, tuple(points)))
        if side["rates"]["value_detection"] is not None:
            here = x(side["rates"]["insult_rate"] or 0.0)
            dots.append((kind, here, _share(side["rates"]["value_detection"])))
    across = [Tick(x(10.0**k), _percent(10.0**k)) for k in range(int(low), int(high) + 1)]
    return Plot(tuple(lines), tuple(dots), tuple(across), _shares())


def by_week(document: Mapping[str, Any], name: str) -> Plot:
    """One rate week by week, from 0 to its largest (a share of frauds: to 1)."""
    sides = _sides(document)
    values = [week[name] or 0.0 for _, side in sides for week in side["weeks"]]
    top = 1.0 if name in ("value_detection", "average_precision") else _ceiling(values)
    weeks = sides[0][1]["weeks"]
    step = WIDTH / max(len(weeks) - 1, 1)
    lines = [
        Line(
            kind,
            tuple(
                (round(k * step, 1), round(HEIGHT * (1 - (week[name] / top)), 1))
                for k, week in enumerate(side["weeks"])
                if week[name] is not None
            ),
        )
        for kind, side in sides
    ]
    every = max(1, math.ceil(len(weeks) / 6))
    across = [Tick(round(k * step, 1), week["first"][5:]) for k, week in enumerate(weeks)]
    up = [Tick(HEIGHT * (1 - k / 4), _percent(top * k / 4)) for k in range(5)]
    return Plot(tuple(lines), (), tuple(across[::every]), tuple(up))


def costs(document: Mapping[str, Any]) -> Plot:
    """Fraud missed plus alerts paid for, over the alert rate (a logarithm)."""
    sides = _sides(document)
    rows = [point for _, side in sides for point in side["curve"] if point["alert_rate"]]
    if not rows:
        return Plot((), (), (), ())
    rates = [point["alert_rate"] for point in rows]
    low, high = math.log10(min(rates)), math.log10(max(rates))
    span = max(high - low, 1e-9)
    top = _ceiling([float(point["cost"]) for point in rows])

    def x(rate: float) -> float:
        return round(WIDTH * (math.log10(rate) - low) / span, 1)

    lines = [
        Line(
            kind,
            tuple(
                (x(point["alert_rate"]), round(HEIGHT * (1 - point["cost"] / top), 1))
                for point in side["curve"]
                if point["alert_rate"]
            ),
        )
        for kind, side in sides
    ]
    marks = (0.001, 0.01, 0.1)
    across = [Tick(x(mark), _percent(mark)) for mark in marks if low <= math.log10(mark) <= high]
    up = [Tick(HEIGHT * (1 - k / 4), short(top * k / 4)) for k in range(5)]
    return Plot(tuple(lines), (), tuple(across), tuple(up))


def short(amount: float) -> str:
    """An amount in a few letters: 12.3M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if amount >= size:
            return f"{amount / size:.3g}{letter}"
    return f"{amount:.0f}"


def _sides(document: Mapping[str, Any]) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """The side that decides now first, then the new one, which is drawn over it."""
    names = ("champion", "candidate")
    return [(name, document[name]) for name in names if document[name]]


def _share(value: float) -> float:
    return round(HEIGHT * (1 - value), 1)


def _shares() -> tuple[Tick, ...]:
    return tuple(Tick(HEIGHT * (1 - k / 4), f"{25 * k} %") for k in range(5))


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _ceiling(values: Sequence[float]) -> float:
    """A round number that is not below any of the values."""
    top = max([*values, 0.0])
    if top <= 0:
        return 1.0
    size = 10.0 ** math.floor(math.log10(top))
    return next(size * k for k in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if size * k >= top * (1 - 1e-12))
