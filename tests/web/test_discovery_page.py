"""The page of a search: what is in it, and how a real browser shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from sekisho.discovery.finding import Finding, Kind, NotRead
from sekisho.web.discovery.page import Search, render_discovery
from sekisho.web.discovery.texts import TEXTS
from web.test_browser import CHROMIUM, CONTRAST


def search(*, many: int = 3) -> Search:
    found = [
        Finding(
            "/srv/shop/log/pay.log",
            Kind.PAN,
            "jcb",
            "352811******0007",
            0.99,
            line=17 + at,
            beside=("expiry",),
        )
        for at in range(many)
    ]
    found.append(Finding("/srv/shop/log/pay.log", Kind.SECURITY_CODE, None, "***", 0.97, line=17))
    found.append(
        Finding("backup.zip!<b>.xlsx", Kind.PAN, "visa", "453214******0002", 0.91, cell="Sheet1!B3")
    )
    found.append(Finding("core.dump", Kind.TRACK, "visa", "453214******0002", 0.99, offset=4096))
    return Search(
        found,
        [NotRead("old.7z", "7z archive: unpack it first"), NotRead("x", "no permission")],
        1234,
        "0.1",
        2,
        1,
    )


@pytest.mark.parametrize("language", ["en", "ja"])
def test_everything_is_said_and_escaped(language: Any) -> None:
    html = render_discovery(search(), language=language)
    assert "&lt;b&gt;.xlsx" in html
    assert "1,234" in html
    for key in ("lead.codes", "todo.evidence", "not_read.note", "method.masked"):
        assert TEXTS[language][key] in html
    assert html.count("352811******0007") == 3


@pytest.mark.parametrize("language", ["en", "ja"])
def test_nothing_found_says_so_only_if_all_was_read(language: Any) -> None:
    clean = render_discovery(Search([], [], 5, "0.1"), language=language)
    unsure = render_discovery(
        Search([], [NotRead("x", "no permission")], 5, "0.1"), language=language
    )
    assert f"<h1>{TEXTS[language]['h1.none']}</h1>" in clean
    assert TEXTS[language]["h1.unsure"] in unsure
    assert f"<h1>{TEXTS[language]['h1.none']}</h1>" not in unsure


def test_both_languages_have_every_text() -> None:
    assert set(TEXTS["en"]) == set(TEXTS["ja"])


def test_a_long_list_is_cut_and_says_so() -> None:
    html = render_discovery(search(many=900), language="en")
    assert "The first 500 are listed here; the JSON and SARIF files have all 903." in html


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("no chromium on this machine; install it or set SEKISHO_CHROMIUM")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-quic", "--disable-background-networking"],
        )
        yield found
        found.close()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_stands_alone_fits_and_can_be_read(
    browser: Browser, tmp_path: Path, language: Any, width: int, scheme: Any
) -> None:
    path = tmp_path / "page.html"
    path.write_text(render_discovery(search(), language=language), encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    assert requests == [path.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRAST) == []
    context.close()
