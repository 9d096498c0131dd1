"""The purchase at half past midnight, with the engine as it is shipped, without a model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from asking.asking_world import HANAKO, MIDNIGHT, World, new_world
from sekisho.app.live import LiveDesk, open_desk
from sekisho.domain.asking import Answer, CaseState, Way
from sekisho.domain.authorization import AuthorizationRequest, DecisionKind

NOON_BEFORE = 12 * 3600 + 30 * 60


@pytest.fixture
def live(url: str, tmp_path: Path) -> Iterator[tuple[World, LiveDesk]]:
    world = new_world(url, tmp_path)
    desk = open_desk(tmp_path / "engine", clock=lambda: int(world.clock.now.timestamp()))
    world.desk.close()
    world.desk = desk  # type: ignore[assignment]
    yield world, desk
    desk.close()
    world.store.database.close()


def purchase(number: int, at: int, amount: int, shop: str) -> AuthorizationRequest:
    return AuthorizationRequest(
        request_id=f"r{number}",
        card_ref=HANAKO,
        acquirer_id="a1",
        merchant_id=shop,
        authorized_at=at,
        received_at=at,
        amount_minor=amount,
        currency="392",
        merchant_name="架空ガジェット",
        mcc="5732",
        entry_mode="812",
        country="392",
    )


def habit(desk: LiveDesk, until: int) -> None:
    """Two months of small purchases by day, as she does."""
    for day in range(60, 0, -2):
        at = until - day * 86_400 - NOON_BEFORE
        desk.decide(purchase(1000 + day, at, 3_000 + day, "m-food"))


@pytest.mark.parametrize("way", [Way.APP, Way.LINK])
def test_declined_asked_answered_stopped(
    live: tuple[World, LiveDesk], way: Way, tmp_path: Path
) -> None:
    world, desk = live
    midnight = int(MIDNIGHT.timestamp())
    habit(desk, midnight)
    first = desk.decide(purchase(1, midnight, 70_000, "m-gadget"))
    assert (first.kind, first.ask) == (DecisionKind.DECLINE, True), first
    while world.follow():
        pass
    world.work()
    assert world.channels() == ["push"]

    world.clock.forward(minutes=1)
    result = world.say(first.decision_id, Answer.NOT_MINE, way)
    world.work()
    stopped = way is Way.LINK
    assert result.state is (CaseState.STOPPED if stopped else CaseState.CLOSED)
    again = desk.decide(purchase(2, midnight + 120, 500, "m-food"))
    assert again.kind is DecisionKind.DECLINE
    assert again.reasons[0] == ("card_stopped" if stopped else "card_blocked")
    if stopped:
        world.say(first.decision_id, Answer.MINE, Way.AGENT)
        world.work()
        wanted = purchase(3, midnight + 600, 70_000, "m-gadget")
        assert desk.decide(wanted).kind is DecisionKind.APPROVE
