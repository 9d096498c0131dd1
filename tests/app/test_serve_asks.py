"""The whole loop in one process: declined, asked about, answered, blocked; over real sockets."""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from app.served import Serving, client, serving
from app.test_store_cli import call
from asking.asking_world import approve_texts
from invented_cards import invented_cards
from message_world import SECRET, SETTINGS, new_store
from sekisho.domain.message import Channel
from sekisho.gateways.outbound.webhook.send import sign
from sekisho.store.holders import Holder, put_holders
from sekisho.vault.keys import read_key, write_key
from sekisho.vault.surrogate import CardRefs

CARD, OTHER = invented_cards(np.random.default_rng(77), 2)
HOOK = os.urandom(32)
POLICY = """
schema = "sekisho.policy/1"
version = "test-1"
[[rules]]
name = "large"
when = "amount > 50000.0"
action = "decline"
reason = "large"
[[rules]]
name = "exposed"
when = "exposed_code == 1.0"
action = "ask"
reason = "exposed_card"
"""
MAPPING = """
schema = "sekisho.alert-mapping/1"
source = "scheme"
expiry_form = "YYMM"
[columns]
pan = "PAN"
expiry = "EXP"
[constants]
alert_id = "架空/31-0007"
elements = ["pan", "expiry", "security_code"]
window_start = 2026-01-01
window_end = 2026-06-30
received_on = 2026-11-01
"""


@dataclass
class Provider:
    """Whoever brings pushes to telephones: a real HTTP server that keeps what it got."""

    port: int = 0
    got: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def provider() -> Iterator[Provider]:
    one = Provider()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            one.got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(202)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    one.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield one
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def installation(folder: Path, port: int) -> tuple[Path, str, str]:
    """Settings, card reference and database of an issuer that asks by push."""
    for name, content in (("hook.secret", HOOK.hex().encode()), ("card.key", None)):
        path = folder / name
        if content is None:
            write_key(path, bytes(range(1, 33)))
        else:
            path.write_bytes(content)
            path.chmod(0o600)
    write_key(folder / "numbers.key", SECRET)
    push = f'[push]\nurl = "http://127.0.0.1:{port}/"\nsecret_file = "hook.secret"\n'
    settings = folder / "messages.toml"
    settings.write_text(SETTINGS + push, encoding="utf-8")
    (folder / "policy.toml").write_text(POLICY, encoding="utf-8")
    card_ref = CardRefs(read_key(folder / "card.key")).of_text(CARD)
    assert card_ref is not None
    url = f"sqlite:///{folder}/sekisho.db"
    store = new_store(url)
    ways = ((Channel.PUSH, "app-1"),)
    with store.transaction("person:adm", "contacts") as tx:
        put_holders(
            tx, [(card_ref, Holder("ja", "Asia/Tokyo", "架空 花子", greeting="さくら", ways=ways))]
        )
    approve_texts(store, settings)
    store.database.close()
    return settings, card_ref, url


def until(true: Any) -> None:
    while not true():
        time.sleep(0.05)


def decide(http: Any, request_id: str, amount: int, card: str = CARD) -> dict[str, Any]:
    body = {
        "request_id": request_id, "pan": card, "merchant_id": "m-1",
        "merchant_name": "架空ガジェット",
        "authorized_at": datetime.now(tz=UTC).isoformat(timespec="seconds"),  # noqa: TID251
        "amount_minor": amount, "currency": "JPY",
    }  # fmt: skip
    answer = http.post("/v1/authorizations", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_declined_asked_answered_blocked(tmp_path: Path) -> None:
    with provider() as phone:
        settings, card_ref, url = installation(tmp_path, phone.port)
        words = ("--http", "127.0.0.1:0", "--data", tmp_path / "data", "--database", url)
        more = ("--settings", settings, "--card-key", tmp_path / "card.key")
        policy = ("--policy", tmp_path / "policy.toml")
        with serving(tmp_path / "home", *words, *more, *policy) as one, client(one) as http:
            assert decide(http, "r-1", 500)["ask"] is False
            _exposed(tmp_path, url, http)
            asked = decide(http, "r-2", 70_000)
            assert (asked["decision"], asked["ask"], asked["reasons"]) == (
                "decline",
                True,
                ["large"],
            )
            until(lambda: phone.got)
            question = phone.got[0]
            assert "70,000" in question["text"]
            assert CARD not in json.dumps(phone.got)
            _delivered(http, question["number"])
            _answered(one, http, asked["decision_id"], card_ref)
            assert http.get("/h/" + "a" * 22).status_code == 200
            assert one.end() == 0


def _exposed(folder: Path, url: str, http: Any) -> None:
    """A card scheme's alert names the card; the engine that runs watches it within moments."""
    alert_file = folder / "planted" / "alert.csv"
    alert_file.parent.mkdir()
    alert_file.write_text(f"PAN,EXP\n{OTHER},3105\n")
    (folder / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    alert = ("exposure", "import", alert_file, "--mapping", folder / "mapping.toml")
    key = ("--card-key", folder / "card.key", "--database", url)
    call(*alert, *key, "--person", "ben", "--reason", "the scheme wrote")
    attempts = itertools.count()
    until(lambda: decide(http, f"e-{next(attempts)}", 600, OTHER)["ask"])
    told = decide(http, "e-again", 600, OTHER)
    assert (told["decision"], told["reasons"]) == ("approve", ["exposed_card"])


def _delivered(http: Any, number: str) -> None:
    """The provider reports, signed; anybody else is refused."""
    event = {"schema": "sekisho.delivery/1", "number": number, "event": "delivered"}
    body = json.dumps(event).encode()
    now = datetime.now(tz=UTC)  # noqa: TID251 - a signature is of its time
    signed = {"sekisho-signature": sign(HOOK.hex().encode(), now, body)}
    assert http.post("/v1/messages/events", content=body).status_code == 401
    other = {"sekisho-signature": sign(b"another secret of a stranger", now, body)}
    assert http.post("/v1/messages/events", content=body, headers=other).status_code == 401
    until(lambda: http.post("/v1/messages/events", content=body, headers=signed).json()["changed"])
    again = http.post("/v1/messages/events", content=body, headers=signed)
    assert again.json() == {"changed": False}


def _answered(one: Serving, http: Any, decision_id: str, card_ref: str) -> None:
    """Hanako says in the application that it was not her."""
    answer = {"case_id": decision_id, "answer": "not_mine", "answer_id": "a-1",
              "answered_by": "架空 花子"}  # fmt: skip
    unknown = http.post("/v1/answers", json=answer | {"case_id": "nothing"})
    assert unknown.status_code == 422
    told = http.post("/v1/answers", json=answer).json()
    assert (told["counted"], told["closed_as"]) == ("first", "not_mine")
    assert http.post("/v1/answers", json=answer).json() == told
    until(lambda: http.get(f"/v1/cards/{card_ref}").json()["status"] == "blocked")
    assert decide(http, "r-3", 500)["reasons"] == ["card_blocked"]
    change = {"change_id": "k", "person": "s", "reason": "r"}
    assert http.post(f"/v1/cards/{card_ref}/open", json=change).status_code == 409
    assert one.process.poll() is None
