"""Files with clear card numbers that leave the vault, each for one purpose.

UTF-8 CSV with a header, mode 0600. ``updater``: ``old_number,new_number,kind``, one row for each
replaced card, kind A (a new number). ``reissue``: ``card_ref,number``. The file has no name
until it is complete and on the disk, so that nothing remains of one that was not finished.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from sekisho.domain.errors import BadInput, OutputFailed
from sekisho.vault.pan import Pan
from sekisho.vault.replacement import follow
from sekisho.vault.reveal import Purpose

HEADERS: Final = {
    Purpose.UPDATER: ("old_number", "new_number", "kind"),
    Purpose.REISSUE: ("card_ref", "number"),
}
_NEW_NUMBER: Final = "A"
NOT_KEPT: Final = "its number is not kept"
NOT_REPLACED: Final = "no replacing card is known"
NEW_NOT_KEPT: Final = "the replacing card's number is not kept"
NO_END: Final = "two replacing cards, or replacements that run in a circle"


@dataclass(frozen=True, slots=True)
class Order:
    """What a file will hold, in references: ``rows`` as tuples; ``missing``: ref -> why."""

    purpose: Purpose
    rows: tuple[tuple[str, ...], ...]
    missing: Mapping[str, str]

    @property
    def refs(self) -> tuple[str, ...]:
        """Every reference whose number is needed, once each."""
        return tuple(dict.fromkeys(ref for row in self.rows for ref in row))


def plan(
    purpose: Purpose,
    refs: Sequence[str],
    kept: set[str],
    replacements: Iterable[tuple[str, str]],
) -> Order:
    """Decide which of ``refs`` can go into the file; the others are kept apart with a reason."""
    missing: dict[str, str] = {}
    rows: list[tuple[str, ...]] = []
    chains = follow(replacements)
    for ref in dict.fromkeys(refs):
        new = chains.last.get(ref, "")
        if ref not in kept:
            missing[ref] = NOT_KEPT
        elif purpose is Purpose.REISSUE:
            rows.append((ref,))
        elif ref in chains.forked or ref in chains.circular:
            missing[ref] = NO_END
        elif not new:
            missing[ref] = NOT_REPLACED
        elif new not in kept:
            missing[ref] = NEW_NOT_KEPT
        else:
            rows.append((ref, new))
    return Order(purpose, tuple(rows), missing)


def check_place(path: Path) -> None:
    """Raise ``BadInput`` unless a new regular file can be made there: no terminal, no pipe."""
    if path.exists() or path.is_symlink():
        raise BadInput(
            f"{path.name} exists; numbers are written to a new file only",
            hint="Choose a new name. A terminal or a pipe cannot take them.",
        )
    if not path.parent.is_dir():
        raise BadInput(f"the folder for {path.name} is not there", hint="Make it first.")


def write(
    path: Path,
    order: Order,
    numbers: Iterable[tuple[str, Pan]],
    own: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write the file of ``order`` with ``numbers``, whole or not at all.

    ``own``: the caller's references of each of the vault's, where they differ; a reissue file
    goes back out under those.
    """
    check_place(path)
    known = dict(numbers)
    try:
        with _nameless(path) as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(HEADERS[order.purpose])
            for row in order.rows:
                table.writerows(_cells(order.purpose, row, known, own or {}))
    except FileExistsError:
        raise BadInput(f"{path.name} exists; numbers are written to a new file only") from None
    except OSError as error:
        raise OutputFailed(
            f"{path.name} could not be written: {error.strerror}; nothing of it was left behind",
            hint="Choose a folder on a disk of this machine with room.",
        ) from None


def _cells(
    purpose: Purpose,
    row: tuple[str, ...],
    known: Mapping[str, Pan],
    own: Mapping[str, Sequence[str]],
) -> list[tuple[str, ...]]:
    if purpose is Purpose.UPDATER:
        return [(*(known[ref].clear() for ref in row), _NEW_NUMBER)]
    return [(name, known[row[0]].clear()) for name in own.get(row[0], row)]


@contextmanager
def _nameless(path: Path) -> Iterator[TextIO]:
    """Give a text file that gets its name when the block ends well, and vanishes otherwise."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        descriptor = os.open(".", os.O_TMPFILE | os.O_RDWR, 0o600, dir_fd=folder)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            # Only with a folder given does Python follow the link in /proc to the file itself.
            nameless = f"/proc/self/fd/{file.fileno()}"
            os.link(nameless, path.name, dst_dir_fd=folder, follow_symlinks=True)
        os.fsync(folder)
    finally:
        os.close(folder)
