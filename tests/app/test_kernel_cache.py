"""Kernels that were compiled before the program changed are not used."""

from __future__ import annotations

import os
from pathlib import Path

from sekisho.app.kernel_cache import forget_stale


def made(path: Path, second: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x", "ascii")
    os.utime(path, (second, second))
    return path


def test_only_kernels_older_than_the_newest_source_go(tmp_path: Path) -> None:
    made(tmp_path / "a.py", 100)
    made(tmp_path / "part" / "layout.py", 200)
    kept = made(tmp_path / "part" / "__pycache__" / "k.nbi", 300)
    other = made(tmp_path / "part" / "__pycache__" / "a.cpython-311.pyc", 50)
    stale = [made(tmp_path / "__pycache__" / name, 150) for name in ("k.1.nbc", "k.nbi")]
    assert forget_stale(tmp_path) == 2
    assert not any(one.exists() for one in stale)
    assert kept.exists()
    assert other.exists()
    assert forget_stale(tmp_path) == 0
    assert forget_stale(tmp_path / "nowhere") == 0
    elsewhere = made(tmp_path / "elsewhere" / "package" / "k.1.nbc", 199)
    assert forget_stale(tmp_path / "part", tmp_path / "elsewhere") == 1
    assert not elsewhere.exists()


def test_a_kernel_that_is_gone_meanwhile_is_no_trouble(tmp_path: Path) -> None:
    made(tmp_path / "a.py", 100)
    gone = made(tmp_path / "__pycache__" / "k.nbi", 50)
    gone.unlink()
    (tmp_path / "__pycache__" / "k.nbi").symlink_to(tmp_path / "nothing")
    assert forget_stale(tmp_path) == 0
