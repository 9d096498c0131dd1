"""Snapshots come back as they were, with room, and only those that are whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sekisho.journal.snapshots import (
    KEPT,
    damaged,
    open_arrays,
    snapshots,
    write_snapshot,
)

SHAPES: dict[str, tuple[type[Any], int]] = {
    "rows": (np.int64, 3), "small": (np.int8, 0), "none": (np.int32, 2),
}  # fmt: skip


def arrays(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "rows": rng.integers(-9, 9, (1_000, 3)),
        "small": rng.integers(0, 3, 17).astype(np.int8),
        "none": np.zeros((0, 2), np.int32),
    }


def test_arrays_come_back_with_room_that_is_zero(tmp_path: Path) -> None:
    told = arrays(1)
    write_snapshot(tmp_path, 7, told, {"a": [1, "二"]})
    (one,) = snapshots(tmp_path)
    assert (one.position, one.facts, damaged(one, everything=True)) == (7, {"a": [1, "二"]}, None)
    for _ in range(2):  # what is written into the room is not in the file
        wanted = {"rows": 5_000, "small": 17, "none": 4}
        found = open_arrays(one, wanted, SHAPES.__getitem__)
        for name, array in told.items():
            assert np.array_equal(found[name][: len(array)], array)
            assert len(found[name]) == wanted[name]
            assert not found[name][len(array) :].any()
            found[name][:] = 1
    assert damaged(one, everything=True) is None


def test_the_newest_whole_ones_are_kept(tmp_path: Path) -> None:
    for position in (5, 50, 500):
        write_snapshot(tmp_path, position, arrays(position), {})
    assert [one.position for one in snapshots(tmp_path)] == [500, 50][:KEPT]
    newest = snapshots(tmp_path)[0].path
    (newest / "snapshot.json").write_text("00000000\n" + json.dumps({"position": 500}))
    assert [one.position for one in snapshots(tmp_path)] == [50]
    assert snapshots(tmp_path / "nothing") == []


@pytest.mark.parametrize("name", ["rows", "small"])
def test_damage_is_named(tmp_path: Path, name: str) -> None:
    write_snapshot(tmp_path, 5, arrays(1), {})
    (one,) = snapshots(tmp_path)
    path = one.path / f"{name}.bin"
    content = bytearray(path.read_bytes())
    content[3] ^= 1
    path.write_bytes(content)
    assert damaged(one) == name
    path.write_bytes(content[:2])
    assert damaged(one) == name
    path.unlink()
    assert damaged(one) == name


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    write_snapshot(tmp_path, 5, arrays(1), {})
    with pytest.raises(TypeError):
        write_snapshot(tmp_path, 6, arrays(2), {"not json": object()})
    assert [one.name for one in tmp_path.iterdir()] == [snapshots(tmp_path)[0].path.name]
