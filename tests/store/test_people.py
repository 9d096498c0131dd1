"""Roles permit, four eyes hold, and everything is in the log."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, update

from sekisho.domain.errors import BadInput, Conflict, NotAllowed, SekishoError
from sekisho.store import proposals
from sekisho.store.people import (
    add_person,
    people,
    permissions_of,
    remove_person,
    roles,
    set_roles,
)
from sekisho.store.proposals import Proposal, State
from sekisho.store.tables import audit_entry, proposal
from sekisho.store.transaction import Transaction
from sekisho.store.verify import verify
from store.making import Clock, Made, made

PAYLOAD = {"finding_id": "F-7", "state": "accepted"}


def act(one: Made, person_id: str, what: Callable[[Transaction], Any]) -> Any:
    with one.store.transaction(f"person:{person_id}", "because") as tx:
        return what(tx)


def proposed(one: Made, **more: Any) -> Proposal:
    found: Proposal = act(
        one,
        "s-02",
        lambda tx: proposals.propose(tx, "finding.accept", "finding:F-7", PAYLOAD, **more),
    )
    return found


def test_the_first_person_is_an_administrator(fresh: Made) -> None:
    with pytest.raises(BadInput, match="administrator"):
        act(fresh, "s-02", lambda tx: add_person(tx, "s-02", "架空 文", ("analyst",)))
    fresh.cast()
    with fresh.store.read() as connection:
        assert [one.person_id for one in people(connection)] == ["s-01", "s-02", "s-03", "s-04"]


@pytest.mark.parametrize("bad", ["", "two words", "架空", "a" * 101, "-x", "a:b"])
def test_ids_are_plain(fresh: Made, bad: str) -> None:
    fresh.cast()
    with pytest.raises(BadInput, match="id"):
        act(fresh, "s-01", lambda tx: add_person(tx, bad, "架空", ("desk",)))


def test_only_administrators_change_people(fresh: Made) -> None:
    fresh.cast()
    for change in (
        lambda tx: add_person(tx, "s-09", "架空", ("desk",)),
        lambda tx: set_roles(tx, "s-02", ("approver",)),
        lambda tx: remove_person(tx, "s-01"),
    ):
        for person_id in ("s-02", "s-03", "s-99"):
            with pytest.raises(NotAllowed, match=r"person\.change"):
                act(fresh, person_id, change)


def test_who_left_may_do_nothing_and_can_come_back(fresh: Made) -> None:
    fresh.cast()
    act(fresh, "s-01", lambda tx: remove_person(tx, "s-02"))
    with pytest.raises(NotAllowed):
        proposed(fresh)
    with pytest.raises(BadInput, match="no active person"):
        act(fresh, "s-01", lambda tx: set_roles(tx, "s-02", ("desk",)))
    act(fresh, "s-01", lambda tx: add_person(tx, "s-02", "架空 文", ("analyst",)))
    assert proposed(fresh).state is State.PROPOSED
    with pytest.raises(BadInput, match="already"):
        act(fresh, "s-01", lambda tx: add_person(tx, "s-02", "架空 文", ("analyst",)))


def test_the_last_administrator_stays(fresh: Made) -> None:
    fresh.cast()
    for change in (
        lambda tx: remove_person(tx, "s-01"),
        lambda tx: set_roles(tx, "s-01", ("desk",)),
    ):
        with pytest.raises(NotAllowed, match="last administrator"):
            act(fresh, "s-01", change)
    assert "person.change" in act(fresh, "s-01", lambda tx: permissions_of(tx, "s-01"))


def test_nobody_both_proposes_and_approves_by_role_alone() -> None:
    for role in roles().values():
        asks = {one for one in role.permissions if one.endswith(".propose")}
        assert not (asks and "proposal.approve" in role.permissions), role.name
        assert role.description


def test_a_proposal_goes_its_way_once(fresh: Made) -> None:
    fresh.cast()
    one = proposed(fresh)
    approved = act(
        fresh, "s-03", lambda tx: proposals.approve(tx, one.proposal_id, one.payload_hash)
    )
    assert (approved.state, approved.decided_by) == (State.APPROVED, "s-03")
    done = act(fresh, "s-02", lambda tx: proposals.execute(tx, one.proposal_id, "finding.accept"))
    assert (done.state, done.payload) == (State.EXECUTED, PAYLOAD)
    with pytest.raises(NotAllowed, match="executed"):
        act(fresh, "s-02", lambda tx: proposals.execute(tx, one.proposal_id, "finding.accept"))
    with fresh.store.read() as connection:
        found = connection.execute(select(audit_entry.c.action, audit_entry.c.details))
        said = [row for row in found if row.action.startswith("proposal.")]
        assert verify(connection).intact
        assert proposals.open_proposals(connection) == []
    assert [row.action for row in said] == [
        "proposal.propose",
        "proposal.approve",
        "proposal.execute",
    ]
    assert all(one.payload_hash in row.details for row in said)


def test_who_proposed_cannot_approve_even_as_approver(fresh: Made) -> None:
    fresh.cast()
    act(fresh, "s-01", lambda tx: set_roles(tx, "s-02", ("analyst", "approver")))
    one = proposed(fresh)
    with pytest.raises(NotAllowed, match="cannot approve"):
        act(fresh, "s-02", lambda tx: proposals.approve(tx, one.proposal_id, one.payload_hash))
    # Nor behind the program's back: the database holds the rule too.
    alone = update(proposal).values(state="approved", decided_by="s-02")
    with pytest.raises(Conflict):
        act(fresh, "s-02", lambda tx: tx.execute(alone))


def test_what_is_approved_is_what_was_seen(fresh: Made) -> None:
    fresh.cast()
    one = proposed(fresh)
    with pytest.raises(BadInput, match="not what is proposed"):
        act(fresh, "s-03", lambda tx: proposals.approve(tx, one.proposal_id, "0" * 64))
    act(fresh, "s-03", lambda tx: proposals.approve(tx, one.proposal_id, one.payload_hash))
    with fresh.store.database.write() as connection:
        connection.execute(update(proposal).values(payload='{"finding_id":"F-8"}'))
    with pytest.raises(NotAllowed, match="not what was approved"):
        act(fresh, "s-02", lambda tx: proposals.execute(tx, one.proposal_id, "finding.accept"))


def test_an_approval_is_for_one_action(fresh: Made) -> None:
    fresh.cast()
    one = proposed(fresh)
    act(fresh, "s-03", lambda tx: proposals.approve(tx, one.proposal_id, one.payload_hash))
    with pytest.raises(NotAllowed):
        act(fresh, "s-02", lambda tx: proposals.execute(tx, one.proposal_id, "finding.clear"))


def test_time_runs_out(fresh: Made) -> None:
    fresh.cast()
    early, late = proposed(fresh, life=timedelta(hours=1)), proposed(fresh)
    act(fresh, "s-03", lambda tx: proposals.approve(tx, late.proposal_id, late.payload_hash))
    fresh.clock.forward(hours=1)
    with pytest.raises(NotAllowed, match="ran out"):
        act(fresh, "s-03", lambda tx: proposals.approve(tx, early.proposal_id, early.payload_hash))
    fresh.clock.forward(days=7)
    with pytest.raises(NotAllowed, match="ran out"):
        act(fresh, "s-02", lambda tx: proposals.execute(tx, late.proposal_id, "finding.accept"))
    with fresh.store.transaction("system:worker", "housekeeping") as tx:
        assert proposals.expire(tx) == 2
        assert proposals.expire(tx) == 0


@pytest.mark.parametrize("bad", ["", "0" * 32, "'; DROP TABLE proposal; --"])
def test_unknown_proposals_are_told(fresh: Made, bad: str) -> None:
    fresh.cast()
    with pytest.raises(BadInput, match="no proposal"):
        act(fresh, "s-03", lambda tx: proposals.reject(tx, bad))


class FourEyes(RuleBasedStateMachine):
    """Whatever people try, nothing is executed that two different people did not want."""

    staff = st.sampled_from(["s-01", "s-02", "s-03", "s-05"])
    executed_in_all = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.one = made(f"sqlite:///{self.folder.name}/sekisho.db", Clock())
        self.one.cast()
        both = ("analyst", "approver")
        act(self.one, "s-01", lambda tx: add_person(tx, "s-05", "架空 五", both))
        self.known: list[str] = []
        self.wanted: dict[str, set[str]] = {}
        self.executed: list[str] = []

    def attempt(self, person_id: str, what: Callable[[Transaction], Any]) -> Any:
        try:
            return act(self.one, person_id, what)
        except SekishoError:
            return None

    @rule(who=staff)
    def propose(self, who: str) -> None:
        one = self.attempt(who, lambda tx: proposals.propose(tx, "finding.x", "finding:1", {}))
        if one:
            self.known.append(one.proposal_id)
            self.wanted[one.proposal_id] = {who}

    @precondition(lambda self: self.known)
    @rule(who=staff)
    def approve(self, who: str) -> None:
        chosen = self.known[-1]
        with self.one.store.read() as connection:
            seen = proposals.proposal_of(connection, chosen).payload_hash
        if self.attempt(who, lambda tx: proposals.approve(tx, chosen, seen)):
            self.wanted[chosen].add(who)

    @precondition(lambda self: self.known)
    @rule(who=staff, verb=st.sampled_from(["reject", "withdraw"]))
    def turn_down(self, who: str, verb: str) -> None:
        chosen = self.known[-1]
        if self.attempt(who, lambda tx: getattr(proposals, verb)(tx, chosen)):
            self.wanted[chosen].clear()

    @precondition(lambda self: self.known)
    @rule(who=staff, data=st.data())
    def execute(self, who: str, data: Any) -> None:
        chosen = data.draw(st.sampled_from(self.known[-2:]))
        if self.attempt(who, lambda tx: proposals.execute(tx, chosen, "finding.x")):
            self.executed.append(chosen)
            FourEyes.executed_in_all += 1

    @rule(hours=st.integers(1, 100))
    def wait(self, hours: int) -> None:
        self.one.clock.forward(hours=hours)

    @invariant()
    def two_people_and_once(self) -> None:
        assert len(set(self.executed)) == len(self.executed)
        assert all(len(self.wanted[one]) == 2 for one in self.executed)

    def teardown(self) -> None:
        with self.one.store.read() as connection:
            assert verify(connection).intact
        self.one.store.database.close()
        self.folder.cleanup()


def test_four_eyes_hold_whatever_people_try() -> None:
    checks = [HealthCheck.too_slow]
    run_state_machine_as_test(
        FourEyes,
        settings=settings(
            max_examples=15,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            suppress_health_check=checks,
        ),
    )
    assert FourEyes.executed_in_all > 0, "nothing was ever executed: the test shows nothing"
