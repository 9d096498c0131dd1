"""What the service adds to the engine: looked up, listed, told; on the real engine in a folder."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from sekisho.app.live import open_desk
from sekisho.app.served_desk import ServedDesk
from sekisho.domain.authorization import AuthorizationRequest, CardStatus, Decision
from sekisho.scoring.policy import Action, ListEntry, NamedList, Policy, Rule
from sekisho.web.api.ports import Purchase

NOW = 1_930_000_000
POLICY = Policy(
    "lists-1",
    rules=(Rule("denied", 'merchant in list("denied")', Action.DECLINE, "merchant_on_list"),),
    lists=(
        NamedList("denied", "merchant", (ListEntry("a1/thief"), ListEntry("a1/late", "", NOW))),
    ),
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ServedDesk]:
    heard: list[Decision] = []
    live = open_desk(tmp_path / "data", clock=lambda: NOW, policy=POLICY)
    one = ServedDesk(live, heard.append)
    one.heard_so_far = heard  # type: ignore[attr-defined]
    yield one
    live.close()


def buy(desk: ServedDesk, number: int, **more: str | int) -> Decision:
    values: dict[str, str | int] = {
        "request_id": f"r{number}", "card_ref": "c1", "acquirer_id": "a1", "merchant_id": "m1",
        "authorized_at": NOW + number, "received_at": NOW + number, "amount_minor": 1_000,
        "currency": "392",
    }  # fmt: skip
    return desk.decide(AuthorizationRequest(**{**values, **more}))  # type: ignore[arg-type]


def named(desk: ServedDesk, **more: str | int) -> list[str]:
    values: dict[str, str | int] = {"card_ref": "c1", "at": NOW}
    purchase = Purchase(**{**values, **more})  # type: ignore[arg-type]
    return list(asyncio.run(desk.named(purchase)))


def test_a_purchase_is_found_by_what_somebody_outside_knows_of_it(desk: ServedDesk) -> None:
    first = buy(desk, 0).decision_id
    second = buy(desk, 10, amount_minor=2_000).decision_id
    third = buy(desk, 400, merchant_id="m2").decision_id
    assert named(desk) == [first]
    assert named(desk, at=NOW + 8) == [second, first]
    assert named(desk, at=NOW + 8, amount_minor=1_000) == [first]
    assert named(desk, at=NOW + 300, merchant_id="m2") == [third]
    assert named(desk, at=NOW + 300, merchant_id="m2", acquirer_id="a2") == []
    assert named(desk, at=NOW + 1_000) == []
    assert named(desk, card_ref="c2") == []


def test_what_was_asked_and_what_is_done_with_a_card(desk: ServedDesk) -> None:
    assert desk.status("c1") is None
    decision = buy(desk, 1)
    asked = desk.request_of(decision.decision_id)
    assert asked is not None
    assert (asked.request_id, asked.amount_minor) == ("r1", 1_000)
    assert desk.request_of("000001-00000000ffff") is None
    assert desk.request_of("no id") is None
    assert desk.status("c1") is CardStatus.OPEN
    desk.set_status("k1", "c1", CardStatus.STOPPED)
    assert desk.status("c1") is CardStatus.STOPPED


def test_rules_look_into_lists_and_entries_end(desk: ServedDesk) -> None:
    assert buy(desk, 1, merchant_id="thief").reasons == ("merchant_on_list",)
    assert buy(desk, 2, merchant_id="thief", acquirer_id="a2").reasons == ()
    assert buy(desk, -5, merchant_id="late").reasons == ("merchant_on_list",)
    assert buy(desk, 3, merchant_id="late").reasons == ()


def test_each_decision_is_told_and_the_stand_in_is_noticed(desk: ServedDesk) -> None:
    buy(desk, 1)
    assert buy(desk, 1).repeated
    heard: list[Decision] = desk.heard_so_far  # type: ignore[attr-defined]
    assert [one.repeated for one in heard] == [False, True]
    assert [one.decision.decision_id for one in desk.after(0, 10)] == [heard[0].decision_id]
    assert not desk.standing_in
    desk.live._lost_at = NOW
    assert buy(desk, 2).reasons == ("stand_in",)
    assert desk.standing_in
    desk.live._lost_at = NOW - 60
    buy(desk, 3)
    assert not desk.standing_in
