"""Stores, clocks and people for the tests of the store."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from sekisho.store.database import Database, Outside
from sekisho.store.migrate import migrate
from sekisho.store.outbox import NewJob, Outbox, RetryPolicy, enqueue
from sekisho.store.people import add_person
from sekisho.store.transaction import Store

START = datetime(2031, 3, 1, 9, 0, tzinfo=UTC)
# Invented staff of an invented issuer.
CAST = {
    "s-01": ("架空 藍", "administrator"),
    "s-02": ("架空 文", "analyst"),
    "s-03": ("架空 千恵", "approver"),
    "s-04": ("架空 大", "responder"),
}


@dataclass
class Clock:
    """A clock that the test moves."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


def entropy(seed: bytes) -> Callable[[int], bytes]:
    """Bytes that look like chance and are the same in every run."""
    count = 0

    def draw(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(seed + count.to_bytes(8, "big")).digest(size)

    return draw


@dataclass
class Made:
    """A store with what was handed to it."""

    url: str
    store: Store
    clock: Clock
    slept: list[float] = field(default_factory=list)

    def outbox(self, **policy: float) -> Outbox:
        chosen = RetryPolicy(**policy)  # type: ignore[arg-type]
        chance = np.random.default_rng(7)
        return Outbox(self.store.database, self.store.outside, chance=chance, policy=chosen)

    def add(self, *jobs: NewJob) -> int:
        with self.store.transaction("system:test", "jobs for a test") as tx:
            new = enqueue(tx, jobs)
            tx.record("outbox.add", "outbox:test", {"jobs": new})
        return new

    def cast(self) -> None:
        for person_id, (name, role) in CAST.items():
            with self.store.transaction("person:s-01", "first day") as tx:
                add_person(tx, person_id, name, (role,))


def made(url: str, clock: Clock, *, patience_s: float = 5.0, seed: bytes = b"seed") -> Made:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        time.sleep(min(seconds, 0.05))

    outside = Outside(clock, entropy(seed), sleep)
    database = Database(url, outside=outside, patience_s=patience_s)
    migrate(database)
    return Made(url, Store(database, outside), clock, slept)
