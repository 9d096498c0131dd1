"""The model card: one self-contained HTML file, English and Japanese in it, no script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from sekisho.scoring.trade import AtRate
from sekisho.scoring.training import FOLDS, Plan, Trained
from sekisho.web.model_card.texts import TEXTS

LANGUAGES: Final = ("en", "ja")
SHOWN_FEATURES: Final = 15
WIDTH, HEIGHT = 520, 180  # of a picture, in its own units


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What the page says: a training, its plan, where it came from, how the export went.

    ``fraud_value`` is the amount of all frauds in the test, ``alert_cost`` what one alert costs,
    both in minor units; ``onnx_difference`` is None where no file was written.
    """

    trained: Trained
    plan: Plan
    version: str
    files: tuple[tuple[str, str], ...]
    fraud_value: int
    alert_cost: int
    onnx_difference: float | None


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a line, in the picture's units."""

    x: float
    y: float


def render_card(facts: CardFacts) -> str:
    """The page as HTML."""
    environment = Environment(
        loader=PackageLoader("sekisho.web.model_card"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("card.html").render(
        facts=facts,
        trained=facts.trained,
        languages=LANGUAGES,
        texts=TEXTS,
        folds=FOLDS,
        day=day_text,
        percent=percent,
        number=number,
        cost=lambda rate: cost_of(facts, rate),
        features=facts.trained.gains[:SHOWN_FEATURES],
        lines=_lines(facts.trained.rates),
        bars=_bars([week.average_precision for week in facts.trained.weeks]),
        width=WIDTH,
        height=HEIGHT,
    )


def day_text(day: int) -> str:
    """A day counted from 1970-01-01 as a date."""
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


def percent(share: float) -> str:
    """A share as it is printed; a dash where there is none."""
    return "–" if math.isnan(share) else f"{100 * share:.2f} %"


def number(value: float) -> str:
    """A figure as it is printed; a dash where there is none."""
    return "–" if math.isnan(value) or math.isinf(value) else f"{value:.3f}"


def cost_of(facts: CardFacts, rate: AtRate) -> str:
    """Fraud missed and alerts paid for at one threshold, in minor units."""
    caught = 0.0 if math.isnan(rate.value_detection) else rate.value_detection
    alerts = rate.alert_rate * facts.trained.test.purchases
    return f"{(1 - caught) * facts.fraud_value + alerts * facts.alert_cost:,.0f}"


def _lines(rates: Sequence[AtRate]) -> dict[str, list[Point]]:
    """Recall and value detection over the alert rate, whose axis is a logarithm."""
    low, high = math.log(0.0005), math.log(max([0.05, *(rate.alert_rate for rate in rates)]))
    told: dict[str, list[Point]] = {"recall": [], "value": []}
    for rate in rates:
        if rate.alert_rate <= 0:
            continue
        x = WIDTH * (math.log(rate.alert_rate) - low) / (high - low)
        for name, share in (("recall", rate.recall), ("value", rate.value_detection)):
            if not math.isnan(share):
                told[name].append(Point(round(x, 1), round(HEIGHT * (1 - share), 1)))
    return told


def _bars(values: Sequence[float]) -> list[tuple[float, float, float, float]]:
    """A bar for each value from 0 to 1: x, y, width, height."""
    step = WIDTH / max(len(values), 1)
    return [
        (round(k * step + 2, 1), round(HEIGHT * (1 - value), 1), round(step - 4, 1),
         round(HEIGHT * value, 1))
        for k, value in enumerate(values)
        if not math.isnan(value)
    ]  # fmt: skip
