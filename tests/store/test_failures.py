"""A database that goes away, locks, full disks, killed processes: nothing half, nothing lost."""

from __future__ import annotations

import itertools
import os
import resource
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import OperationalError

from postgres_server import PostgresServer, running_server
from sekisho.domain.errors import BadInput, OutputFailed, StoreFull, StoreUnavailable
from sekisho.domain.progress import Silent
from sekisho.store.backup import backup
from sekisho.store.database import Database, Outside
from sekisho.store.migrate import migrate
from sekisho.store.outbox import NewJob
from sekisho.store.tables import audit_entry, counter
from sekisho.store.transaction import Store
from sekisho.store.unfinished import job_counts
from sekisho.store.verify import verify
from store.making import START, Clock, Made, made
from store.working import LEASE_S, utc_now

JOBS = 36


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server of the test's own, to be stopped and killed."""
    with running_server() as one:
        yield one


def add(one: Made, name: str) -> None:
    with one.store.transaction("system:test", "a change") as tx:
        tx.execute(insert(counter).values(name=name, value=1))
        tx.record("counter.add", f"counter:{name}")


def names(one: Made) -> list[str]:
    with one.store.read() as connection:
        assert verify(connection).intact
        return sorted(connection.execute(select(counter.c.name)).scalars())


# ---------------------------------------------------------------- away


def test_a_server_that_comes_back_is_waited_for(server: PostgresServer) -> None:
    one = made(server.new_database(), Clock(), patience_s=30)
    add(one, "before")
    server.stop(signal.SIGQUIT)
    really = one.store.outside.sleep

    def sleep(seconds: float) -> None:
        really(seconds)
        if len(one.slept) == 5:
            server.start()

    one.store.database.outside = Outside(one.clock, one.store.outside.entropy, sleep)
    add(one, "after")
    assert len(one.slept) >= 5
    assert names(one) == ["after", "before"]
    one.store.database.close()


def test_a_server_that_stays_away_is_told_without_its_password(server: PostgresServer) -> None:
    one = made(server.new_database(), Clock(), patience_s=0.3)
    server.stop()
    with pytest.raises(StoreUnavailable, match="cannot be used now") as caught:
        add(one, "never")
    assert server.password not in caught.value.message
    server.start()
    assert names(one) == []
    one.store.database.close()


def test_a_server_that_dies_inside_a_transaction_leaves_nothing(server: PostgresServer) -> None:
    one = made(server.new_database(), Clock())

    def dies() -> None:
        with one.store.transaction("system:test", "cut") as tx:
            tx.execute(insert(counter).values(name="half", value=1))
            tx.record("counter.add", "counter:half")
            server.stop(signal.SIGQUIT)

    with pytest.raises(StoreUnavailable):
        dies()
    server.start()
    assert names(one) == []
    add(one, "after")
    assert names(one) == ["after"]
    one.store.database.close()


@pytest.mark.parametrize("arrived", [True, False])
def test_a_commit_that_is_cut_off_is_looked_up(
    fresh: Made, monkeypatch: pytest.MonkeyPatch, arrived: bool
) -> None:
    really = sqlalchemy.Connection.commit
    cut = [True]

    def commit(connection: sqlalchemy.Connection) -> None:
        if not cut:
            return really(connection)
        cut.clear()
        if arrived:
            really(connection)
        raise OperationalError("COMMIT", {}, Exception("lost"), connection_invalidated=True)

    monkeypatch.setattr(sqlalchemy.Connection, "commit", commit)
    if arrived:
        add(fresh, "one")
        assert names(fresh) == ["one"]
    else:
        with pytest.raises(StoreUnavailable):
            add(fresh, "one")
        assert names(fresh) == []


def test_wrong_passwords_and_names_are_told(postgres: PostgresServer) -> None:
    outside = Outside(Clock(), bytes, lambda _: None)
    wrong = postgres.url().replace(postgres.password, "falsch")
    for url, why in ((wrong, "password"), (postgres.url("no_such_database"), "does not exist")):
        with (
            pytest.raises(BadInput, match=why) as caught,
            Database(url, outside=outside, patience_s=0).read(),
        ):
            pass
        assert "falsch" not in caught.value.message


def test_a_database_without_tables_is_told(url: str) -> None:
    outside = Outside(Clock(), bytes, lambda _: None)
    database = Database(url, outside=outside, patience_s=0)
    with (
        pytest.raises(BadInput, match="cannot be used") as caught,
        database.read() as connection,
    ):
        connection.execute(select(counter))
    assert "sekisho store migrate" in caught.value.hint
    database.close()


def test_other_files_are_not_databases(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear all, " * 500)
    outside = Outside(Clock(), bytes, lambda _: None)
    with pytest.raises(BadInput, match="not a database"):
        migrate(Database(f"sqlite:///{path}", outside=outside, patience_s=0))
    with pytest.raises(BadInput, match="cannot be"):
        migrate(Database(f"sqlite:///{path}/below/x.db", outside=outside, patience_s=0))


# ---------------------------------------------------------------- locked, full


def test_a_lock_is_waited_for_and_told(url: str) -> None:
    one = made(url, Clock())
    short = Database(url, outside=one.store.outside, patience_s=0.1, lock_wait_s=1)
    late = Store(short, one.store.outside)
    with one.store.transaction("system:test", "holds the chain") as tx:
        tx.record("test.hold", "test:1")
        with (
            pytest.raises(StoreUnavailable),
            late.transaction("system:test", "waits") as second,
        ):
            second.record("test.wait", "test:2")
    with late.transaction("system:test", "waits") as second:
        second.record("test.wait", "test:2")
    with one.store.read() as connection:
        assert verify(connection).entries == 2
    short.close()
    one.store.database.close()


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    """SQLite's own limit of pages gives the very error of a full disk."""
    one = made(f"sqlite:///{tmp_path}/sekisho.db", Clock())

    @sqlalchemy.event.listens_for(one.store.database.engine, "checkout")
    def _limit(connection: Any, *_: object) -> None:
        connection.execute("PRAGMA max_page_count = 160")

    def fill(name: str) -> None:
        with one.store.transaction("system:test", "x" * 4000) as tx:
            tx.execute(insert(counter).values(name=name, value=1))
            tx.record("counter.add", f"counter:{name}")

    written: list[str] = []
    with pytest.raises(StoreFull, match="no room left"):  # noqa: PT012 - until it is full
        for number in range(1_000):
            fill(str(number))
            written.append(str(number))
    assert len(written) > 5
    assert names(one) == sorted(written)
    one.store.database.close()


def test_a_full_disk_of_the_server_is_told(fresh: Made) -> None:
    if fresh.store.database.kind == "sqlite":
        pytest.skip("see the test above")

    def full() -> None:
        with fresh.store.transaction("system:test", "full") as tx:
            tx.execute(insert(counter).values(name="half", value=1))
            tx.record("counter.add", "counter:half")
            tx.execute(text("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$"))

    with pytest.raises(StoreFull):
        full()
    assert names(fresh) == []


def test_a_backup_on_a_full_disk_leaves_nothing(fresh: Made, tmp_path: Path) -> None:
    for number in range(20):
        add(fresh, f"{number}")
    folder = tmp_path / "backups"
    folder.mkdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    try:
        with pytest.raises(OutputFailed, match="not be written whole"):
            backup(fresh.store.database, folder / "one", now=START, progress=Silent())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert list(folder.iterdir()) == []


# ---------------------------------------------------------------- killed


@dataclass
class Crew:
    """Worker processes that are killed and replaced."""

    url: str
    log: Path
    running: list[subprocess.Popen[bytes]]
    hired: int = 0

    def hire(self) -> None:
        self.hired += 1
        script = Path(__file__).parent / "working.py"
        command = [sys.executable, str(script), self.url, str(self.log), f"w{self.hired}"]
        self.running.append(subprocess.Popen(command))

    def kill_one(self, chance: np.random.Generator) -> None:
        victim = self.running.pop(int(chance.integers(0, len(self.running))))
        victim.kill()
        victim.wait()

    def wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for one in self.running:
            assert one.wait(timeout=max(0.1, deadline - time.monotonic())) == 0


def real(url: str) -> Made:
    """A store with the real clock, for processes that have it too."""
    outside = Outside(utc_now, os.urandom, time.sleep)
    database = Database(url, outside=outside, patience_s=20)
    migrate(database)
    return Made(url, Store(database, outside), Clock())


def crew_of(one: Made, tmp_path: Path) -> Crew:
    one.add(*(NewJob("test", f"k{number}", order_key=f"o{number % 9}") for number in range(JOBS)))
    crew = Crew(one.url, tmp_path / "log", [])
    crew.log.touch()
    for _ in range(2):
        crew.hire()
    return crew


def until(crew: Crew, lines: int) -> None:
    deadline = time.monotonic() + 60
    while len(crew.log.read_text().splitlines()) < lines and time.monotonic() < deadline:
        time.sleep(0.02)


def judge(one: Made, log: Path) -> None:
    """Every job once in the database, never two at a time, in the order of its key."""
    with one.store.read() as connection:
        assert verify(connection).intact
        assert job_counts(connection) == {"done": JOBS}
        done = select(func.count()).select_from(counter).where(counter.c.name.like("done %"))
        assert connection.execute(done).scalar_one() == JOBS
        entries = select(func.count()).select_from(audit_entry)
        assert (
            connection.execute(entries.where(audit_entry.c.action == "test.done")).scalar() == JOBS
        )
    runs: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    open_runs: dict[tuple[str, str], float] = {}
    for line in log.read_text().splitlines():
        what, key, attempt, _, at = line.split()
        if what == "begin":
            assert (key, attempt) not in open_runs, "one attempt began twice"
            open_runs[key, attempt] = float(at)
        else:
            runs[key].append((int(attempt), open_runs[key, attempt], float(at)))
    for key, each in runs.items():
        ordered = sorted(each)
        for (_, _, ended), (_, began, _) in itertools.pairwise(ordered):
            assert began >= ended, key
    first_end = {key: min(each)[2] for key, each in runs.items()}
    for number in range(9, JOBS):
        assert first_end[f"k{number - 9}"] <= min(runs[f"k{number}"])[1]


def test_killed_workers_lose_and_double_nothing(url: str, tmp_path: Path) -> None:
    one = real(url)
    crew = crew_of(one, tmp_path)
    chance = np.random.default_rng(9)
    for kill in range(2):
        until(crew, 10 * (kill + 1))
        crew.kill_one(chance)
        crew.hire()
    crew.wait(60 + LEASE_S)
    judge(one, crew.log)
    one.store.database.close()


def test_workers_outlive_their_database(server: PostgresServer, tmp_path: Path) -> None:
    one = real(server.new_database())
    crew = crew_of(one, tmp_path)
    until(crew, 15)
    server.stop(signal.SIGQUIT)
    time.sleep(1.0)
    server.start()
    crew.wait(60)
    judge(one, crew.log)
    one.store.database.close()
