"""Every query is one text that DuckDB and Spark read alike, and says what it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "src" / "sekisho" / "warehouse" / "sql"
FILES = sorted(FOLDER.rglob("*.sql"))
# Functions that sqlglot has no word for, and that were tried on both engines.
SAME_IN_BOTH: set[str] = set()
BOUND = re.compile(r"(?<![:\w])[$:](?=[A-Za-z_])")  # $name or :name, but not the cast a::INT


def bound_for(text: str, dialect: str) -> str:
    """Bound values are the one difference of spelling: $name for DuckDB, :name for Spark."""
    return BOUND.sub("$" if dialect == "duckdb" else ":", text)


def differences(text: str) -> list[str]:
    """Why ``text`` is not the same query for both engines; empty if it is.

    What shows up: the place of NULL in an ORDER BY (say NULLS FIRST or LAST), the slash of
    integers, quoted names, TIMESTAMP (with a zone in Spark), lists counted from 0 or 1, and
    functions that the parser does not know to be the same in both.
    """
    plain = BOUND.sub("bound_", text)  # a bare name, so that its spelling does not count
    duckdb, spark = (trees(plain, name) for name in ("duckdb", "spark"))
    if len(duckdb) != len(spark):
        return ["a different number of statements"]
    pairs = zip(duckdb, spark, strict=True)
    found = [f"{one!r}\n!=\n{other!r}" for one, other in pairs if one != other]
    unknown = {call.name.lower() for tree in duckdb for call in tree.find_all(exp.Anonymous)}
    return found + [f"function {name}" for name in sorted(unknown - SAME_IN_BOTH)]


def trees(text: str, dialect: str) -> list[exp.Expression]:
    """The statements of ``text``, with one CAST: Spark's fails as DuckDB's since version 4."""
    parsed = [tree for tree in sqlglot.parse(text, read=dialect) if tree is not None]
    return [tree.transform(strict_cast) for tree in parsed]


def strict_cast(node: exp.Expression) -> exp.Expression:
    return exp.Cast(this=node.this, to=node.args["to"]) if isinstance(node, exp.Cast) else node


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_both_engines_read_the_same_tree(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "try_cast" not in text.lower(), "a value that cannot be read is met before the queries"
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


ALIKE = "SELECT a, COUNT(*) AS n FROM t WHERE a::INT < $limit AND b = :other GROUP BY a"


def test_what_both_engines_read_alike() -> None:
    assert differences(ALIKE) == []
    assert bound_for("a::INT = :x", "duckdb") == "a::INT = $x"
    assert bound_for("a::INT = $x", "spark") == "a::INT = :x"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT list[1] AS one FROM t",
        "SELECT a FROM t ORDER BY a",
        "SELECT a / b AS share FROM t",
        "SELECT CAST(a AS TIMESTAMP) AS at FROM t",
        "SELECT hash(a) AS h FROM t",
    ],
)
def test_what_the_engines_read_differently(text: str) -> None:
    assert differences(text)
