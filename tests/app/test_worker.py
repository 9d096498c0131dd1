"""``sekisho worker`` as real processes: one for all jobs, ended by a signal, beside others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import func, select

from mail_server import Kept, Running
from message_world import (
    approve_and_release,
    by_mail,
    new_store,
    plan_list,
    real_outside,
    settings_in,
)
from postgres_server import PostgresServer, running_server
from sekisho.app.message_worker import send_until_done
from sekisho.domain.errors import Conflict
from sekisho.domain.message import Channel, MessageState
from sekisho.domain.progress import Silent
from sekisho.store.messages import Change, Slice, begin, change, counts, in_state, ready
from sekisho.store.outbox import RetryPolicy
from sekisho.store.tables import audit_entry, outbox_job
from sekisho.store.transaction import Store
from sekisho.store.verify import verify

PROGRAM = "from sekisho.app.cli import main; main()"
FAR_US = 2**60
LONG_S = 900  # only a test that hangs takes so long, however busy the machine is


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/data/sekisho.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    one = new_store(url)
    yield one
    one.database.close()


class Workers:
    """Worker processes that are ended in any case."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._folder = folder
        self.started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self.started:
            one.kill()
            one.wait()

    def start(self, *words: str, settings: str | None = "messages.toml") -> subprocess.Popen[bytes]:
        root = Path(__file__).resolve().parents[2]
        environment = {**os.environ, "PYTHONPATH": str(root / "src")}
        environment |= {"SEKISHO_DATABASE": self._url}
        command = [sys.executable, "-c", PROGRAM, "worker", *words]
        if settings is not None:
            command += ["--settings", str(self._folder / settings)]
        with self.said(len(self.started)).open("wb") as out:
            one = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
        self.started.append(one)
        return one

    def said(self, number: int = -1) -> Path:
        number = number if number >= 0 else len(self.started) + number
        return self._folder / f"worker-{number}.txt"


def wait_for(what: Callable[[], bool], worker: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + LONG_S
    while not what() and worker.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert what()


def states(store: Store, mailing_id: str) -> dict[str, int]:
    with store.read() as connection:
        return {state.value: n for (_, state), n in counts(connection, mailing_id).items()}


def jobs(store: Store) -> Counter[str]:
    kind_of = select(outbox_job.c.state).where(outbox_job.c.kind == "message.email")
    with store.read() as connection:
        return Counter(connection.execute(kind_of).scalars())


def entries(store: Store, action: str) -> int:
    found = select(func.count()).where(audit_entry.c.action == action)
    with store.read() as connection:
        assert verify(connection).intact
        return int(connection.execute(found).scalar_one())


def test_a_worker_that_is_told_to_end_leaves_everything_in_order(
    store: Store, url: str, tmp_path: Path
) -> None:
    names = [f"u{n}@example.com" for n in range(450)]
    with Running(Kept()) as server, Workers(url, tmp_path) as workers:
        settings = settings_in(tmp_path, port=server.port)
        planned = plan_list(store, settings, tmp_path, by_mail(*names))
        approve_and_release(store, planned, per_job=200)
        first = workers.start("--threads", "1")
        wait_for(lambda: len(server.kept.accepted) > 60, first)
        first.send_signal(signal.SIGTERM)
        assert first.wait(timeout=LONG_S) == 0
        accepted = len(server.kept.accepted)
        assert 60 < accepted < 450, "it ended before it was done"
        assert "put off" in workers.said().read_text(encoding="utf-8")
        assert states(store, planned.mailing_id) == {"sent": accepted, "approved": 450 - accepted}
        assert jobs(store) == {"waiting": 3}, "what it had taken is free for others"
        second = workers.start("--until-empty")
        assert second.wait(timeout=LONG_S) == 0
    assert server.kept.recipients == dict.fromkeys(names, 1)
    assert states(store, planned.mailing_id) == {"sent": 450}
    assert jobs(store) == {"done": 3}
    assert entries(store, "message.in_doubt") == 0
    assert entries(store, "store.tidy") == 1, "the same worker does the housekeeping"


def test_two_workers_share_a_mailing(store: Store, url: str, tmp_path: Path) -> None:
    names = [f"u{n}@example.com" for n in range(400)]
    with Running(Kept()) as server, Workers(url, tmp_path) as workers:
        settings = settings_in(tmp_path, port=server.port)
        planned = plan_list(store, settings, tmp_path, by_mail(*names))
        approve_and_release(store, planned, per_job=200)
        for _ in range(2):
            workers.start("--until-empty", "--threads", "2")
        assert [one.wait(timeout=LONG_S) for one in workers.started] == [0, 0]
    assert server.kept.recipients == dict.fromkeys(names, 1)
    assert states(store, planned.mailing_id) == {"sent": 400}


def test_without_settings_a_worker_says_what_it_leaves(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/data/sekisho.db"
    store = new_store(url)
    settings = settings_in(tmp_path, port=1)
    approve_and_release(store, plan_list(store, settings, tmp_path, by_mail("a@example.com")))
    with Workers(url, tmp_path) as workers:
        assert workers.start("--until-empty", settings=None).wait(timeout=LONG_S) == 0
    assert "1 jobs of message.email wait" in workers.said().read_text(encoding="utf-8")
    assert jobs(store) == {"waiting": 1}
    assert entries(store, "store.tidy") == 1
    store.database.close()


def test_two_workers_on_one_message(store: Store, tmp_path: Path) -> None:
    """Both have read it as ready: one begins it, the other changes nothing."""
    settings = settings_in(tmp_path, port=1)
    planned = plan_list(store, settings, tmp_path, by_mail("a@example.com", "b@example.com"))
    approve_and_release(store, planned)
    part = Slice(planned.mailing_id, Channel.EMAIL, 1, 2)
    together, came = threading.Barrier(2), list[str]()

    def work() -> None:
        with store.read() as connection:
            found = ready(connection, part, FAR_US, 10)
        together.wait(timeout=LONG_S)
        try:
            with store.transaction("system:messages", "sending") as tx:
                begin(tx, found)
            came.append("began")
        except Conflict:
            came.append("conflict")

    threads = [threading.Thread(target=work) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(came) == ["began", "conflict"]
    with store.read() as connection:
        assert [one.attempts for one in in_state(connection, part, MessageState.SENDING)] == [1, 1]
    assert entries(store, "message.begin") == 1


def test_what_is_known_of_an_attempt_says_nothing_of_a_later_one(
    store: Store, tmp_path: Path
) -> None:
    """A worker that slept through its lease must not take a message out of another's hands."""
    settings = settings_in(tmp_path, port=1)
    planned = plan_list(store, settings, tmp_path, by_mail("a@example.com"))
    approve_and_release(store, planned)
    part = Slice(planned.mailing_id, Channel.EMAIL, 1, 1)

    def changed(one: Change) -> int:
        with store.transaction("system:messages", "a test") as tx:
            return change(tx, planned.mailing_id, [one])

    def begun() -> None:
        with store.read() as connection:
            found = ready(connection, part, FAR_US, 1)
        with store.transaction("system:messages", "sending") as tx:
            begin(tx, found)

    deferred = Change(1, MessageState.RENDERED, "451", attempt=1)
    begun()
    assert changed(deferred) == 1
    begun()
    assert changed(deferred) == 0
    assert changed(replace(deferred, state=MessageState.SENT)) == 0
    assert states(store, planned.mailing_id) == {"sending": 1}
    assert changed(Change(1, MessageState.SENT, "250", attempt=2)) == 1


def test_a_database_that_is_away_for_a_while(tmp_path: Path) -> None:
    """The mail server keeps no log here: whatever was known must not be lost with the database."""
    names = [f"u{n}@example.com" for n in range(400)]
    with running_server() as database:
        url = database.new_database()
        store = new_store(url)
        with Running(Kept()) as server, Workers(url, tmp_path) as workers:
            settings = settings_in(tmp_path, port=server.port)
            planned = plan_list(store, settings, tmp_path, by_mail(*names))
            approve_and_release(store, planned, per_job=200)
            worker = workers.start("--until-empty", "--threads", "2")
            wait_for(lambda: len(server.kept.accepted) > 100, worker)
            database.stop(signal.SIGQUIT)
            wait_for(lambda: "Waiting (store_unavailable)" in workers.said().read_text(), worker)
            assert states_away(store)
            database.start()
            assert worker.wait(timeout=LONG_S) == 0
        assert "can be used again" in workers.said().read_text(encoding="utf-8")
        assert server.kept.recipients == dict.fromkeys(names, 1)
        assert states(store, planned.mailing_id) == {"sent": 400}
        assert entries(store, "message.in_doubt") == 0
        store.database.close()


def states_away(store: Store) -> bool:
    """Whether the database is really away."""
    try:
        with store.database.engine.connect():
            return False
    except sqlalchemy.exc.OperationalError:
        return True


def test_a_full_disk_in_the_middle_of_a_mailing(tmp_path: Path) -> None:
    """SQLite's own limit of pages gives the very error of a full disk; then room is made."""
    store = new_store(f"sqlite:///{tmp_path}/data/sekisho.db")
    names = [f"u{n}@example.com" for n in range(300)]
    limit, slept = [0], list[float]()

    @sqlalchemy.event.listens_for(store.database.engine, "checkout")
    def _limited(connection: Any, *_: object) -> None:
        if limit[0]:
            connection.execute(f"PRAGMA max_page_count = {limit[0]}")

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) > 3:
            limit[0] = 1_000_000

    with Running(Kept()) as server:
        settings = settings_in(tmp_path, port=server.port)
        planned = plan_list(store, settings, tmp_path, by_mail(*names))
        approve_and_release(store, planned)
        with store.read() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        limit[0] = pages + 4
        store.outside = store.database.outside = replace(real_outside(), sleep=sleep)
        policy = RetryPolicy(attempts=30, first_s=0.1, longest_s=0.2)
        send_until_done(store, settings, planned.mailing_id, Silent(), policy)
    assert len(slept) > 3, "the disk was full"
    assert server.kept.recipients == dict.fromkeys(names, 1)
    assert states(store, planned.mailing_id) == {"sent": 300}
    assert entries(store, "message.in_doubt") == 0
    store.database.close()
