"""Results are written whole or not at all.

Everything goes into a folder beside the target (the same file system, so that moving it in is one
rename), is made durable there, and takes the target's place in one step. A full disk, Ctrl-C, an
exception or the death of the process leave an earlier result as it was.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import itertools
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Final

from sekisho.domain.errors import OutputFailed

MARKER: Final = "findings.json"
"""A folder that holds this file is an earlier result, and may be replaced."""

MANIFEST: Final = ".sekisho-results"
"""Names that a run wrote, one on each line: what the next run may drop. Others are kept."""

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_WRITABLE: Final = _NO_ROOM | {errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM}
_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2


class OutputFolder:
    """The folder that a command leaves its results in.

    Use it as a context manager; it hands out the folder to write to::

        with OutputFolder(out) as folder:
            (folder / "findings.json").write_text(...)

    Entering raises `OutputFailed` if ``out`` is not a place for results: a file, a mount point, or
    a folder with other things in it. Leaving normally moves the results in; files that a person put
    beside an earlier result are kept. Leaving by an exception removes what was written; a disk
    that is full or cannot be written becomes `OutputFailed`, everything else passes through.
    """

    def __init__(self, out: Path) -> None:
        self.out = out.resolve()
        self._partial: Path | None = None
        self._lock = -1

    def __enter__(self) -> Path:
        try:
            _refuse_foreign(self.out)
            self.out.parent.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(self.out)
            self._partial, self._lock = _new_partial(self.out)
        except OSError as error:
            raise _failed(self.out, error) from error
        return self._partial

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._partial is None:  # pragma: no cover - __enter__ raised
            return
        try:
            if error is None:
                _move_in(self._partial, self.out)
        except OSError as trouble:
            raise _failed(self.out, trouble) from trouble
        finally:
            # After a move by exchange this holds the earlier result, otherwise what was written.
            shutil.rmtree(self._partial, ignore_errors=True)
            os.close(self._lock)
        if error is not None and _cannot_write(error):
            raise _failed(self.out, error) from error


def _refuse_foreign(out: Path) -> None:
    """Raise `OutputFailed` unless ``out`` is free, empty or an earlier result."""
    if not out.exists():
        return
    if not out.is_dir():
        raise OutputFailed(f"{out} is a file.", hint="Name a folder that does not exist yet.")
    if out.is_mount():
        raise OutputFailed(
            f"{out} is a mount point and cannot be replaced in one step.",
            hint=f"Name a folder inside it, for example {out / 'results'}.",
        )
    names = sorted(entry.name for entry in out.iterdir())
    if names and MARKER not in names and MANIFEST not in names:
        shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        raise OutputFailed(
            f"{out} holds other files ({shown}) and no {MARKER}: it is not a result of Sekisho.",
            hint="Name another folder, or an empty one.",
        )


def _partial_prefix(out: Path) -> str:
    return f".{out.name}.partial-"


def _remove_abandoned(out: Path) -> None:
    """Remove what killed runs left beside ``out``; a living run holds the lock on its folder."""
    for folder in out.parent.glob(f"{_partial_prefix(out)}*"):
        with contextlib.suppress(OSError):
            lock = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _new_partial(out: Path) -> tuple[Path, int]:
    """Make and lock the folder to write to; returns it with the open lock."""
    for number in itertools.count():
        folder = out.parent / f"{_partial_prefix(out)}{os.getpid()}-{number}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return folder, lock
    raise AssertionError  # pragma: no cover - itertools.count() never ends


def _move_in(partial: Path, out: Path) -> None:
    """Make ``partial`` durable and let it take the place of ``out``."""
    written = sorted(entry.name for entry in partial.iterdir())
    (partial / MANIFEST).write_text("".join(f"{name}\n" for name in written), encoding="utf-8")
    _keep_foreign(out, partial)
    for folder, _, names in os.walk(partial, topdown=False):
        for name in names:
            _fsync(Path(folder) / name)
        _fsync(Path(folder))
    if not out.exists():
        partial.rename(out)
    elif not _exchange(partial, out):
        _replace_in_two_steps(partial, out)
    _fsync(out.parent)


def _keep_foreign(out: Path, partial: Path) -> None:
    """Copy to the new result what a person put beside the earlier one (an answer, a note)."""
    manifest = out / MANIFEST
    if not manifest.is_file():
        return
    dropped = {*manifest.read_text(encoding="utf-8").splitlines(), MANIFEST}
    for entry in out.iterdir():
        target = partial / entry.name
        if entry.name in dropped or target.exists():
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.copytree(entry, target, symlinks=True)
        else:
            shutil.copy2(entry, target, follow_symlinks=False)


def _exchange(partial: Path, out: Path) -> bool:
    """Swap two folders in one step; False where the system cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    done = renameat2(
        _AT_FDCWD,
        os.fsencode(partial),
        _AT_FDCWD,
        os.fsencode(out),
        ctypes.c_uint(_RENAME_EXCHANGE),
    )
    if done == 0:
        return True
    number = ctypes.get_errno()
    if number in {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}:
        return False
    raise OSError(number, os.strerror(number), str(out))


def _replace_in_two_steps(partial: Path, out: Path) -> None:
    """Replace ``out`` where two folders cannot be swapped; puts back if the second fails."""
    earlier = out.with_name(f".{out.name}.earlier-{os.getpid()}")
    out.rename(earlier)
    try:
        partial.rename(out)
    except BaseException:
        earlier.rename(out)
        raise
    shutil.rmtree(earlier, ignore_errors=True)


def _fsync(path: Path) -> None:
    if path.is_symlink():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _cannot_write(error: BaseException) -> bool:
    """Say whether an error of the body means that results could not be written.

    Engines wrap the system's error in their own class, so its text is looked at too.
    """
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return True
    return isinstance(error, Exception) and "No space left on device" in str(error)


def _failed(out: Path, error: BaseException) -> OutputFailed:
    number = error.errno if isinstance(error, OSError) else errno.ENOSPC
    reason = os.strerror(number) if number in _NOT_WRITABLE and number else str(error)
    hint = (
        "Free some space or name a folder on another disk, then run again."
        if number in _NO_ROOM
        else "Name a folder that you may write to."
    )
    return OutputFailed(f"The results could not be written to {out}: {reason}.", hint=hint)
