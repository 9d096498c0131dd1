"""No policy decides that was not tried, and none by one person alone: both databases hold it."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import insert, select

from sekisho.domain.errors import BadInput, Conflict, NotAllowed
from sekisho.store import proposals
from sekisho.store.policies import (
    LIVE,
    SHADOW,
    activate,
    backtests_of,
    history,
    in_force,
    keep_backtest,
    keep_version,
    propose_live,
    set_shadow,
    versions,
)
from sekisho.store.tables import audit_entry, outbox_job
from sekisho.store.tables_exposures import policy_activation
from store.making import Made

ONE, TWO = "try-1@aaaaaaaaaaaa", "try-2@bbbbbbbbbbbb"


def tried(policy_id: str) -> str:
    return json.dumps({"candidate": {"policy": {"version": policy_id}}})


def keep(made: Made, policy_id: str) -> str:
    with made.store.transaction("person:s-02", "a new rule") as tx:
        keep_version(tx, policy_id, "the text", "")
        return keep_backtest(tx, policy_id, tried(policy_id))


def propose(made: Made, policy_id: str, digest: str) -> str:
    with made.store.transaction("person:s-02", "it catches more") as tx:
        return propose_live(tx, policy_id, digest, {"frauds_caught": 7}).proposal_id


def approve(made: Made, proposal_id: str, person: str = "s-03") -> None:
    with made.store.transaction(f"person:{person}", "figures seen") as tx:
        found = proposals.proposal_of(tx, proposal_id)
        proposals.approve(tx, proposal_id, found.payload_hash)


def carry_out(made: Made, proposal_id: str) -> None:
    with made.store.transaction("person:s-02", "as approved") as tx:
        activate(tx, proposal_id)


def live(made: Made) -> str | None:
    with made.store.read() as connection:
        found = in_force(connection, LIVE)
        return found.policy_id if found else None


def test_from_a_tried_version_to_the_one_that_decides(fresh: Made) -> None:
    fresh.cast()
    digest = keep(fresh, ONE)
    proposal = propose(fresh, ONE, digest)
    with pytest.raises(NotAllowed, match="not approved"):
        carry_out(fresh, proposal)
    with pytest.raises(NotAllowed):
        approve(fresh, proposal, "s-02")
    assert live(fresh) is None
    approve(fresh, proposal)
    carry_out(fresh, proposal)
    assert live(fresh) == ONE
    with pytest.raises(NotAllowed, match="executed"):
        carry_out(fresh, proposal)
    with fresh.store.read() as connection:
        (done,) = history(connection)
        assert (done.actor, done.backtest_sha256) == ("person:s-02", digest)
        jobs = connection.execute(select(outbox_job.c.kind)).scalars().all()
        actions = connection.execute(select(audit_entry.c.action)).scalars().all()
    assert jobs == ["policy.changed"]
    for action in ("rule.version", "rule.backtest", "proposal.approve", "rule.activate"):
        assert action in actions


def test_a_version_that_was_not_tried_cannot_be_proposed(fresh: Made) -> None:
    fresh.cast()
    digest = keep(fresh, ONE)
    with fresh.store.transaction("person:s-02", "another") as tx:
        keep_version(tx, TWO, "another text", "")
    with pytest.raises(NotAllowed, match="no such back-test"):
        propose(fresh, TWO, digest)
    with (
        pytest.raises(BadInput, match=f"tried {ONE}, not {TWO}"),
        fresh.store.transaction("person:s-02", "a trick") as tx,
    ):
        keep_backtest(tx, TWO, tried(ONE))


def past_the_rules(made: Made, row: dict[str, object]) -> None:
    with made.store.transaction("person:s-02", "past the rules") as tx:
        tx.execute(insert(policy_activation).values(**row))
        tx.record("rule.activate", f"policy:{ONE}")


def test_the_database_itself_refuses_what_was_not_tried(fresh: Made) -> None:
    fresh.cast()
    keep(fresh, ONE)
    row = {
        "number": 1, "role": "live", "policy_id": ONE, "backtest_sha256": None,
        "proposal_id": None, "actor": "person:s-02", "activated_us": 1,
    }  # fmt: skip
    with pytest.raises(Conflict):
        past_the_rules(fresh, row)
    assert live(fresh) is None


def test_figures_against_a_policy_that_decides_no_more_are_void(fresh: Made) -> None:
    fresh.cast()
    first, second = keep(fresh, ONE), keep(fresh, TWO)
    one, two = propose(fresh, ONE, first), propose(fresh, TWO, second)
    approve(fresh, one)
    approve(fresh, two)
    carry_out(fresh, one)
    with pytest.raises(NotAllowed, match="another policy has come into force"):
        carry_out(fresh, two)
    assert live(fresh) == ONE


def test_a_shadow_decides_nothing_and_can_be_switched_off(fresh: Made) -> None:
    fresh.cast()
    keep(fresh, ONE)
    assert keep(fresh, ONE)  # twice is once
    with fresh.store.transaction("person:s-02", "to look") as tx:
        set_shadow(tx, ONE)
    with fresh.store.read() as connection:
        found = in_force(connection, SHADOW)
        assert found is not None
        assert found.policy_id == ONE
        assert in_force(connection, LIVE) is None
        assert [one.policy_id for one in versions(connection)] == [ONE]
        assert len(backtests_of(connection, ONE)) == 1
    with fresh.store.transaction("person:s-02", "seen enough") as tx:
        set_shadow(tx, None)
    with fresh.store.read() as connection:
        assert in_force(connection, SHADOW) is None
        assert [one.policy_id for one in history(connection)] == [None, ONE]
    with (
        pytest.raises(NotAllowed, match=r"rule\.propose"),
        fresh.store.transaction("person:s-03", "not mine") as tx,
    ):
        set_shadow(tx, ONE)
