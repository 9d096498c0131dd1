"""The page of a back-test: one self-contained HTML file, English and Japanese, no script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from sekisho.web.backtest import charts
from sekisho.web.backtest.texts import NOTES, TEXTS

LANGUAGES: Final = ("en", "ja")
TILES: Final = (
    "value_detection", "insult_rate", "false_positives_per_fraud", "alert_rate", "value_stopped",
    "account_detection",
)  # fmt: skip


def render_backtest(document: Mapping[str, Any]) -> str:
    """The page of backtest.json as HTML."""
    environment = Environment(
        loader=PackageLoader("sekisho.web.backtest"), autoescape=True, undefined=StrictUndefined
    )
    rules = document["candidate"]["rules"]
    return environment.get_template("backtest.html").render(
        d=document,
        languages=LANGUAGES,
        texts=TEXTS,
        notes=NOTES,
        tiles=TILES,
        rate=rate,
        number=number,
        trade=charts.trade_off(document),
        caught=charts.by_week(document, "value_detection"),
        insulted=charts.by_week(document, "insult_rate"),
        costs=charts.costs(document),
        most_value=max([rule["value"] for rule in rules] + [1]),
        most_genuine=max([rule["genuine"] for rule in rules] + [1]),
        width=charts.WIDTH,
        height=charts.HEIGHT,
    )


def rate(name: str, value: float | None) -> str:
    """A rate as it is printed: a share in percent, the rest as a number; a dash for none."""
    if value is None:
        return "–"
    if name == "false_positives_per_fraud":
        return f"{value:.2f}"
    percent = 100 * value
    return f"{percent:.3f} %" if percent < 1 else f"{percent:.1f} %"


def number(value: float | None) -> str:
    """A figure between 0 and 1; a dash for none."""
    return "–" if value is None else f"{value:.3f}"
