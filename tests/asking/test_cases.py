"""A question from the engine's decision to what the engine is told, on both databases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from asking.asking_world import HANAKO, NOBODY, NOON, TARO, World, new_world
from sekisho.app.asking.asking import TICK
from sekisho.app.asking.following import Follower
from sekisho.domain.asking import (
    Answer,
    CaseState,
    Closing,
    Counted,
    Effect,
    OutreachState,
    Way,
)
from sekisho.domain.authorization import CardStatus, DecisionKind, LabelSource
from sekisho.domain.errors import BadInput, Conflict, NotAllowed
from sekisho.domain.message import MessageState
from sekisho.store import cases
from sekisho.store.messages import Change, begin, by_number, change
from sekisho.store.tables import audit_entry, instant, outbox_job
from sekisho.store.verify import verify


def test_the_story(world: World) -> None:
    first = world.buy(HANAKO, 70_000)
    assert (first.kind, first.ask) == (DecisionKind.DECLINE, True)
    assert world.follow() == 1
    world.work()
    assert world.channels() == ["push"]
    assert "70,000円" in json.loads(world.messages()[0].recipient)["values"]["amount"]

    world.clock.forward(minutes=1)
    result = world.say(first.decision_id, Answer.NOT_MINE)
    assert (result.counted, result.state) == (Counted.FIRST, CaseState.CLOSED)
    world.work()
    assert world.desk.status[HANAKO] is CardStatus.BLOCKED
    label = world.desk.labels[first.decision_id]
    assert (label.fraud, label.source) == (True, LabelSource.HOLDER)

    again = world.buy(HANAKO, 1_000)
    assert again.kind is DecisionKind.DECLINE
    with world.store.read() as connection:
        drafts = cases.drafts(connection, result.case_id)
        assert set(drafts) == {"fraud_report", "reissue"}
        assert drafts["fraud_report"]["denied_by_holder"][0]["amount_minor"] == 70_000
        assert drafts["reissue"]["fee_minor"] == 0
        assert verify(connection).intact


def test_the_ladder_goes_by_the_clock(world: World) -> None:
    world.clock.now = NOON
    decision = world.buy()
    world.follow()
    world.work()
    assert world.channels() == ["push"]
    world.forward(seconds=119)
    assert world.channels() == ["push"]
    world.forward(seconds=1)
    assert world.channels() == ["push", "sms"]
    world.forward(minutes=12, seconds=59)
    assert world.channels() == ["push", "sms"]
    world.forward(seconds=1)
    assert world.channels() == ["push", "sms", "phone"]
    world.forward(hours=72)
    case = world.case(decision.decision_id)
    assert case.state is CaseState.WITH_AGENT
    assert {one.state for one in case.outreach} == {OutreachState.EXPIRED}
    late = world.say(decision.decision_id, Answer.MINE)
    assert late.closed_as is Closing.MINE


def test_nobody_calls_at_night_unless_money_moves(world: World) -> None:
    world.buy()
    world.follow()
    world.work()
    world.forward(hours=3)
    assert world.channels() == ["push", "sms"]
    world.buy(HANAKO, 900)  # let through: money is moving
    world.follow()
    world.work()
    assert world.channels() == ["push", "sms", "phone"]


def test_the_call_waits_for_the_morning(world: World) -> None:
    world.buy()
    world.follow()
    world.work()
    world.forward(hours=7, minutes=29)  # 7:59
    assert "phone" not in world.channels()
    world.forward(minutes=1)
    assert "phone" in world.channels()


def test_mine_opens_a_window_for_that_shop_and_amount(world: World) -> None:
    decision = world.buy(HANAKO, 70_000)
    world.follow()
    result = world.say(decision.decision_id, Answer.FAMILY)
    assert result.effects == (Effect.LABEL_GENUINE, Effect.OPEN_WINDOW)
    world.work()
    window = world.desk.windows[0]
    now = int(world.clock.now.timestamp())
    assert (window.merchant_id, window.up_to_minor, window.until) == ("m1", 77_000, now + 86_400)
    assert world.desk.labels[decision.decision_id].fraud is False
    assert HANAKO not in world.desk.status
    assert world.buy(HANAKO, 70_000).kind is DecisionKind.APPROVE
    assert world.buy(HANAKO, 77_001).kind is DecisionKind.DECLINE
    assert world.buy(HANAKO, 70_000, merchant_id="m2").kind is DecisionKind.DECLINE


def test_a_question_that_was_not_answered_is_asked_for_itself(world: World) -> None:
    first = world.buy(HANAKO, 70_000)
    retry = world.buy(HANAKO, 70_000)
    other = world.buy(HANAKO, 90_000, merchant_id="m9")
    world.follow()
    assert world.case(other.decision_id).case_id == world.case(first.decision_id).case_id
    world.say(first.decision_id, Answer.MINE)
    world.work()
    assert set(world.desk.labels) == {first.decision_id, retry.decision_id}
    rest = world.case(other.decision_id)
    assert (rest.decision_id, rest.state) == (other.decision_id, CaseState.OPEN)
    assert world.channels() == ["push", "push"]
    world.say(other.decision_id, Answer.NOT_MINE)
    world.work()
    assert world.desk.labels[other.decision_id].fraud is True
    assert world.desk.labels[first.decision_id].fraud is False
    assert world.desk.status[HANAKO] is CardStatus.BLOCKED


def test_the_first_answer_wins_and_later_ones_are_written_down(world: World) -> None:
    decision = world.buy()
    world.follow()
    world.say(decision.decision_id, Answer.MINE)
    later = world.say(decision.decision_id, Answer.NOT_MINE)
    assert (later.counted, later.effects) == (Counted.LATER, ())
    world.work()
    assert HANAKO not in world.desk.status
    case = world.case(decision.decision_id)
    assert case.contradicted
    with world.store.read() as connection:
        listed = cases.list_cases(connection, waiting=True)
        assert [one.case_id for one in listed] == [case.case_id]
        kept = cases.answers(connection, case.case_id)
    assert [one["result"]["counted"] for one in kept] == ["first", "later"]


def test_the_desk_marks_a_contradiction_as_seen_to(world: World) -> None:
    decision = world.buy()
    world.follow()
    world.say(decision.decision_id, Answer.MINE)
    world.say(decision.decision_id, Answer.NOT_MINE)
    world.asking.close_unanswered("person:dai", "called: it was hers", decision.decision_id)
    case = world.case(decision.decision_id)
    assert (case.contradicted, case.closed_as) == (False, Closing.MINE)


def test_a_stop_at_night_after_the_desk_took_over_is_called_about_in_the_morning(
    world: World,
) -> None:
    decision = world.buy()
    world.follow()
    world.work()
    world.say(decision.decision_id, Answer.UNSURE)
    world.say(decision.decision_id, Answer.UNSURE)
    world.forward(minutes=5)
    assert world.case(decision.decision_id).state is CaseState.WITH_AGENT
    world.say(decision.decision_id, Answer.NOT_MINE, Way.LINK)
    world.work()
    assert "phone" not in world.channels()
    world.forward(hours=7, minutes=25)
    assert "phone" in world.channels()


def test_a_quiet_case_is_looked_at_ever_more_rarely(world: World) -> None:
    world.clock.now = NOON
    world.buy()
    world.follow()
    looks = 0
    end = world.clock.now.timestamp() + 12 * 3600
    while world.clock.now.timestamp() < end:
        world.work(1)
        looks += 1
        with world.store.read() as connection:
            due = connection.execute(
                select(func.min(outbox_job.c.due_us)).where(outbox_job.c.kind == TICK)
            ).scalar_one()
        world.clock.now = max(world.clock.now, instant(due))
    assert looks < 70


def test_the_same_answer_again_is_the_same_answer(world: World) -> None:
    decision = world.buy()
    world.follow()
    first = world.say(decision.decision_id, Answer.NOT_MINE, answer_id="x")
    assert world.say(decision.decision_id, Answer.NOT_MINE, answer_id="x") == first
    with pytest.raises(Conflict):
        world.say(decision.decision_id, Answer.MINE, answer_id="x")
    with world.store.read() as connection:
        assert len(cases.answers(connection, first.case_id)) == 1


def test_unsure_is_shown_more_then_a_person_helps(world: World) -> None:
    decision = world.buy()
    world.buy(HANAKO, 500, merchant_id="m2", merchant_name="架空書店")
    world.follow()
    first = world.say(decision.decision_id, Answer.UNSURE)
    assert (first.counted, first.state) == (Counted.UNSURE, CaseState.OPEN)
    assert [one.merchant_name for one in first.more] == ["架空ガジェット", "架空書店"]
    second = world.say(decision.decision_id, Answer.UNSURE)
    assert second.state is CaseState.WITH_AGENT
    assert world.say(decision.decision_id, Answer.MINE).state is CaseState.CLOSED


def test_an_agent_needs_the_role(world: World) -> None:
    decision = world.buy()
    world.follow()
    with pytest.raises(NotAllowed):
        world.say(decision.decision_id, Answer.MINE, Way.AGENT, who="person:ben")
    done = world.say(decision.decision_id, Answer.NOT_MINE, Way.AGENT, note="名前と住所を確認")
    assert done.state is CaseState.CLOSED
    with world.store.read() as connection:
        found = select(audit_entry.c.actor, audit_entry.c.details).where(
            audit_entry.c.action == "case.answer"
        )
        row = connection.execute(found).one()
    assert row.actor == "person:dai"
    assert "名前" not in row.details  # what a person typed can be erased: it is not in the chain


def test_nobody_to_ask_goes_to_the_desk(world: World) -> None:
    decision = world.buy(NOBODY)
    world.follow()
    assert world.case(decision.decision_id).state is CaseState.WITH_AGENT
    assert world.messages() == []


def test_what_cannot_be_delivered_makes_room_for_the_next(world: World) -> None:
    decision = world.buy()
    world.follow()
    one = world.messages()[0]
    with world.store.transaction("system:test", "refused") as tx:
        begin(tx, [by_number(tx.bookkeeping, one.number)])  # type: ignore[list-item]
        change(tx, one.mailing_id, [Change(one.message_id, MessageState.FAILED, "no such app")])
    world.forward(seconds=15)
    case = world.case(decision.decision_id)
    assert [one.state for one in case.outreach] == ["undeliverable", "created"]
    assert world.channels() == ["push", "sms"]


def test_an_answer_takes_back_what_has_not_left(world: World) -> None:
    decision = world.buy()
    world.follow()
    world.say(decision.decision_id, Answer.MINE)
    assert [one.state for one in world.messages()] == ["superseded"]


def test_a_blocked_card_is_not_asked_about_again(world: World) -> None:
    decision = world.buy()
    world.follow()
    world.say(decision.decision_id, Answer.NOT_MINE)
    world.buy(HANAKO, 80_000)  # before the engine was told
    world.follow()
    with world.store.read() as connection:
        assert len(cases.list_cases(connection)) == 1


def test_a_case_is_closed_by_hand_unless_the_card_is_stopped(world: World) -> None:
    decision = world.buy()
    world.follow()
    closed = world.asking.close_unanswered("person:dai", "moved abroad", decision.decision_id)
    assert closed.closed_as is Closing.UNANSWERED
    with pytest.raises(BadInput):
        world.case("no such case")


def test_without_approved_texts_the_desk_goes_on(url: str, tmp_path: Path) -> None:
    world = new_world(url, tmp_path, approved=False)
    decision = world.buy()
    world.follow()
    assert world.case(decision.decision_id).state is CaseState.WITH_AGENT
    world.desk.close()
    world.store.database.close()


def test_a_holder_abroad_is_written_to_in_english(world: World) -> None:
    world.buy(TARO, 70_000, currency="840")
    world.follow()
    recipient = json.loads(world.messages()[0].recipient)
    assert recipient["language"] == "en"
    assert recipient["values"]["amount"] == "USD 700.00"
    assert recipient["values"]["used_at"].endswith("+01:00")
    assert "greeting" in recipient["values"]["greeting_line"]


def test_a_flood_on_one_card_is_one_case(world: World) -> None:
    for _ in range(230):
        world.buy(HANAKO, 60_000)
    assert world.follow() == 230
    world.work()
    with world.store.read() as connection:
        found = cases.list_cases(connection)
        assert len(cases.purchases(connection, found[0].case_id)) == cases.DECISIONS_MOST
    assert len(found) == 1
    assert world.channels() == ["push"]


def test_old_decisions_are_counted_and_not_asked_about(world: World) -> None:
    world.buy()
    world.clock.forward(hours=73)
    fresh = world.buy(TARO)
    assert world.follow() == 2
    with world.store.read() as connection:
        assert [one.decision_id for one in cases.list_cases(connection)] == [fresh.decision_id]
        found = select(audit_entry.c.details).where(audit_entry.c.action == "case.too_old")
        assert json.loads(connection.execute(found).scalar_one()) == {"decisions": 1}


def test_an_engine_that_was_put_back_is_followed_from_the_beginning(world: World) -> None:
    first = world.buy()
    world.follow()
    told = world.desk.told
    world.desk.told = []

    def after(cursor: int, most: int) -> list[Any]:
        if cursor > len(told) - 1:
            raise Conflict("beyond the end")
        return told[cursor : cursor + most]

    world.desk.after = after  # type: ignore[method-assign]
    assert world.follow() == 0
    assert world.follow() == 1
    with world.store.read() as connection:
        assert [one.decision_id for one in cases.list_cases(connection)] == [first.decision_id]
        assert len(cases.purchases(connection, world.case(first.decision_id).case_id)) == 1


def test_what_nothing_follows_from_makes_no_transactions(world: World) -> None:
    for number in range(400):
        world.buy(f"c-{number % 50}", 900)
    asked = world.buy()
    follower = Follower(world.asking, world.desk)
    begun: list[str] = []
    really = world.store.transaction

    def counted(actor: str, reason: str) -> Any:
        begun.append(actor)
        return really(actor, reason)

    world.store.transaction = counted  # type: ignore[method-assign]
    assert [follower.follow_once(50) for _ in range(10)] == [50] * 8 + [1, 0]
    assert len(begun) == 2, "the first, and the one with the question"
    assert world.case(asked.decision_id).state is CaseState.OPEN
    for _ in range(30):
        world.buy("c-1", 900)
    assert follower.follow_once(50) == 30
    assert Follower(world.asking, world.desk).follow_once(50) == 30, "kept later: read once more"
    world.clock.forward(seconds=6)
    world.buy("c-1", 900)
    assert follower.follow_once(50) == 0, "another one was quicker"
    assert follower.follow_once(50) == 1
    with world.store.read() as connection:
        assert len(cases.list_cases(connection)) == 1


def test_no_message_row_names_the_card(world: World) -> None:
    world.buy()
    world.follow()
    for row in world.messages():
        assert HANAKO not in json.dumps(row._asdict(), default=str)
