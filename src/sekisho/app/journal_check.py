"""Every checksum of an engine's data folder, looked at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sekisho.app.recovery import FOLDER
from sekisho.domain.errors import StoreUnavailable
from sekisho.domain.progress import Progress
from sekisho.journal.reading import read_entries, segments_of
from sekisho.journal.snapshots import damaged, snapshots


@dataclass(frozen=True, slots=True)
class Checked:
    """What is there, and whole."""

    entries: int
    files: int
    torn: int
    snapshots: tuple[str, ...]


def check_data(data: Path, progress: Progress) -> Checked:
    """Read everything. StoreUnavailable names the first thing that is not as it was written."""
    folder = data / "journal"
    segments = segments_of(folder)
    begin = segments[0].first
    progress.step("check", total=float(segments[-1].end - begin))
    count, before = 0, begin
    for position, _ in read_entries(segments):
        progress.advance(float(position - before))
        count, before = count + 1, position
    found = snapshots(data / FOLDER)
    for one in found:
        wrong = damaged(one, everything=True)
        if wrong is not None:
            raise StoreUnavailable(
                f"snapshot {one.path.name} is damaged: {wrong}.bin.",
                hint="Remove its folder while the engine is stopped: the one before serves.",
            )
    names = tuple(one.path.name.lstrip("0") or "0" for one in found)
    return Checked(count, len(segments), len(list(folder.glob("*.torn"))), names)
