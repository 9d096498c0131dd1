"""The state machine of a question: its promises hold in every order of events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sekisho.domain.asking import (
    CASE_FOLLOWING,
    OUTREACH_FOLLOWING,
    Answer,
    CaseState,
    Closing,
    Counted,
    Effect,
    HolderCase,
    OutreachState,
    Way,
)
from sekisho.domain.errors import Conflict
from sekisho.domain.message import Channel
from sekisho.scoring import asking as machine
from sekisho.scoring.asking import AskPolicy, Reach

TOKYO = ZoneInfo("Asia/Tokyo")
ZONES = [TOKYO, ZoneInfo("Europe/London"), ZoneInfo("America/St_Johns"), ZoneInfo("UTC")]
START = int(datetime(2027, 3, 27, 20, 0, tzinfo=UTC).timestamp())
CHANNELS = (Channel.PUSH, Channel.SMS, Channel.EMAIL, Channel.PHONE)
SIGNED_IN = tuple(way for way in Way if way.signed_in)
ACTS = {Counted.FIRST, Counted.CONFIRMED}


def new_case(at: int = START, *, declined: bool = True) -> HolderCase:
    return HolderCase("k1", "c1", "d1", declined, CaseState.OPEN, at)


def naive_night(at: int, zone: ZoneInfo, policy: AskPolicy) -> bool:
    """By walking: is this minute of the local clock between the two?"""
    minute = datetime.fromtimestamp(at, zone).replace(second=0, microsecond=0, tzinfo=None)
    walk = minute
    for _ in range(24 * 60 + 1):
        if (walk.hour, walk.minute) == (policy.night_until.hour, policy.night_until.minute):
            return False
        if (walk.hour, walk.minute) == (policy.night_from.hour, policy.night_from.minute):
            return True
        walk -= timedelta(minutes=1)
    raise AssertionError


@given(
    st.integers(0, 400 * 86_400),
    st.sampled_from(ZONES),
    st.tuples(st.times(), st.times()).filter(
        lambda two: (two[0].hour, two[0].minute) != (two[1].hour, two[1].minute)
    ),
)
@settings(max_examples=150, deadline=None)
def test_night_is_what_a_walk_back_says(
    offset: int, zone: ZoneInfo, hours: tuple[time, time]
) -> None:
    whole = [one.replace(second=0, microsecond=0) for one in hours]
    policy = AskPolicy(night_from=whole[0], night_until=whole[1])
    at = START + offset
    assert machine.is_night(at, zone, policy) == naive_night(at, zone, policy)
    first = machine.morning(at, zone, policy)
    assert at < first <= at + 25 * 3600 + 60
    if zone.key in ("UTC", "Asia/Tokyo"):  # elsewhere the hour itself may be skipped once a year
        assert datetime.fromtimestamp(first, zone).time() == policy.night_until
        assert not machine.is_night(first, zone, policy)


class Question(RuleBasedStateMachine):
    """Events in any order, with time going on between them."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.case = new_case()
        self.reach = Reach((), TOKYO)
        self.policy = AskPolicy()
        self.acted: list[tuple[Counted, Answer]] = []
        self.done: list[Effect] = []
        self.seen = [self.case]
        self.sent: list[Channel] = []
        self.begun = False

    def take(self, step: machine.Step) -> None:
        self.begun = True
        self.done += step.effects
        self.sent += [one.channel for one in step.send]
        self.to(step.case)

    def to(self, case: HolderCase) -> None:
        before, self.case = self.case, case
        self.seen.append(case)
        if before.state is not case.state:
            assert case.state in CASE_FOLLOWING[before.state]
        for old, new in zip(before.outreach, case.outreach, strict=False):
            assert (old.step, old.channel, old.made_at) == (new.step, new.channel, new.made_at)
            assert new.state is old.state or new.state in OUTREACH_FOLLOWING[old.state]
        assert len(case.outreach) >= len(before.outreach)

    @precondition(lambda self: not self.begun)
    @rule(
        channels=st.lists(st.sampled_from(CHANNELS), max_size=5),
        zone=st.sampled_from(ZONES),
        declined=st.booleans(),
        unsure_most=st.integers(1, 3),
    )
    def open(
        self, channels: list[Channel], zone: ZoneInfo, declined: bool, unsure_most: int
    ) -> None:
        self.reach = Reach(tuple(channels), zone)
        self.policy = AskPolicy(unsure_most=unsure_most)
        self.case = new_case(self.now, declined=declined)
        self.take(machine.opened(self.case, self.reach, self.policy, self.now))

    @precondition(lambda self: self.begun)
    @rule(seconds=st.sampled_from([0, 1, 60, 119, 120, 780, 900, 3600, 6 * 3600, 72 * 3600]))
    def wait(self, seconds: int) -> None:
        due = machine.next_due(self.case, self.reach, self.policy, self.now)
        self.now += seconds
        step = machine.tick(self.case, self.reach, self.policy, self.now)
        if step.case != self.case:
            assert due is not None
            assert due <= self.now, "a tick did something that was not due"
        elif due is not None and due <= self.now:
            # Who looks late, at night, does not call: the morning is awaited.
            assert machine.is_night(self.now, self.reach.zone, self.policy)
            then = machine.next_due(self.case, self.reach, self.policy, self.now)
            assert then is not None
            assert then > self.now, "something was due and was not done"
        for one in step.send:
            if one.channel is Channel.PHONE:
                moving = (
                    self.case.moved_at is not None
                    and self.case.state is CaseState.OPEN
                    and self.now - self.case.moved_at <= self.policy.moving_s
                )
                assert moving or not machine.is_night(self.now, self.reach.zone, self.policy)
        self.take(step)
        again = machine.tick(self.case, self.reach, self.policy, self.now)
        assert (again.case, again.send, again.effects) == (self.case, (), ())

    @precondition(lambda self: self.begun and self.case.outreach)
    @rule(data=st.data(), state=st.sampled_from(["sent", "delivered", "undeliverable"]))
    def report(self, data: st.DataObject, state: str) -> None:
        step = data.draw(st.integers(0, len(self.case.outreach) - 1))
        self.to(machine.reported(self.case, step, OutreachState(state), self.now))

    @precondition(lambda self: self.begun)
    @rule(answer=st.sampled_from(list(Answer)), way=st.sampled_from(list(Way)))
    def answer(self, answer: Answer, way: Way) -> None:
        before = self.case
        step = machine.answered(self.case, answer, way, self.policy, self.now)
        self.take(step)
        assert step.counted is not None
        if step.counted in ACTS:
            self.acted.append((step.counted, answer))
        if step.counted is Counted.UNSURE and before.state is CaseState.OPEN:
            helped = self.case.state is CaseState.WITH_AGENT
            assert helped == (before.unsure + 1 >= self.policy.unsure_most)
        if way is Way.LINK:
            assert set(step.effects) <= {Effect.STOP_CARD}
            assert self.case.state is before.state or self.case.state is CaseState.STOPPED
        if step.counted in (Counted.LATER, Counted.REFUSED):
            assert replace(self.case, contradicted=before.contradicted) == before
            assert step.effects == ()

    @precondition(lambda self: self.begun and self.case.state is not CaseState.CLOSED)
    @rule()
    def not_me_by_link(self) -> None:
        before = self.case
        step = machine.answered(self.case, Answer.NOT_MINE, Way.LINK, self.policy, self.now)
        if before.state is CaseState.STOPPED:
            assert (step.counted, step.case, step.effects) == (Counted.LATER, before, ())
        else:
            self.acted.append((Counted.FIRST, Answer.NOT_MINE))
            assert step.effects == (Effect.STOP_CARD,)
        self.take(step)

    @precondition(lambda self: self.begun and self.case.state is not CaseState.CLOSED)
    @rule(approved=st.booleans())
    def join(self, approved: bool) -> None:
        self.to(machine.joined(self.case, approved=approved, at=self.now))

    @precondition(lambda self: self.begun)
    @rule()
    def close(self) -> None:
        if self.case.state in (CaseState.CLOSED, CaseState.STOPPED):
            with pytest.raises(Conflict):
                machine.closed_unanswered(self.case, self.now)
        else:
            self.to(machine.closed_unanswered(self.case, self.now))

    @invariant()
    def the_card_is_touched_once_each_way(self) -> None:
        for effect in set(self.done) - {Effect.SHOW_MORE}:
            assert self.done.count(effect) == 1, effect
        block, opened = Effect.BLOCK_CARD in self.done, Effect.OPEN_CARD in self.done
        assert not (block and opened)
        if opened:
            assert Effect.STOP_CARD in self.done
        if self.case.closed_as is Closing.NOT_MINE:
            assert block
            assert {Effect.LABEL_FRAUD, Effect.DRAFT_REPORT, Effect.DRAFT_REISSUE} <= {*self.done}
        if self.case.closed_as in (Closing.MINE, Closing.FAMILY):
            assert not block
            assert Effect.LABEL_GENUINE in self.done
            assert (Effect.OPEN_WINDOW in self.done) == self.case.declined
            assert opened == (Effect.STOP_CARD in self.done)

    @invariant()
    def the_first_answer_that_acts_by_sign_in_decides(self) -> None:
        assert len(self.acted) <= 2
        if self.case.state is CaseState.CLOSED:
            assert self.case.closed_at is not None
            assert all(one.ended for one in self.case.outreach)
            if self.case.closed_as is not Closing.UNANSWERED:
                assert self.case.closed_as is not None
                assert self.acted[-1][1].value == self.case.closed_as.value
        if len(self.acted) == 2:
            assert self.acted[0] == (Counted.FIRST, Answer.NOT_MINE)
            assert self.acted[1][0] is Counted.CONFIRMED

    @invariant()
    def each_channel_is_tried_once_in_order(self) -> None:
        ladder = list(self.reach.ladder)
        assert len(self.sent) == len(set(self.sent))
        order = [ladder.index(one) for one in self.sent]
        assert order == sorted(order)
        assert [one.step for one in self.case.outreach] == list(range(len(self.case.outreach)))

    @invariant()
    def what_waits_has_a_time(self) -> None:
        if self.begun and self.case.state is CaseState.OPEN:
            due = machine.next_due(self.case, self.reach, self.policy, self.now)
            assert due is not None
            assert self.now <= due <= max(self.now, self.case.opened_at + self.policy.expire_s)


TestQuestion = Question.TestCase
TestQuestion.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)


def test_a_phone_alone_is_called_at_once_by_day() -> None:
    noon = int(datetime(2027, 8, 18, 12, 0, tzinfo=TOKYO).timestamp())
    reach = Reach((Channel.PHONE,), TOKYO)
    step = machine.opened(new_case(noon), reach, AskPolicy(), noon)
    assert [one.channel for one in step.send] == [Channel.PHONE]


def test_a_stop_by_link_keeps_the_call_that_confirms_it() -> None:
    noon = int(datetime(2027, 8, 18, 12, 0, tzinfo=TOKYO).timestamp())
    policy, reach = AskPolicy(), Reach((Channel.SMS, Channel.PHONE), TOKYO)
    case = machine.opened(new_case(noon), reach, policy, noon).case
    case = machine.answered(case, Answer.NOT_MINE, Way.LINK, policy, noon + 60).case
    assert case.outreach[0].state is OutreachState.ANSWERED
    step = machine.tick(case, reach, policy, noon + 61)
    assert [one.channel for one in step.send] == [Channel.PHONE]
    done = machine.answered(step.case, Answer.MINE, Way.AGENT, policy, noon + 300)
    assert done.counted is Counted.CONFIRMED
    assert done.effects == (Effect.OPEN_CARD, Effect.LABEL_GENUINE, Effect.OPEN_WINDOW)


@pytest.mark.parametrize("answer", [Answer.MINE, Answer.FAMILY, Answer.UNSURE])
def test_a_link_may_only_say_not_me(answer: Answer) -> None:
    case = new_case()
    step = machine.answered(case, answer, Way.LINK, AskPolicy(), START)
    assert (step.counted, step.case, step.effects) == (Counted.REFUSED, case, ())


def test_nothing_joins_a_closed_case() -> None:
    closed = machine.answered(new_case(), Answer.MINE, SIGNED_IN[0], AskPolicy(), START).case
    with pytest.raises(Conflict):
        machine.joined(closed, approved=True, at=START)
