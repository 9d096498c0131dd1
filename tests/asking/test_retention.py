"""Closed cases go when their time is over, with what is personal, and the log stays whole."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from asking.asking_world import HANAKO, TARO, World
from sekisho.domain.asking import Answer, CaseState, Way
from sekisho.domain.errors import BadInput, NotAllowed
from sekisho.store.retention import Forgotten, forget_cases
from sekisho.store.tables import audit_value
from sekisho.store.tables_cases import (
    case_answer,
    case_decision,
    case_draft,
    case_outreach,
    holder_case,
)
from sekisho.store.verify import verify

_TABLES = (case_answer, case_decision, case_draft, case_outreach, holder_case)


def _rows(world: World) -> int:
    with world.store.read() as connection:
        counts = (connection.execute(select(func.count()).select_from(one)) for one in _TABLES)
        return sum(one.scalar_one() for one in counts)


def _forget(world: World, days: float, actor: str = "person:adm") -> Forgotten:
    with world.store.transaction(actor, "kept for ninety days") as tx:
        return forget_cases(tx, tx.now - timedelta(days=days))


def test_closed_cases_go_and_open_ones_stay(world: World) -> None:
    old = world.buy(HANAKO)
    world.follow()
    world.work()
    world.say(old.decision_id, Answer.NOT_MINE, Way.AGENT, note="本人、住所を確認")
    world.work()
    world.forward(days=60)
    late = world.buy(TARO)
    world.follow()
    assert len(world.messages()) >= 2

    assert _forget(world, 61) == Forgotten(0, 0, 0)
    done = _forget(world, 30)
    assert done.cases == 1
    assert done.recipients >= 1
    assert done.values >= 1
    with pytest.raises(BadInput):
        world.case(old.decision_id)
    assert world.case(late.decision_id).state is CaseState.OPEN
    assert any(one.recipient for one in world.messages()), "the open case's question is still whole"
    assert any(one.recipient is None for one in world.messages())
    with world.store.read() as connection:
        kept = select(func.count()).where(audit_value.c.value.like("%住所%"))
        assert connection.execute(kept).scalar() == 0
        assert verify(connection).intact
    assert world.follow() == 0
    assert _forget(world, 30) == Forgotten(0, 0, 0)


def test_a_contradiction_waits_for_the_desk(world: World) -> None:
    decision = world.buy(HANAKO)
    world.follow()
    world.say(decision.decision_id, Answer.NOT_MINE)
    world.say(decision.decision_id, Answer.MINE)
    world.forward(days=60)
    rows = _rows(world)
    assert _forget(world, 30).cases == 0
    assert _rows(world) == rows


def test_too_early_and_by_the_wrong_person(world: World) -> None:
    with pytest.raises(BadInput, match="7 days"):
        _forget(world, 6)
    with pytest.raises(NotAllowed):
        _forget(world, 30, "person:ben")
