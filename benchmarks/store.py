"""The state store: audited transactions and outbox jobs a second, on SQLite and PostgreSQL.

``make bench ARGS="store [-- --transactions N --jobs N]"``. PostgreSQL is the server that the tests
bring, with ``fsync`` on; both databases lie in the folder for temporary files.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.parts.figures import keep, show
from sekisho.store.database import Database, Outside
from sekisho.store.migrate import migrate
from sekisho.store.outbox import Done, Job, NewJob, Outbox, Running, enqueue
from sekisho.store.transaction import Store, Transaction
from sekisho.store.verify import verify
from sekisho.store.worker import Worker

_TESTS = Path(__file__).resolve().parents[1] / "tests"


class _Records:
    """A handler whose effect is its audit entry, as a sent message's is."""

    def handle(self, job: Job, running: Running) -> Done:  # noqa: ARG002 - the Protocol's form
        return Done(apply=lambda tx: _note(tx, job))


def _note(tx: Transaction, job: Job) -> None:
    tx.record("message.sent", f"message:{job.job_id}", personal={"address": "an address"})


def run(argv: list[str]) -> None:
    """Measure on both databases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transactions", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=5_000)
    options = parser.parse_args(argv)
    rows = []
    with _urls() as urls:
        for kind, url in urls.items():
            figures = _measure(url, options.transactions, options.jobs)
            keep("store", {"database": kind, **figures})
            rows.append([kind, *(f"{figure:,.0f}" for figure in figures.values())])
    head = ["database", "transactions/s", "jobs written/s", "jobs done/s", "entries verified/s"]
    show(head, rows)


def _measure(url: str, transactions: int, jobs: int) -> dict[str, float]:
    outside = Outside(lambda: datetime.now(UTC), os.urandom, time.sleep)  # noqa: TID251
    database = Database(url, outside=outside)
    migrate(database)
    store = Store(database, outside)
    started = time.perf_counter()
    for number in range(transactions):
        with store.transaction("system:bench", "a change") as tx:
            tx.record("bench.change", f"bench:{number}", {"number": number})
    changed = time.perf_counter()
    with store.transaction("system:bench", "jobs") as tx:
        new = enqueue(tx, (NewJob("bench", f"{number}") for number in range(jobs)))
        tx.record("bench.jobs", "bench:all", {"jobs": new})
    written = time.perf_counter()
    outbox = Outbox(database, outside, chance=np.random.default_rng(1))
    worker = Worker(store, outbox, {"bench": _Records()}, name="bench", threads=16)
    tally = worker.run(threading.Event(), until_empty=True)
    done = time.perf_counter()
    with store.read() as connection:
        verdict = verify(connection)
    ended = time.perf_counter()
    database.close()
    if tally.done != jobs or not verdict.intact:
        raise RuntimeError("jobs are missing, or the log is broken")
    return {
        "transactions_s": transactions / (changed - started),
        "enqueued_s": jobs / (written - changed),
        "jobs_s": jobs / (done - written),
        "verified_s": verdict.entries / (ended - done),
    }


@contextmanager
def _urls() -> Iterator[dict[str, str]]:
    sys.path.insert(0, str(_TESTS))
    postgres_server: Any = importlib.import_module("postgres_server")
    postgres_server.SETTINGS |= {"fsync": "on", "full_page_writes": "on"}
    with tempfile.TemporaryDirectory() as folder, postgres_server.running_server() as server:
        yield {"SQLite": f"sqlite:///{folder}/sekisho.db", "PostgreSQL": server.new_database()}
