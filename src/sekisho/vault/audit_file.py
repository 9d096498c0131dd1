"""A local record of reveals: one line of JSON for each, added at the end, each tied to the last.

For an installation without a store. Every line holds the SHA-256 of the line before it, so that
a line that is changed or taken out of the middle shows; what is cut off at the end shows
against a copy kept elsewhere. Lines are added under a lock and brought to the disk.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from sekisho.domain.errors import BadInput, OutputFailed
from sekisho.vault.reveal import AuditEntry

_BEGINNING: Final = "0" * 64


class AuditFile:
    """An append-only file; satisfies ``sekisho.vault.reveal.AuditSink``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def record(self, entry: AuditEntry) -> None:
        """Add the entry and return when it is on the disk; raises ``OutputFailed`` otherwise."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                content = file.read()
                whole = content.rpartition(b"\n")[0]
                if len(whole) + 1 < len(content):
                    # A process died while it wrote this line: its reveal gave nothing.
                    file.truncate(len(whole) + 1 if whole else 0)
                lines = whole.splitlines()
                previous = hashlib.sha256(lines[-1]).hexdigest() if lines else _BEGINNING
                line = json.dumps({**asdict(entry), "previous": previous}, ensure_ascii=False)
                file.write(line.encode("utf-8") + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputFailed(
                f"the record of reveals {self.path.name} could not be written: {error.strerror}; "
                "no number was revealed",
                hint="Make room, or mend its mode, and run this again.",
            ) from None


def read_audit(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries of a record; raises ``BadInput`` at the first line that does not fit."""
    previous = _BEGINNING
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"the record {path.name} cannot be read: {error.strerror}") from None
    for number, line in enumerate(content.splitlines(), 1):
        try:
            entry = json.loads(line)
            fits = entry.pop("previous") == previous
        except (ValueError, KeyError, AttributeError, TypeError):
            fits = False
        if not fits:
            raise BadInput(
                f"{path.name}, line {number}: it was changed, or a line before it was",
                hint="Compare it with a copy that was kept elsewhere.",
            )
        previous = hashlib.sha256(line).hexdigest()
        yield entry
