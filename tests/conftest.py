"""Fixtures that tests of several packages share."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import sekisho
from postgres_server import PostgresServer, running_server
from sekisho.app.kernel_cache import forget_stale

# `make test` logs everything, to look for card data in it; these tell of themselves only.
for _talkative in ("numba", "fontTools", "matplotlib"):
    logging.getLogger(_talkative).setLevel(logging.WARNING)

# Two processes that compile one kernel for two signatures at once may take each other's file, so
# each worker has a cache of its own. Numba reads the variable when it is loaded.
_WORKER = os.environ.get("PYTEST_XDIST_WORKER")
_KERNELS = Path(__file__).parents[1] / "build" / "kernels" / _WORKER if _WORKER else None
if _KERNELS is not None:
    os.environ["NUMBA_CACHE_DIR"] = str(_KERNELS)
forget_stale(Path(sekisho.__file__).parent, _KERNELS)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One real PostgreSQL server for the session (for each worker of pytest-xdist)."""
    with running_server() as server:
        yield server
