"""Questions over real channels: a mail server, a signed webhook, a list of calls, real threads."""

from __future__ import annotations

import asyncio
import csv
import email
import email.policy
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from asking.asking_world import HANAKO, NOON, TARO, World, new_world
from mail_server import Kept, Running
from message_world import CARRIERS, MAIL
from sekisho.app.asking.desk import LoopLine
from sekisho.app.asking.service import asking_beside
from sekisho.app.message_export import export_calls
from sekisho.app.message_settings import read_settings
from sekisho.app.message_worker import handlers
from sekisho.app.messaging import verify_number
from sekisho.domain.asking import Answer, AnswerGiven, OutreachState, Way
from sekisho.domain.authorization import CardStatus
from sekisho.domain.progress import Silent
from sekisho.gateways.outbound.webhook.send import sign

SECRET = b"an invented secret of the adapter"
HOOKS = """
[sms]
url = "http://127.0.0.1:{port}/sms"
secret_file = "hook.secret"
[push]
url = "http://127.0.0.1:{port}/push"
secret_file = "hook.secret"
"""


class Adapter(ThreadingHTTPServer):
    """What an SMS provider's adapter does: checks the signature, keeps what it accepts."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.taken: list[dict[str, str]] = []
        self.refuse: set[str] = set()


class _Taking(BaseHTTPRequestHandler):
    server: Adapter

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        signature = self.headers["Sekisho-Signature"]
        seconds = signature.split(",")[0].removeprefix("t=")
        genuine = sign(SECRET, datetime.fromtimestamp(int(seconds), UTC), body) == signature
        found = json.loads(body)
        refused = not genuine or found["channel"] in self.server.refuse
        if not refused:
            self.server.taken.append(found)
        self.send_response(400 if refused else 202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Nothing is logged."""


@pytest.fixture
def adapter() -> Iterator[Adapter]:
    server = Adapter()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def secret_in(folder: Path) -> None:
    path = folder / "hook.secret"
    path.write_bytes(SECRET)
    path.chmod(0o600)
    (folder / "carriers.toml").write_text(CARRIERS, encoding="utf-8")


@contextmanager
def world_with(url: str, folder: Path, extra: str) -> Iterator[World]:
    secret_in(folder)
    world = new_world(url, folder, extra=extra, at=NOON)
    with handlers(read_settings(world.settings), world.store) as kinds:
        world.handlers = dict(kinds)
        yield world
    world.desk.close()
    world.store.database.close()


def test_push_then_sms_then_a_call(url: str, tmp_path: Path, adapter: Adapter) -> None:
    with world_with(url, tmp_path, HOOKS.format(port=adapter.server_port)) as world:
        decision = world.buy()
        world.follow()
        world.work()
        push = adapter.taken[0]
        assert (push["channel"], push["to"]) == ("push", "app-1")
        assert push["text"].startswith("【架空カード株式会社】末尾1234のカードで")
        assert "70,000円" in push["text"]
        assert "http" not in push["text"]
        day = NOON.astimezone().date().isoformat()
        found = verify_number(world.store, push["number"])
        assert (found.genuine, found.kind, found.on) == (True, "ask_declined", day)
        world.forward(minutes=2)
        assert [one["channel"] for one in adapter.taken] == ["push", "sms"]
        assert world.case(decision.decision_id).outreach[0].state is OutreachState.SENT
        world.forward(minutes=13)
        call = next(one for one in world.messages() if one.channel == "phone")
        settings = read_settings(world.settings)
        out = tmp_path / "calls"
        assert export_calls(world.store, settings, call.mailing_id, out, Silent()) == (1, 0)
        with (out / "calls.csv").open(encoding="utf-8-sig") as file:
            row = next(csv.DictReader(file))
        assert row["name"] == "架空 花子"
        assert "さくら" in row["script"]
        assert "70,000円" in row["script"]


def test_a_push_that_is_refused_gives_way_to_the_sms(
    url: str, tmp_path: Path, adapter: Adapter
) -> None:
    adapter.refuse = {"push"}
    with world_with(url, tmp_path, HOOKS.format(port=adapter.server_port)) as world:
        decision = world.buy()
        world.follow()
        world.work()
        world.forward(seconds=16)
        world.work()
        assert [one["channel"] for one in adapter.taken] == ["sms"]
        states = [one.state.value for one in world.case(decision.decision_id).outreach]
        assert states[0] == "undeliverable"


@pytest.mark.parametrize(
    "name",
    ["https://evil.example/login", "WWW.EVIL.EXAMPLE", "今すぐ至急お電話を 090-0000-0000",
     "enter your card number", "<img src=x>", "\x00\x1b[31m", "店" * 200, ""],
)  # fmt: skip
def test_a_shop_cannot_speak_to_the_holder(tmp_path: Path, name: str) -> None:
    kept = Kept()
    with Running(kept) as server:
        mail = MAIL.format(port=server.port, logs="", in_doubt="never_twice", settle_s=1)
        with world_with(f"sqlite:///{tmp_path}/s.db", tmp_path, mail) as world:
            world.buy(TARO, 70_000, merchant_name=name)
            world.follow()
            world.work()
            assert len(kept.accepted) == 1, [one.trouble for one in world.messages()]
            recipient, content = kept.accepted[0]
            text = email.message_from_bytes(content, policy=email.policy.default).get_content()
    assert recipient == "taro@taro.example"
    for word in (
        "evil.example",
        "https evil",
        "www evil",
        "090-0000",
        "至急",
        "enter your card",
        "<img",
        "\x1b",
    ):
        assert word not in text.lower()
    assert "JPY 70,000" in text
    assert "Confirm a purchase" in text


def until(true: Callable[[], bool]) -> None:
    """Wait until it is so; a machine under load may take its time."""
    for _ in range(1200):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to pass within a minute")


def test_the_threads_beside_a_running_engine(url: str, tmp_path: Path, adapter: Adapter) -> None:
    """As the server has it: the engine in an event loop, asking in threads of its own."""
    secret_in(tmp_path)
    extra = HOOKS.format(port=adapter.server_port)
    world = new_world(url, tmp_path, extra=extra, at=NOON)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    line = LoopLine(world.desk, loop)
    try:
        with asking_beside(world.store, world.settings, line, world.desk) as (asking, _):
            decision = line.call(lambda _: world.buy())
            until(lambda: len(adapter.taken) == 1)
            given = AnswerGiven("a", decision.decision_id, Answer.NOT_MINE, Way.APP, "system:app")
            asking.answer(given)
            until(lambda: world.desk.status.get(HANAKO) is CardStatus.BLOCKED)
            until(lambda: decision.decision_id in world.desk.labels)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        world.desk.close()
        world.store.database.close()
