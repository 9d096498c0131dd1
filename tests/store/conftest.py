"""The same tests on SQLite and on a real PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from postgres_server import PostgresServer
from store.making import Clock, Made, made


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/data/sekisho.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    made_url = server.new_database()
    yield made_url
    server.drop(made_url)


@pytest.fixture
def other_url(url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of the other kind."""
    if url.startswith("postgresql"):
        yield f"sqlite:///{tmp_path}/other/sekisho.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    made_url = server.new_database()
    yield made_url
    server.drop(made_url)


@pytest.fixture
def fresh(url: str) -> Iterator[Made]:
    """A migrated store with a clock of its own."""
    one = made(url, Clock())
    yield one
    one.store.database.close()
