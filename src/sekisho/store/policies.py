"""Policies in the store: their versions, the back-tests of each, and which one decides.

Nothing decides that was not tried: an activation names a back-test of that very version, and was
proposed by one person and approved by another. A shadow decides nothing and needs neither.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from sekisho.domain.errors import BadInput, NotAllowed
from sekisho.store import proposals
from sekisho.store.canonical import Plain
from sekisho.store.outbox import NewJob, enqueue
from sekisho.store.people import require
from sekisho.store.proposals import Proposal
from sekisho.store.tables import instant
from sekisho.store.tables_exposures import policy_activation, policy_backtest, policy_version
from sekisho.store.transaction import Transaction

ACTION: Final = "rule.activate"
"""What a proposal to let a policy decide is called."""
CHANGED: Final = "policy.changed"
"""The job that tells the engine that another policy is in force."""
LIVE: Final = "live"
SHADOW: Final = "shadow"


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the policy with its texts."""

    policy_id: str
    text: str
    watch_text: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Activation:
    """What came into force when, by whom; ``policy_id`` None: the shadow was switched off."""

    number: int
    role: str
    policy_id: str | None
    backtest_sha256: str | None
    proposal_id: str | None
    actor: str
    activated_at: datetime


def keep_version(tx: Transaction, policy_id: str, text: str, watch_text: str) -> bool:
    """Write a version down; False if it is there already. Its id holds its digest."""
    require(tx, "rule.propose")
    known = select(policy_version.c.policy_id).where(policy_version.c.policy_id == policy_id)
    if tx.execute(known).first() is not None:
        return False
    values = {"policy_id": policy_id, "text": text, "watch_text": watch_text}
    tx.execute(insert(policy_version).values(**values, added_us=tx.now_us))
    tx.record("rule.version", f"policy:{policy_id}")
    return True


def keep_backtest(tx: Transaction, policy_id: str, document: str) -> str:
    """Attach a back-test to the version that it tried; the document's SHA-256."""
    require(tx, "rule.propose")
    tried = json.loads(document)["candidate"]["policy"]["version"]
    if tried != policy_id:
        raise BadInput(
            f"this back-test tried {tried}, not {policy_id}.",
            hint="Try this very version: sekisho policy backtest",
        )
    digest = hashlib.sha256(document.encode("utf-8")).hexdigest()
    if digest in backtests_of(tx, policy_id):
        return digest
    values = {"policy_id": policy_id, "sha256": digest, "document": document}
    tx.execute(insert(policy_backtest).values(**values, added_us=tx.now_us))
    tx.record("rule.backtest", f"policy:{policy_id}", {"sha256": digest})
    return digest


def propose_live(
    tx: Transaction, policy_id: str, backtest_sha256: str, figures: Mapping[str, Any]
) -> Proposal:
    """Propose that a version decides from now on; ``figures`` are what the approver should see."""
    _version(tx, policy_id)
    if backtest_sha256 not in backtests_of(tx, policy_id):
        raise NotAllowed(
            f"{policy_id} has no such back-test.", hint="Try it first: sekisho policy backtest"
        )
    payload = {
        "policy_id": policy_id,
        "backtest_sha256": backtest_sha256,
        "before": (found.policy_id if (found := in_force(tx, LIVE)) else None),
        "figures": dict(figures),
    }
    return proposals.propose(tx, ACTION, f"policy:{policy_id}", payload)


def activate(tx: Transaction, proposal_id: str) -> Activation:
    """Let the version of an approved proposal decide, once.

    ``NotAllowed`` where another version came into force since it was proposed: its figures were
    compared with one that decides no more.
    """
    require(tx, "rule.propose")
    done = proposals.execute(tx, proposal_id, ACTION)
    payload = done.payload
    now = in_force(tx, LIVE)
    if (now.policy_id if now else None) != payload["before"]:
        raise NotAllowed(
            "another policy has come into force since this was proposed.",
            hint="Try it against the present one, and propose it anew.",
        )
    return _write(tx, LIVE, payload["policy_id"], payload["backtest_sha256"], proposal_id)


def set_shadow(tx: Transaction, policy_id: str | None) -> Activation:
    """Let a version run beside the one that decides, noting what it would say; None: none."""
    require(tx, "rule.propose")
    if policy_id is not None:
        _version(tx, policy_id)
    return _write(tx, SHADOW, policy_id, None, None)


def _write(
    tx: Transaction, role: str, policy_id: str | None, backtest: str | None, proposal: str | None
) -> Activation:
    number = tx.next_numbers("policy_activation", 1)[0]
    tx.execute(
        insert(policy_activation).values(
            number=number, role=role, policy_id=policy_id, backtest_sha256=backtest,
            proposal_id=proposal, actor=tx.actor, activated_us=tx.now_us,
        )
    )  # fmt: skip
    details: dict[str, Plain] = {"role": role, "number": number, "backtest": backtest or ""}
    tx.record("rule.activate", f"policy:{policy_id or 'none'}", details)
    enqueue(tx, [NewJob(CHANGED, str(number), {"role": role}, order_key="policy")])
    return Activation(number, role, policy_id, backtest, proposal, tx.actor, tx.now)


def in_force(place: Transaction | Connection, role: str) -> Activation | None:
    """The newest activation of a role; None where there is none, or the shadow is off."""
    rows = policy_activation
    found = select(rows).where(rows.c.role == role).order_by(rows.c.number.desc()).limit(1)
    row = place.execute(found).one_or_none()
    return None if row is None or row.policy_id is None else _activation(row)


def history(connection: Connection) -> list[Activation]:
    """Every activation, the newest first."""
    found = select(policy_activation).order_by(policy_activation.c.number.desc())
    return [_activation(row) for row in connection.execute(found)]


def version_of(place: Transaction | Connection, policy_id: str) -> Version:
    """A version; BadInput where there is none."""
    return _version(place, policy_id)


def _version(place: Transaction | Connection, policy_id: str) -> Version:
    found = select(policy_version).where(policy_version.c.policy_id == policy_id)
    row = place.execute(found).one_or_none()
    if row is None:
        raise BadInput(
            f"there is no version {policy_id[:80]!r}", hint="See: sekisho policy history"
        )
    return Version(row.policy_id, row.text, row.watch_text, instant(row.added_us))


def versions(connection: Connection) -> list[Version]:
    """Every version, the newest first."""
    order = policy_version.c.added_us.desc(), policy_version.c.policy_id
    return [
        Version(row.policy_id, row.text, row.watch_text, instant(row.added_us))
        for row in connection.execute(select(policy_version).order_by(*order))
    ]


def backtests_of(place: Transaction | Connection, policy_id: str) -> dict[str, str]:
    """The documents of a version's back-tests by their SHA-256, the newest first."""
    rows = policy_backtest
    found = select(rows).where(rows.c.policy_id == policy_id)
    order = rows.c.added_us.desc(), rows.c.sha256
    return {row.sha256: row.document for row in place.execute(found.order_by(*order))}


def _activation(row: Any) -> Activation:
    return Activation(
        row.number, row.role, row.policy_id, row.backtest_sha256, row.proposal_id, row.actor,
        instant(row.activated_us),
    )  # fmt: skip
