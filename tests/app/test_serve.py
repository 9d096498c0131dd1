"""`sekisho serve` as people run it: started, asked, killed, started again, ended."""

from __future__ import annotations

import json
import re
import signal
import socket
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import select

from app.served import START_S, Serving, client, serving
from app.test_store_cli import call
from gateways.iso8583.samples import request as iso_fields
from invented_cards import invented_cards
from postgres_server import running_server
from sekisho.app.opening import database_of
from sekisho.gateways.inbound.iso8583.codec import Codec
from sekisho.gateways.inbound.iso8583.settings import plain
from sekisho.store.tables import audit_entry
from sekisho.vault.keys import read_key
from sekisho.vault.surrogate import CardRefs

CARDS = invented_cards(np.random.default_rng(31), 5)
CHANGE = {"change_id": "k-1", "person": "s-07", "reason": "the holder called"}


def purchase(number: int, **more: Any) -> dict[str, Any]:
    return {
        "request_id": f"r-{number}",
        "pan": CARDS[number % len(CARDS)],
        "merchant_id": "JPSHOP000000001",
        "authorized_at": f"2026-11-01T00:{number // 60:02d}:{number % 60:02d}+09:00",
        "amount_minor": 1_000 + number,
        "currency": "JPY",
    } | more


def decided(http: httpx.Client, number: int, **more: Any) -> dict[str, Any]:
    answer = http.post("/v1/authorizations", json=purchase(number, **more))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SEKISHO_DATABASE", raising=False)
    return tmp_path / "home"


def over_iso(one: Serving, card: str) -> dict[int, str]:
    """The fields of the answer to an 0100 on the same process's other door."""
    codec = Codec(plain().variant)
    message = codec.encode("0100", iso_fields(f2=card))
    with socket.create_connection(("127.0.0.1", one.port("ISO 8583")), timeout=120) as peer:
        peer.sendall(len(message).to_bytes(2, "big") + message)
        size = int.from_bytes(peer.recv(2, socket.MSG_WAITALL), "big")
        return codec.decode(peer.recv(size, socket.MSG_WAITALL)).fields


def card_ref(data: Path, card: str) -> str:
    found = CardRefs(read_key(data / "card.key")).of_text(card)
    assert found is not None
    return found


def test_killed_and_started_again_nothing_that_was_answered_is_lost(
    tmp_path: Path, home: Path
) -> None:
    data = tmp_path / "data"
    doors = ("--http", "127.0.0.1:0", "--iso8583", "127.0.0.1:0", "--data", data)
    with serving(home, *doors) as one, client(one) as http:
        said = one.text()
        assert "Made a card key" in said
        assert "open to this machine" in said
        assert "Policy default" in said
        answers = [decided(http, number) for number in range(40)]
        ref = card_ref(data, CARDS[0])
        assert http.post(f"/v1/cards/{ref}/stop", json=CHANGE).json()["logged"]
        reports = [
            {"report_id": "f-1", "pan": CARDS[1], "authorized_at": "2026-11-01T00:00:01+09:00"},
            {"report_id": "f-2", "pan": CARDS[1], "authorized_at": "2026-11-01T00:00:02+09:00"},
            {"report_id": "f-3", "card_ref": ref, "authorized_at": "2025-11-01T00:00:00+09:00"},
        ]
        told = http.post("/v1/fraud-reports", json={"reports": reports}).json()["reports"]
        assert [row["outcome"] for row in told] == ["learned", "ambiguous", "not_found"]
        assert told[0]["decision_id"] == answers[1]["decision_id"]
        assert told[1]["candidates"][0] == answers[1]["decision_id"]
        one.process.kill()
        one.process.wait(START_S)
    with serving(home, *doors) as one, client(one) as http:
        assert "5 cards" in one.text()
        again = [decided(http, number) for number in range(40)]
        assert again == [answer | {"repeated": True} for answer in answers]
        assert http.get(f"/v1/cards/{ref}").json()["status"] == "stopped"
        # What HTTP stopped is stopped on the other door.
        assert over_iso(one, CARDS[0])[39] == "62"
        changed = http.post("/v1/authorizations", json=purchase(3, amount_minor=9))
        assert changed.status_code == 409
        assert http.get("/readyz").status_code == 200
        assert one.end() == 0
        assert "Ended." in one.text()
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert not [card for card in CARDS if card.encode() in everything]


def test_what_is_in_flight_is_answered_before_it_ends(tmp_path: Path, home: Path) -> None:
    body = json.dumps(purchase(1)).encode()
    head = b"POST /v1/authorizations HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
    words = ("--http", "127.0.0.1:0", "--data", tmp_path / "data", "--sync")
    with serving(home, *words) as one:
        with socket.create_connection(("127.0.0.1", one.port("HTTP")), timeout=120) as raw:
            raw.sendall(head + body[:20])
            with client(one) as http:  # what came before it on the loop is through
                assert http.get("/healthz").status_code == 200
            one.process.send_signal(signal.SIGINT)
            one.until("Ending")
            raw.sendall(body[20:])
            answer = b"".join(iter(lambda: raw.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"decision_id" in answer
        assert one.process.wait(START_S) == 0
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", one.port("HTTP")), timeout=120).close()


def test_keys_are_made_used_and_revoked(tmp_path: Path, home: Path) -> None:
    data = tmp_path / "data"
    everywhere = ("serve", "--http", "0.0.0.0:0", "--data", str(data))
    said = call(*everywhere, code=2)
    assert "no valid API key" in said
    assert "sekisho api-key new" in said
    admin = ("--person", "s-01")
    call("person", "add", "s-01", "--name", "架空 藍", "--role", "administrator", *admin)
    new = ("api-key", "new", "gateway", "--role", "authorize")
    assert "may not do this" in call(*new, "--person", "s-02", code=6)
    assert "no role" in call("api-key", "new", "x", "--role", "all", *admin, code=2)
    made = call(*new, *admin)
    key = re.search(r"sekisho_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", made)
    assert key
    assert "already" in call(*new, *admin, code=2)
    kept = tmp_path / "reader.key"
    out = ("--out", str(kept), "--per-second", "5")
    call("api-key", "new", "reader", "--role", "read", *out, *admin)
    assert kept.stat().st_mode & 0o777 == 0o600
    with serving(home, "--http", "0.0.0.0:0", "--data", data) as one:
        assert "2 API keys" in one.text()
        url = f"http://127.0.0.1:{one.port('HTTP')}"
        with httpx.Client(base_url=url, timeout=120) as http:
            assert http.post("/v1/authorizations", json=purchase(1)).status_code == 401
            http.headers["authorization"] = f"Bearer {key[0]}"
            assert decided(http, 1)["decision"] == "approve"
            assert http.get("/metrics").status_code == 403
            reader = {"authorization": f"Bearer {kept.read_text().strip()}"}
            assert "sekisho_ready 1.0" in http.get("/metrics", headers=reader).text
            http.headers["authorization"] = f"Bearer {key[0][:-1]}x"
            assert http.post("/v1/authorizations", json=purchase(2)).status_code == 401
            http.headers["authorization"] = f"Bearer {key[0]}"
            call("api-key", "revoke", "gateway", *admin, "--reason", "it is old")
            while http.post("/v1/authorizations", json=purchase(3)).status_code == 200:
                pass
            assert http.post("/v1/authorizations", json=purchase(4)).status_code == 401
        assert one.end() == 0
        assert key[0] not in one.text()
    listed = call("api-key", "list")
    assert "revoked" in listed
    assert "never" not in listed  # when each was used last was noted at the end
    database = b"".join(path.read_bytes() for path in home.rglob("sekisho.db*"))
    assert key[0][-43:].encode() not in database


def test_authorizations_go_on_without_the_state_store(tmp_path: Path, home: Path) -> None:
    data = tmp_path / "data"
    with running_server() as postgres:
        url = postgres.new_database()
        words = ("--http", "127.0.0.1:0", "--data", data, "--database", url)
        with serving(home, *words) as one, client(one) as http:
            first = decided(http, 1)
            ref = card_ref(data, CARDS[1])
            postgres.stop(signal.SIGQUIT)
            assert decided(http, 1) == first | {"repeated": True}
            assert [decided(http, number)["decision"] for number in (2, 3)] == ["approve"] * 2
            stopped = http.post(f"/v1/cards/{ref}/stop", json=CHANGE).json()
            assert (stopped["status"], stopped["logged"]) == ("stopped", False)
            assert decided(http, 6)["reasons"] == ["card_stopped"]
            assert http.post(f"/v1/cards/{ref}/open", json=CHANGE).status_code == 503
            while "the state store is away" not in http.get("/readyz").json()["missing"]:
                pass
            assert http.get("/readyz").status_code == 200
            postgres.start()
            one.until("the state store is back")
            assert http.post(f"/v1/cards/{ref}/open", json=CHANGE).json()["status"] == "open"
            assert decided(http, 11)["decision"] == "approve"
            assert one.end() == 0
            assert postgres.password not in one.text()
        database = database_of(url)
        with database.read() as connection:
            entries = connection.execute(select(audit_entry).order_by(audit_entry.c.sequence))
            log = [(entry.actor, entry.action, entry.subject) for entry in entries]
        database.close()
    by = "system:api-anybody"
    assert log == [(by, "card.stop", f"card:{ref}"), (by, "card.open", f"card:{ref}")]


def test_what_cannot_be_used_is_told_before_anything_is_opened(tmp_path: Path, home: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    assert "not HOST:PORT" in call("serve", "--http", "8080", *data, code=2)
    assert "no time zone" in call("serve", "--timezone", "Nowhere", *data, code=2)
    assert "belong together" in call("serve", "--tls-cert", "c.pem", *data, code=2)
    key = tmp_path / "other.key"
    call("key", "new", "--out", str(key))
    with serving(home, "--http", "127.0.0.1:0", *data) as one:
        taken = ("serve", "--http", f"127.0.0.1:{one.port('HTTP')}", "--data")
        assert "in use by another process" in call(*taken, data[1], code=1)
        said = call(*taken, str(tmp_path / "second"), code=2)
        assert "cannot listen" in said
        wrong = ("--card-key", str(key))
        assert "was begun with the card key" in call("serve", *data, *wrong, code=2)
        assert one.end() == 0
