"""What follows from an answer: jobs that carry it to the engine, and drafts for the desk.

Each job has a key made of the case, so that it is written once, and carries an id under which the
engine does it once: however often a process dies in between, the card is stopped one time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sekisho.domain.asking import Effect, HolderCase, Purchase
from sekisho.domain.authorization import CardStatus, LabelSource
from sekisho.scoring.asking import AskPolicy
from sekisho.store.canonical import Plain
from sekisho.store.outbox import NewJob

STATUS: Final = "desk.status"
LEARN: Final = "desk.learn"
WINDOW: Final = "desk.window"
_STATUS_OF: Final = {
    Effect.STOP_CARD: (CardStatus.STOPPED, "stop"),
    Effect.OPEN_CARD: (CardStatus.OPEN, "open"),
    Effect.BLOCK_CARD: (CardStatus.BLOCKED, "block"),
}


def band_minor(purchase: Purchase, policy: AskPolicy) -> int:
    """Up to how much the shop may charge after "it was me"."""
    return purchase.amount_minor * (100 + policy.band_percent) // 100


def covered(
    question: Purchase, others: Iterable[Purchase], policy: AskPolicy, *, own: bool
) -> list[Purchase]:
    """The asked purchases that an answer about ``question`` is about: itself, and its repeats.

    Repeats are at the same shop; after "it was me" only up to the amount that she meant.
    """
    shop = (question.acquirer_id, question.merchant_id)
    found = [question]
    for one in others:
        same = one.asked and (one.acquirer_id, one.merchant_id) == shop
        fits = not own or (
            one.currency == question.currency and one.amount_minor <= band_minor(question, policy)
        )
        if same and fits and one.decision_id != question.decision_id:
            found.append(one)
    return found


def desk_jobs(
    case: HolderCase,
    effects: Iterable[Effect],
    about: Sequence[Purchase],
    policy: AskPolicy,
    now: int,
) -> list[NewJob]:
    """The jobs that carry ``effects`` to the engine. ``about``: `covered`, the question first."""
    jobs: list[NewJob] = []
    for effect in effects:
        if effect in _STATUS_OF:
            status, word = _STATUS_OF[effect]
            payload: dict[str, Plain] = {"card_ref": case.card_ref, "status": status.value}
            key, order = f"{case.case_id}/{word}", f"card:{case.card_ref}"
            jobs.append(NewJob(STATUS, key, payload, order_key=order))
        elif effect in (Effect.LABEL_FRAUD, Effect.LABEL_GENUINE):
            jobs += [_label(case, one, effect is Effect.LABEL_FRAUD, now) for one in about]
        elif effect is Effect.OPEN_WINDOW:
            jobs.append(_window(case, about[0], policy, now))
    return jobs


def _label(case: HolderCase, one: Purchase, fraud: bool, now: int) -> NewJob:  # noqa: FBT001
    payload: dict[str, Plain] = {
        "decision_id": one.decision_id,
        "fraud": fraud,
        "source": LabelSource.HOLDER.value,
        "known_at": now,
    }
    return NewJob(LEARN, f"{case.case_id}/{one.decision_id}", payload)


def _window(case: HolderCase, question: Purchase, policy: AskPolicy, now: int) -> NewJob:
    payload: dict[str, Plain] = {
        "card_ref": case.card_ref,
        "acquirer_id": question.acquirer_id,
        "merchant_id": question.merchant_id,
        "up_to_minor": band_minor(question, policy),
        "currency": question.currency,
        "until": now + policy.window_s,
    }
    return NewJob(WINDOW, f"{case.case_id}/window", payload)


def report_draft(
    case: HolderCase, about: Sequence[Purchase], everything: Sequence[Purchase], now: int
) -> dict[str, Plain]:
    """The fraud report as the desk starts from it: what was denied, and what is to be gone through.

    Without the last digits: they are in the notice store.
    """
    denied = {one.decision_id for one in about}
    left = [one for one in everything if one.decision_id not in denied]
    return {
        "card_ref": case.card_ref,
        "reported_at": now,
        "denied_by_holder": [_plain(one) for one in about],
        "to_go_through_with_holder": [_plain(one) for one in left],
    }


def reissue_draft(case: HolderCase, now: int) -> dict[str, Plain]:
    """The order for a new card as the desk starts from it. The holder pays nothing for it."""
    reason = "misused, said by the holder"
    return {"card_ref": case.card_ref, "reason": reason, "ordered_at": now, "fee_minor": 0}


def _plain(one: Purchase) -> dict[str, Plain]:
    return {
        "decision_id": one.decision_id,
        "authorized_at": one.authorized_at,
        "acquirer_id": one.acquirer_id,
        "merchant_id": one.merchant_id,
        "merchant_name": one.merchant_name,
        "amount_minor": one.amount_minor,
        "currency": one.currency,
        "declined": one.declined,
    }
