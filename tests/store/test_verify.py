"""Whatever is done to the log behind the program's back is found, and erasing is not mistaken."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text, update

from sekisho.domain.errors import BadInput, NothingToDo
from sekisho.store.audit import commitment_of, entry_of, stored
from sekisho.store.canonical import canonical, parsed
from sekisho.store.erase import Kept, erase, kept_values
from sekisho.store.export import export_lines, verify_export
from sekisho.store.tables import audit_entry, audit_value, chain_head
from sekisho.store.verify import Head, Verdict, head_of, verify
from store.making import START, Clock, Made, made

ENTRIES = 9


def fill(one: Made) -> None:
    """Some entries, one of which erases values of two others."""
    for number in range(ENTRIES - 1):
        one.clock.forward(seconds=1)
        with one.store.transaction(f"person:s-0{number % 3}", f"理由 {number}") as tx:
            personal = {"name": "架空 花子", "telephone": f"0{number}"}
            details = {"count": number, "list": [1, "二", None, True]}
            tx.record("holder.call", f"holder:{number % 4}", details, personal=personal)
    with one.store.transaction("person:s-01", "asked for by the person") as tx:
        assert erase(tx, "holder:1") == 6


def verdict_of(one: Made, *kept: Head) -> Verdict:
    with one.store.read() as connection:
        return verify(connection, kept=kept)


def naive_verify(one: Made) -> bool:
    """The rules of docs/reference/audit.md, followed by hand."""
    with one.store.read() as connection:
        entries = [row._asdict() for row in connection.execute(select(audit_entry))]
        values = [row._asdict() for row in connection.execute(select(audit_value))]
        (head,) = connection.execute(select(chain_head)).all()
    entries.sort(key=lambda row: row["sequence"])
    previous, said = "0" * 64, {}
    for number, row in enumerate(entries, start=1):
        if row["previous_hash"] != previous:
            return False
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=row["at_us"])
        hashed = (
            f'{{"action":{word(row["action"])},"actor":{word(row["actor"])},"at":"'
            f'{at.strftime("%Y-%m-%dT%H:%M:%S.%f")}+00:00","commitments":{row["commitments"]},'
            f'"details":{row["details"]},"format":"sekisho.audit/1","previous":"{previous}",'
            f'"sequence":{number},"subject":{word(row["subject"])}}}'
        )
        previous = hashlib.sha256(hashed.encode()).hexdigest()
        if row["sequence"] != number or row["entry_hash"] != previous:
            return False
        if row["action"] == "audit.erase":
            for one_value in json.loads(row["details"])["values"]:
                said[one_value["sequence"], one_value["name"]] = number
    if (head.sequence, head.entry_hash) != (len(entries), previous):
        return False
    return naive_values(entries, values, said)


def naive_values(entries: list[Any], values: list[Any], said: dict[Any, int]) -> bool:
    wanted = {
        (row["sequence"], name): hashed
        for row in entries
        for name, hashed in json.loads(row["commitments"]).items()
    }
    found = {(row["sequence"], row["name"]): row for row in values}
    if wanted.keys() != found.keys():
        return False
    for pair, row in found.items():
        if pair in said or row["value"] is None:
            if (row["salt"], row["value"], row["erased_by"]) != (None, None, said.get(pair)):
                return False
        else:
            both = b"sekisho.audit.value/1\0" + bytes.fromhex(row["salt"]) + row["value"].encode()
            if hashlib.sha256(both).hexdigest() != wanted[pair]:
                return False
    return True


def word(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def test_what_was_written_is_intact(fresh: Made) -> None:
    assert verdict_of(fresh).entries == 0
    fill(fresh)
    verdict = verdict_of(fresh)
    assert (verdict.breaks, verdict.entries, verdict.erased) == ([], ENTRIES, 6)
    assert naive_verify(fresh)
    assert verdict_of(fresh, verdict.head).intact
    assert head_of(str(verdict.head)) == verdict.head


def test_erased_values_are_gone_from_the_database(fresh: Made) -> None:
    fill(fresh)
    with fresh.store.read() as connection:
        held = connection.execute(select(audit_value.c.value)).scalars().all()
    assert "01" not in held
    assert "02" in held
    with fresh.store.transaction("person:s-01", "some of it") as tx:
        assert erase(tx, "holder:2", [Kept(3, "telephone")]) == 1
        assert Kept(3, "telephone") not in kept_values(tx, "holder:2")
    with (
        pytest.raises(NothingToDo),
        fresh.store.transaction("person:s-01", "once more") as tx,
    ):
        erase(tx, "holder:1")
    assert verdict_of(fresh).intact


def test_erased_values_are_gone_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "sekisho.db"
    one = made(f"sqlite:///{path}", Clock())
    with one.store.transaction("system:test", "a call") as tx:
        tx.record("holder.call", "holder:1", personal={"name": "UNFORGOTTEN"})
    with one.store.transaction("system:test", "to be forgotten") as tx:
        erase(tx, "holder:1")
    one.store.database.shrink()
    one.store.database.close()
    assert b"UNFORGOTTEN" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


# ---------------------------------------------------------------- tampering

Tamper = Callable[[Any], object]


def behind(one: Made, statements: list[Any]) -> None:
    """Run statements as somebody with the database's password would."""
    with one.store.database.write() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        for statement in statements:
            connection.execute(statement)


def entry_three(**values: object) -> list[Any]:
    return [update(audit_entry).where(audit_entry.c.sequence == 3).values(**values)]


HELD = (audit_value.c.sequence == 3) & (audit_value.c.name == "name")
TAMPERED = {
    "details": entry_three(details='{"count":7,"list":[1,"二",null,true]}'),
    "space in details": entry_three(details='{"count": 2,"list":[1,"二",null,true]}'),
    "details unreadable": entry_three(details="{"),
    "time": entry_three(at_us=1),
    "time beyond all": entry_three(at_us=2**62),
    "actor": entry_three(actor="person:s-09"),
    "action": entry_three(action="holder.calm"),
    "subject": entry_three(subject="holder:9"),
    "commitments": entry_three(commitments="{}"),
    "previous": entry_three(previous_hash="f" * 64),
    "hash": entry_three(entry_hash="f" * 64),
    "head": [update(chain_head).values(entry_hash="f" * 64)],
    "head's number": [update(chain_head).values(sequence=ENTRIES - 1)],
    "head gone": [delete(chain_head)],
    "value": [update(audit_value).where(HELD).values(value="架空 花予")],
    "salt": [update(audit_value).where(HELD).values(salt="0" * 64)],
    "value removed": [delete(audit_value).where(HELD)],
    "value added": [insert(audit_value).values(sequence=3, name="more", salt="", value="")],
    "value as if erased": [
        update(audit_value).where(HELD).values(salt=None, value=None, erased_by=ENTRIES)
    ],
    "value as if erased by any": [
        update(audit_value).where(HELD).values(salt=None, value=None, erased_by=2)
    ],
    "erasure's number": [
        update(audit_value).where(audit_value.c.erased_by == ENTRIES).values(erased_by=5)
    ],
    "erased value brought back": [
        update(audit_value)
        .where(audit_value.c.sequence == 2, audit_value.c.name == "name")
        .values(salt="0" * 64, value="架空 花子", erased_by=None)
    ],
    "first removed": [
        delete(audit_value).where(audit_value.c.sequence == 1),
        delete(audit_entry).where(audit_entry.c.sequence == 1),
    ],
    "one removed": [
        delete(audit_value).where(audit_value.c.sequence == 3),
        delete(audit_entry).where(audit_entry.c.sequence == 3),
    ],
    "last removed": [
        update(audit_value).where(audit_value.c.erased_by == ENTRIES).values(erased_by=8),
        delete(audit_value).where(audit_value.c.sequence == ENTRIES),
        delete(audit_entry).where(audit_entry.c.sequence == ENTRIES),
    ],
}


@pytest.mark.parametrize("how", TAMPERED)
def test_tampering_is_found(fresh: Made, how: str) -> None:
    fill(fresh)
    behind(fresh, TAMPERED[how])
    verdict = verdict_of(fresh)
    assert not verdict.intact
    assert verdict.breaks[0].what
    with fresh.store.read() as connection:
        assert not naive_in(connection)


def test_two_entries_cannot_change_places(fresh: Made) -> None:
    fill(fresh)
    with fresh.store.read() as connection:
        rows = {row.sequence: row._asdict() for row in connection.execute(select(audit_entry))}
    swapped = []
    for here, there in ((3, 4), (4, 3)):
        values = {name: cell for name, cell in rows[there].items() if name != "sequence"}
        swapped.append(update(audit_entry).where(audit_entry.c.sequence == here).values(**values))
    behind(fresh, swapped)
    assert verdict_of(fresh).breaks[0].sequence == 3


def test_a_log_written_anew_differs_from_the_kept_head(fresh: Made, other_url: str) -> None:
    fill(fresh)
    kept = verdict_of(fresh).head
    forged = made(other_url, Clock(START), seed=b"another")
    fill(forged)
    assert verdict_of(forged).intact
    verdict = verdict_of(forged, kept)
    assert "kept outside" in verdict.breaks[0].what
    later = verdict_of(fresh, Head(kept.sequence + 1, kept.entry_hash))
    assert "not there" in later.breaks[0].what
    forged.store.database.close()


@pytest.mark.parametrize("bad", ["", "12", "12:ab", "x:" + "0" * 64, "-1:" + "0" * 64])
def test_a_kept_head_is_read_with_care(bad: str) -> None:
    with pytest.raises(BadInput):
        head_of(bad)


def test_any_byte_changed_in_any_cell_is_found(tmp_path: Path) -> None:
    """Every cell of every row of the log, one changed byte each time, and the twin agrees."""
    path = tmp_path / "sekisho.db"
    one = made(f"sqlite:///{path}", Clock())
    fill(one)
    chance = np.random.default_rng(11)
    with sqlite3.connect(path, isolation_level=None) as raw:
        cells = list(cells_of(raw))
        for table, where, column, value in cells:
            changed = changed_byte(value, chance)
            try:
                raw.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (changed,))  # noqa: S608
            except sqlite3.IntegrityError:
                continue  # the database itself refuses it
            assert not verdict_of(one).intact, (table, where, column, value, changed)
            raw.execute(
                f"UPDATE {table} SET {column} = ? WHERE {undo(where, column, changed)}",  # noqa: S608
                (value,),
            )
    assert len(cells) > 150
    assert verdict_of(one).intact
    assert naive_verify(one)
    one.store.database.close()


def cells_of(raw: sqlite3.Connection) -> list[tuple[str, str, str, Any]]:
    found = []
    for table, keys in (("audit_entry", 1), ("audit_value", 2), ("chain_head", 1)):
        cursor = raw.execute(f"SELECT * FROM {table}")  # noqa: S608
        names = [one[0] for one in cursor.description]
        for row in cursor.fetchall():
            parts = [f"{name} = '{cell}'" for name, cell in zip(names[:keys], row, strict=False)]
            found += [
                (table, " AND ".join(parts), name, cell)
                for name, cell in zip(names, row, strict=True)
                if cell is not None
            ]
    return found


def changed_byte(value: Any, chance: np.random.Generator) -> Any:
    if isinstance(value, int):
        return value + 1 + int(chance.integers(0, 100))
    place = int(chance.integers(0, len(value)))
    other = chr(ord(value[place]) ^ 1)
    return value[:place] + other + value[place + 1 :]


def undo(where: str, column: str, changed: Any) -> str:
    """The row's key may be what was changed."""
    parts = [
        f"{column} = '{changed}'" if part.startswith(f"{column} = ") else part
        for part in where.split(" AND ")
    ]
    return " AND ".join(parts)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_twin_agrees_on_any_damage(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    one = damage_store(tmp_path_factory)
    kinds = data.draw(st.lists(st.sampled_from(sorted(TAMPERED)), min_size=0, max_size=2))
    with one.store.database.engine.connect() as connection:
        connection.begin()
        connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        try:
            for kind in kinds:
                for statement in TAMPERED[kind]:
                    connection.execute(statement)
        except Exception:  # the same key twice
            connection.rollback()
            return
        verdict = verify(connection)
        twin = naive_in(connection)
        connection.rollback()
    assert verdict.intact == twin, kinds


_SHARED: dict[str, Made] = {}


def damage_store(factory: pytest.TempPathFactory) -> Made:
    if "one" not in _SHARED:
        _SHARED["one"] = made(f"sqlite:///{factory.mktemp('damage')}/sekisho.db", Clock())
        fill(_SHARED["one"])
    return _SHARED["one"]


class _Within:
    """A store whose reading happens inside an open connection."""

    def __init__(self, connection: Any) -> None:
        self.store = self
        self._connection = connection

    def read(self) -> _Within:
        return self

    def __enter__(self) -> Any:
        return self._connection

    def __exit__(self, *_: object) -> None:
        return None


def naive_in(connection: Any) -> bool:
    try:
        return naive_verify(_Within(connection))  # type: ignore[arg-type]
    except (ValueError, KeyError, OverflowError, TypeError):  # it cannot even be read
        return False


# ---------------------------------------------------------------- exported


def exported(one: Made, *, with_personal: bool) -> list[str]:
    with one.store.read() as connection:
        return list(export_lines(connection, made_at=START, with_personal=with_personal))


@pytest.mark.parametrize("with_personal", [True, False])
def test_an_export_verifies_without_the_database(fresh: Made, with_personal: bool) -> None:
    fill(fresh)
    lines = exported(fresh, with_personal=with_personal)
    verdict = verify_export(lines)
    assert (verdict.breaks, verdict.entries) == ([], ENTRIES)
    assert verdict.head == verdict_of(fresh).head
    assert ("花子" in "".join(lines)) == with_personal
    assert bool(verdict.left_out) != with_personal


def test_an_empty_log_is_exported_and_verified(fresh: Made) -> None:
    assert verify_export(exported(fresh, with_personal=True)).intact


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_change_to_an_export_is_found(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    lines = exported(damage_store(tmp_path_factory), with_personal=True)
    place = data.draw(st.integers(1, len(lines) - 1))
    damaged = list(lines)
    how = data.draw(st.sampled_from(["byte", "cut", "remove", "swap", "repeat", "end"]))
    if how == "byte":
        at = data.draw(st.integers(0, len(lines[place]) - 1))
        new = data.draw(st.characters(codec="utf-8", exclude_characters=lines[place][at] + "\n"))
        damaged[place] = lines[place][:at] + new + lines[place][at + 1 :]
    elif how == "cut":
        damaged[place] = lines[place][: data.draw(st.integers(0, len(lines[place]) - 1))]
    elif how == "remove":
        del damaged[place]
    elif how == "swap":
        other = data.draw(st.integers(1, len(lines) - 1).filter(lambda n: n != place))
        damaged[place], damaged[other] = lines[other], lines[place]
    elif how == "repeat":
        damaged.insert(place, lines[place])
    else:
        damaged = damaged[:place]
    assert not verify_export(damaged).intact


@pytest.mark.parametrize("lines", [[], [""], ["{}"], ["not json"], ['{"format":"other"}']])
def test_other_files_are_no_exports(lines: list[str]) -> None:
    if lines:
        with pytest.raises(BadInput):
            verify_export(lines)
    else:
        assert not verify_export(lines).intact


# ---------------------------------------------------------------- the canonical text

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abcXYZ019_.:/-", min_size=1), inner, max_size=4)
    ),
)


@given(PLAIN)
def test_the_canonical_text_comes_back_exactly(value: Any) -> None:
    assert parsed(canonical(value)) == value
    assert canonical(parsed(canonical(value))) == canonical(value)


@pytest.mark.parametrize(
    "bad", [1.5, 2**53, {"ä": 1}, {1: 2}, {"": 1}, "\ud800", "a\0b", b"x", {1}]
)
def test_what_has_no_canonical_text_is_refused(bad: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical(bad)


@pytest.mark.parametrize("bad", ['{"b":1,"a":2}', '{"a": 1}', "1.0", '"\\u0041"', "[1,1]x"])
def test_text_in_another_form_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parsed(bad)


def test_a_commitment_depends_on_salt_and_value() -> None:
    salts = ["00" * 32, "01" + "00" * 31]
    found = {commitment_of(salt, value) for salt in salts for value in ("a", "b", "")}
    assert len(found) == 6


def test_an_entry_forged_with_its_own_hash_is_found_by_the_next(fresh: Made) -> None:
    fill(fresh)
    with fresh.store.read() as connection:
        third = select(audit_entry).where(audit_entry.c.sequence == 3)
        forged = replace(entry_of(connection.execute(third).one()), actor="person:s-09")
    row = stored(forged)
    behind(fresh, [update(audit_entry).where(audit_entry.c.sequence == 3).values(**row)])
    assert [one.sequence for one in verdict_of(fresh).breaks] == [4]


def test_an_entry_put_in_with_a_hash_that_fits_is_found_by_the_next(fresh: Made) -> None:
    fill(fresh)
    with fresh.store.read() as connection:
        rows = connection.execute(select(audit_entry).order_by(audit_entry.c.sequence)).all()
    entries = [entry_of(row) for row in rows]
    extra = replace(entries[2], sequence=4, previous_hash=rows[2].entry_hash, commitments={})
    later = [
        update(audit_value).where(audit_value.c.sequence == number).values(sequence=number + 1)
        for number in range(ENTRIES, 3, -1)
    ]
    moved = [
        update(audit_entry).where(audit_entry.c.sequence == number).values(sequence=number + 1)
        for number in range(ENTRIES, 3, -1)
    ]
    if fresh.store.database.kind == "postgresql":
        pytest.skip("the server's foreign keys refuse it at once")
    behind(fresh, [*later, *moved, insert(audit_entry).values(**stored(extra))])
    assert verdict_of(fresh).breaks[0].sequence == 5
