"""A worker process for tests: ``python working.py URL LOG NAME``; killed as the test pleases.

Its jobs note their beginning and end in LOG (one line each, appended) and leave a row that can be
written only once.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sqlalchemy import insert

from sekisho.store.database import Database, Outside
from sekisho.store.outbox import Done, Job, Outbox, RetryPolicy, Running
from sekisho.store.tables import counter
from sekisho.store.transaction import Store, Transaction
from sekisho.store.worker import Worker

LEASE_S = 1.5


class Notes:
    """The effect: two lines in a file, some time apart."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def handle(self, job: Job, running: Running) -> Done:
        running.confirm()
        self._note("begin", job)
        time.sleep(0.02)
        self._note("end", job)
        return Done(apply=lambda tx: self._once(tx, job))

    def _note(self, what: str, job: Job) -> None:
        line = f"{what} {job.key} {job.attempt} {os.getpid()} {time.monotonic():.4f}\n"
        handle = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(handle, line.encode())
        os.close(handle)

    def _once(self, tx: Transaction, job: Job) -> None:
        tx.execute(insert(counter).values(name=f"done {job.key}", value=1))
        tx.record("test.done", f"job:{job.key}")


def utc_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - several processes share the real clock


def main(url: str, log: str, name: str) -> None:
    outside = Outside(utc_now, os.urandom, time.sleep)
    database = Database(url, outside=outside, patience_s=3)
    policy = RetryPolicy(attempts=50, first_s=0.05, lease_s=LEASE_S)
    outbox = Outbox(database, outside, chance=np.random.default_rng(), policy=policy)
    store = Store(database, outside)
    worker = Worker(store, outbox, {"test": Notes(Path(log))}, name=name, threads=3)
    worker.run(threading.Event(), until_empty=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
