"""The engine: one DuckDB connection, bounded, offline, and its troubles in plain words."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from sekisho.domain.errors import BadInput, OutputFailed
from sekisho.warehouse.sqltext import literal

_FULL_DISK = (
    "no space left",
    "disk quota",
    "max_temp_directory_size",
    "not enough space",
    "file too large",  # of a limit on the size of files
)


def connect(workdir: Path, memory_limit: str, threads: int, zone: str) -> duckdb.DuckDBPyConnection:
    """Open an in-memory database that spills into ``workdir`` and installs nothing."""
    spill = workdir / "spill"
    connection = duckdb.connect(
        config={
            "memory_limit": memory_limit,
            "threads": threads,
            "temp_directory": str(spill),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
        }
    )
    connection.execute("SET TimeZone = " + literal(zone))
    # Queries of some seconds would draw a bar of the engine's own over ours, and into pipes.
    connection.execute("SET enable_progress_bar = false")
    return connection


@contextmanager
def plain_errors(what: str) -> Iterator[None]:
    """Turn the engine's errors while doing ``what`` into errors that say what to do.

    Raises OutputFailed for a full disk, BadInput for too little memory or an unreadable file.
    """
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        if _is_full_disk(error):
            raise _full_disk(what) from error
        raise BadInput(
            f"{what}: the memory limit is too small for this input",
            hint="Give more with --memory, or split the input by time.",
        ) from error
    except (duckdb.Error, pa.ArrowException) as error:
        if _is_full_disk(error):
            raise _full_disk(what) from error
        raise BadInput(
            f"{what}: cannot be read ({kind_of(error)})",
            hint="The file may be cut off or damaged; fetch it again from where it came.",
        ) from error
    except OSError as error:
        if _is_full_disk(error):
            raise _full_disk(what) from error
        raise BadInput(
            f"{what}: cannot be read ({error.strerror or kind_of(error)})",
            hint="The file may be cut off or damaged; fetch it again from where it came.",
        ) from error


def kind_of(error: BaseException) -> str:
    """Give the kind of an error without its text, which may quote a row of the input."""
    return type(error).__name__


def _is_full_disk(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return True
    return any(words in str(error).lower() for words in _FULL_DISK)


def _full_disk(what: str) -> OutputFailed:
    return OutputFailed(
        f"{what}: the disk is full",
        hint="Free some space, or let TMPDIR name a folder on a larger disk.",
    )
