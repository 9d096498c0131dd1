"""One-time links: what they can do, what they say, and what a database that was stolen opens."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from asking.asking_world import HANAKO, NOON, World, new_world
from sekisho.app.asking.links import Links
from sekisho.app.asking.service import holder_pages
from sekisho.app.message_settings import read_settings
from sekisho.app.message_writing import recipient_from, write, writer_from
from sekisho.app.one_time import link_maker
from sekisho.domain.asking import Answer, CaseState, Counted, OutreachState, Way
from sekisho.domain.authorization import CardStatus, DecisionKind
from sekisho.domain.errors import StoreUnavailable
from sekisho.rulebook.templates import load
from sekisho.store.messages import mailing_of
from sekisho.store.tables import metadata
from sekisho.web.holder import Outcome

TOP = 'templates = "own-texts"\n'
LINKS = '[links]\nbase = "https://www.example.jp/h"\n'
SECRETS = ("架空 花子", "さくら", "1234", "70,000", "ガジェット", "9000000001", HANAKO)


def own_texts(folder: Path) -> None:
    """The shipped question, with a link in the SMS: an operator's choice."""
    (folder / "own-texts").mkdir()
    shipped = resources.files("sekisho.rulebook") / "data" / "messages"
    typed = 'app_place = "text"\n'
    for language in ("ja", "en"):
        text = (shipped / language / "ask_declined.toml").read_text(encoding="utf-8")
        text = text.replace(typed, f'{typed}answer_link = "home_page"\n')
        text = text.replace("番号や暗証番号は伺いません。通知", "覚えがない場合 {answer_link} 通知")
        text = text.replace("We never ask for numbers or codes. No.", "Not you: {answer_link} No.")
        (folder / "own-texts" / f"ask_declined.{language}.toml").write_text(text, encoding="utf-8")


@pytest.fixture
def linked(url: str, tmp_path: Path) -> Iterator[World]:
    own_texts(tmp_path)
    made = new_world(url, tmp_path, extra=LINKS, top=TOP, at=NOON)
    yield made
    made.desk.close()
    made.store.database.close()


def link_of(world: World) -> str:
    """The link as the holder reads it in the SMS."""
    row = next(one for one in world.messages() if one.channel == "sms")
    settings = read_settings(world.settings)
    with world.store.read() as connection:
        kept = mailing_of(connection, row.mailing_id).settings
    writer = writer_from(kept, load(settings.templates), link_maker(settings))
    body = write(writer, recipient_from(json.loads(row.recipient)), row.number).outgoing.body
    found = re.search(r"https://www\.example\.jp/h/([\w-]{22})", body)
    assert found is not None, body
    return found[1]


def asked(world: World) -> str:
    """A declined purchase that was asked about by push and SMS; the link's token."""
    world.buy()
    world.follow()
    world.work()
    world.forward(minutes=2)
    return link_of(world)


def opened(world: World, *calls: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
    """Requests against the real routes, one after the other."""
    pages = holder_pages(world.asking, read_settings(world.settings))
    app = Starlette(routes=pages.routes())

    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="https://www.example.jp") as one:
            return [await one.request(method, path, **more) for method, path, more in calls]

    return asyncio.run(run())


def form_of(response: httpx.Response) -> dict[str, str]:
    found = re.search(r'name="form" value="(\w+)"', response.text)
    assert found is not None
    return {"form": found[1]}


def pressed(world: World, token: str) -> httpx.Response:
    page = opened(world, ("GET", f"/h/{token}", {}))[0]
    assert page.status_code == 200
    return opened(world, ("POST", f"/h/{token}", {"data": form_of(page)}))[0]


def test_default_texts_carry_no_link(world: World) -> None:
    world.clock.now = NOON
    world.buy()
    world.follow()
    world.forward(minutes=2)
    assert "answer_link" not in "".join(one.recipient for one in world.messages())


def test_looking_changes_nothing_and_pressing_stops_the_card(linked: World) -> None:
    token = asked(linked)
    path = f"/h/{token}"
    before = linked.case(linked.desk.told[0].decision.decision_id)
    for response in opened(linked, *[("GET", path, {})] * 3, ("HEAD", path, {})):
        assert response.status_code == 200
    assert linked.case(before.case_id) == before
    assert linked.desk.status == {}

    done = pressed(linked, token)
    assert done.status_code == 200
    case = linked.case(before.case_id)
    assert case.state is CaseState.STOPPED
    assert case.outreach[1].state is OutreachState.ANSWERED
    linked.work()
    assert linked.desk.status[HANAKO] is CardStatus.STOPPED
    assert linked.buy(HANAKO, 100).kind is DecisionKind.DECLINE
    assert linked.desk.labels == {}, "a label waits for a signed-in word"
    assert "phone" in linked.channels(), "somebody calls to confirm"


def test_a_link_is_used_once(linked: World) -> None:
    token = asked(linked)
    page = opened(linked, ("GET", f"/h/{token}", {}))[0]
    send = ("POST", f"/h/{token}", {"data": form_of(page)})
    first, second, third = opened(linked, send, send, ("GET", f"/h/{token}", {}))
    assert "お答えを受け付けました" in first.text or "カードを止めました" in first.text
    assert second.text == third.text
    assert "お使いいただけません" in third.text
    case_id = linked.case(linked.desk.told[0].decision.decision_id).case_id
    linked.work()
    assert linked.desk.calls[f"{case_id}/stop"] == 1


def test_a_signed_in_word_decides_after_a_stop(linked: World) -> None:
    token = asked(linked)
    pressed(linked, token)
    decision = linked.desk.told[0].decision.decision_id
    done = linked.say(decision, Answer.MINE, Way.AGENT)
    assert done.counted is Counted.CONFIRMED
    linked.work()
    assert linked.desk.status[HANAKO] is CardStatus.OPEN
    assert linked.desk.windows


def test_a_stop_that_is_confirmed_blocks_the_card(linked: World) -> None:
    token = asked(linked)
    pressed(linked, token)
    decision = linked.desk.told[0].decision.decision_id
    linked.say(decision, Answer.NOT_MINE, Way.AGENT)
    linked.work()
    assert linked.desk.status[HANAKO] is CardStatus.BLOCKED
    assert linked.desk.labels[decision].fraud


def test_a_link_ends_with_its_case_and_with_its_time(linked: World) -> None:
    token = asked(linked)
    links = Links(linked.asking)
    assert links.is_usable(token)
    linked.clock.forward(hours=73)
    assert not links.is_usable(token)
    assert links.say_not_me(token) is Outcome.NOT_USABLE
    assert linked.desk.status == {}


def test_a_link_of_a_closed_case_does_nothing(linked: World) -> None:
    token = asked(linked)
    linked.say(linked.desk.told[0].decision.decision_id, Answer.MINE)
    assert not Links(linked.asking).is_usable(token)
    assert Links(linked.asking).say_not_me(token) is Outcome.NOT_USABLE
    assert linked.case(linked.desk.told[0].decision.decision_id).contradicted


def test_the_pages_say_nothing_to_whoever_finds_them(linked: World) -> None:
    token = asked(linked)
    page = opened(linked, ("GET", f"/h/{token}", {}))[0]
    done = pressed(linked, token)
    gone, never = opened(linked, ("GET", f"/h/{token}", {}), ("GET", "/h/" + "x" * 22, {}))
    assert gone.text.replace(token, "") == never.text.replace("x" * 22, "")
    for response in (page, done, gone, never):
        for secret in SECRETS:
            assert secret not in response.text
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-robots-tag"].startswith("noindex")
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert "set-cookie" not in response.headers
        assert "<script" not in response.text


def test_only_the_page_itself_can_press(linked: World) -> None:
    token = asked(linked)
    path = f"/h/{token}"
    page = opened(linked, ("GET", path, {}))[0]
    form = form_of(page)
    cross = {"sec-fetch-site": "cross-site"}
    other = {"origin": "https://evil.example"}
    refused = opened(
        linked,
        ("POST", path, {}),
        ("POST", path, {"data": {"form": "0" * 64}}),
        ("POST", path, {"data": form, "headers": cross}),
        ("POST", path, {"data": form, "headers": other}),
        ("POST", path, {"data": form, "headers": {"origin": "null"}}),
        ("POST", path, {"content": b"form=" + b"x" * 10_000}),
        ("POST", path, {"content": b"\xff\x00&=;" * 20}),
    )
    assert [one.status_code for one in refused] == [403] * 7
    assert linked.case(linked.desk.told[0].decision.decision_id).state is CaseState.OPEN
    same = {"sec-fetch-site": "same-origin", "origin": "https://www.example.jp"}
    assert opened(linked, ("POST", path, {"data": form, "headers": same}))[0].status_code == 200
    assert linked.case(linked.desk.told[0].decision.decision_id).state is CaseState.STOPPED


def test_language_by_browser_and_by_switch(linked: World) -> None:
    path = f"/h/{asked(linked)}"
    english, japanese, plain = opened(
        linked,
        ("GET", path, {"headers": {"accept-language": "en-GB,en;q=0.9,ja;q=0.1"}}),
        ("GET", f"{path}?lang=ja", {"headers": {"accept-language": "en"}}),
        ("GET", path, {"headers": {"accept-language": ";;q=x,*;q=0.5"}}),
    )
    assert '<html lang="en">' in english.text
    assert "stop the card" in english.text
    assert '<html lang="ja">' in japanese.text
    assert '<html lang="ja">' in plain.text


def test_the_database_holds_no_token(linked: World) -> None:
    token = asked(linked)
    with linked.store.read() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(table.select()):
                assert token not in str(tuple(row)), table.name


def test_while_the_store_is_away_the_page_says_so(linked: World, monkeypatch: Any) -> None:
    token = asked(linked)
    page = opened(linked, ("GET", f"/h/{token}", {}))[0]

    def away(*_: object) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(Links, "say_not_me", away)
    answer = opened(linked, ("POST", f"/h/{token}", {"data": form_of(page)}))[0]
    assert answer.status_code == 503
    assert "まだ止まっていません" in answer.text
