"""Standing mailings: messages that go out by themselves, under texts that two people agreed to.

A question has to leave within seconds, at any hour: nobody can approve each one. So one person
proposes the texts and the sender's data, another approves them, and every later message is one of
the mailing: written from those texts, judged by the linter, recorded like any other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from sqlalchemy import Connection, insert, select

from sekisho.domain.message import Channel, MessageState
from sekisho.store.canonical import Plain, canonical
from sekisho.store.messages import SEND, Draft
from sekisho.store.outbox import NewJob, enqueue
from sekisho.store.proposals import Proposal, propose
from sekisho.store.tables_cases import standing_mailing
from sekisho.store.tables_messages import mailing, message
from sekisho.store.transaction import Transaction


def plan_standing(
    tx: Transaction, mailing_id: str, kind: str, settings: Mapping[str, Plain], texts: str
) -> Proposal:
    """Propose that messages of ``kind`` go out by themselves. ``texts``: SHA-256 of the texts."""
    kept = canonical({**settings, "texts": texts})
    digest = hashlib.sha256(kept.encode("utf-8")).hexdigest()
    payload: dict[str, Plain] = {
        "mailing": mailing_id, "kind": kind, "standing": True, "digest": digest,
    }  # fmt: skip
    proposed = propose(tx, SEND, f"mailing:{mailing_id}", payload)
    values = {"mailing_id": mailing_id, "kind": kind, "settings": kept}
    values |= {"proposal_id": proposed.proposal_id}
    tx.execute(insert(mailing).values(**values, planned_us=tx.now_us))
    tx.execute(insert(standing_mailing).values(mailing_id=mailing_id, kind=kind))
    tx.record("message.plan", f"mailing:{mailing_id}", {"standing": True, "kind": kind})
    return proposed


def standing_of(place: Transaction | Connection, kind: str) -> str | None:
    """The mailing under which messages of ``kind`` go out by themselves; None if none may."""
    found = (
        select(mailing.c.mailing_id)
        .join(standing_mailing, standing_mailing.c.mailing_id == mailing.c.mailing_id)
        .where(standing_mailing.c.kind == kind, mailing.c.released_us.is_not(None))
        .order_by(mailing.c.released_us.desc(), mailing.c.mailing_id)
        .limit(1)
    )
    mailing_id: str | None = place.execute(found).scalar()
    return mailing_id


def add_message(tx: Transaction, mailing_id: str, draft: Draft, number: str) -> int:
    """Write one message of a standing mailing with its job; its id.

    Letters and calls have no job: the desk takes their lists out. What is kept back
    (``draft.trouble``) is ``held`` with its reason.
    """
    message_id = tx.next_numbers("message", 1)[0]
    state = MessageState.HELD if draft.trouble else MessageState.APPROVED
    tx.execute(
        insert(message).values(
            message_id=message_id,
            mailing_id=mailing_id,
            number=number,
            reference=draft.reference,
            channel=draft.channel.value,
            template=draft.template,
            recipient=canonical(draft.recipient),
            state=state.value,
            text_sha256=draft.text_sha256,
            attempts=0,
            next_us=0,
            changed_us=tx.now_us,
            trouble=draft.trouble,
        )
    )
    if not draft.trouble and draft.channel in (Channel.EMAIL, Channel.SMS, Channel.PUSH):
        channel = draft.channel.value
        payload: dict[str, Plain] = {"mailing": mailing_id, "channel": channel}
        payload |= {"first": message_id, "last": message_id}
        enqueue(tx, [NewJob(f"message.{channel}", f"{mailing_id}/{channel}/{message_id}", payload)])
    tx.record("message.add", f"mailing:{mailing_id}", {"message": message_id, "state": state.value})
    return message_id
