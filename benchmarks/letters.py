"""How many letters a second become PDF/A, beside typst alone.

``python -m benchmarks letters -- [--letters N] [--rounds N]``: short letters of one page and full
notices of two, written out from their templates, checked by the linter and for missing glyphs, set
in batches of a hundred with index and checksums. Beside it, round by round in the same run, typst
alone on the same pages in as many threads: the same data handed over ready-made, nothing written
out, checked, read back or kept. The best round counts; processor time is told beside it, because it
means something on a machine that does other work too.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.parts.figures import keep, show
from benchmarks.parts.mailing import VALUES, people
from sekisho.app.message_settings import Sender
from sekisho.app.message_writing import Writer, as_letter, write
from sekisho.domain.message import Channel
from sekisho.gateways.outbound.letter import fonts, print_house
from sekisho.gateways.outbound.letter.page import Letter
from sekisho.gateways.outbound.letter.typeset import Typesetter, kept_back
from sekisho.rulebook.templates import load

_AT = datetime(2026, 11, 23, tzinfo=UTC)
_SENDER = Sender(
    "架空カード株式会社", "0120-000-000", "9時から18時", "https://www.example.jp/",
    ("〒100-0000 東京都架空区関所町1-1",),
)  # fmt: skip
_VALUES = {
    **VALUES, "last4": "1234", "used_at": "2026-08-18T00:30+09:00", "amount": "JPY 70000",
}  # fmt: skip
_THREADS = 2
_BATCH = print_house.BATCH


def run(argv: list[str]) -> None:
    """Measure both kinds of letter and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(argv)
    typesetter = Typesetter(fonts.shipped())
    rows = []
    for kind in ("card_stopped", "full_notice"):
        pages = typesetter.set(list(written(kind, 1)), at=_AT).pages
        ready = list(written(kind, options.letters))
        whole, alone = _Best(options.letters), _Best(options.letters)
        for _ in range(options.rounds):
            whole.time(lambda kind=kind: house(kind, options.letters, typesetter))  # type: ignore[misc]
            alone.time(lambda ready=ready, pages=pages: typst_alone(ready, pages, typesetter))  # type: ignore[misc]
        rows.append([kind, str(pages), *whole.shown(), *alone.shown()])
        figures = {"whole_s": whole.rate, "alone_s": alone.rate, "whole_ms": whole.each_ms}
        keep("letters", {"kind": kind, "letters": options.letters, **figures})
    show(["letter", "pages", "letters/s", "CPU ms", "typst alone/s", "its CPU ms"], rows)


class _Best:
    """The best of some rounds: letters a second, and milliseconds of processor time for one."""

    def __init__(self, letters: int) -> None:
        self._letters = letters
        self.rate = 0.0
        self.each_ms = float("inf")

    def time(self, work: Callable[[], None]) -> None:
        """One round."""
        wall, processor = time.perf_counter(), time.process_time()
        work()
        self.rate = max(self.rate, self._letters / (time.perf_counter() - wall))
        spent = time.process_time() - processor
        self.each_ms = min(self.each_ms, 1e3 * spent / self._letters)

    def shown(self) -> tuple[str, str]:
        """As in the table."""
        return f"{self.rate:,.0f}", f"{self.each_ms:.2f}"


def written(kind: str, count: int) -> Iterator[Letter]:
    """Letters, each written out, judged and looked through for missing glyphs."""
    senders = {"ja": _SENDER, "en": _SENDER}
    writer = Writer(kind, _AT.date(), senders, _VALUES, load(None), era=True)
    faces = fonts.shipped()
    for place, recipient in enumerate(people(count, Channel.LETTER)):
        number = f"2345-{place:04}-BCDF-G"
        letter = as_letter(write(writer, recipient, number), recipient, writer)
        if kept_back(letter, faces):
            raise SystemExit("a letter was kept back")
        yield letter


def house(kind: str, count: int, typesetter: Typesetter) -> None:
    """Everything from the template to the printing house's folder."""
    with tempfile.TemporaryDirectory() as folder:
        print_house.write(Path(folder), written(kind, count), typesetter, at=_AT)


def typst_alone(ready: list[Letter], pages: int, typesetter: Typesetter) -> None:
    """The same pages by typst and nothing else."""
    batches = [ready[start : start + _BATCH] for start in range(0, len(ready), _BATCH)]
    inputs = [typesetter.inputs(some, [pages] * len(some)) for some in batches]
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(lambda one: typesetter.compile(one, at=_AT), inputs))
