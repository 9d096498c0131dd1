"""The page in a real browser: no request, no error, fits a phone, can be read in the dark."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from sekisho.web.report import render_report
from web import samples

pytestmark = pytest.mark.browser

CHROMIUM = (
    os.environ.get("SEKISHO_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
)

# Contrast of every visible text against the first opaque background behind it (WCAG 2.2, 1.4.3).
CONTRAST = """
() => {
  const rgb = (c) => c.match(/[\\d.]+/g).map(Number);
  const part = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const out = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || e.closest('title')) continue;
    const style = getComputedStyle(e);
    const front = rgb(e.closest('svg') ? style.fill : style.color);
    const [a, b] = [light(front), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) out.push([e.outerHTML.slice(0, 80), ratio]);
  }
  return out;
}
"""


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


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    for name, trace in (("full", samples.full_trace()), ("calm", samples.calm_trace())):
        for language in ("en", "ja"):
            html = render_report(trace, language=language)  # type: ignore[arg-type]
            (folder / f"{name}_{language}.html").write_text(html, encoding="utf-8")
    return folder


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", ["full_en", "full_ja", "calm_en", "calm_ja"])
def test_page_stands_alone_fits_and_can_be_read(
    browser: Browser, pages: Path, name: str, width: int, scheme: Any
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, java_script_enabled=True
    )
    page = context.new_page()
    requests: list[str] = []
    troubles: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    address = (pages / f"{name}.html").as_uri()
    page.goto(address)
    page.wait_for_load_state("networkidle")
    assert requests == [address]
    assert troubles == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(20, 23, 29)") == (scheme == "dark")
    assert page.evaluate(CONTRAST) == []
    context.close()


def test_charts_are_really_drawn(browser: Browser, pages: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((pages / "full_en.html").as_uri())
    tallest = page.evaluate(
        "Math.max(...[...document.querySelectorAll('rect.bar')]"
        ".map(bar => bar.getBoundingClientRect().height))"
    )
    assert 100 < tallest <= 250
    plots = page.locator(".plot > svg")
    assert plots.count() == 4
    box = plots.first.bounding_box()
    assert box is not None
    assert box["width"] > 400
    page.close()


def test_prints_on_a4_with_every_table_row(browser: Browser, pages: Path) -> None:
    page = browser.new_page()
    page.goto((pages / "full_en.html").as_uri())
    page.emulate_media(media="print")
    hidden = page.evaluate(
        "[...document.querySelectorAll('.scroll')]"
        ".filter(box => getComputedStyle(box).overflowY !== 'visible').length"
    )
    assert hidden == 0
    pdf = page.pdf(prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")
    assert b"/MediaBox [0 0 594" in pdf or b"/MediaBox [0 0 595" in pdf
    page.close()
