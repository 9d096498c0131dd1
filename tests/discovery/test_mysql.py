"""A MySQL address against a real server, and what its own dump holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pymysql
import pytest
from benchmarks.parts import card_corpus
from benchmarks.parts.card_texts import Record, draw

from discovery.looking import MACHINE, findings, look
from mysql_server import USER, MysqlServer, running_mysql
from sekisho.discovery.finding import Finding, Kind, NotRead
from sekisho.discovery.sources import Looker

RECORDS = draw(np.random.default_rng(11), 30)


@pytest.fixture(scope="module")
def mysql() -> Iterator[MysqlServer]:
    with running_mysql() as server:
        yield server


@pytest.fixture(scope="module")
def shop(mysql: MysqlServer) -> MysqlServer:
    with closing(connected(mysql)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE shop CHARACTER SET utf8mb4")
        cursor.execute(
            "CREATE TABLE shop.members (id INT, 氏名 TEXT, pan VARBINARY(40), cvv CHAR(4))"
        )
        cursor.execute("CREATE TABLE shop.`odd ``name` (body JSON)")
        cursor.executemany("INSERT INTO shop.members VALUES (%s, %s, %s, %s)", rows(RECORDS))
        cursor.execute(
            "INSERT INTO shop.`odd ``name` VALUES (%s)", [f'{{"card": "{RECORDS[0].pan}"}}']
        )
        connection.commit()
    return mysql


def connected(server: MysqlServer) -> pymysql.Connection:
    return pymysql.connect(
        host="127.0.0.1", port=server.port, user=USER, password=server.password, charset="utf8mb4"
    )


def rows(records: tuple[Record, ...]) -> list[tuple[int, str, str, str]]:
    return [(at, one.name, one.pan, one.code) for at, one in enumerate(records)]


def test_every_table_is_read(shop: MysqlServer) -> None:
    found = findings(list(Looker(MACHINE).look(shop.url())))
    masks = [one.masked for one in found if one.kind is Kind.PAN]
    expected = [card_corpus.mask(one.pan) for one in (*RECORDS, RECORDS[0])]
    assert sorted(masks) == sorted(expected)
    assert sum(one.kind is Kind.SECURITY_CODE for one in found) == len(RECORDS)
    assert all(shop.password not in one.path for one in found)
    assert {one.cell for one in found} >= {"shop.members.pan[1]", "shop.members.cvv[30]"}


def test_a_sample_is_a_sample(shop: MysqlServer) -> None:
    found = findings(list(Looker(MACHINE, sample=5).look(shop.url())), Kind.PAN)
    assert len(found) == 6


def test_a_server_that_goes_away_is_told(shop: MysqlServer) -> None:
    reports = Looker(MACHINE).look(shop.url())
    with closing(connected(shop)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE shop.zz_long (body TEXT)")
        cursor.executemany("INSERT INTO shop.zz_long VALUES (%s)", [("x" * 9000,)] * 3000)
        connection.commit()
        first = next(reports)
        cursor.execute("SELECT id FROM information_schema.processlist WHERE id <> connection_id()")
        for (other,) in cursor.fetchall():
            cursor.execute(f"KILL {int(other)}")
    assert isinstance(first, Finding)
    unread = [one.reason for one in reports if isinstance(one, NotRead)]
    assert len(unread) == 1
    assert "went away" in unread[0]
    with closing(connected(shop)) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE shop.zz_long")


def test_who_may_not_read_a_table_is_told(shop: MysqlServer) -> None:
    with closing(connected(shop)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'reader'")
        cursor.execute("GRANT SELECT (id) ON shop.members TO reader@'127.0.0.1'")
        cursor.execute("GRANT SELECT ON shop.`odd ``name` TO reader@'127.0.0.1'")
    address = f"mysql://reader:reader@127.0.0.1:{shop.port}/"
    reports = list(Looker(MACHINE).look(address))
    assert len(findings(reports, Kind.PAN)) == 1
    (unread,) = (one for one in reports if isinstance(one, NotRead))
    assert unread.path.endswith("!shop.members")
    assert unread.reason == "no permission"


def test_a_wrong_password_is_told(shop: MysqlServer) -> None:
    (one,) = Looker(MACHINE).look(f"mysql://{USER}:wrong@127.0.0.1:{shop.port}/")
    assert isinstance(one, NotRead)
    assert "wrong" not in one.path + one.reason


def test_its_dump(shop: MysqlServer, tmp_path: Path) -> None:
    folder = tmp_path / "planted"
    folder.mkdir()
    (folder / "dump.sql").write_bytes(shop.dump("shop"))
    found = findings(look(folder / "dump.sql"))
    assert sum(one.kind is Kind.PAN for one in found) == len(RECORDS) + 1
    assert sum(one.kind is Kind.SECURITY_CODE for one in found) == len(RECORDS)
