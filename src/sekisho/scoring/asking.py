"""The state machine of a question to a holder: pure, with the time handed in.

Every function takes a case and gives the case that follows, with what follows from it. Nothing is
sent, stored or stopped here. The flow, the times and their sources: docs/reference/cases.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from sekisho.domain.asking import (
    Answer,
    CaseState,
    Closing,
    Counted,
    Effect,
    HolderCase,
    Outreach,
    OutreachState,
    Way,
    may_become,
)
from sekisho.domain.errors import Conflict
from sekisho.domain.message import Channel

_WAITS_S: Final[Mapping[Channel, int]] = MappingProxyType(
    {Channel.PUSH: 120, Channel.SMS: 780, Channel.EMAIL: 780}
)
WRITTEN: Final = (Channel.PUSH, Channel.SMS, Channel.EMAIL)
"""Channels that go out by themselves, at any hour."""
_WAY_OF: Final[Mapping[Way, tuple[Channel, ...]]] = {
    Way.LINK: (Channel.SMS, Channel.EMAIL),
    Way.APP: (Channel.PUSH,),
    Way.THREE_DS: (),
    Way.PASSKEY: (),
    Way.AGENT: (Channel.PHONE,),
}


@dataclass(frozen=True, slots=True)
class AskPolicy:
    """How a holder is asked; every figure can be changed.

    ``waits_s``: how long a written channel is given before the next is tried. ``call_after_s``: not
    before then does a person call. ``expire_s``: then the desk goes on. Between ``night_from`` and
    ``night_until`` of the holder's time nobody calls, unless money left the card in the last
    ``moving_s`` seconds. ``window_s``, ``band_percent``: how long, and how far above the amount, a
    shop may charge after "it was me". ``unsure_most``: so often may a holder be unsure.
    """

    waits_s: Mapping[Channel, int] = field(default_factory=lambda: _WAITS_S)
    call_after_s: int = 900
    expire_s: int = 72 * 3600
    night_from: time = time(21)
    night_until: time = time(8)
    moving_s: int = 3600
    window_s: int = 24 * 3600
    band_percent: int = 10
    unsure_most: int = 2


@dataclass(frozen=True, slots=True)
class Reach:
    """By which channels a holder is reached, in the order preferred, and in which time zone."""

    channels: tuple[Channel, ...]
    zone: ZoneInfo

    @property
    def ladder(self) -> tuple[Channel, ...]:
        """The steps: written channels as preferred, then the telephone."""
        written = tuple(one for one in dict.fromkeys(self.channels) if one in WRITTEN)
        return (*written, Channel.PHONE) if Channel.PHONE in self.channels else written


@dataclass(frozen=True, slots=True)
class Step:
    """What follows: the case, effects, and channels to send by (their outreach is in the case)."""

    case: HolderCase
    effects: tuple[Effect, ...] = ()
    send: tuple[Outreach, ...] = ()
    counted: Counted | None = None


def opened(case: HolderCase, reach: Reach, policy: AskPolicy, now: int) -> Step:
    """A new case with what is sent at once; with the desk where there is no way to the holder."""
    return tick(case, reach, policy, now)


def tick(case: HolderCase, reach: Reach, policy: AskPolicy, now: int) -> Step:
    """Do what is due by ``now``: further steps, or the end of asking. Again at once: nothing."""
    if case.state is CaseState.OPEN and now >= case.opened_at + policy.expire_s:
        return Step(_with_agent(case, OutreachState.EXPIRED, now))
    sent: list[Outreach] = []
    while (due := _next_step(case, reach, policy, now)) is not None and due[1] <= now:
        channel = due[0]
        made = Outreach(len(case.outreach), channel, OutreachState.CREATED, now, now)
        case = replace(case, outreach=(*case.outreach, made))
        sent.append(made)
    if case.state is CaseState.OPEN and _out_of_ways(case, reach):
        case = _with_agent(case, OutreachState.CLOSED, now)
    return Step(case, send=tuple(sent))


def next_due(case: HolderCase, reach: Reach, policy: AskPolicy, now: int) -> int | None:
    """When `tick` does something next, not before ``now``; None if it never does."""
    if case.state not in (CaseState.OPEN, CaseState.STOPPED):
        return None
    times = [case.opened_at + policy.expire_s] if case.state is CaseState.OPEN else []
    step = _next_step(case, reach, policy, now)
    if step is not None:
        times.append(step[1])
    if case.state is CaseState.OPEN and _out_of_ways(case, reach):
        times.append(now)
    return max(now, min(times)) if times else None


def reported(case: HolderCase, step: int, state: OutreachState, now: int) -> HolderCase:
    """The case after a report on one outreach; unchanged where the report comes too late."""
    one = case.outreach[step]
    if not may_become(one.state, state):
        return case
    return _with_outreach(case, replace(one, state=state, changed_at=now))


def joined(case: HolderCase, *, approved: bool, at: int) -> HolderCase:
    """The case after another decision on its card: money is moving where it was approved."""
    if case.state is CaseState.CLOSED:
        raise Conflict("a closed case takes no further decision")
    if not approved:
        return case
    return replace(case, moved_at=max(at, case.moved_at or at))


def answered(case: HolderCase, answer: Answer, way: Way, policy: AskPolicy, now: int) -> Step:
    """The case after an answer. The first one that counts wins; a link may only say "not me"."""
    if not way.signed_in and answer is not Answer.NOT_MINE:
        return Step(case, counted=Counted.REFUSED)
    if case.state is CaseState.CLOSED:
        against = answer is not Answer.UNSURE and not _agrees(answer, case.closed_as)
        later = replace(case, contradicted=case.contradicted or against)
        return Step(later, counted=Counted.LATER)
    if not way.signed_in:
        return _said_by_link(case, now)
    if answer is Answer.UNSURE:
        return _unsure(case, policy, now)
    return _decided(case, answer, way, now)


def closed_unanswered(case: HolderCase, now: int) -> HolderCase:
    """The case after the desk gave up; `Conflict` where it is closed or the card is stopped."""
    if case.state is CaseState.CLOSED:
        raise Conflict("the case is closed already")
    if case.state is CaseState.STOPPED:
        raise Conflict(
            "the card is stopped: the case ends with an answer",
            hint="Ask the holder, then: sekisho case answer CASE not_mine (or mine, family)",
        )
    return _closed(case, Closing.UNANSWERED, None, now)


def is_night(at: int, zone: ZoneInfo, policy: AskPolicy) -> bool:
    """Whether ``at`` lies in the hours in which nobody calls."""
    local = datetime.fromtimestamp(at, zone).time()
    if policy.night_from <= policy.night_until:
        return policy.night_from <= local < policy.night_until
    return local >= policy.night_from or local < policy.night_until


def morning(at: int, zone: ZoneInfo, policy: AskPolicy) -> int:
    """The first instant after ``at`` in which calls may be made again."""
    local = datetime.fromtimestamp(at, zone)
    first = datetime.combine(local.date(), policy.night_until, zone)
    while int(first.timestamp()) <= at:
        first = datetime.combine(first.date() + timedelta(days=1), policy.night_until, zone)
    return int(first.astimezone(UTC).timestamp())


def _said_by_link(case: HolderCase, now: int) -> Step:
    if case.state is CaseState.STOPPED:
        return Step(case, counted=Counted.LATER)
    case = _settle_outreach(case, Way.LINK, now, kept=Channel.PHONE)  # a call may still confirm it
    case = replace(case, state=CaseState.STOPPED, stopped_at=now)
    return Step(case, (Effect.STOP_CARD,), counted=Counted.FIRST)


def _unsure(case: HolderCase, policy: AskPolicy, now: int) -> Step:
    case = replace(case, unsure=case.unsure + 1)
    if case.state is CaseState.OPEN and case.unsure >= policy.unsure_most:
        case = _with_agent(case, OutreachState.CLOSED, now)
    return Step(case, (Effect.SHOW_MORE,), counted=Counted.UNSURE)


def _decided(case: HolderCase, answer: Answer, way: Way, now: int) -> Step:
    stopped = case.state is CaseState.STOPPED
    counted = Counted.CONFIRMED if stopped else Counted.FIRST
    closed = _closed(case, Closing(answer.value), way, now)
    if answer is Answer.NOT_MINE:
        effects = [Effect.BLOCK_CARD, Effect.LABEL_FRAUD, Effect.DRAFT_REPORT, Effect.DRAFT_REISSUE]
        return Step(closed, tuple(effects), counted=counted)
    effects = [Effect.OPEN_CARD] if stopped else []
    effects.append(Effect.LABEL_GENUINE)
    if case.declined:
        effects.append(Effect.OPEN_WINDOW)
    return Step(closed, tuple(effects), counted=counted)


def _agrees(answer: Answer, closed_as: Closing | None) -> bool:
    if answer is Answer.NOT_MINE:
        return closed_as is Closing.NOT_MINE
    return closed_as in (Closing.MINE, Closing.FAMILY)


def _next_step(
    case: HolderCase, reach: Reach, policy: AskPolicy, now: int
) -> tuple[Channel, int] | None:
    """The next channel with the instant from which it is due, from ``now`` on."""
    ladder, done = reach.ladder, case.outreach
    if case.state is CaseState.STOPPED:
        called = any(one.channel is Channel.PHONE for one in done)
        if called or Channel.PHONE not in ladder:
            return None
        return Channel.PHONE, _in_daytime(now, case, (reach, policy))
    if case.state is not CaseState.OPEN or len(done) >= len(ladder):
        return None
    channel = ladder[len(done)]
    if channel is not Channel.PHONE:
        return channel, max(now, _written_from(case, policy))
    lost = all(one.state is OutreachState.UNDELIVERABLE for one in done)
    at = now if lost else max(now, case.opened_at + policy.call_after_s)
    return channel, _in_daytime(at, case, (reach, policy))


def _written_from(case: HolderCase, policy: AskPolicy) -> int:
    """From when the next written channel is due."""
    if not case.outreach:
        return case.opened_at
    last = case.outreach[-1]
    if last.state is OutreachState.UNDELIVERABLE:
        return last.changed_at
    return last.made_at + policy.waits_s[last.channel]


def _in_daytime(at: int, case: HolderCase, how: tuple[Reach, AskPolicy]) -> int:
    """``at``, or the next morning where it is night and no money moves."""
    reach, policy = how
    moving = (
        case.moved_at is not None
        and case.state is not CaseState.STOPPED
        and at <= case.moved_at + policy.moving_s
    )
    if moving or not is_night(at, reach.zone, policy):
        return at
    return morning(at, reach.zone, policy)


def _out_of_ways(case: HolderCase, reach: Reach) -> bool:
    """Every step was tried and nobody was reached by any (at once where there is no step)."""
    lost = all(one.state is OutreachState.UNDELIVERABLE for one in case.outreach)
    return len(case.outreach) >= len(reach.ladder) and lost


def _with_agent(case: HolderCase, left: OutreachState, now: int) -> HolderCase:
    """The desk goes on; what is left of the outreach gets the state ``left``."""
    return replace(_end_outreach(case, left, now), state=CaseState.WITH_AGENT)


def _closed(case: HolderCase, closing: Closing, way: Way | None, now: int) -> HolderCase:
    case = _end_outreach(case, OutreachState.CLOSED, now) if way is None else (
        _settle_outreach(case, way, now)
    )  # fmt: skip
    return replace(case, state=CaseState.CLOSED, closed_at=now, closed_as=closing)


def _settle_outreach(
    case: HolderCase, way: Way, now: int, kept: Channel | None = None
) -> HolderCase:
    """The latest outreach by a channel of ``way`` was answered; others but ``kept`` are closed."""
    open_ones = [one for one in case.outreach if not one.ended and one.channel in _WAY_OF[way]]
    if open_ones:
        mine = replace(open_ones[-1], state=OutreachState.ANSWERED, changed_at=now)
        case = _with_outreach(case, mine)
    return _end_outreach(case, OutreachState.CLOSED, now, kept)


def _end_outreach(
    case: HolderCase, state: OutreachState, now: int, kept: Channel | None = None
) -> HolderCase:
    left = tuple(
        one if one.ended or one.channel is kept else replace(one, state=state, changed_at=now)
        for one in case.outreach
    )
    return replace(case, outreach=left)


def _with_outreach(case: HolderCase, one: Outreach) -> HolderCase:
    before, after = case.outreach[: one.step], case.outreach[one.step + 1 :]
    return replace(case, outreach=(*before, one, *after))
