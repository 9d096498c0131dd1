"""Which files there are under the paths that were named: every one once, no loop, no device."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sekisho.discovery.databases import is_database
from sekisho.discovery.finding import NotRead
from sekisho.discovery.sources import redact_path

PIPE: Final = "-"


@dataclass(frozen=True, slots=True)
class Item:
    """A file, a pipe or a database to look into; ``stamp`` changes when the file does."""

    path: str
    size: int = 0
    stamp: str = ""


def walk(paths: list[str]) -> Iterator[Item | NotRead]:
    """Yield what is under ``paths``, in order of names.

    Links are followed, but nothing is entered twice: neither what a link leads back to nor what
    another path already covers.
    """
    seen: set[tuple[int, int]] = set()
    for path in paths:
        if path == PIPE or is_database(path):
            yield Item(path)
        else:
            yield from _under(path, seen)


def _under(path: str, seen: set[tuple[int, int]]) -> Iterator[Item | NotRead]:
    waiting = [path]
    while waiting:
        here = waiting.pop()
        try:
            state = Path(here).stat()
        except OSError as error:
            yield NotRead(redact_path(here), _why(here, error))
            continue
        mode = state.st_mode
        if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
            yield NotRead(redact_path(here), "not a plain file: a device, a pipe or a socket")
            continue
        identity = (state.st_dev, state.st_ino)
        if identity in seen:
            continue
        seen.add(identity)
        if stat.S_ISREG(mode):
            yield Item(here, state.st_size, f"{state.st_size}-{state.st_mtime_ns}-{state.st_ino}")
            continue
        try:
            inside = sorted(Path(here).iterdir(), reverse=True)
        except OSError as error:
            yield NotRead(redact_path(here), _why(here, error))
            continue
        waiting.extend(str(one) for one in inside)


def _why(path: str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "a link to nothing" if Path(path).is_symlink() else "does not exist"
    if isinstance(error, PermissionError):
        return "no permission"
    return os.strerror(error.errno) if error.errno else "cannot be read"
