"""The page behind a link in a real browser, as a holder would use it, over a real server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright
from starlette.applications import Starlette

from sekisho.web.holder import HolderPages, Outcome
from sekisho.web.holder.pages import ShownSender
from web.test_browser import CHROMIUM, CONTRAST

pytestmark = pytest.mark.browser

SENDERS = {
    "ja": ShownSender("架空カード株式会社", "0120-000-000", "9時から18時、土日祝日も受付"),
    "en": ShownSender("Kakuu Card", "0120-000-000", "9:00 to 18:00 every day"),
}
TOKEN = "abcdefghijklmnopqrstuv"  # noqa: S105 - invented


@dataclass
class Desk:
    """Satisfies `LinkDesk`: one link, used once."""

    usable: set[str] = field(default_factory=lambda: {TOKEN})
    pressed: int = 0
    next: Outcome = Outcome.STOPPED

    def is_usable(self, token: str) -> bool:
        return token in self.usable

    def say_not_me(self, token: str) -> Outcome:
        if token not in self.usable:
            return Outcome.NOT_USABLE
        self.usable.discard(token)
        self.pressed += 1
        return self.next


@dataclass
class Site:
    """A running server."""

    desk: Desk
    address: str


@pytest.fixture
def site() -> Iterator[Site]:
    desk = Desk()
    app = Starlette(routes=HolderPages(desk, SENDERS, b"0123456789abcdef").routes())
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", access_log=False, ws="none", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield Site(desk, f"http://127.0.0.1:{listening.getsockname()[1]}")
    server.should_exit = True
    thread.join()
    listening.close()


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


def looked_at(page: Page, kept: Path, name: str) -> None:
    """Fits the screen, can be read, has one heading."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate(CONTRAST) == []
    assert page.locator("h1").count() == 1
    page.screenshot(path=kept / f"{name}.png", full_page=True)


@pytest.mark.parametrize(
    ("language", "scheme"), [("ja-JP", "light"), ("en-GB", "dark")], ids=["ja", "en"]
)
def test_a_holder_stops_her_card(
    browser: Browser, site: Site, tmp_path: Path, language: str, scheme: str
) -> None:
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, locale=language, java_script_enabled=True,
        color_scheme="dark" if scheme == "dark" else "light",
    )  # fmt: skip
    page = context.new_page()
    troubles: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site.address}/h/{TOKEN}")
    page.reload()
    looked_at(page, tmp_path, "ask")
    button = page.locator("button")
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    assert box["y"] + box["height"] < 740, "the button is seen without scrolling"
    assert site.desk.pressed == 0
    button.click()
    page.wait_for_load_state()
    looked_at(page, tmp_path, "done")
    assert site.desk.pressed == 1
    wanted = "カードを止めました" if language == "ja-JP" else "Your card is stopped"
    assert page.locator("h1").inner_text() == wanted
    page.goto(f"{site.address}/h/{TOKEN}")
    looked_at(page, tmp_path, "gone")
    assert site.desk.pressed == 1
    assert troubles == []
    assert all(one.startswith(site.address) for one in asked)
    assert context.cookies() == []
    context.close()


def test_without_script_and_with_the_switch(browser: Browser, site: Site, tmp_path: Path) -> None:
    context = browser.new_context(java_script_enabled=False, locale="ja-JP")
    page = context.new_page()
    page.goto(f"{site.address}/h/{TOKEN}")
    page.locator("header a").click()
    assert page.locator("html").get_attribute("lang") == "en"
    site.desk.next = Outcome.TAKEN
    page.locator("button").click()
    assert page.locator("h1").inner_text() == "We have your answer"
    assert page.locator("html").get_attribute("lang") == "en"
    page.screenshot(path=tmp_path / "taken.png")
    context.close()


def test_another_site_cannot_press(browser: Browser, site: Site, tmp_path: Path) -> None:
    evil = tmp_path / "evil.html"
    evil.write_text(
        f'<form method="post" action="{site.address}/h/{TOKEN}"><button>x</button></form>',
        encoding="utf-8",
    )
    page = browser.new_page()
    page.goto(evil.as_uri())
    page.locator("button").click()
    page.wait_for_load_state()
    assert site.desk.pressed == 0
    page.screenshot(path=tmp_path / "again.png")
    page.close()
