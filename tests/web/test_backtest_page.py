"""The page of a back-test in a real browser: it stands alone, fits, and can be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from sekisho.web.backtest import render_backtest
from web.backtest_samples import sample
from web.test_browser import CONTRAST, browser

pytestmark = pytest.mark.browser
__all__ = ["browser"]


@pytest.mark.parametrize(
    ("width", "scheme", "language", "champion"),
    [(390, "light", "en", True), (1280, "dark", "ja", True), (390, "dark", "ja", False)],
)
def test_the_page_stands_alone_fits_and_can_be_read(
    browser: Browser, tmp_path: Path, width: int, scheme: Any, language: str, champion: bool
) -> None:
    (tmp_path / "page.html").write_text(render_backtest(sample(champion=champion)), "utf-8")
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    asked: list[str] = []
    troubles: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: troubles.append(message.text))
    address = (tmp_path / "page.html").as_uri()
    page.goto(address)
    page.check(f"#choose-{language}", force=True)
    assert asked == [address]
    assert troubles == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    shown = page.locator(f"main.{language}")
    assert shown.is_visible()
    assert not page.locator(f"main.{'en' if language == 'ja' else 'ja'}").is_visible()
    assert page.evaluate(CONTRAST) == []
    box = shown.locator("svg").first.bounding_box()
    assert box is not None
    assert box["height"] > 100
    context.close()


def test_every_picture_stays_in_its_frame() -> None:
    page = render_backtest(sample())
    assert "nan" not in page.lower().replace("finance", "")
    assert page.count("<svg") == 8
    nothing = sample()
    for side in (nothing["candidate"], nothing["champion"]):
        for name in side["rates"]:
            side["rates"][name] = None
        for week in side["weeks"]:
            week.update(value_detection=None, insult_rate=None, average_precision=None)
        for point in side["curve"]:
            point.update(value_detection=None, insult_rate=None, alert_rate=0.0)
    assert "–" in render_backtest(nothing)
