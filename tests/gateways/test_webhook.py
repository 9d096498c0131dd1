"""Posts over real HTTP: signed, repeated under the same key; reports that come back."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.domain.errors import BadInput
from sekisho.gateways.inbound.webhook.events import DeliveryEvent, NotGenuine, read_event
from sekisho.gateways.outbound.webhook.send import (
    SIGNATURE,
    Post,
    PostFate,
    Webhook,
    WebhookDoor,
    sign,
)

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECRET = b"an invented secret of an adapter"
POST = Post("K7QM-4XPD-92RT-H", "sms", "090-0000-0000", "架空", "【架空】お知らせ", "ja")


@contextmanager
def receiver(*answers: tuple[int, dict[str, str]]) -> Iterator[tuple[str, list[Any]]]:
    """A web server that answers one after the other and keeps what it got."""
    got: list[Any] = []
    left = list(answers)

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((dict(self.headers), body))
            status, headers = left.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/messages", got
    finally:
        server.shutdown()
        server.server_close()


def test_a_post_is_signed_and_repeated_under_one_key() -> None:
    answers = (503, {"Retry-After": "7"}), (202, {})
    with receiver(*answers) as (url, got), WebhookDoor(Webhook(url, SECRET)) as door:
        first, second = door.post(POST, AT), door.post(POST, AT + timedelta(seconds=9))
    assert (first.fate, first.status, first.retry_after_s) == (PostFate.DEFERRED, 503, 7.0)
    assert (second.fate, second.status) == (PostFate.ACCEPTED, 202)
    assert got[0][1] == got[1][1]
    document = json.loads(got[0][1])
    assert document["schema"] == "sekisho.message/1"
    assert document["text"] == POST.text
    for headers, body in got:
        assert headers["Idempotency-Key"] == POST.number
        seconds = headers[SIGNATURE].split(",")[0].removeprefix("t=")
        assert headers[SIGNATURE] == sign(SECRET, datetime.fromtimestamp(int(seconds), UTC), body)


@pytest.mark.parametrize(
    ("status", "fate"),
    [(200, "accepted"), (400, "refused"), (404, "refused"), (429, "deferred"), (500, "deferred"),
     (302, "refused"), (408, "deferred")],
)  # fmt: skip
def test_answers(status: int, fate: str) -> None:
    answer = status, {"Location": "http://127.0.0.1:9/"}
    with receiver(answer) as (url, got), WebhookDoor(Webhook(url, SECRET)) as door:
        assert door.post(POST, AT).fate == fate
    assert len(got) == 1, "redirects are not followed"


def test_nobody_there() -> None:
    with WebhookDoor(Webhook("http://127.0.0.1:9/", SECRET, timeout_s=2)) as door:
        assert door.post(POST, AT).fate is PostFate.DEFERRED


def test_unsafe_settings_are_refused() -> None:
    for url, secret in (("http://example.org/", SECRET), ("https://example.org/", b"short")):
        with pytest.raises(BadInput):
            WebhookDoor(Webhook(url, secret))
    assert "secret" not in repr(Webhook("https://example.org/", b"secret" * 9))


def event(**changes: Any) -> bytes:
    plain = {"schema": "sekisho.delivery/1", "number": "K7QM-4XPD-92RT-H", "event": "bounced"}
    return json.dumps({**plain, **changes}).encode()


def test_a_report_is_read_if_it_is_genuine_and_fresh() -> None:
    body = event(detail="no  such\nnumber")
    found = read_event(body, sign(SECRET, AT, body), SECRET, AT + timedelta(seconds=299))
    assert found == DeliveryEvent("K7QM-4XPD-92RT-H", "bounced", True, "no such number")
    for signature, secret, now in (
        (sign(SECRET, AT, body + b" "), SECRET, AT),
        (sign(b"another secret of somebody", AT, body), SECRET, AT),
        (sign(SECRET, AT, body), SECRET, AT + timedelta(seconds=301)),
        (sign(SECRET, AT, body), SECRET, AT - timedelta(seconds=301)),
        ("", SECRET, AT),
        ("t=1,v1=zz", SECRET, AT),
    ):
        with pytest.raises(NotGenuine):
            read_event(body, signature, secret, now)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{", "not JSON"),
        (b"[]", "schema"),
        (event(schema="x"), "schema"),
        (event(event="opened"), "event is none of"),
        (event(number=5), "number"),
        (event(permanent="yes"), "permanent"),
        (b"[" * 5000, "not JSON"),
    ],
)
def test_broken_reports_say_which_field(body: bytes, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        read_event(body, sign(SECRET, AT, body), SECRET, AT)


@settings(deadline=None)
@given(st.binary(max_size=300), st.text(max_size=100))
def test_nothing_unsigned_is_looked_at(body: bytes, signature: str) -> None:
    with pytest.raises(NotGenuine):
        read_event(body, signature, SECRET, AT)
