"""Files of over forty formats and encodings with invented cards in them, and the truth beside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.parts.card_documents import BINARIES, dump, track
from benchmarks.parts.card_library_files import FILES as LIBRARY_FILES
from benchmarks.parts.card_library_texts import TEXTS as LIBRARY_TEXTS
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


def write_library_corpus(folder: Path, chance: np.random.Generator, each: int) -> list[Planted]:
    """Write one file of each format that libraries and services write; says which are absent."""
    planted: list[Planted] = []
    for kind, (write, name) in {**LIBRARY_TEXTS, **LIBRARY_FILES}.items():
        records = draw(chance, each)
        path = folder / f"{len(planted):02d}-{name}"
        try:
            path.write_bytes(write(records))
        except ImportError as error:
            print(f"  {kind}: {error.name} is not installed")
            continue
        planted.append(Planted(kind, path, records, each))
    return planted


def mask(pan: str) -> str:
    """First six and last four."""
    return f"{pan[:6]}{'*' * (len(pan) - 10)}{pan[-4:]}"


def write_id_log(
    path: Path, chance: np.random.Generator, lines: int, share: float = 0.0007
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


_BROWSERS: Final = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15",
)
_ASKED: Final = (
    "/shop/item/%d",
    "/static/js/app.%d.js",
    "/api/v1/cart/%d",
    "/search?q=shoes&page=%d",
)


def write_web_log(path: Path, chance: np.random.Generator, lines: int) -> tuple[Record, ...]:
    """Write the log of a web server: few numbers, and no card."""
    address = chance.integers(0, 256, (lines, 4)).tolist()
    numbers = chance.integers(0, 90_000, (lines, 2)).tolist()
    with path.open("w", encoding="utf-8") as file:
        for at, (place, (item, size)) in enumerate(zip(address, numbers, strict=True)):
            file.write(
                f"{'.'.join(map(str, place))} - - [23/Nov/2026:10:{at // 60 % 60:02d}:{at % 60:02d} "
                f'+0900] "GET {_ASKED[at % 4] % item} HTTP/1.1" 200 {size} '
                f'"https://shop.example/" "{_BROWSERS[at % 2]}"\n'
            )
    return ()


_WORDS: Final = [
    "商品",
    "注文",
    "受付",
    "お客様",
    "様",
    "完了",
    "しました",
    "在庫",
    "確認",
    "配送",
    "準備中",
    "カード",
    "決済",
    "処理",
    "開始",
    "終了",
    "エラー",
    "が",
    "発生",
    "ログイン",
    "画面",
    "を",
    "表示",
]


def write_japanese_log(path: Path, chance: np.random.Generator, lines: int) -> tuple[Record, ...]:
    """Write a log in Japanese, UTF-8, without a card."""
    words = chance.integers(0, len(_WORDS), (lines, 12)).tolist()
    numbers = chance.integers(0, 10**9, lines).tolist()
    with path.open("w", encoding="utf-8") as file:
        for at, (said, number) in enumerate(zip(words, numbers, strict=True)):
            text = "".join(_WORDS[one] for one in said)
            file.write(
                f"2026-11-23 10:{at // 60 % 60:02d}:{at % 60:02d} [情報] {text} 番号{number}\n"
            )
    return ()


LOGS: Final[dict[str, Callable[[Path, np.random.Generator, int], tuple[Record, ...]]]] = {
    "web server": write_web_log,
    "Japanese": write_japanese_log,
    "ids and stamps": write_id_log,
}
