"""Compiled kernels that are older than the program: Numba does not see them as stale.

It keys its cache by each file's own time, but a kernel also holds constants of the modules that its
file imports. After an update in place (``git pull``) an old kernel would read records of the new
form wrongly, so kernels that were compiled before the newest source file are deleted.
"""

from __future__ import annotations

import contextlib
from pathlib import Path


def forget_stale(package: Path, kernels: Path | None = None) -> int:
    """Delete compiled kernels older than the newest source file of ``package``; how many.

    ``kernels`` is where they lie if not beside their sources. What cannot be deleted (an
    installation of somebody else's) is left.
    """
    newest = max((one.stat().st_mtime_ns for one in package.rglob("*.py")), default=0)
    gone = 0
    for one in (kernels or package).rglob("*.nb[ic]"):
        with contextlib.suppress(OSError):
            if one.stat().st_mtime_ns < newest:
                one.unlink()
                gone += 1
    return gone
