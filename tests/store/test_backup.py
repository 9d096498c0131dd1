"""What one database held, the other one holds after a restore, exactly or not at all."""

from __future__ import annotations

import gzip
import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from sekisho.domain.errors import BadInput, OutputFailed
from sekisho.domain.progress import Silent
from sekisho.store.backup import backup, check, restore
from sekisho.store.outbox import NewJob
from sekisho.store.people import people
from sekisho.store.tables import audit_entry, metadata, outbox_job
from sekisho.store.unfinished import job_counts, try_again
from sekisho.store.verify import verify
from store.making import START, Clock, Made, made

QUIET = Silent()


def filled(one: Made) -> None:
    one.cast()
    fill_calls(one)
    one.add(*(NewJob("test", f"{number}", {"number": number}) for number in range(5)))
    (lease, *_) = one.outbox().claim("w", kinds=["test"], limit=1)
    with one.store.database.write() as connection:
        one.outbox().complete(connection, lease)


def fill_calls(one: Made) -> None:
    with one.store.transaction("person:s-02", "外字を含む 髙﨑 様\u3000🗾") as tx:
        tx.record("holder.call", "holder:1", personal={"name": '架空 "花子"\n\t\\'})


def everything(one: Made) -> dict[str, list[Any]]:
    with one.store.read() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table))))
            for table in metadata.sorted_tables
        }


def save(one: Made, path: Path) -> Path:
    backup(one.store.database, path, now=START, progress=QUIET)
    return path


def test_a_backup_of_one_restores_into_the_other(
    fresh: Made, other_url: str, tmp_path: Path
) -> None:
    filled(fresh)
    path = save(fresh, tmp_path / "one.backup")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert check(path).rows["outbox_job"] == 5
    other = made(other_url, Clock())
    restore(other.store, path, actor="system:restore", progress=QUIET)
    with other.store.read() as connection:
        assert verify(connection).intact
        assert len(people(connection)) == 4
        last = connection.execute(select(audit_entry).order_by(audit_entry.c.sequence.desc()))
        assert last.first().action == "store.restore"
    before, after = everything(fresh), everything(other)
    for name in before.keys() - {"chain_head", "outbox_job"}:
        assert set(before[name]) <= set(after[name]), name
    assert after["person"] == before["person"]
    other.store.database.close()


def test_what_was_not_finished_is_held_until_a_person_says_so(
    fresh: Made, other_url: str, tmp_path: Path
) -> None:
    filled(fresh)
    other = made(other_url, Clock())
    restore(other.store, save(fresh, tmp_path / "b"), actor="system:restore", progress=QUIET)
    with other.store.read() as connection:
        assert job_counts(connection) == {"done": 1, "held": 4}
    assert other.outbox().claim("w", kinds=["test"], limit=9) == []
    with other.store.transaction("person:s-03", "compared with the mail log") as tx:
        assert try_again(tx, "held", [2, 3]) == 2
    taken = other.outbox().claim("w", kinds=["test"], limit=9)
    assert sorted(lease.job.job_id for lease in taken) == [2, 3]
    assert other.add(NewJob("test", "new")) == 1
    with other.store.read() as connection:
        assert max(connection.execute(select(outbox_job.c.job_id)).scalars()) == 6
    other.store.database.close()


def test_there_and_back_is_the_same_file(fresh: Made, other_url: str, tmp_path: Path) -> None:
    filled(fresh)
    path = save(fresh, tmp_path / "one")
    other = made(other_url, Clock())
    restore(other.store, path, actor="system:restore", progress=QUIET)
    first, second = rows_of(path), rows_of(save(other, tmp_path / "two"))
    unchanged = [row for row in first if row[0] not in ("chain_head", "outbox_job")]
    assert [row for row in second if row in unchanged] == unchanged
    other.store.database.close()


def rows_of(path: Path) -> list[Any]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    return [line for line in lines if isinstance(line, list)]


def test_nothing_is_overwritten(fresh: Made, other_url: str, tmp_path: Path) -> None:
    filled(fresh)
    path = save(fresh, tmp_path / "one")
    with pytest.raises(BadInput, match="not overwritten"):
        save(fresh, path)
    with pytest.raises(BadInput, match="in use"):
        restore(fresh.store, path, actor="system:restore", progress=QUIET)
    with pytest.raises(OutputFailed, match="nothing can be written"):
        save(fresh, tmp_path / "missing" / "one")


def test_damage_anywhere_is_found_before_anything_is_restored(tmp_path: Path) -> None:
    one = made(f"sqlite:///{tmp_path}/one.db", Clock())
    filled(one)
    path = save(one, tmp_path / "one")
    whole = path.read_bytes()
    chance = np.random.default_rng(3)
    bad = tmp_path / "bad"
    for place in chance.integers(0, len(whole), 150):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(chance.integers(0, 8))
        bad.write_bytes(damaged)
        harmless = gzip_same(bad, path)
        if not harmless:
            with pytest.raises(BadInput):
                check(bad)
    for length in chance.integers(0, len(whole) - 1, 30):
        bad.write_bytes(whole[:length])
        with pytest.raises(BadInput):
            check(bad)
    one.store.database.close()


def test_changed_text_in_a_sound_file_is_found(tmp_path: Path) -> None:
    one = made(f"sqlite:///{tmp_path}/one.db", Clock())
    filled(one)
    path = save(one, tmp_path / "one")
    text = gzip.decompress(path.read_bytes())
    assert b"s-03" in text
    path.write_bytes(gzip.compress(text.replace(b"s-03", b"s-09")))
    with pytest.raises(BadInput, match="damaged"):
        check(path)
    one.store.database.close()


def gzip_same(one: Path, other: Path) -> bool:
    """Bits of the gzip header, such as the system it was made on, change nothing."""
    try:
        return gzip.decompress(one.read_bytes()) == gzip.decompress(other.read_bytes())
    except Exception:
        return False


def rewritten(path: Path, out: Path, change: Any) -> Path:
    """The backup with changed lines and a checksum that fits: somebody meant it."""
    with gzip.open(path, "rb") as file:
        *lines, _ = [json.loads(line) for line in file]
    lines = change(lines)
    rows: dict[str, int] = {}
    for line in lines[1:]:
        rows[line[0]] = rows.get(line[0], 0) + 1
    text = b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)
    end = {"rows": rows, "sha256": hashlib.sha256(text).hexdigest()}
    out.write_bytes(gzip.compress(text + json.dumps(end).encode() + b"\n"))
    return out


def changed_actor(lines: list[Any]) -> list[Any]:
    columns = lines[0]["tables"]["audit_entry"]
    for line in lines[1:]:
        if line[0] == "audit_entry":
            line[1 + columns.index("actor")] = "person:s-09"
            break
    return lines


def doubled(lines: list[Any]) -> list[Any]:
    return [*lines, lines[-1]]


def of_the_future(lines: list[Any]) -> list[Any]:
    return [{**lines[0], "revision": "9999"}, *lines[1:]]


def of_no_table(lines: list[Any]) -> list[Any]:
    return [*lines, ["sqlite_master", 1]]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (changed_actor, "audit log"),
        (doubled, "does not fit"),
        (of_the_future, "does not know"),
        (of_no_table, "fits no table"),
    ],
)
def test_a_forged_backup_restores_nothing(
    fresh: Made, other_url: str, tmp_path: Path, change: Any, why: str
) -> None:
    filled(fresh)
    bad = rewritten(save(fresh, tmp_path / "one"), tmp_path / "bad", change)
    other = made(other_url, Clock())
    before = everything(other)
    with pytest.raises(BadInput, match=why):
        restore(other.store, bad, actor="system:restore", progress=QUIET)
    assert everything(other) == before
    other.store.database.close()


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x1f\x8b", gzip.compress(b"{}\n{}\n", mtime=0)]
)
def test_other_files_are_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(BadInput):
        check(path)


def test_a_backup_is_of_one_moment(fresh: Made, tmp_path: Path) -> None:
    """What is written while it is made is in it whole or not at all."""

    class Meddles(Silent):
        def __init__(self) -> None:
            self.times = 0

        def advance(self, amount: float) -> None:
            self.times += 1
            fresh.add(NewJob("meanwhile", str(self.times)))

    filled(fresh)
    meddler = Meddles()
    before = everything(fresh)
    backup(fresh.store.database, tmp_path / "one", now=START, progress=meddler)
    assert meddler.times > 5
    counted = {name: len(found) for name, found in before.items() if found}
    assert check(tmp_path / "one").rows == counted
