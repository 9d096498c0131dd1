"""The commands of the store from the outside: what a newcomer types, and what is refused."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from postgres_server import PostgresServer
from sekisho.app.opening import database_of, default_url
from sekisho.app.program import program
from sekisho.domain.errors import SekishoError

REASON = ("--reason", "a test")
ADMIN = ("--person", "s-01")


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SEKISHO_DATABASE", raising=False)
    monkeypatch.delenv("SEKISHO_PERSON", raising=False)


def call(*words: object, code: int = 0) -> str:
    done = CliRunner().invoke(program(), [str(word) for word in words])
    if isinstance(done.exception, SekishoError):
        assert done.exception.exit_code == code, done.exception.message
        return f"{done.exception.message}\n{done.exception.hint}"
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.output


def begin() -> None:
    call("store", "migrate")
    call("person", "add", "s-01", "--name", "架空 藍", "--role", "administrator", *ADMIN)
    call("person", "add", "s-02", "--name", "架空 文", "--role", "auditor", *ADMIN)


def test_a_newcomer_is_led_along(tmp_path: Path) -> None:
    assert "store migrate" in call("person", "list", code=2)
    assert "Next: sekisho person add" in call("store", "migrate")
    assert "is up to date" in call("store", "migrate")
    assert "Add yourself first" in call("person", "list")
    assert "administrator" in call(
        "person", "add", "s-02", "--name", "x", "--role", "desk", *ADMIN, code=2
    )
    begin()
    listed = call("person", "list")
    assert "架空 藍" in listed
    assert "auditor: Reads the log" in listed
    path = tmp_path / "home" / "sekisho" / "sekisho.db"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_log_is_verified_exported_and_verified_again(tmp_path: Path) -> None:
    begin()
    said = call("audit", "verify")
    assert "intact: 2 entries, 4 personal values" in said
    head = next(line for line in said.splitlines() if line.startswith("head: "))[6:]
    out = tmp_path / "log.jsonl"
    call("audit", "export", "--out", out, "--person", "s-02", *REASON)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "架空" not in out.read_text()
    assert "4 not in this file" not in call("audit", "verify", "--file", out)
    assert "intact" in call("audit", "verify", "--file", out, "--head", head)
    assert "not overwritten" in call(
        "audit", "export", "--out", out, "--person", "s-02", *REASON, code=2
    )
    with_personal = tmp_path / "personal.jsonl"
    more = ("--with-personal", *REASON)
    assert "audit.read_personal" in call(
        "audit", "export", "--out", with_personal, *ADMIN, *more, code=6
    )
    call("audit", "export", "--out", with_personal, "--person", "s-02", *more)
    assert "架空 文" in with_personal.read_text(encoding="utf-8")


def test_a_broken_log_ends_with_one_and_says_where() -> None:
    begin()
    with database_of(default_url()).write() as connection:
        connection.execute(text("UPDATE audit_entry SET actor = 'person:s-09' WHERE sequence = 2"))
    said = call("audit", "verify", code=1)
    assert "entry 2: the entry does not fit its hash" in said
    assert "broken" in said
    assert "broken in 1 place, first at entry 2" in call("doctor", code=1)


def test_erasing_leaves_the_chain_whole() -> None:
    begin()
    said = call("audit", "erase", "person:s-02", *ADMIN, *REASON)
    assert "Erased 2 personal values" in said
    assert "of which 2 erased" in call("audit", "verify")
    assert "no personal value" in call("audit", "erase", "person:s-02", *ADMIN, *REASON, code=2)
    assert "may not do this" in call(
        "audit", "erase", "person:s-01", "--person", "s-02", *REASON, code=6
    )


def test_backup_and_restore(tmp_path: Path, postgres: PostgresServer) -> None:
    begin()
    path = tmp_path / "one.backup"
    assert "mode 0600" in call("backup", path)
    assert "in use" in call("restore", path, code=2)
    url = postgres.new_database()
    assert "store migrate" in call("audit", "verify", "--database", url, code=2)
    assert "None" in call("doctor", "--database", url, code=1)
    said = call("restore", path, "--database", url)
    assert postgres.password not in said
    assert "continues" in said
    assert "intact: 3 entries" in call("audit", "verify", "--database", url)
    assert postgres.password not in call("doctor", "--database", url)
    missing = f"sqlite:///{tmp_path}/new/sekisho.db"
    assert "is not there" in call("restore", tmp_path / "none", "--database", missing, code=2)
    assert not (tmp_path / "new").exists()


def test_a_worker_does_the_days_housekeeping_once() -> None:
    begin()
    assert "1 done" in call("worker", "--until-empty")
    assert "0 done" in call("worker", "--until-empty")
    assert "jobs: 1 done" in call("outbox", "list")
    assert "which jobs?" in call("outbox", "retry", *ADMIN, *REASON, code=2)
    assert "no such job is dead" in call("outbox", "retry", "--all", *ADMIN, *REASON, code=2)
    assert "no such job is held" in call("outbox", "release", "7", *ADMIN, *REASON, code=2)


def test_the_doctor_says_what_to_do(tmp_path: Path) -> None:
    assert "Make it: sekisho store migrate" in call("doctor")
    assert not (tmp_path / "home").exists()
    begin()
    assert "All is well" in call("doctor")
    key = tmp_path / "card.key"
    call("key", "new", "--out", key)
    assert "readable by its owner alone" in call("doctor", "--card-key", key)
    key.chmod(0o644)
    assert "chmod 600" in call("doctor", "--card-key", key, code=1)
    (tmp_path / "home" / "sekisho" / "sekisho.db").chmod(0o644)
    found = json.loads(call("doctor", "--json", code=1))
    wrong = [one["check"] for one in found["checks"] if one["health"] == "wrong"]
    assert (found["wrong"], wrong) == (1, ["database file"])
    assert all(one["todo"] for one in found["checks"] if one["health"] != "well")


def test_the_doctor_reports_what_cannot_be_reached() -> None:
    url = "postgresql://u:geheim@127.0.0.1:1/d"
    said = call("doctor", "--database", url, code=1)
    assert "Connection refused" in said
    assert "geheim" not in said


@pytest.mark.parametrize("bad", ["two words", "", "山田"])
def test_a_person_is_an_id(bad: str) -> None:
    begin()
    assert "--person" in call("audit", "erase", "holder:1", "--person", bad, *REASON, code=2)


def test_proposals_can_be_looked_for() -> None:
    begin()
    assert "Nothing waits" in call("proposal", "list")
    for verb in ("approve", "reject", "withdraw"):
        more = ("--hash", "0") if verb == "approve" else ()
        code = 2 if verb == "withdraw" else 6  # an administrator decides nothing
        call("proposal", verb, "unknown", *more, *ADMIN, *REASON, code=code)
    assert "no proposal" in call("proposal", "show", "unknown", code=2)
