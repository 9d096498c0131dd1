"""kill -9 at every step: nothing is lost, nothing is done twice, nothing is half done."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from asking.asking_world import HANAKO, World, new_world
from asking.paper_desk import PaperDesk
from sekisho.domain.authorization import CardStatus
from sekisho.store.cases import read_cursor
from sekisho.store.tables import outbox_job
from sekisho.store.tables_cases import case_answer, case_draft, case_outreach, holder_case
from sekisho.store.tables_messages import message
from sekisho.store.verify import verify

MOST = 400


class Killer:
    """The process that forks those that are killed."""

    def __init__(self) -> None:
        path = Path(__file__).with_name("answering.py")
        self._process = subprocess.Popen(
            [sys.executable, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def do(self, url: str, folder: Path, what: str, point: int = 0, run: int = 0) -> bool:
        """Whether it was killed; otherwise it ended well."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([url, str(folder), what, point, run]) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert answer["killed"] or answer["status"] == 0, answer
        return bool(answer["killed"])

    def end(self) -> None:
        self._process.communicate(timeout=60)


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    one = Killer()
    yield one
    one.end()


def rows(world: World, table: Any) -> int:
    with world.store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def whole_or_nothing(world: World, followed: bool, answered: bool) -> None:
    """What belongs together is there together; the log is whole."""
    with world.store.read() as connection:
        assert verify(connection).intact
        cursor = read_cursor(connection, "asking")
        jobs = connection.execute(
            select(func.count()).select_from(outbox_job).where(outbox_job.c.kind.like("desk.%"))
        ).scalar_one()
    assert (cursor > 0) == followed
    assert rows(world, holder_case) == rows(world, case_outreach) == int(followed)
    assert rows(world, message) == int(followed)
    assert rows(world, case_answer) == int(answered)
    assert rows(world, case_draft) == 2 * int(answered)
    assert jobs == 2 * int(answered)  # block, label


def desk_of(folder: Path) -> PaperDesk:
    desk = PaperDesk(folder / "desk.jsonl")
    desk.close()
    return desk


def test_killed_again_and_again_it_ends_as_if_never_killed(world: World, killer: Killer) -> None:
    """On both databases, each step killed at every point one after the other, without a reset."""
    world.buy(HANAKO, 70_000)
    url = world.store.database._url.render_as_string(hide_password=False)
    for what, state in (("follow", (False, False)), ("answer", (True, False))):
        for point in range(1, MOST):
            if not killer.do(url, world.folder, what, point):
                break
            if rows(world, case_answer) or (what == "follow" and rows(world, holder_case)):
                # the commit had gone through: once more changes nothing
                killer.do(url, world.folder, what)
                break
            whole_or_nothing(world, *state)
        else:
            raise AssertionError("never ended")
    whole_or_nothing(world, True, True)
    for point in range(1, MOST):
        if not killer.do(url, world.folder, "tell", point, point):
            break
    else:
        raise AssertionError("never ended")
    desk = desk_of(world.folder)
    assert desk.status == {HANAKO: CardStatus.BLOCKED}
    assert [one.fraud for one in desk.labels.values()] == [True]
    with world.store.read() as connection:
        found = select(outbox_job.c.state).where(outbox_job.c.kind.like("desk.%"))
        assert [row.state for row in connection.execute(found)] == ["done", "done"]


@pytest.mark.parametrize("what", ["follow", "answer", "tell"])
def test_killed_once_at_each_point_the_next_one_finishes(
    what: str, tmp_path: Path, killer: Killer
) -> None:
    """From the same beginning each time; SQLite, whose files can be put back."""
    kept, folder = tmp_path / "kept", tmp_path / "folder"
    kept.mkdir()
    world = new_world(f"sqlite:///{kept}/sekisho.db", kept)
    world.buy(HANAKO, 70_000)
    if what != "follow":
        world.follow()
    if what == "tell":
        killer.do(f"sqlite:///{kept}/sekisho.db", kept, "answer")
    world.desk.close()
    world.store.database.close()
    ended = False
    for point in range(1, MOST):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(kept, folder)
        url = f"sqlite:///{folder}/sekisho.db"
        if not killer.do(url, folder, what, point):
            ended = True
            break
        killer.do(url, folder, "all", 0, 1)
        desk = desk_of(folder)
        assert desk.status == {HANAKO: CardStatus.BLOCKED}, point
        assert len(desk.labels) == 1
        lines = (folder / "desk.jsonl").read_text(encoding="utf-8").splitlines()
        assert len(lines) == 3, "a purchase, a block, a label: each written once"
    assert ended
