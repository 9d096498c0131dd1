"""The demo's page: both languages say the same, and it stands alone in a real browser."""

from __future__ import annotations

import string
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from sekisho.web.demo import render_demo
from sekisho.web.demo.texts import TEXTS
from web.demo_samples import replay
from web.test_browser import CONTRAST, browser  # noqa: F401 - a fixture


def test_both_languages_have_the_same_places() -> None:
    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for key, english in TEXTS["en"].items():
        assert places(english) == places(TEXTS["ja"][key]), key


def test_the_headline_counts_the_days() -> None:
    page = render_demo(replay())
    assert "on 31 May 2024: 130 days before the card companies spoke" in page
    assert "2024年5月31日" in page
    assert "130日前" in page


def test_a_late_finding_and_none_are_said_as_they_are() -> None:
    told = replay()
    late = replace(
        told,
        milestones=replace(told.milestones, word=told.looks[-1].as_of.replace(day=1)),
    )
    assert "30 days after the card companies spoke" in render_demo(late)
    assert "asks about none of the shops" in render_demo(replay(found=False))


def test_names_from_files_cannot_become_markup() -> None:
    page = render_demo(replay())
    assert "<b>健康食品" not in page
    assert "&lt;b&gt;健康食品" in page


def test_a_replay_without_a_look_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one look"):
        render_demo(replace(replay(), looks=()))


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_page_stands_alone_fits_and_changes_its_language(
    browser: Browser,  # noqa: F811
    tmp_path: Path,
    width: int,
    language: str,
    scheme: str,
) -> None:
    file = tmp_path / "index.html"
    file.write_text(render_demo(replay()), encoding="utf-8")
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    requests: list[str] = []
    troubles: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: troubles.append(message.text))
    page.goto(file.as_uri())
    page.locator(f"label[for=choose-{language}]:visible").first.click()
    assert page.locator(f".in-{language} h1").is_visible()
    assert page.locator("h1:visible").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    bars = page.locator(f".in-{language} .fill")
    heights = [bars.nth(i).bounding_box()["height"] for i in range(bars.count())]  # type: ignore[index]
    assert heights == sorted(heights)
    assert heights[1] / heights[2] == pytest.approx(52 / 97, rel=0.05)
    assert page.evaluate(CONTRAST) == []
    assert requests == [file.as_uri()]
    assert troubles == []
    context.close()
