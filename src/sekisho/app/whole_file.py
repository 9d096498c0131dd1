"""One text file for its owner alone, written whole or not at all, never over another."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from sekisho.domain.errors import BadInput, OutputFailed


@contextmanager
def whole_text(path: Path) -> Iterator[TextIO]:
    """A new file (mode 0600) that gets its name when the block ends well."""
    if path.exists():
        raise BadInput(f"{path} exists and is not overwritten", hint="Choose a new name.")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise OutputFailed(
            f"nothing can be written to {path.parent}: {error.strerror}",
            hint="Choose a folder that exists and that you may write to.",
        ) from None
    part = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)  # unlike renaming, this never takes the place of another file
    except OSError as error:
        raise OutputFailed(
            f"{path} could not be written whole: {error.strerror}. Nothing was left behind.",
            hint="Is there room for it?",
        ) from None
    finally:
        part.unlink(missing_ok=True)
