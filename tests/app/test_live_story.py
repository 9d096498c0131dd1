"""What the policy that Sekisho comes with does by itself, without a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.live_play import opened
from sekisho.app.live import LiveDesk
from sekisho.domain.authorization import (
    AuthorizationRequest,
    CardExposure,
    CodeResult,
    Decision,
    DecisionKind,
)

DAY = 86_400
NOON = int(datetime(2026, 11, 2, 3, 0, tzinfo=UTC).timestamp())  # twelve o'clock in Tokyo
NIGHT = NOON + 12 * DAY + 12 * 3_600 + 1_800  # half past twelve at night
HABIT = AuthorizationRequest(
    "", "a card", "acquirer", "the usual shop", 0, 0, 3_000, "392", entry_mode="810", eci="07",
    country="392", code_result=CodeResult.MATCH,
)  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[LiveDesk]:
    """A desk that knows what the card usually does: lunch, once a day."""
    told = opened(tmp_path)
    for day in range(12):
        at = NOON + day * DAY
        assert decide(told, f"lunch {day}", at).kind is DecisionKind.APPROVE
    yield told
    told.close()


def decide(desk: LiveDesk, number: str, at: int, **of: object) -> Decision:
    request = replace(HABIT, request_id=number, authorized_at=at, received_at=at, **of)  # type: ignore[arg-type]
    return desk.decide(request)


def test_the_purchase_at_half_past_midnight_is_declined_and_asked_about(desk: LiveDesk) -> None:
    told = decide(desk, "night", NIGHT, merchant_id="another", amount_minor=70_000)
    assert (told.kind, told.ask) == (DecisionKind.DECLINE, True)
    assert told.reasons[0] == "unusual_at_night"
    usual = decide(desk, "usual", NIGHT + 60)
    assert usual.kind is DecisionKind.APPROVE


def test_who_was_authenticated_by_her_bank_may_buy_at_night(desk: LiveDesk) -> None:
    told = decide(desk, "night", NIGHT, merchant_id="another", amount_minor=70_000, eci="05")
    assert told.kind is DecisionKind.APPROVE


def test_a_small_test_and_then_a_large_purchase(desk: LiveDesk) -> None:
    at = NOON + 12 * DAY
    decide(desk, "test", at, merchant_id="another", amount_minor=100)
    told = decide(desk, "large", at + 120, merchant_id="a third", amount_minor=45_000)
    assert told.kind is DecisionKind.DECLINE
    assert "test_then_large" in told.reasons


def test_a_matching_code_reassures_nobody_once_codes_were_stolen(desk: LiveDesk) -> None:
    at = NOON + 12 * DAY
    wanted = {"merchant_id": "another", "amount_minor": 20_000}
    assert not decide(desk, "before", at, **wanted).ask
    taken = ("pan", "expiry", "security_code")
    desk.expose(CardExposure("alert", "a card", at - 90 * DAY, at, at + 90 * DAY, taken))
    told = decide(desk, "exposed", at + 3_600, merchant_id="a third", amount_minor=20_000)
    assert told.ask
    assert told.reasons[0] == "exposed_card"
    again = decide(desk, "by her bank", at + 7_200, merchant_id="a fourth", eci="05")
    assert (again.kind, again.ask) == (DecisionKind.APPROVE, False)
    assert desk.clear("alert") == 1
    assert not decide(desk, "cleared", at + 9_999, merchant_id="a fifth").ask
