"""A question from its beginning to its answer: each step is one transaction, with its jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sekisho.app.asking import effects as what_follows
from sekisho.app.asking.texts import Going, Texts, wants_link
from sekisho.app.one_time import SEED, token_of
from sekisho.domain.asking import (
    Answered,
    AnswerGiven,
    CaseState,
    Closing,
    Counted,
    Effect,
    HolderCase,
    Outreach,
    OutreachState,
    Purchase,
    Way,
)
from sekisho.domain.message import MessageState
from sekisho.scoring import asking as machine
from sekisho.scoring.asking import AskPolicy, Reach, Step
from sekisho.store import cases
from sekisho.store.canonical import Plain
from sekisho.store.case_links import add_link
from sekisho.store.holders import Holder, holder_of
from sekisho.store.messages import Change, by_number, change
from sekisho.store.outbox import NewJob, enqueue
from sekisho.store.people import require
from sekisho.store.standing import add_message
from sekisho.store.transaction import Store, Transaction
from sekisho.vault.message_number import message_number

TICK: Final = "case.tick"
PERMISSION: Final = "case.answer"
_ZONE: Final = "Asia/Tokyo"
_NOT_LEFT: Final = (MessageState.PLANNED, MessageState.APPROVED, MessageState.RENDERED)


@dataclass(frozen=True, slots=True)
class Asking:
    """What asking needs: the store, the policy, the approved texts, and the key of numbers.

    ``wake``: called after a transaction that left work for the engine, so that it need not wait.
    """

    store: Store
    policy: AskPolicy
    texts: Texts
    number_secret: bytes
    wake: Callable[[], None] = lambda: None

    def now(self, tx: Transaction) -> int:
        """The instant of the transaction in seconds since 1970."""
        return tx.now_us // 1_000_000

    # ------------------------------------------------------------ questions

    def open_case(self, tx: Transaction, card_ref: str, purchase: Purchase) -> HolderCase:
        """Open a case about ``purchase``, and send what is sent at once."""
        holder = holder_of(tx, card_ref)
        case = HolderCase(
            case_id=new_id(tx),
            card_ref=card_ref,
            decision_id=purchase.decision_id,
            declined=purchase.declined,
            state=CaseState.OPEN,
            opened_at=self.now(tx),
        )
        step = machine.opened(case, self._reach(tx, holder, purchase), self.policy, self.now(tx))
        cases.add_case(tx, replace(step.case, outreach=()), purchase)
        return self._go(tx, replace(step.case, outreach=()), step, (holder, purchase))

    def _reach(self, tx: Transaction, holder: Holder | None, purchase: Purchase) -> Reach:
        """How the holder is reached; by nothing where no texts are approved: the desk goes on."""
        return reach_of(holder if self.texts.writer(tx, purchase) else None)

    def tick(self, tx: Transaction, case_id: str) -> HolderCase:
        """Take over what became of the messages, and do what is due."""
        before = cases.find_case(tx, case_id)
        holder = holder_of(tx, before.card_ref)
        case = self._delivered(tx, before)
        step = machine.tick(case, reach_of(holder), self.policy, self.now(tx))
        if step.case == before:
            return before
        purchase = cases.purchases(tx, case_id)[0]
        after = self._go(tx, before, step, (holder, purchase))
        details: dict[str, Plain] = {"state": after.state.value, "steps": len(after.outreach)}
        tx.record("case.step", f"case:{case_id}", details)
        return after

    def _go(
        self,
        tx: Transaction,
        before: HolderCase,
        step: Step,
        told: tuple[Holder | None, Purchase],
    ) -> HolderCase:
        """Save the step and send what it says; what cannot be sent makes room for the next."""
        case = step.case
        cases.save_case(tx, before, case)
        while step.send:
            for one in step.send:
                if not self._send(tx, case, one, told):
                    lost = OutreachState.UNDELIVERABLE
                    case_then = machine.reported(case, one.step, lost, self.now(tx))
                    cases.save_case(tx, case, case_then)
                    case = case_then
            step = machine.tick(case, reach_of(told[0]), self.policy, self.now(tx))
            cases.save_case(tx, case, step.case)
            case = step.case
        self._supersede(tx, case)
        return case

    def _send(
        self,
        tx: Transaction,
        case: HolderCase,
        one: Outreach,
        told: tuple[Holder | None, Purchase],
    ) -> bool:
        """Write the message of an outreach; False where nothing can go out."""
        holder, purchase = told
        ready = self.texts.writer(tx, purchase)
        if holder is None or ready is None:
            return False
        mailing_id, writer = ready
        reference = f"{case.case_id}/{one.step}"
        number = message_number(self.number_secret, f"{mailing_id}/{reference}")
        link = ""
        if wants_link(writer, holder, one.channel):
            seed = tx.random_id()
            ends = tx.now + timedelta(seconds=self.policy.expire_s)
            add_link(tx, token_of(self.number_secret, seed), case.case_id, ends)
            link = SEED + seed
        going = Going(one.channel, reference, number, link)
        draft = self.texts.draft(writer, holder, purchase, going)
        add_message(tx, mailing_id, draft, number)
        cases.note_number(tx, case.case_id, one.step, number)
        return not draft.trouble

    def _delivered(self, tx: Transaction, case: HolderCase) -> HolderCase:
        """The case with what the messages' states say."""
        for step, number in cases.numbers(tx, case.case_id).items():
            message = by_number(tx.bookkeeping, number)
            state = None if message is None else STATE_OF.get(message.state)
            if state is not None:
                case = machine.reported(case, step, state, self.now(tx))
        return case

    def _supersede(self, tx: Transaction, case: HolderCase) -> None:
        """Messages that have not left are not sent any more once their outreach has ended."""
        ended = {one.step for one in case.outreach if one.ended}
        for step, number in cases.numbers(tx, case.case_id).items():
            message = by_number(tx.bookkeeping, number) if step in ended else None
            if message is not None and message.state in _NOT_LEFT:
                why = "the question is answered or over"
                done = Change(message.message_id, MessageState.SUPERSEDED, why)
                change(tx, message.mailing_id, [done])

    # ------------------------------------------------------------ answers

    def answer(self, given: AnswerGiven) -> Answered:
        """Take an answer, with everything that follows from it, in one transaction.

        The same ``answer_id`` again changes nothing and gets the same result. Raises ``BadInput``
        where nobody was asked, ``NotAllowed`` for an agent without the permission, and
        ``Conflict`` for an ``answer_id`` that was used for another answer.
        """
        with self.store.transaction(given.who, f"the holder answered: {given.way}") as tx:
            result = self.answer_in(tx, given)
        self.wake()
        return result

    def answer_in(self, tx: Transaction, given: AnswerGiven) -> Answered:
        """Do the same inside a transaction that is open."""
        if given.way is Way.AGENT:
            require(tx, PERMISSION)
        known = cases.answer_known(tx, given)
        if known is not None:
            return known
        case = cases.find_case(tx, given.asked)
        step = machine.answered(case, given.answer, given.way, self.policy, self.now(tx))
        cases.save_case(tx, case, step.case)
        everything = cases.purchases(tx, case.case_id)
        self._carry_out(tx, step, everything)
        self._supersede(tx, step.case)
        more = tuple(everything) if Effect.SHOW_MORE in step.effects else ()
        assert step.counted is not None  # noqa: S101 - an answer is always counted
        result = Answered(
            case.case_id, step.counted, step.case.state, step.case.closed_as, step.effects, more
        )
        cases.write_answer(tx, given, result)
        return result

    def _carry_out(self, tx: Transaction, step: Step, everything: Sequence[Purchase]) -> None:
        case, now = step.case, self.now(tx)
        own = case.closed_as in (Closing.MINE, Closing.FAMILY)
        about = what_follows.covered(everything[0], everything[1:], self.policy, own=own)
        jobs = what_follows.desk_jobs(case, step.effects, about, self.policy, now)
        if Effect.DRAFT_REPORT in step.effects:
            report = what_follows.report_draft(case, about, everything, now)
            cases.write_draft(tx, case.case_id, "fraud_report", report)
        if Effect.DRAFT_REISSUE in step.effects:
            order = what_follows.reissue_draft(case, now)
            cases.write_draft(tx, case.case_id, "reissue", order)
        if Effect.STOP_CARD in step.effects:
            jobs.append(follow_case(case.case_id, "stopped"))
        enqueue(tx, jobs)
        if own and step.counted in (Counted.FIRST, Counted.CONFIRMED):
            self._ask_the_rest(tx, case, everything, about)

    def _ask_the_rest(
        self,
        tx: Transaction,
        case: HolderCase,
        everything: Sequence[Purchase],
        about: Sequence[Purchase],
    ) -> None:
        """Asked purchases that "it was me" was not about are a question of their own."""
        said = {one.decision_id for one in about}
        left = [one for one in everything if one.asked and one.decision_id not in said]
        if not left:
            return
        holder = holder_of(tx, case.card_ref)
        new = HolderCase(
            case_id=new_id(tx),
            card_ref=case.card_ref,
            decision_id=left[0].decision_id,
            declined=left[0].declined,
            state=CaseState.OPEN,
            opened_at=self.now(tx),
        )
        cases.split_case(tx, new, [one.decision_id for one in left])
        step = machine.opened(new, self._reach(tx, holder, left[0]), self.policy, self.now(tx))
        self._go(tx, new, step, (holder, left[0]))
        enqueue(tx, [follow_case(new.case_id)])

    def close_unanswered(self, who: str, reason: str, asked: str) -> HolderCase:
        """Close a case that nobody will answer; the agent needs the permission.

        A closed case with a contradiction is marked as seen to.
        """
        with self.store.transaction(who, reason) as tx:
            require(tx, PERMISSION)
            before = cases.find_case(tx, asked)
            if before.contradicted:
                after = replace(before, contradicted=False)
                cases.save_case(tx, before, after)
                tx.record("case.settle", f"case:{after.case_id}")
                return after
            after = machine.closed_unanswered(before, self.now(tx))
            cases.save_case(tx, before, after)
            self._supersede(tx, after)
            tx.record("case.close", f"case:{after.case_id}", {"closed_as": Closing.UNANSWERED})
        return after


STATE_OF: Final = {
    MessageState.SENT: OutreachState.SENT,
    MessageState.DELIVERED: OutreachState.DELIVERED,
    MessageState.BOUNCED: OutreachState.UNDELIVERABLE,
    MessageState.FAILED: OutreachState.UNDELIVERABLE,
    MessageState.RETURNED: OutreachState.UNDELIVERABLE,
    MessageState.HELD: OutreachState.UNDELIVERABLE,
}
"""What a message's state says of its outreach; the others say nothing yet."""


def new_id(tx: Transaction) -> str:
    """A new id of a case: short enough to be read out, and no secret."""
    return f"K{tx.random_id()[:15]}"


def reach_of(holder: Holder | None) -> Reach:
    """By which channels the holder is reached; by none where nobody told us."""
    if holder is None:
        return Reach((), ZoneInfo(_ZONE))
    channels = tuple(channel for channel, _ in holder.ways)
    return Reach(channels, ZoneInfo(holder.time_zone))


def follow_case(case_id: str, since: str = "all") -> NewJob:
    """The job that follows a case for as long as something can become due."""
    return NewJob(TICK, f"{case_id}/{since}", {"case": case_id})


def once(case_id: str, why: str) -> NewJob:
    """A job that looks at a case once, now: what is due has changed."""
    return NewJob(TICK, f"{case_id}/{why}", {"case": case_id, "once": True})
