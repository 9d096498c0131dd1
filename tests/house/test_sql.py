"""Every query is one text that DuckDB and Spark read alike, and says what it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlglot

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "src" / "sekisho" / "warehouse" / "sql"
FILES = sorted(FOLDER.rglob("*.sql"))
BOUND = re.compile(r"(?<![:\w])[$:](?=[A-Za-z_])")  # $name or :name, but not the cast a::INT


def bound_for(text: str, dialect: str) -> str:
    """Bound values are the one difference of spelling: $name for DuckDB, :name for Spark."""
    return BOUND.sub("$" if dialect == "duckdb" else ":", text)


def differences(text: str) -> list[str]:
    """Why ``text`` is not the same query for both engines; empty if it is."""
    plain = BOUND.sub("bound_", text)  # a bare name, so that its spelling does not count
    duckdb, spark = (sqlglot.parse(plain, read=name) for name in ("duckdb", "spark"))
    if len(duckdb) != len(spark):
        return ["a different number of statements"]
    return [
        f"{one!r}\n!=\n{other!r}" for one, other in zip(duckdb, spark, strict=True) if one != other
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_both_engines_read_the_same_tree(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert differences(text) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_query_says_what_it_is(path: Path) -> None:
    what, grain, inputs = path.read_text(encoding="utf-8").splitlines()[:3]
    assert re.match(r"-- \S.{9}", what), "line 1 says what the query answers"
    assert re.match(r"-- .*\bgrain\b", grain, re.IGNORECASE), "line 2 says what one row is"
    assert re.match(r"-- .*\binputs?\b", inputs, re.IGNORECASE), "line 3 names the tables read"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_both_spellings_of_a_bound_value_parse(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for dialect in ("duckdb", "spark"):
        assert sqlglot.parse(bound_for(text, dialect), read=dialect)


def test_a_query_of_one_engine_alone_is_seen() -> None:
    alike = "SELECT a, COUNT(*) AS n FROM t WHERE a::INT < $limit AND b = :other GROUP BY a"
    assert differences(alike) == []
    assert differences("SELECT list[1] AS first FROM t")  # counts from 1 here, from 0 there
    assert bound_for("a::INT = :x", "duckdb") == "a::INT = $x"
    assert bound_for("a::INT = $x", "spark") == "a::INT = :x"
