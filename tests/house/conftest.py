"""What the tests of the repository itself look at."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def kept_files(root: Path) -> list[Path]:
    """Every file that is, or is about to be, under version control."""
    command = ["git", "-c", f"safe.directory={root}", "ls-files", "-z"]
    command += ["--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    paths = (root / name for name in listed.stdout.split("\0") if name)
    return sorted(path for path in paths if path.is_file())


@pytest.fixture(scope="session")
def kept_texts(kept_files: list[Path]) -> dict[Path, str]:
    """The text of every kept file that is text."""
    texts = {}
    for path in kept_files:
        content = path.read_bytes()
        if b"\0" not in content[:8192]:
            texts[path] = content.decode("utf-8", errors="replace")
    return texts


@pytest.fixture(scope="session")
def pages(root: Path, kept_texts: dict[Path, str]) -> dict[str, str]:
    """Every Markdown page by its path from the root."""
    return {
        path.relative_to(root).as_posix(): text
        for path, text in kept_texts.items()
        if path.suffix == ".md"
    }
