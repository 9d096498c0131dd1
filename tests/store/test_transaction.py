"""A change and its audit entry: both or none, on both databases."""

from __future__ import annotations

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from invented_cards import complete
from sekisho.domain.errors import BadInput, Conflict, StoreUnavailable, Unaudited
from sekisho.store.database import Database, Outside
from sekisho.store.outbox import NewJob, enqueue
from sekisho.store.tables import (
    audit_entry,
    audit_value,
    chain_head,
    counter,
    instant,
    microseconds,
)
from sekisho.store.transaction import Store, Transaction
from sekisho.store.verify import verify
from store.making import START, Clock, Made, made


def rows(store: Store, table: object) -> int:
    with store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def change(tx: Transaction, name: str, value: int) -> None:
    tx.execute(insert(counter).values(name=name, value=value))
    tx.record("counter.add", f"counter:{name}", {"value": value}, personal={"note": "架空 花子"})


def test_a_change_has_its_entry(fresh: Made) -> None:
    with fresh.store.transaction("person:s-02", "ご本人からの電話") as tx:
        change(tx, "calls", 3)
    with fresh.store.read() as connection:
        entry = connection.execute(select(audit_entry)).one()
        values = {row.name: row.value for row in connection.execute(select(audit_value))}
        assert verify(connection).intact
    assert (entry.sequence, entry.actor, entry.action) == (1, "person:s-02", "counter.add")
    assert instant(entry.at_us) == START
    assert values == {"reason": "ご本人からの電話", "note": "架空 花子"}
    assert not any("花子" in str(cell) or "電話" in str(cell) for cell in entry)


def test_what_raises_leaves_nothing(fresh: Made) -> None:
    def fails() -> None:
        with fresh.store.transaction("system:test", "a try") as tx:
            change(tx, "calls", 3)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert rows(fresh.store, counter) == rows(fresh.store, audit_entry) == 0


def test_a_change_without_an_entry_is_refused(fresh: Made) -> None:
    with pytest.raises(Unaudited), fresh.store.transaction("system:test", "silent") as tx:
        tx.execute(insert(counter).values(name="calls", value=3))
    assert rows(fresh.store, counter) == 0


def test_reading_needs_no_entry_and_cannot_write(fresh: Made) -> None:
    with fresh.store.transaction("system:test", "a look") as tx:
        assert tx.execute(select(counter)).all() == []
    with pytest.raises(Exception, match=r"read.?only"), fresh.store.read() as connection:
        connection.execute(insert(counter).values(name="calls", value=3))
    with fresh.store.transaction("system:test", "writing still works") as tx:
        change(tx, "calls", 3)


@pytest.mark.parametrize("actor", ["", "aiko", "person:", "person:two words", "robot:x"])
def test_an_actor_has_a_kind_and_an_id(fresh: Made, actor: str) -> None:
    with pytest.raises(ValueError, match="actor"), fresh.store.transaction(actor, "why"):
        pass


def test_a_reason_is_needed(fresh: Made) -> None:
    with pytest.raises(BadInput, match="reason"), fresh.store.transaction("system:test", "  "):
        pass


def test_card_numbers_do_not_reach_the_log(fresh: Made) -> None:
    pan = complete("4" + "0" * 14)
    with fresh.store.transaction("person:s-02", f"he read out {pan}") as tx:
        tx.record("holder.call", "holder:7", personal={"note": f"card {pan} he said"})
    with fresh.store.read() as connection:
        everything = str(connection.execute(select(audit_value)).all())
    assert pan not in everything
    assert "he read out ******" in everything


def test_contradictions_are_told_without_values(fresh: Made) -> None:
    with fresh.store.transaction("system:test", "one") as tx:
        change(tx, "secret-name", 1)
    with pytest.raises(Conflict) as caught, fresh.store.transaction("system:test", "two") as tx:
        change(tx, "secret-name", 2)
    assert "secret-name" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert rows(fresh.store, audit_entry) == 1


def test_many_writers_make_one_chain(fresh: Made) -> None:
    barrier = threading.Barrier(6)

    def write(worker: int) -> None:
        barrier.wait()
        for number in range(10):
            with fresh.store.transaction(f"system:w{worker}", "together") as tx:
                change(tx, f"{worker}-{number}", number)
                enqueue(tx, [NewJob("test", f"{worker}-{number}")])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    with fresh.store.read() as connection:
        verdict = verify(connection)
        assert (verdict.entries, verdict.breaks) == (60, [])
        assert connection.execute(select(chain_head.c.sequence)).scalar_one() == 60
        numbers = connection.execute(select(counter.c.value).where(counter.c.name == "outbox_job"))
        assert numbers.scalar_one() == 60


def test_instants_survive_exactly() -> None:
    assert instant(microseconds(START)) == START
    with pytest.raises(ValueError, match="zone"):
        microseconds(START.replace(tzinfo=None))


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    one = made(f"sqlite:///{tmp_path}/data/deep/sekisho.db", Clock())
    with one.store.transaction("system:test", "files") as tx:
        change(tx, "calls", 3)
        files = sorted((tmp_path / "data/deep").iterdir())
        assert [path.name for path in files] == ["sekisho.db", "sekisho.db-shm", "sekisho.db-wal"]
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "data/deep").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "url",
    ["", "sekisho.db", "sqlite://", "sqlite:///:memory:", "mysql://u:geheim@h/d", "://geheim"],
)
def test_urls_of_other_kinds_are_refused(url: str) -> None:
    with pytest.raises(BadInput) as caught:
        Database(url, outside=outside())
    assert "geheim" not in caught.value.message + caught.value.hint


def test_a_password_is_never_shown() -> None:
    one = Database(
        "postgresql://u:geheim@127.0.0.1:1/d?password=geheim2",
        outside=outside(),
        patience_s=0.1,
    )
    assert "geheim" not in one.shown
    with pytest.raises(StoreUnavailable) as caught, one.write():
        pass
    assert "geheim" not in caught.value.message


def outside() -> Outside:
    return Outside(Clock(), bytes, lambda _: None)
