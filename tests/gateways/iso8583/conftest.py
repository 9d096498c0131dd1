"""A small desk, and doors on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateways.iso8583.desk import SmallDesk
from sekisho.gateways.inbound.iso8583.log import LOG, SPARING


@pytest.fixture(autouse=True)
def whole_log() -> Iterator[None]:
    """Every line of the door's log, so that none is missed that should not be there."""
    LOG.removeFilter(SPARING)
    yield
    LOG.addFilter(SPARING)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[SmallDesk]:
    made = SmallDesk(tmp_path / "journal")
    yield made
    made.close()
