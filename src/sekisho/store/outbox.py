"""The transactional outbox: work that is to happen once its reason is committed.

Jobs are written in the transaction of the change that asks for them, so there is never a change
without its job, nor a job without its change. Workers take jobs under a lease; a worker that dies
lets its lease run out and another one takes the job again. So a job can *begin* more than once:
a handler must make its effect idempotent by the job's key.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from sqlalchemy import (
    Connection,
    Row,
    and_,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from sekisho.store.canonical import Plain, canonical
from sekisho.store.database import Database, Outside
from sekisho.store.tables import instant, microseconds, outbox_job
from sekisho.store.transaction import Store, Transaction

_LOOKUP_KEYS: Final = 400
_SECOND_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be written.

    ``key``: what makes it the same job, unique within ``kind``: a second job with the same key is
    not written. ``order_key``: jobs that share it run one after the other, in the order written.
    ``payload``: ids, not personal data. ``not_before``: with a zone; None is at once.
    """

    kind: str
    key: str
    payload: Mapping[str, Plain] = field(default_factory=dict)
    order_key: str | None = None
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its handler gets it. ``attempt`` counts from 1."""

    job_id: int
    kind: str
    key: str
    order_key: str | None
    payload: Mapping[str, Any]
    attempt: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run a job until ``until_us``, unless it is renewed."""

    job: Job
    token: str
    until_us: int


@dataclass(frozen=True, slots=True)
class Done:
    """The job's effect has happened. ``apply`` writes the new state, in one transaction with it."""

    apply: Callable[[Transaction], None] | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """It did not work now and may work later: after ``after`` seconds, or the policy's back-off."""

    reason: str
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Dead:
    """It can never work and is kept as a dead letter; ``apply`` writes what follows from it."""

    reason: str
    apply: Callable[[Transaction], None] | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """Not now (throttled, outside hours): come back then. This does not count as an attempt."""

    not_before: datetime


Outcome: TypeAlias = Done | Retry | Dead | Later


class Running(Protocol):
    """What a handler can ask while it works."""

    @property
    def store(self) -> Store:
        """For transactions of its own, such as noting an attempt before the effect."""

    @property
    def stopping(self) -> bool:
        """Whether the worker was told to end: a long job then comes back `Later`."""

    def confirm(self) -> None:
        """Raise `LeaseLost` unless the job is still ours: call it just before the effect."""


class Handler(Protocol):
    """Does the jobs of one kind.

    May be called from several threads. What it raises counts as `Retry`, with the error's kind as
    the reason (never its text, which may hold personal data).
    """

    def handle(self, job: Job, running: Running) -> Outcome:
        """Do the job; idempotent by ``job.key``."""


class Throttle(Protocol):
    """Asked before each job; several workers have a throttle each."""

    def not_before(self, job: Job, now: datetime) -> datetime | None:
        """None to run it now (this counts as run), or when to come back."""


class LeaseLost(Exception):
    """The lease ran out and the job belongs to another worker, or is finished."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long a job is tried: ``attempts`` in all, waiting ``first_s`` doubled each time.

    The wait is drawn between half and the whole (so that many do not come back at once) and is
    never longer than ``longest_s``. ``lease_s``: how long a silent worker keeps its job.
    """

    attempts: int = 12
    first_s: float = 5.0
    longest_s: float = 3600.0
    lease_s: float = 60.0

    def wait_s(self, attempt: int, chance: np.random.Generator) -> float:
        """Seconds until the attempt after ``attempt`` (counted from 1)."""
        whole = min(self.longest_s, self.first_s * 2.0 ** min(attempt - 1, 60))
        return float(whole * chance.uniform(0.5, 1.0))


def enqueue(tx: Transaction, jobs: Iterable[NewJob]) -> int:
    """Write the jobs that are not there yet; how many were new.

    The caller records in the audit log why (a transaction without an entry is refused).
    """
    wanted = {(job.kind, job.key): job for job in jobs}
    known = _known(tx, list(wanted))
    new = [job for pair, job in wanted.items() if pair not in known]
    if new:
        numbers = tx.next_numbers("outbox_job", len(new))
        rows = [_row(job, number, tx.now_us) for job, number in zip(new, numbers, strict=True)]
        tx.execute(insert(outbox_job), rows)
    return len(new)


def _known(tx: Transaction, pairs: list[tuple[str, str]]) -> set[tuple[str, str]]:
    known: set[tuple[str, str]] = set()
    columns = outbox_job.c.kind, outbox_job.c.job_key
    for kind in {kind for kind, _ in pairs}:
        keys = [key for one, key in pairs if one == kind]
        for first in range(0, len(keys), _LOOKUP_KEYS):
            some = outbox_job.c.job_key.in_(keys[first : first + _LOOKUP_KEYS])
            found = tx.execute(select(*columns).where(outbox_job.c.kind == kind, some))
            known |= {(row.kind, row.job_key) for row in found}
    return known


def _row(job: NewJob, job_id: int, now_us: int) -> dict[str, object]:
    if not job.kind or not job.key:
        raise ValueError("a job has a kind and a key")
    due = now_us if job.not_before is None else max(now_us, microseconds(job.not_before))
    return {
        "job_id": job_id,
        "kind": job.kind,
        "job_key": job.key,
        "order_key": job.order_key,
        "payload": canonical(job.payload),
        "state": "waiting",
        "attempts": 0,
        "created_us": now_us,
        "due_us": due,
        "trouble": "",
    }


class Outbox:
    """Taking jobs and saying what became of them; safe with any number of workers."""

    def __init__(
        self,
        database: Database,
        outside: Outside,
        *,
        chance: np.random.Generator,
        policy: RetryPolicy | None = None,
    ) -> None:
        self.policy = policy or RetryPolicy()
        self._database = database
        self._outside = outside
        self._chance = chance

    def now_us(self) -> int:
        """The clock in microseconds."""
        return microseconds(self._outside.clock())

    def claim(self, worker: str, *, kinds: Sequence[str], limit: int) -> list[Lease]:
        """Take up to ``limit`` jobs that are due, oldest first. No two workers get the same one.

        Jobs whose worker died come back here; one that outlived ``policy.attempts`` workers
        becomes a dead letter instead.
        """
        now_us = self.now_us()
        with self._database.write() as connection:
            found = connection.execute(_claimable(now_us, kinds, limit)).all()
            worn = [row for row in found if row.attempts >= self.policy.attempts]
            for row in worn:
                reason = f"its worker ended or fell silent, {row.attempts} times"
                _finish(connection, row.job_id, {"state": "dead", "trouble": reason}, now_us)
            fresh = [row for row in found if row.attempts < self.policy.attempts]
            until = now_us + int(self.policy.lease_s * _SECOND_US)
            leases = [Lease(_job(row), self._outside.entropy(16).hex(), until) for row in fresh]
            _take(connection, leases, worker)
        return leases

    def renew(self, leases: Sequence[Lease]) -> list[Lease]:
        """The heart-beat: those of ``leases`` that are still ours, with a later end."""
        until = self.now_us() + int(self.policy.lease_s * _SECOND_US)
        kept = []
        with self._database.write() as connection:
            for lease in leases:
                done = connection.execute(_ours(lease).values(due_us=until))
                if done.rowcount:
                    kept.append(Lease(lease.job, lease.token, until))
        return kept

    def complete(self, tx: Transaction | Connection, lease: Lease) -> None:
        """Mark the job as done, inside the transaction of its effect; `LeaseLost` if not ours."""
        now_us = self.now_us()
        values = {"state": "done", "due_us": None, "finished_us": now_us, "trouble": ""}
        if tx.execute(_ours(lease).values(**values)).rowcount == 0:
            raise LeaseLost(lease.job.job_id)

    def bury(self, tx: Transaction | Connection, lease: Lease, reason: str) -> None:
        """Keep the job as a dead letter; `LeaseLost` if not ours."""
        values = {"state": "dead", "due_us": None, "finished_us": self.now_us(), "trouble": reason}
        if tx.execute(_ours(lease).values(**values)).rowcount == 0:
            raise LeaseLost(lease.job.job_id)

    def fail(self, lease: Lease, outcome: Retry) -> bool:
        """Let the job wait for its next attempt; False where none is left: it is to be buried."""
        if lease.job.attempt >= self.policy.attempts:
            return False
        wait = outcome.after_s
        if wait is None:
            wait = self.policy.wait_s(lease.job.attempt, self._chance)
        due = self.now_us() + int(wait * _SECOND_US)
        values = {"state": "waiting", "due_us": due, "lease_token": None, "trouble": outcome.reason}
        with self._database.write() as connection:
            if connection.execute(_ours(lease).values(**values)).rowcount == 0:
                raise LeaseLost(lease.job.job_id)
        return True

    def postpone(self, leases: Sequence[tuple[Lease, datetime]]) -> None:
        """Give jobs back until then, as if they had not been taken."""
        with self._database.write() as connection:
            for lease, not_before in leases:
                values = {
                    "state": "waiting",
                    "due_us": microseconds(not_before),
                    "lease_token": None,
                    "attempts": lease.job.attempt - 1,
                }
                connection.execute(_ours(lease).values(**values))

    def is_ours(self, lease: Lease) -> bool:
        """Whether the lease holds now, by the database and by the clock."""
        found = select(outbox_job.c.due_us).where(
            outbox_job.c.job_id == lease.job.job_id,
            outbox_job.c.lease_token == lease.token,
            outbox_job.c.state == "running",
        )
        with self._database.read() as connection:
            until = connection.execute(found).scalar()
        return until is not None and until > self.now_us()

    def has(self, kind: str, key: str) -> bool:
        """Whether the job was written, whatever became of it."""
        found = select(outbox_job.c.job_id).where(
            outbox_job.c.kind == kind, outbox_job.c.job_key == key
        )
        with self._database.read() as connection:
            return connection.execute(found).first() is not None

    def next_due(self, kinds: Sequence[str]) -> datetime | None:
        """When the next job of these kinds may be taken (or its lease ends)."""
        soonest = select(func.min(outbox_job.c.due_us)).where(outbox_job.c.kind.in_(kinds))
        with self._database.read() as connection:
            due = connection.execute(soonest).scalar()
        return None if due is None else instant(due)


def _claimable(now_us: int, kinds: Sequence[str], limit: int) -> Any:
    """The oldest due jobs that no earlier one of the same order key stands before."""
    earlier = outbox_job.alias("earlier")
    stands_before = exists().where(
        earlier.c.order_key == outbox_job.c.order_key,
        earlier.c.job_id < outbox_job.c.job_id,
        earlier.c.state.in_(("waiting", "running", "held")),
    )
    due = and_(outbox_job.c.due_us <= now_us, outbox_job.c.kind.in_(kinds))
    free = or_(outbox_job.c.order_key.is_(None), ~stands_before)
    return (
        select(outbox_job)
        .where(due, free)
        .order_by(outbox_job.c.due_us, outbox_job.c.job_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def _take(connection: Connection, leases: Sequence[Lease], worker: str) -> None:
    if not leases:
        return
    taken = (
        update(outbox_job)
        .where(outbox_job.c.job_id == bindparam("the_job"))
        .values(
            state="running",
            attempts=outbox_job.c.attempts + 1,
            worker=worker,
            lease_token=bindparam("the_token"),
            due_us=bindparam("the_end"),
        )
    )
    rows = [
        {"the_job": one.job.job_id, "the_token": one.token, "the_end": one.until_us}
        for one in leases
    ]
    connection.execute(taken, rows)


def _ours(lease: Lease) -> Any:
    """Compare and set: a lease that another worker has taken over matches nothing."""
    return update(outbox_job).where(
        outbox_job.c.job_id == lease.job.job_id,
        outbox_job.c.state == "running",
        outbox_job.c.lease_token == lease.token,
    )


def _finish(connection: Connection, job_id: int, values: dict[str, str], now_us: int) -> None:
    done = update(outbox_job).where(outbox_job.c.job_id == job_id)
    connection.execute(done.values(**values, due_us=None, finished_us=now_us))


def _job(row: Row[Any]) -> Job:
    return Job(
        job_id=row.job_id,
        kind=row.kind,
        key=row.job_key,
        order_key=row.order_key,
        payload=json.loads(row.payload),
        attempt=row.attempts + 1,
        created_at=instant(row.created_us),
    )
