"""Four eyes: one person proposes, another approves, and what was approved happens once.

::

    proposed --approve--> approved --execute--> executed
        |-- reject, withdraw, expire              (approved ones expire too)

The proposer can never approve: the program refuses it, and so does the database. What is approved
is a payload, by its hash: a changed payload is another proposal. The hash is salted with 32 random
bytes that lie beside the payload, so that the log gives nothing of it away.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from sekisho.domain.errors import BadInput, NotAllowed
from sekisho.store.canonical import Plain, canonical
from sekisho.store.people import require
from sekisho.store.tables import instant, microseconds, proposal
from sekisho.store.transaction import Transaction

DEFAULT_LIFE: Final = timedelta(days=7)


class State(StrEnum):
    """Where a proposal stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    EXECUTED = "executed"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal as it stands; ``payload`` is what is to happen."""

    proposal_id: str
    action: str
    subject: str
    payload: Any
    payload_hash: str
    state: State
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime
    decided_by: str | None


def propose(
    tx: Transaction, action: str, subject: str, payload: Plain, *, life: timedelta = DEFAULT_LIFE
) -> Proposal:
    """Write a proposal of the acting person, who needs the permission ``<area>.propose``."""
    person_id = require(tx, f"{action.partition('.')[0]}.propose")
    salt = tx.random_id() + tx.random_id()
    values = {
        "proposal_id": tx.random_id(),
        "action": action,
        "subject": subject,
        "payload": canonical(payload),
        "payload_salt": salt,
        "payload_hash": payload_hash(salt, payload),
        "state": State.PROPOSED,
        "proposed_by": person_id,
        "proposed_us": tx.now_us,
        "expires_us": microseconds(tx.now + life),
    }
    tx.execute(insert(proposal).values(**values))
    _record(tx, "propose", values)
    return proposal_of(tx, str(values["proposal_id"]))


def approve(tx: Transaction, proposal_id: str, seen_hash: str) -> Proposal:
    """Approve what stands there; ``seen_hash`` is that of the payload which the approver saw."""
    person_id = require(tx, "proposal.approve")
    found = _open(tx, proposal_id, State.PROPOSED)
    if found.proposed_by == person_id:
        raise NotAllowed(
            "who proposed it cannot approve it", hint="Ask another person with the role approver."
        )
    if not hmac.compare_digest(found.payload_hash.encode(), seen_hash.encode()):
        raise BadInput(
            "what you saw is not what is proposed", hint="Look at the proposal again, then decide."
        )
    return _decide(tx, found, State.APPROVED, person_id)


def reject(tx: Transaction, proposal_id: str) -> Proposal:
    """Turn a proposal down; the transaction's reason says why."""
    person_id = require(tx, "proposal.reject")
    return _decide(tx, _open(tx, proposal_id, State.PROPOSED), State.REJECTED, person_id)


def withdraw(tx: Transaction, proposal_id: str) -> Proposal:
    """Take one's own proposal back before it is executed."""
    person_id = require(tx, "proposal.withdraw")
    found = _open(tx, proposal_id, State.PROPOSED, State.APPROVED)
    if found.proposed_by != person_id:
        raise NotAllowed(
            "only who proposed it can withdraw it", hint="An approver can reject it instead."
        )
    tx.execute(_where(found).values(state=State.WITHDRAWN))
    return _changed(tx, found, "withdraw")


def execute(tx: Transaction, proposal_id: str, action: str) -> Proposal:
    """Mark an approved proposal as executed, in the transaction of what it asked for.

    Returns it with its payload: do exactly that, in this transaction. Raises where it is not
    approved, has expired, is executed already, is for another action, or was tampered with.
    """
    found = _open(tx, proposal_id, State.APPROVED)
    salt = tx.execute(
        select(proposal.c.payload_salt).where(proposal.c.proposal_id == proposal_id)
    ).scalar_one()
    if found.action != action or payload_hash(salt, found.payload) != found.payload_hash:
        raise NotAllowed(
            "what is to be done is not what was approved", hint="Propose it anew, as it is now."
        )
    tx.execute(_where(found).values(state=State.EXECUTED, executed_us=tx.now_us))
    return _changed(tx, found, "execute")


def expire(tx: Transaction) -> int:
    """Mark every proposal whose time has run out; how many."""
    due = select(proposal.c.proposal_id).where(
        proposal.c.state.in_((State.PROPOSED, State.APPROVED)), proposal.c.expires_us <= tx.now_us
    )
    ids = [row.proposal_id for row in tx.execute(due).all()]
    for proposal_id in ids:
        found = proposal_of(tx, proposal_id)
        tx.execute(_where(found).values(state=State.EXPIRED))
        _changed(tx, found, "expire")
    return len(ids)


def payload_hash(salt: str, payload: Plain) -> str:
    """SHA-256 over the salt's bytes and the payload's canonical text."""
    text = bytes.fromhex(salt) + canonical(payload).encode("utf-8")
    return hashlib.sha256(text).hexdigest()


def proposal_of(place: Transaction | Connection, proposal_id: str) -> Proposal:
    """The proposal as it stands; ``BadInput`` where there is none."""
    found = select(proposal).where(proposal.c.proposal_id == proposal_id)
    row = place.execute(found).one_or_none()
    if row is None:
        raise BadInput(
            f"there is no proposal {proposal_id[:40]!r}", hint="See: sekisho proposal list"
        )
    return _read(row)


def open_proposals(connection: Connection) -> list[Proposal]:
    """Those that wait for a decision or for their execution, oldest first."""
    waiting = select(proposal).where(proposal.c.state.in_((State.PROPOSED, State.APPROVED)))
    return [_read(row) for row in connection.execute(waiting.order_by(proposal.c.proposed_us))]


def _read(row: Any) -> Proposal:
    return Proposal(
        proposal_id=row.proposal_id,
        action=row.action,
        subject=row.subject,
        payload=json.loads(row.payload),
        payload_hash=row.payload_hash,
        state=State(row.state),
        proposed_by=row.proposed_by,
        proposed_at=instant(row.proposed_us),
        expires_at=instant(row.expires_us),
        decided_by=row.decided_by,
    )


def _open(tx: Transaction, proposal_id: str, *states: State) -> Proposal:
    found = proposal_of(tx, proposal_id)
    if found.state not in states:
        raise NotAllowed(
            f"the proposal is {found.state.value}, not {' or '.join(one.value for one in states)}",
            hint="What is decided stays decided: propose it anew.",
        )
    if found.expires_at <= tx.now:
        raise NotAllowed(
            f"the proposal's time ran out at {found.expires_at.isoformat(timespec='seconds')}",
            hint="Propose it anew.",
        )
    return found


def _decide(tx: Transaction, found: Proposal, state: State, person_id: str) -> Proposal:
    tx.execute(_where(found).values(state=state, decided_by=person_id, decided_us=tx.now_us))
    return _changed(tx, found, "approve" if state is State.APPROVED else "reject")


def _where(found: Proposal) -> Any:
    return update(proposal).where(
        proposal.c.proposal_id == found.proposal_id, proposal.c.state == found.state
    )


def _changed(tx: Transaction, before: Proposal, verb: str) -> Proposal:
    values = {
        "proposal_id": before.proposal_id,
        "action": before.action,
        "subject": before.subject,
        "payload_hash": before.payload_hash,
    }
    _record(tx, verb, values)
    return proposal_of(tx, before.proposal_id)


def _record(tx: Transaction, verb: str, values: dict[str, Any]) -> None:
    details = {"about": values["subject"], "does": values["action"], "hash": values["payload_hash"]}
    tx.record(f"proposal.{verb}", f"proposal:{values['proposal_id']}", details)
