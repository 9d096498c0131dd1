"""Asking on SQLite and on a real PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from asking.asking_world import World, new_world
from postgres_server import PostgresServer


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/data/sekisho.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    made = server.new_database()
    yield made
    server.drop(made)


@pytest.fixture
def world(url: str, tmp_path: Path) -> Iterator[World]:
    """An issuer that asks: store, people, approved texts, two holders, an engine."""
    made = new_world(url, tmp_path)
    yield made
    made.desk.close()
    made.store.database.close()
