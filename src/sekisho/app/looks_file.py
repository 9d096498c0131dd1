"""The state of ``sekisho trace --follow``: one file of looks, read by one run at a time."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, Final

from sekisho.commonpoint.looks import TOTAL
from sekisho.domain.errors import BadInput, OutputFailed
from sekisho.domain.looks import Look, LookInput, Seen

SCHEMA: Final = "sekisho.looks/1"
NAME: Final = "looks.json"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for one run. Raises BadInput while another one has it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise OutputFailed(
            f"--follow: {folder} is no folder to write to: {error.strerror}.",
            hint="Name a folder that does not exist yet, or the one of the last look.",
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BadInput(
                f"--follow: another run is looking with {folder} just now.",
                hint="Wait until it has ended.",
            ) from error
        yield
    finally:
        os.close(handle)


def read_looks(folder: Path) -> tuple[Look, ...]:
    """The looks so far, the first one first. Raises BadInput if the file is broken or changed."""
    path = folder / NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(path, str(error)) from error
    try:
        document = json.loads(text)
        if document["schema"] != SCHEMA or document["family_wise_error"] != TOTAL:
            raise _broken(path, f"it is not {SCHEMA} with a bound of {TOTAL}")
        looks = tuple(_look(one) for one in document["looks"])
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise _broken(path, str(error)) from error
    days = [look.as_of for look in looks]
    if days != sorted(set(days)) or sum(look.alpha for look in looks) > TOTAL:
        raise _broken(path, "its looks are out of order, or spend more than all of them may")
    return looks


def _broken(path: Path, why: str) -> BadInput:
    return BadInput(
        f"--follow: {path} cannot be used: {why}.",
        hint="Take it from a backup. To begin anew (and spend anew), name another folder.",
    )


def write_looks(folder: Path, looks: tuple[Look, ...]) -> None:
    """Write the looks, whole or not at all. Raises OutputFailed."""
    document = {
        "schema": SCHEMA,
        "family_wise_error": TOTAL,
        "spent": sum(look.alpha for look in looks),
        "looks": [_document(look) for look in looks],
    }
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    partial = folder / f".{NAME}.partial-{os.getpid()}"
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / NAME)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OutputFailed(
            f"The looks could not be written to {folder}: {error.strerror or error}.",
            hint="Free some space, or name a folder that you may write to.",
        ) from error


def _document(look: Look) -> dict[str, Any]:
    return json.loads(json.dumps(asdict(look), default=date.isoformat))  # type: ignore[no-any-return]


def _look(document: dict[str, Any]) -> Look:
    return Look(
        as_of=date.fromisoformat(document["as_of"]),
        alpha=float(document["alpha"]),
        levels=tuple(document["levels"]),
        inputs=tuple(LookInput(**one) for one in document["inputs"]),
        findings=tuple(_seen(one) for one in document["findings"]),
    )


def _seen(document: dict[str, Any]) -> Seen:
    days = {key: date.fromisoformat(document[key]) for key in ("window_start", "window_end")}
    return Seen(**{**document, **days, "members": tuple(document["members"])})
