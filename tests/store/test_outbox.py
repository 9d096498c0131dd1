"""Jobs: written once, run by one, tried again, in order, back from dead workers."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from sekisho.domain.errors import BadInput, NothingToDo, StoreUnavailable
from sekisho.store.outbox import (
    Dead,
    Done,
    Job,
    Later,
    LeaseLost,
    NewJob,
    Outcome,
    Retry,
    RetryPolicy,
    Running,
    enqueue,
)
from sekisho.store.tables import audit_entry, outbox_job
from sekisho.store.transaction import Transaction
from sekisho.store.unfinished import job_counts, try_again, unfinished
from sekisho.store.verify import verify
from sekisho.store.worker import Worker
from store.making import START, Made


def counts(one: Made) -> dict[str, int]:
    with one.store.read() as connection:
        return job_counts(connection)


def job(number: int, **more: Any) -> NewJob:
    return NewJob("test", f"key-{number}", {"number": number}, **more)


def test_a_job_is_written_once(fresh: Made) -> None:
    assert fresh.add(job(1), job(2), job(1)) == 2
    assert fresh.add(job(2), job(3), NewJob("other", "key-1")) == 2
    assert counts(fresh) == {"waiting": 4}
    assert fresh.outbox().has("test", "key-3")
    assert not fresh.outbox().has("other", "key-3")


def test_a_job_is_gone_with_its_change(fresh: Made) -> None:
    with pytest.raises(ValueError, match="subject"):
        fresh_failure(fresh)
    assert counts(fresh) == {}


def fresh_failure(one: Made) -> None:
    with one.store.transaction("system:test", "fails") as tx:
        enqueue(tx, [job(1)])
        tx.record("outbox.add", "")


def test_many_workers_never_get_the_same_job(fresh: Made) -> None:
    fresh.add(*(job(number) for number in range(120)))
    got: Counter[int] = Counter()
    barrier, lock = threading.Barrier(6), threading.Lock()

    def take(worker: int) -> None:
        outbox = fresh.outbox()
        barrier.wait()
        while leases := outbox.claim(f"w{worker}", kinds=["test"], limit=7):
            with lock:
                got.update(lease.job.job_id for lease in leases)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(take, range(6)))
    # A skipped row may be left for the next look on PostgreSQL; nothing may come twice.
    take_rest = fresh.outbox().claim("rest", kinds=["test"], limit=200)
    got.update(lease.job.job_id for lease in take_rest)
    assert got == Counter(range(1, 121))


def test_a_dead_workers_job_comes_back_and_the_old_lease_is_worth_nothing(fresh: Made) -> None:
    fresh.add(job(1))
    outbox = fresh.outbox(lease_s=60)
    (old,) = outbox.claim("w1", kinds=["test"], limit=9)
    assert outbox.claim("w2", kinds=["test"], limit=9) == []
    fresh.clock.forward(seconds=59)
    assert outbox.is_ours(old)
    assert outbox.claim("w2", kinds=["test"], limit=9) == []
    fresh.clock.forward(seconds=2)
    assert not outbox.is_ours(old)
    (new,) = outbox.claim("w2", kinds=["test"], limit=9)
    assert (new.job.attempt, new.job.job_id) == (2, old.job.job_id)
    assert outbox.renew([old]) == []
    with pytest.raises(LeaseLost):
        outbox.fail(old, Retry("too late"))
    with pytest.raises(LeaseLost), fresh.store.database.write() as connection:
        outbox.complete(connection, old)
    outbox.postpone([(old, START)])
    assert outbox.is_ours(new)
    with fresh.store.database.write() as connection:
        outbox.complete(connection, new)
    assert counts(fresh) == {"done": 1}


def test_the_heart_beat_keeps_a_job(fresh: Made) -> None:
    fresh.add(job(1))
    outbox = fresh.outbox(lease_s=60)
    held = outbox.claim("w1", kinds=["test"], limit=9)
    for _ in range(5):
        fresh.clock.forward(seconds=45)
        held = outbox.renew(held)
        assert outbox.claim("w2", kinds=["test"], limit=9) == []
    assert outbox.is_ours(held[0])


def test_jobs_of_one_key_run_in_their_order(fresh: Made) -> None:
    fresh.add(*(job(number, order_key=f"person:{number % 3}") for number in range(9)))
    outbox = fresh.outbox()
    seen: list[int] = []
    while leases := outbox.claim("w", kinds=["test"], limit=99):
        assert len({lease.job.order_key for lease in leases}) == len(leases)
        for lease in leases:
            seen.append(lease.job.payload["number"])
            with fresh.store.database.write() as connection:
                outbox.complete(connection, lease)
    assert sorted(seen) == list(range(9))
    for key in range(3):
        assert [number for number in seen if number % 3 == key] == [key, key + 3, key + 6]


def test_a_waiting_retry_holds_back_what_comes_after(fresh: Made) -> None:
    fresh.add(job(1, order_key="one"), job(2, order_key="one"))
    outbox = fresh.outbox(first_s=10)
    (first,) = outbox.claim("w", kinds=["test"], limit=9)
    assert outbox.fail(first, Retry("greylisted", after_s=300))
    assert outbox.claim("w", kinds=["test"], limit=9) == []
    fresh.clock.forward(seconds=301)
    (again,) = outbox.claim("w", kinds=["test"], limit=9)
    assert (again.job.job_id, again.job.attempt) == (first.job.job_id, 2)


def test_not_before_is_kept(fresh: Made) -> None:
    fresh.add(job(1, not_before=START + timedelta(hours=1)), job(2))
    outbox = fresh.outbox()
    assert [one.job.key for one in outbox.claim("w", kinds=["test"], limit=9)] == ["key-2"]
    assert outbox.next_due(["test"]) is not None
    fresh.clock.forward(hours=1)
    assert "key-1" in [one.job.key for one in outbox.claim("w", kinds=["test"], limit=9)]


def test_a_job_that_kills_its_workers_becomes_a_dead_letter(fresh: Made) -> None:
    fresh.add(job(1))
    outbox = fresh.outbox(attempts=3, lease_s=60)
    for attempt in range(3):
        (lease,) = outbox.claim("w", kinds=["test"], limit=9)
        assert lease.job.attempt == attempt + 1
        fresh.clock.forward(seconds=61)
    assert outbox.claim("w", kinds=["test"], limit=9) == []
    with fresh.store.read() as connection:
        (dead,) = unfinished(connection)
    assert (dead.state, dead.attempts) == ("dead", 3)
    assert "3 times" in dead.trouble


def test_waits_double_with_chance_and_have_an_end() -> None:
    policy = RetryPolicy(first_s=4, longest_s=100)
    chance = np.random.default_rng(5)
    for attempt, whole in ((1, 4), (2, 8), (5, 64), (6, 100), (500, 100)):
        drawn = {policy.wait_s(attempt, chance) for _ in range(50)}
        assert len(drawn) == 50
        assert whole / 2 <= min(drawn) < max(drawn) <= whole


# ---------------------------------------------------------------- workers


class Handles:
    """Answers what the test says, and counts what it was asked."""

    def __init__(self, *answers: Outcome | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[int, int]] = []
        self._lock = threading.Lock()

    def handle(self, job: Job, running: Running) -> Outcome:
        running.confirm()
        with self._lock:
            self.asked.append((job.payload["number"], job.attempt))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def worker(one: Made, handler: Handles, **more: Any) -> Worker:
    policy = {key: more.pop(key) for key in ("attempts", "lease_s") if key in more}
    outbox = one.outbox(**policy)
    return Worker(one.store, outbox, {"test": handler}, name="test-worker", **more)


def noted(tx: Transaction) -> None:
    tx.record("message.sent", "message:1")


def actions(one: Made) -> list[str]:
    with one.store.read() as connection:
        assert verify(connection).intact
        found = connection.execute(select(audit_entry.c.action).order_by(audit_entry.c.sequence))
        return list(found.scalars())


def test_what_was_done_is_committed_with_its_consequence(fresh: Made) -> None:
    fresh.add(job(1), job(2))
    handler = Handles(Done(apply=noted), Done())
    tally = worker(fresh, handler).run(threading.Event(), until_empty=True)
    assert (tally.done, counts(fresh)) == (2, {"done": 2})
    assert actions(fresh) == ["outbox.add", "message.sent"]


def test_trouble_is_tried_again_and_ends_as_a_dead_letter(fresh: Made) -> None:
    fresh.add(job(1))
    handler = Handles(Retry("421 later"), ValueError("架空 花子 must not be kept"), Retry("last"))
    one = worker(fresh, handler, attempts=3)
    for _ in range(3):
        assert one.run_once() == 1
        fresh.clock.forward(hours=2)
    assert one.run_once() == 0
    assert [attempt for _, attempt in handler.asked] == [1, 2, 3]
    with fresh.store.read() as connection:
        (dead,) = unfinished(connection)
    assert dead.trouble == "tried 3 times: last"
    assert actions(fresh) == ["outbox.add", "outbox.dead"]


def test_an_exceptions_text_is_not_kept(fresh: Made) -> None:
    fresh.add(job(1))
    worker(fresh, Handles(ValueError("架空 花子"))).run_once()
    with fresh.store.read() as connection:
        row = connection.execute(select(outbox_job)).one()
    assert (row.state, row.trouble) == ("waiting", "ValueError")


def test_what_can_never_work_is_buried_at_once_and_can_be_retried(fresh: Made) -> None:
    fresh.cast()
    fresh.add(job(1))
    worker(fresh, Handles(Dead("550 no such user", apply=noted))).run_once()
    assert counts(fresh) == {"dead": 1}
    with fresh.store.transaction("person:s-04", "address corrected") as tx:
        assert try_again(tx, "dead") == 1
    assert worker(fresh, Handles(Done())).run_once() == 1
    assert actions(fresh)[-3:] == ["outbox.dead", "message.sent", "outbox.retry"]
    with (
        pytest.raises(NothingToDo),
        fresh.store.transaction("person:s-04", "again") as tx,
    ):
        try_again(tx, "dead")


def test_throttled_jobs_come_back_without_losing_an_attempt(fresh: Made) -> None:
    class OneAMinute:
        def not_before(self, job: Job, now: Any) -> Any:
            return now + timedelta(minutes=1) if self.used else self.use()

        used = False

        def use(self) -> None:
            self.used = True

    fresh.add(job(1), job(2))
    throttle = OneAMinute()
    handler = Handles(Done())
    one = worker(fresh, handler, throttle=throttle)
    one.run_once()
    assert (one.tally.done, one.tally.postponed) == (1, 1)
    fresh.clock.forward(minutes=1)
    throttle.used = False
    one.run_once()
    assert [attempt for _, attempt in handler.asked] == [1, 1]


def test_later_is_not_an_attempt(fresh: Made) -> None:
    fresh.add(job(1))
    handler = Handles(Later(START + timedelta(hours=8)), Done())
    one = worker(fresh, handler)
    one.run_once()
    fresh.clock.forward(hours=8)
    one.run_once()
    assert handler.asked == [(1, 1), (1, 1)]


def test_one_that_cannot_be_committed_does_not_take_the_others_along(fresh: Made) -> None:
    def breaks(tx: Transaction) -> None:
        raise BadInput("no such message")

    fresh.add(*(job(number) for number in range(6)))
    handler = Handles(Done(apply=noted), Done(apply=breaks), Done(apply=noted))
    one = worker(fresh, handler, threads=6)
    one.run_once()
    assert counts(fresh) == {"done": 5, "waiting": 1}
    assert actions(fresh).count("message.sent") == 5


def test_a_lease_lost_while_working_changes_nothing(fresh: Made) -> None:
    class Slow(Handles):
        def handle(self, job: Job, running: Running) -> Outcome:
            fresh.clock.forward(seconds=61)
            if not self.asked:
                self.asked.append((0, 0))
                (stolen,) = fresh.outbox().claim("thief", kinds=["test"], limit=1)
                assert stolen.job.attempt == 2
            running.confirm()
            raise AssertionError("not reached")

    fresh.add(job(1))
    one = worker(fresh, Slow(Done()), lease_s=60)
    one.run_once()
    assert one.tally.lost == 1
    assert counts(fresh) == {"running": 1}


def test_a_stopped_worker_gives_back_what_it_did_not_begin(fresh: Made) -> None:
    stop = threading.Event()

    class Stops(Handles):
        def handle(self, job: Job, running: Running) -> Outcome:
            stop.set()
            return super().handle(job, running)

    fresh.add(*(job(number) for number in range(8)))
    handler = Stops(Done())
    one = worker(fresh, handler, threads=1)
    one.run(stop)
    assert len(handler.asked) == 1
    assert counts(fresh) == {"done": 1, "waiting": 7}
    with fresh.store.read() as connection:
        assert set(connection.execute(select(outbox_job.c.attempts)).scalars()) == {0, 1}


def test_a_database_that_is_away_does_not_end_a_worker(
    fresh: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh.add(job(1))
    one = worker(fresh, Handles(Done()))
    stop, away = threading.Event(), [1, 1]
    really = one._outbox.claim

    def claim(*given: Any, **named: Any) -> Any:
        if away:
            away.pop()
            raise StoreUnavailable("gone")
        return really(*given, **named)

    monkeypatch.setattr(one._outbox, "claim", claim)
    monkeypatch.setattr(stop, "wait", lambda _=None: False)
    assert one.run(stop, until_empty=True).done == 1


def test_what_was_done_while_the_database_was_away_is_committed_when_it_is_back(
    fresh: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh.add(job(1), job(2))
    handler = Handles(Done(apply=noted), Retry("451 later"))
    one = worker(fresh, handler, threads=1)
    really, away = fresh.store.database._begun, [1] * 5

    def begun(options: Any) -> Any:
        if len(handler.asked) == 2 and away:
            away.pop()
            raise StoreUnavailable("gone")
        return really(options)

    monkeypatch.setattr(fresh.store.database, "_begun", begun)
    one.run_once()
    assert away == []
    assert (one.tally.done, one.tally.retried, one.tally.lost) == (1, 1, 0)
    assert counts(fresh) == {"done": 1, "waiting": 1}
    assert actions(fresh) == ["outbox.add", "message.sent"]


def test_a_slow_job_does_not_hold_back_the_others(fresh: Made) -> None:
    seen = threading.Event()

    class One(Handles):
        def handle(self, job: Job, running: Running) -> Outcome:
            if job.payload["number"] == 0:
                assert seen.wait(30), "the others were not run meanwhile"
            if job.payload["number"] == 30:
                seen.set()
            return Done()

    fresh.add(*(job(number) for number in range(31)))
    one = worker(fresh, One(Done()), threads=2)
    assert one.run(threading.Event(), until_empty=True).done == 31
