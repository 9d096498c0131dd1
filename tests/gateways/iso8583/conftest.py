"""A small desk, and doors on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateways.iso8583.desk import SmallDesk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[SmallDesk]:
    made = SmallDesk(tmp_path / "journal")
    yield made
    made.close()
