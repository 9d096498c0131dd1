"""Files of over forty formats and encodings with invented cards in them, and the truth beside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.parts.card_documents import BINARIES, dump, track
from benchmarks.parts.card_texts import TEXTS, Record, draw


@dataclass(frozen=True, slots=True)
class Planted:
    """A file and what was put into it."""

    kind: str
    path: Path
    records: tuple[Record, ...]
    codes: int


def write_corpus(folder: Path, chance: np.random.Generator, each: int) -> list[Planted]:
    """Write one file of each format with ``each`` cards; returns what is where."""
    planted = []
    for kind, (lines, encoding, name) in TEXTS.items():
        records = draw(chance, each)
        path = folder / name
        path.write_bytes(lines(records).encode(encoding))
        planted.append(Planted(kind, path, records, each))
    for kind, (make, name) in BINARIES.items():
        records = draw(chance, each)
        path = folder / name
        path.write_bytes(make(records))
        planted.append(Planted(kind, path, records, each))
    for kind, content, name in (
        ("magnetic stripes", track, "skimmer.txt"),
        ("memory dump", lambda r: dump(r, chance), "core.dump"),
    ):
        records = draw(chance, each)
        path = folder / name
        path.write_bytes(content(records))
        codes = 0 if kind == "magnetic stripes" else each
        doubled = records + records if kind == "magnetic stripes" else records
        planted.append(Planted(kind, path, doubled, codes))
    return planted


def mask(pan: str) -> str:
    """First six and last four."""
    return f"{pan[:6]}{'*' * (len(pan) - 10)}{pan[-4:]}"


def write_id_log(
    path: Path, chance: np.random.Generator, lines: int, share: float
) -> tuple[Record, ...]:
    """Write a log of 16-digit ids and millisecond stamps in which few lines hold a card.

    Returns the cards in it, in order: about ``share`` of the lines.
    """
    has_card = chance.random(lines) < share
    records = draw(chance, int(has_card.sum()))
    rest = iter(records)
    users = chance.integers(10**15, 10**16, lines)
    with path.open("w", encoding="utf-8") as file:
        for at in range(lines):
            stamp = 1_760_000_000_000 + at * 37
            if has_card[at]:
                one = next(rest)
                how = at % 3
                card = (f"card {one.pan}", f"pan={one.pan}", f"カード番号{one.grouped}にて決済")[
                    how
                ]
                message = f"payment by {card} amount={at % 90000}"
            else:
                message = f"GET /shop/item/{at % 5000} order=A-{users[at] // 7 % 10**10:010d} took {at % 977} ms"
            file.write(
                f"2026-11-23 10:{at // 60 % 60:02d}:{at % 60:02d} [w{at % 8}] INFO user={users[at]} ts={stamp} session {users[-at] % 10**16:016d} {message}\n"
            )
    return records
