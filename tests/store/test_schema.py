"""The tables are what the migrations make, and never join a card with its last digits."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import BigInteger, CheckConstraint, Column, MetaData, Table, Text, inspect, text

from sekisho.domain.errors import BadInput
from sekisho.store.database import Database, Outside
from sekisho.store.migrate import known_revisions, migrate, newest, present
from sekisho.store.tables import metadata
from store.making import Clock, Made, made

LAST_DIGITS = re.compile(r"last_?(4|four|digits)|masked|truncated|_tail$|(^|_)pan($|_)")


def joining(tables: Iterable[Table]) -> list[str]:
    """Tables that hold a keyed hash of the card number beside digits of it (FAQ 1308)."""
    found = []
    for table in tables:
        names = [column.name for column in table.columns]
        if any("card_ref" in name for name in names) and any(map(LAST_DIGITS.search, names)):
            found.append(table.name)
    return found


def test_no_table_joins_card_ref_and_last_digits(fresh: Made) -> None:
    assert joining(metadata.sorted_tables) == []
    there = MetaData()
    with fresh.store.read() as connection:
        there.reflect(connection)
    assert len(there.tables) > len(metadata.tables)  # with Alembic's own
    assert joining(there.sorted_tables) == []


@pytest.mark.parametrize("name", ["last4", "last_four", "pan_masked", "card_last_digits", "pan"])
def test_such_a_table_would_be_seen(name: str) -> None:
    table = Table("notice", MetaData(), Column("card_ref", Text), Column(name, Text))
    assert joining([table]) == ["notice"]


def test_every_column_is_a_whole_number_or_text() -> None:
    for table in metadata.sorted_tables:
        assert {type(column.type) for column in table.columns} <= {BigInteger, Text}, table.name
        assert list(table.primary_key.columns), table.name


def test_the_migrations_make_what_the_tables_say(fresh: Made) -> None:
    with fresh.store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        looked = inspect(connection)
        for table in metadata.sorted_tables:
            made_checks = {one["name"] for one in looked.get_check_constraints(table.name)}
            checks = (one for one in table.constraints if isinstance(one, CheckConstraint))
            wanted = {str(one.name) for one in checks}
            assert made_checks == wanted, table.name


def test_the_steps_are_one_line_and_go_forward_only() -> None:
    assert known_revisions() == sorted(known_revisions())
    assert known_revisions()[-1] == newest()


def test_migrating_twice_changes_nothing(fresh: Made) -> None:
    assert migrate(fresh.store.database) == (newest(), newest())


def test_a_newer_database_is_refused(fresh: Made) -> None:
    with fresh.store.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(BadInput, match="9999"):
        migrate(fresh.store.database)


def test_a_failed_step_leaves_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(url, outside=Outside(Clock(), bytes, lambda _: None), patience_s=1)
    really = command.upgrade

    def upgrade(*given: object) -> None:
        really(*given)  # type: ignore[arg-type]
        raise RuntimeError("power cut")

    monkeypatch.setattr(command, "upgrade", upgrade)
    with pytest.raises(RuntimeError):
        migrate(database)
    with database.read() as connection:
        assert present(connection) is None
        assert inspect(connection).get_table_names() == []
    database.close()


def test_two_that_start_at_once_do_not_disturb_one_another(url: str) -> None:
    script = (
        "import sys, os, time, datetime\n"
        "from sekisho.store.database import Database, Outside\n"
        "from sekisho.store.migrate import migrate\n"
        "clock = lambda: datetime.datetime.now(datetime.UTC)\n"
        "out = Outside(clock, os.urandom, time.sleep)\n"
        "print(migrate(Database(sys.argv[1], outside=out))[1])\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script, url], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [one.communicate(timeout=60)[0].strip() for one in running]
    assert said == [newest()] * 2
    made(url, Clock()).store.database.close()
