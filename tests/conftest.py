"""Fixtures that tests of several packages share."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

import sekisho
from postgres_server import PostgresServer, running_server
from sekisho.app.kernel_cache import forget_stale

# `make test` logs everything, to look for card data in it; these tell of themselves only.
for _talkative in ("numba", "fontTools", "matplotlib"):
    logging.getLogger(_talkative).setLevel(logging.WARNING)

forget_stale(Path(sekisho.__file__).parent)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One real PostgreSQL server for the session (for each worker of pytest-xdist)."""
    with running_server() as server:
        yield server
