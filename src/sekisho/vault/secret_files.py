"""Files that hold secrets: for their owner alone, and either the old one or the new one.

A secret file is written beside its place under another name, brought to the disk, and then
takes its place in one step. Whenever the process or the machine dies, the old file or the new
one is there, whole.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sekisho.domain.errors import BadInput, OutputFailed

_LARGEST: Final = 1 << 20


def read_secret(path: Path, what: str, hint: str = "") -> bytes:
    """Return the content of ``path``; raises ``BadInput`` if others could read or change it.

    ``what`` names the file in messages ("the card key file"); ``hint`` says what to do where
    it is not there.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_LARGEST + 1)
    except FileNotFoundError:
        raise BadInput(f"{what} {path.name} is not there", hint=hint) from None
    except OSError as error:
        raise BadInput(f"{what} {path.name} cannot be read: {error.strerror}") from None
    if os.name == "posix" and mode & 0o077:
        raise BadInput(
            f"{what} {path.name} can be read by others (mode {mode & 0o777:04o})",
            hint=f"Close it with: chmod 600 {path.name}. If others had access, make a new key.",
        )
    if len(content) > _LARGEST:
        raise BadInput(f"{what} {path.name} is far too large to be one")
    return content


def write_new(path: Path, text: str, what: str, hint: str = "") -> None:
    """Write ``text`` to ``path`` with mode 0600; an existing file is never overwritten."""
    _write(path, text, what, replace=False, hint=hint)


def replace(path: Path, text: str, what: str) -> None:
    """Put ``text`` in the place of the file ``path``, with mode 0600."""
    _write(path, text, what, replace=True, hint="")


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the folder of ``path``: who reads a file to write it anew must be the only one."""
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise OutputFailed(
            f"the folder of {path.name} cannot be opened: {error.strerror}"
        ) from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _write(path: Path, text: str, what: str, *, replace: bool, hint: str) -> None:
    beside = path.with_name(f".{path.name}.new")
    try:
        with suppress(FileNotFoundError):
            beside.unlink()  # left by a process that was killed here
        # O_EXCL with the mode given at creation: at no time can anybody else open it.
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                beside.replace(path)
            else:
                os.link(beside, path)  # refuses where a rename would overwrite
        finally:
            with suppress(FileNotFoundError):
                beside.unlink()
        _settle(path.parent)
    except FileExistsError:
        raise BadInput(f"{path.name} exists and is not overwritten", hint=hint) from None
    except OSError as error:
        raise OutputFailed(f"{what} {path.name} could not be written: {error.strerror}") from None


def _settle(folder: Path) -> None:
    """Bring the folder's own entry to the disk, or a power cut could bring the old one back."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
