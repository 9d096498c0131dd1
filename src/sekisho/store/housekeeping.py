"""What has to be done every day: proposals run out, finished jobs are taken away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import delete

from sekisho.store.outbox import Done, Job, Running
from sekisho.store.proposals import expire
from sekisho.store.tables import microseconds, outbox_job
from sekisho.store.transaction import Transaction

TIDY: Final = "store.tidy"


@dataclass(frozen=True, slots=True)
class Tidy:
    """Handles ``store.tidy``: expires proposals and removes jobs done longer ago than ``keep``.

    Dead letters stay until a person has seen to them.
    """

    keep: timedelta

    def handle(self, job: Job, running: Running) -> Done:  # noqa: ARG002 - the Protocol's form
        """Do it in the transaction that completes the job."""
        return Done(apply=self._tidy)

    def _tidy(self, tx: Transaction) -> None:
        expired = expire(tx)
        old = delete(outbox_job).where(
            outbox_job.c.state == "done",
            outbox_job.c.finished_us < microseconds(tx.now - self.keep),
        )
        removed = tx.execute(old).rowcount
        tx.record("store.tidy", "store:all", {"proposals_expired": expired, "jobs": removed})
