"""The journal as a reader sees it: nothing is changed, an engine may be writing meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sekisho.domain.errors import BadInput
from sekisho.domain.ledger import Entry
from sekisho.journal.codec import from_bytes
from sekisho.journal.segments import FRAME, HEAD, Segment, damaged, frames, list_segments


def segments_of(folder: Path) -> list[Segment]:
    """The files of a journal. BadInput where there is none."""
    if not folder.is_dir() or not (found := list_segments(folder)):
        raise BadInput(
            f"there is no journal in {folder.parent}.", hint="Name the data folder of an engine."
        )
    return found


def read_entries(segments: list[Segment]) -> Iterator[tuple[int, Entry]]:
    """All entries with their positions, every checksum looked at. StoreUnavailable: damaged."""
    for segment in segments:
        after = segment.first + HEAD.size
        with segment.path.open("rb") as file:
            for at, payload in frames(file.fileno(), segment.first, after, segment.end):
                yield at, from_bytes(payload)
                after = at + FRAME.size + len(payload)
        if after != segment.end:
            raise damaged(segment.path, after - segment.first)
