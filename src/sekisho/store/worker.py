"""Runs the jobs of the outbox: take some, let handlers do them in threads, commit what came out.

Any number of workers may run, in one process or many, on either database. While handlers work, a
heart-beat renews their leases; when the process dies, the leases run out and others take over. A
database that goes away does not end a worker: it waits, and what it could not commit is done
again after the lease by whoever is there (which is why handlers are idempotent).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

from sekisho.domain.errors import SekishoError, StoreUnavailable
from sekisho.store.canonical import Plain
from sekisho.store.outbox import (
    Dead,
    Done,
    Handler,
    Later,
    Lease,
    LeaseLost,
    Outbox,
    Outcome,
    Retry,
    Throttle,
)
from sekisho.store.transaction import Store, Transaction

_IDLE_S: Final = 1.0
_AWAY_S: Final = 2.0
_BEATS_PER_LEASE: Final = 3
_REASON_MAX: Final = 500
# Jobs held for each thread, so that threads need not wait for the database.
_AHEAD: Final = 4
_UnderWay: TypeAlias = dict[Future[Outcome], Lease]


@dataclass
class Tally:
    """What a worker did."""

    done: int = 0
    retried: int = 0
    dead: int = 0
    postponed: int = 0
    lost: int = 0

    @property
    def settled(self) -> int:
        """Jobs that this worker will not see again."""
        return self.done + self.dead


class _Running:
    """What a handler can ask; satisfies `sekisho.store.outbox.Running`."""

    def __init__(self, store: Store, outbox: Outbox, lease: Lease, stop: threading.Event) -> None:
        self.store = store
        self._outbox = outbox
        self._lease = lease
        self._stop = stop

    @property
    def stopping(self) -> bool:
        """Whether the worker was told to end."""
        return self._stop.is_set()

    def confirm(self) -> None:
        """Raise `LeaseLost` unless the job is still ours."""
        if not self._outbox.is_ours(self._lease):
            raise LeaseLost(self._lease.job.job_id)


class Worker:
    """Runs jobs of the kinds that it has handlers for, ``threads`` at a time."""

    def __init__(
        self,
        store: Store,
        outbox: Outbox,
        handlers: Mapping[str, Handler],
        *,
        name: str,
        threads: int = 4,
        throttle: Throttle | None = None,
    ) -> None:
        self.tally = Tally()
        self._store = store
        self._outbox = outbox
        self._handlers = dict(handlers)
        self._name = name
        self._threads = threads
        self._throttle = throttle

    def run(
        self,
        stop: threading.Event,
        *,
        until_empty: bool = False,
        before_round: Callable[[], None] | None = None,
        on_trouble: Callable[[SekishoError], None] | None = None,
    ) -> Tally:
        """Work until ``stop`` is set, or until no job of our kinds is open.

        ``before_round`` is called before each round, for jobs that come with the day;
        ``on_trouble`` with why the database cannot be used, each time that it is tried in vain.
        """
        under_way: _UnderWay = {}
        with _Heart(self._outbox) as heart, ThreadPoolExecutor(self._threads) as pool:
            while not stop.is_set():
                try:
                    if before_round is not None:
                        before_round()
                    took = self._take(under_way, heart, pool, stop)
                    due = None if took or under_way else self._next_due_s()
                except StoreUnavailable as error:
                    if on_trouble is not None:
                        on_trouble(error)
                    stop.wait(_AWAY_S)
                    continue
                if under_way:
                    self._collect(under_way, heart, stop)
                elif due is None and until_empty and not took:
                    break
                elif not took:
                    stop.wait(self._idle_s(due))
            while under_way:
                self._collect(under_way, heart, stop)
        return self.tally

    def run_once(self, stop: threading.Event | None = None) -> int:
        """Take one round of jobs and settle them; how many were taken."""
        stop = stop or threading.Event()
        under_way: _UnderWay = {}
        with _Heart(self._outbox) as heart, ThreadPoolExecutor(self._threads) as pool:
            took = self._take(under_way, heart, pool, stop)
            while under_way:
                self._collect(under_way, heart, stop)
        return took

    def _take(
        self, under_way: _UnderWay, heart: _Heart, pool: ThreadPoolExecutor, stop: threading.Event
    ) -> int:
        """Claim what there is room for and hand it out; how many were claimed."""
        room = _AHEAD * self._threads - len(under_way)
        if room < self._threads:
            return 0
        leases = self._outbox.claim(self._name, kinds=list(self._handlers), limit=room)
        ready = self._throttled(leases)
        heart.keep(ready)
        for lease in ready:
            under_way[pool.submit(self._handle, lease, stop)] = lease
        return len(leases)

    def _collect(self, under_way: _UnderWay, heart: _Heart, stop: threading.Event) -> None:
        """Commit together what has come in."""
        finished, _ = wait(under_way, timeout=_IDLE_S, return_when=FIRST_COMPLETED)
        results = [(under_way.pop(one), one.result()) for one in finished]
        leases = [lease for lease, _ in results]
        while results:
            try:
                self._settle(results)
            except StoreUnavailable:
                if stop.is_set():
                    break  # the leases will run out
                # The effects have happened: nobody else can take the jobs while the database is
                # away, and when it is back, they are ours as long as nobody has taken them.
                self._store.outside.sleep(_AWAY_S / 4)
        heart.forget(leases)

    def _next_due_s(self) -> float | None:
        due = self._outbox.next_due(list(self._handlers))
        return None if due is None else due.timestamp()

    def _idle_s(self, due_s: float | None) -> float:
        if due_s is None:
            return _IDLE_S
        return min(_IDLE_S, max(0.01, due_s - self._outbox.now_us() / 1e6))

    def _throttled(self, leases: Sequence[Lease]) -> list[Lease]:
        if self._throttle is None or not leases:
            return list(leases)
        now = self._store.outside.clock()
        asked = [(lease, self._throttle.not_before(lease.job, now)) for lease in leases]
        late = [(lease, instant) for lease, instant in asked if instant is not None]
        if late:
            self._outbox.postpone(late)
            self.tally.postponed += len(late)
        return [lease for lease, instant in asked if instant is None]

    def _handle(self, lease: Lease, stop: threading.Event) -> Outcome:
        if stop.is_set():
            return Later(self._store.outside.clock())
        try:
            handler = self._handlers[lease.job.kind]
            return handler.handle(lease.job, _Running(self._store, self._outbox, lease, stop))
        except SekishoError as error:
            return Retry(error.code)
        except Exception as error:  # a handler's mistake must not end the worker
            # Only its kind: the text of an unknown error may hold personal data.
            return Retry(type(error).__name__)

    def _settle(self, results: list[tuple[Lease, Outcome]]) -> None:
        """Commit ``results``, taking each out of the list once that is done."""
        final = [(lease, one) for lease, one in results if isinstance(one, Done | Dead)]
        try:
            self._apply(final)
        except StoreUnavailable:
            raise
        except Exception:  # one of them cannot be committed: find out which
            final = []
        settled = {lease.token for lease, _ in final}
        results[:] = [pair for pair in results if pair[0].token not in settled]
        while results:
            self._settle_one(*results[0])
            results.pop(0)

    def _settle_one(self, lease: Lease, outcome: Outcome) -> None:
        try:
            if isinstance(outcome, Later):
                self._outbox.postpone([(lease, outcome.not_before)])
                self.tally.postponed += 1
            elif isinstance(outcome, Retry):
                self._retry(lease, outcome)
            else:
                self._apply([(lease, outcome)])
        except LeaseLost:
            self.tally.lost += 1
        except StoreUnavailable:
            raise
        except Exception as error:  # ``apply`` is the handler's: as if it had raised
            code = error.code if isinstance(error, SekishoError) else type(error).__name__
            self._retry(lease, Retry(code))

    def _retry(self, lease: Lease, outcome: Retry) -> None:
        if self._outbox.fail(lease, outcome):
            self.tally.retried += 1
        else:
            self._apply([(lease, Dead(f"tried {lease.job.attempt} times: {outcome.reason}"))])

    def _apply(self, results: Sequence[tuple[Lease, Done | Dead]]) -> None:
        """Commit what was done, each with its consequences, all together or none."""
        plain = [lease for lease, one in results if isinstance(one, Done) and one.apply is None]
        if len(plain) == len(results):
            with self._store.database.write() as connection:
                for lease in plain:
                    self._outbox.complete(connection, lease)
        else:
            with self._store.transaction(f"system:{self._name}", "outbox") as tx:
                for lease, outcome in results:
                    self._apply_one(tx, lease, outcome)
        self.tally.done += sum(isinstance(one, Done) for _, one in results)
        self.tally.dead += sum(isinstance(one, Dead) for _, one in results)

    def _apply_one(self, tx: Transaction, lease: Lease, outcome: Done | Dead) -> None:
        if isinstance(outcome, Dead):
            reason = outcome.reason[:_REASON_MAX]
            self._outbox.bury(tx.bookkeeping, lease, reason)
            subject = f"job:{lease.job.job_id}"
            details: dict[str, Plain] = {"kind": lease.job.kind, "attempts": lease.job.attempt}
            tx.record("outbox.dead", subject, details, personal={"trouble": reason})
        else:
            self._outbox.complete(tx.bookkeeping, lease)
        if outcome.apply is not None:
            outcome.apply(tx)


class _Heart:
    """Renews leases from a thread of its own while handlers work."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._held: dict[str, Lease] = {}
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="sekisho-heart", daemon=True)

    def __enter__(self) -> _Heart:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def keep(self, leases: Sequence[Lease]) -> None:
        """Renew these from now on."""
        with self._lock:
            self._held |= {lease.token: lease for lease in leases}

    def forget(self, leases: Sequence[Lease]) -> None:
        """These are settled."""
        with self._lock:
            for lease in leases:
                self._held.pop(lease.token, None)

    def _beat(self) -> None:
        while not self._end.wait(self._outbox.policy.lease_s / _BEATS_PER_LEASE):
            with self._lock:
                held = list(self._held.values())
            with _until_next_beat():
                if held:
                    self._outbox.renew(held)


@contextmanager
def _until_next_beat() -> Iterator[None]:
    """A beat that does not get through is made good by the next one."""
    try:
        yield
    except SekishoError:
        return
