"""Jobs that a person has to see to: dead letters, and those held after a restore."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select, update

from sekisho.domain.errors import NothingToDo
from sekisho.store.canonical import Plain
from sekisho.store.people import require
from sekisho.store.tables import instant, outbox_job
from sekisho.store.transaction import Transaction

_NAMED_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A job that no worker will take by itself."""

    job_id: int
    kind: str
    key: str
    state: str
    attempts: int
    trouble: str
    created_at: datetime


def unfinished(connection: Connection, *, limit: int = 100) -> list[Unfinished]:
    """Dead and held jobs, oldest first."""
    found = (
        select(outbox_job)
        .where(outbox_job.c.state.in_(("dead", "held")))
        .order_by(outbox_job.c.job_id)
        .limit(limit)
    )
    return [
        Unfinished(
            job_id=row.job_id,
            kind=row.kind,
            key=row.job_key,
            state=row.state,
            attempts=row.attempts,
            trouble=row.trouble,
            created_at=instant(row.created_us),
        )
        for row in connection.execute(found)
    ]


def job_counts(connection: Connection) -> dict[str, int]:
    """How many jobs are in each state."""
    number = select(outbox_job.c.state, func.count()).group_by(outbox_job.c.state)
    return {row[0]: row[1] for row in connection.execute(number)}


def open_jobs(connection: Connection) -> dict[str, int]:
    """How many jobs of each kind a worker has still to do."""
    number = (
        select(outbox_job.c.kind, func.count())
        .where(outbox_job.c.state.in_(("waiting", "running")))
        .group_by(outbox_job.c.kind)
    )
    return {row[0]: row[1] for row in connection.execute(number)}


def try_again(tx: Transaction, state: str, job_ids: Sequence[int] | None = None) -> int:
    """Let dead letters (``dead``) or held jobs (``held``) be taken again; how many.

    ``job_ids``: only these. Attempts are counted anew. Raises ``NothingToDo`` where there are none.
    Held jobs may have had their effect already, after the backup was made: who releases
    them decides that this is no harm.
    """
    require(tx, "outbox.retry" if state == "dead" else "outbox.release")
    chosen = outbox_job.c.state == state
    if job_ids is not None:
        chosen &= outbox_job.c.job_id.in_(list(job_ids))
    named: list[Plain] = [
        row.job_id
        for row in tx.execute(select(outbox_job.c.job_id).where(chosen).limit(_NAMED_MAX))
    ]
    again = update(outbox_job).where(chosen)
    values = {"state": "waiting", "due_us": tx.now_us, "attempts": 0, "finished_us": None}
    count = tx.execute(again.values(**values)).rowcount
    if not count:
        raise NothingToDo(f"no such job is {state}", hint="See: sekisho outbox list")
    verb = "retry" if state == "dead" else "release"
    tx.record(f"outbox.{verb}", "outbox:jobs", {"jobs": count, "first": named})
    return count
