"""What the workers can do: a handler for each kind of job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sekisho.store.housekeeping import TIDY, Tidy
from sekisho.store.outbox import Handler, NewJob, Outbox, enqueue
from sekisho.store.transaction import Store

if TYPE_CHECKING:
    from sekisho.app.message_settings import MessageSettings

# Finished jobs are kept so long, so that a job written twice is still known.
_KEEP: Final = timedelta(days=400)


@contextmanager
def handlers(store: Store, settings: MessageSettings | None) -> Iterator[dict[str, Handler]]:
    """Every kind of job that a worker runs, by its name; closed at the end of the block.

    Without ``settings`` it cannot write to anybody: jobs of messages are left to other workers.
    """
    kinds: dict[str, Handler] = {TIDY: Tidy(keep=_KEEP)}
    if settings is None:
        yield kinds
        return
    from sekisho.app.message_worker import handlers as of_messages  # noqa: PLC0415 - heavy

    with of_messages(settings, store) as messages:
        yield kinds | messages


def plan_day(store: Store, outbox: Outbox, now: datetime) -> None:
    """See that today's housekeeping is written down, once for all workers."""
    job = NewJob(TIDY, key=now.date().isoformat())
    if outbox.has(job.kind, job.key):
        return
    with store.transaction("system:worker", "housekeeping of the day") as tx:
        if enqueue(tx, [job]):
            tx.record("outbox.add", f"job:{TIDY}/{job.key}")
