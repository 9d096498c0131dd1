"""One small world, in memory and as files."""

from pathlib import Path

import pytest

from sekisho.world import World, build
from small_world import small


@pytest.fixture(scope="session")
def world() -> World:
    return build(small(), 7)


@pytest.fixture(scope="session")
def folder(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("world")
    world.write(out)
    return out
