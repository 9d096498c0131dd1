"""What the workers can do: a handler for each kind of job."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sekisho.store.housekeeping import TIDY, Tidy
from sekisho.store.outbox import Handler, NewJob, Outbox, enqueue
from sekisho.store.transaction import Store

# Finished jobs are kept so long, so that a job written twice is still known.
_KEEP: Final = timedelta(days=400)


def handlers() -> Mapping[str, Handler]:
    """Every kind of job that a worker runs, by its name."""
    return {TIDY: Tidy(keep=_KEEP)}


def plan_day(store: Store, outbox: Outbox, now: datetime) -> None:
    """See that today's housekeeping is written down, once for all workers."""
    job = NewJob(TIDY, key=now.date().isoformat())
    if outbox.has(job.kind, job.key):
        return
    with store.transaction("system:worker", "housekeeping of the day") as tx:
        if enqueue(tx, [job]):
            tx.record("outbox.add", f"job:{TIDY}/{job.key}")
