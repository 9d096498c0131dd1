"""Follow the engine's decisions: open cases, join decisions to them, keep the cursor with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sekisho.app.asking.asking import TICK, Asking, follow_case, once, reach_of
from sekisho.domain.asking import CaseState, HolderCase, Purchase
from sekisho.domain.authorization import DecisionKind, Feed, RequestKind, Told
from sekisho.domain.errors import Conflict
from sekisho.domain.message import Channel
from sekisho.scoring import asking as machine
from sekisho.store import cases
from sekisho.store.holders import holder_of
from sekisho.store.outbox import Done, Job, Later, Outcome, Running, enqueue
from sekisho.store.tables import instant
from sekisho.store.transaction import Transaction

CURSOR: Final = "asking"
BATCH: Final = 100
_KEEP_EVERY: Final = 5_000
_KEEP_AFTER: Final = timedelta(seconds=5)
LOOK_S: Final = 15
"""How soon the states of messages are looked at, because another channel could take over."""
_REFUSED_S: Final = 24 * 3600
"""So long after "not mine" nothing is asked about the card: by then the engine knows of it."""
_RARER: Final = 4
"""The wait between two looks grows to this part of the time since the last message."""


class Follower:
    """Reads the feed from a cursor that is kept in the same transaction as what follows from it.

    Where nothing follows, the cursor is kept now and then only: thousands of decisions a second
    must not make as many transactions. After a crash those are read a second time, which changes
    nothing.
    """

    def __init__(self, asking: Asking, feed: Feed) -> None:
        self._asking = asking
        self._feed = feed
        self._kept = 0
        self._read: int | None = None
        self._unkept = 0
        self._kept_at: datetime | None = None

    def follow_once(self, most: int = BATCH) -> int:
        """Take over at most ``most`` decisions; how many. None is lost or taken twice."""
        store = self._asking.store
        if self._read is None:
            with store.read() as connection:
                self._kept = self._read = cases.read_cursor(connection, CURSOR)
        try:
            told = self._feed.after(self._read, most)
        except Conflict:
            self._begin_again(self._read)
            return 0
        if not told:
            return 0
        if self._nothing_follows(told) and not self._keep_now(len(told)):
            self._read, self._unkept = told[-1].cursor, self._unkept + len(told)
            return len(told)
        with store.transaction("system:asking", "decisions of the engine") as tx:
            if cases.read_cursor(tx, CURSOR) != self._kept:
                self._read = None  # another follower was quicker
                return 0
            self.take(tx, told)
            cases.write_cursor(tx, CURSOR, told[-1].cursor)
        self._kept = self._read = told[-1].cursor
        self._unkept, self._kept_at = 0, store.outside.clock()
        return len(told)

    def _nothing_follows(self, told: Sequence[Told]) -> bool:
        """Whether no decision is to be asked about or belongs to a case that is not closed."""
        if any(one.decision.ask for one in told):
            return False
        with self._asking.store.read() as connection:
            return not cases.open_cases(connection, [one.request.card_ref for one in told])

    def _keep_now(self, count: int) -> bool:
        """Whether it is time to keep the cursor though nothing follows."""
        if self._kept_at is None or self._unkept + count >= _KEEP_EVERY:
            return True
        return self._asking.store.outside.clock() - self._kept_at >= _KEEP_AFTER

    def _begin_again(self, cursor: int) -> None:
        """The engine's journal was put back to an earlier state: read it from its beginning.

        What was asked about before is known by its decision's id and is not asked about again.
        """
        with self._asking.store.transaction("system:asking", "the engine was put back") as tx:
            cases.write_cursor(tx, CURSOR, 0)
            tx.record("case.follow_again", "case:cursor", {"was": cursor})
        self._read = None

    def take(self, tx: Transaction, told: Sequence[Told]) -> None:
        """Open cases and join decisions, in the order in which they were written down.

        What was decided longer ago than a question stands is not asked about any more: the first
        start beside an engine that has run for a month does not write to a month's holders.
        """
        there = cases.open_cases(tx, [one.request.card_ref for one in told])
        latest, old = self._asking.now(tx) - self._asking.policy.expire_s, 0
        for one in told:
            card_ref, case = one.request.card_ref, there.get(one.request.card_ref)
            if one.decision.repeated:
                continue
            if case is not None:
                there[card_ref] = self._join(tx, case, purchase_of(one))
            elif not one.decision.ask or not self._to_ask(tx, one):
                continue
            elif one.decision.decided_at <= latest:
                old += 1
            else:
                there[card_ref] = self._asking.open_case(tx, card_ref, purchase_of(one))
                enqueue(tx, [follow_case(there[card_ref].case_id)])
        if old:
            tx.record("case.too_old", "case:not_asked", {"decisions": old})

    def _to_ask(self, tx: Transaction, one: Told) -> bool:
        known = cases.is_known(tx, one.decision.decision_id)
        since = self._asking.now(tx) - _REFUSED_S
        return not known and not cases.was_refused(tx, one.request.card_ref, since)

    def _join(self, tx: Transaction, case: HolderCase, purchase: Purchase) -> HolderCase:
        if not cases.add_purchase(tx, case.case_id, purchase):
            return case
        now = self._asking.now(tx)
        after = machine.joined(case, approved=not purchase.declined, at=now)
        if after != case:
            cases.save_case(tx, case, after)
            enqueue(tx, [once(case.case_id, purchase.decision_id)])  # a call may be due by night
        return after


class CaseTick:
    """The handler of ``case.tick``: does what is due, and comes back when the next thing is."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def handle(self, job: Job, running: Running) -> Outcome:
        """Look at the case; idempotent, because a step that was made is not due any more."""
        store, case_id = running.store, str(job.payload["case"])
        with store.transaction("system:asking", "what is due") as tx:
            case = self._asking.tick(tx, case_id)
            holder = holder_of(tx, case.card_ref)
            now = self._asking.now(tx)
        if job.payload.get("once"):
            return Done()
        reach = reach_of(holder)
        due = machine.next_due(case, reach, self._asking.policy, now)
        if due is None:
            return Done()
        if case.state is CaseState.OPEN and _may_fail(case):
            quiet_s = now - case.outreach[-1].made_at
            due = min(due, now + max(LOOK_S, quiet_s // _RARER))
        # Not before the next second: the machine's time is whole seconds.
        return Later(max(instant(due * 1_000_000), store.outside.clock() + timedelta(seconds=1)))


def _may_fail(case: HolderCase) -> bool:
    """Whether a report on a message would make another channel due, or leave none."""
    return any(one.channel is not Channel.PHONE and not one.ended for one in case.outreach)


def purchase_of(one: Told) -> Purchase:
    """The purchase of a decision, as a holder would be shown it."""
    request, decision = one.request, one.decision
    if request.kind is RequestKind.ADVICE and request.approved is not None:
        declined = not request.approved
    else:
        declined = decision.kind is DecisionKind.DECLINE
    return Purchase(
        decision_id=decision.decision_id,
        authorized_at=request.authorized_at,
        amount_minor=request.amount_minor,
        currency=request.currency,
        acquirer_id=request.acquirer_id,
        merchant_id=request.merchant_id,
        merchant_name=request.merchant_name,
        mcc=request.mcc,
        country=request.country,
        declined=declined,
        asked=decision.ask,
    )


__all__ = ["TICK", "CaseTick", "Follower", "purchase_of"]
