"""A running service goes over to an activated policy, and watches the cards that were exposed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.served import START_S, client, serving
from app.test_exposure import call, folder  # noqa: F401 - a fixture
from sekisho.app.opening import open_store
from sekisho.app.policy_reading import policy_of
from sekisho.app.policy_store import keep
from sekisho.store import proposals
from sekisho.store.people import add_person
from sekisho.store.policies import activate, keep_backtest, propose_live
from sekisho.store.transaction import Store

SHUT = """
schema = "sekisho.policy/1"
version = "shut-1"
[[lists]]
name = "shut"
of = "merchant"
[[lists.entries]]
value = "A9/SHUT"
reason = "takes stolen cards only"
[[rules]]
name = "shut"
when = 'merchant in list("shut")'
action = "decline"
reason = "merchant_on_list"
"""
NOW = datetime.now(tz=UTC)  # noqa: TID251 - a running service has the machine's clock


def decided(http: httpx.Client, request_id: str, **more: Any) -> dict[str, Any]:
    purchase = {
        "request_id": request_id, "card_ref": "c-1", "acquirer_id": "A9", "merchant_id": "SHUT",
        "authorized_at": NOW.isoformat(), "amount_minor": 1_200, "currency": "392",
        "entry_mode": "810",
    }  # fmt: skip
    answer = http.post("/v1/authorizations", json=purchase | more)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def until(what: Callable[[int], bool]) -> None:
    """Try again until it is so."""
    deadline = time.monotonic() + START_S
    number = 0
    while not what(number):
        assert time.monotonic() < deadline
        time.sleep(0.2)
        number += 1


def two_people_activate(store: Store) -> None:
    policy = policy_of(SHUT)
    name = policy.policy.version
    with store.transaction("person:a-1", "first day") as tx:
        add_person(tx, "a-3", "架空", ("approver",))
    with store.transaction("person:a-2", "it catches more") as tx:
        keep(tx, policy, None)
        digest = keep_backtest(tx, name, json.dumps({"candidate": {"policy": {"version": name}}}))
        proposal = propose_live(tx, name, digest, {"frauds_caught": 7}).proposal_id
    with store.transaction("person:a-3", "figures seen") as tx:
        proposals.approve(tx, proposal, proposals.proposal_of(tx, proposal).payload_hash)
    with store.transaction("person:a-2", "as approved") as tx:
        activate(tx, proposal)


def traced(folder: Path, card_ref: str) -> Path:  # noqa: F811 - the folder itself
    out = folder / "trace"
    out.mkdir()
    day = NOW.date() - timedelta(days=30)
    finding = {
        "entity_kind": "merchant", "entity_id": "A01/M7", "window_start": str(day),
        "window_end": str(day), "data_taken": ["pan", "expiry", "security_code"],
    }  # fmt: skip
    as_of = str(NOW.date() - timedelta(days=1))
    told = {"schema": "sekisho.findings/1", "as_of": as_of, "findings": [finding]}
    (out / "findings.json").write_text(json.dumps(told), "utf-8")
    table = {
        "card_ref": [card_ref], "entity_kind": ["merchant"], "entity_id": ["A01/M7"],
        "last_exposed_at": [datetime(day.year, day.month, day.day, 12)],  # noqa: DTZ001 - wall clock
    }  # fmt: skip
    pq.write_table(pa.table(table), out / "exposed_cards.parquet")
    return out


@pytest.mark.slow
def test_what_is_changed_in_the_store_reaches_the_running_engine(folder: Path) -> None:  # noqa: F811
    database = f"sqlite:///{folder}/s.db"
    doors = ("--http", "127.0.0.1:0", "--data", folder / "data", "--database", database)
    large = {"card_ref": "c-exposed", "merchant_id": "OTHER", "amount_minor": 40_000}
    with serving(folder / "home", *doors) as one, client(one) as http:
        assert decided(http, "before")["decision"] == "approve"
        assert "exposed_card" not in decided(http, "calm", **large)["reasons"]

        call(folder, "exposure", "import", traced(folder, "c-exposed"), "--reason", "traced")

        def asked(number: int) -> bool:
            told = decided(http, f"watched-{number}", **large | {"merchant_id": f"NEW{number}"})
            return bool(told["ask"]) and "exposed_card" in told["reasons"]

        until(asked)
        with open_store(database) as store:
            two_people_activate(store)
        until(lambda number: decided(http, f"after-{number}")["reasons"] == ["merchant_on_list"])
        assert "policy shut-1@" in one.text()
        assert one.end() == 0
    with serving(folder / "home", *doors) as one, client(one) as http:
        assert "Policy shut-1@" in one.text(), "it decides after a new start too"
        assert decided(http, "again")["response_code"] == "57"
        assert one.end() == 0
