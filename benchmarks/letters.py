"""How many letters a second become PDF/A, beside typst alone.

``python -m benchmarks letters -- [--letters N] [--processes N]``: full notices and short messages,
written out from their templates, checked by the linter and for missing glyphs, set in batches of a
hundred with index and checksums. Beside it, in the same run, typst alone on the same pages: the
same data handed over ready-made, nothing checked, read back or written.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from benchmarks.parts.mailing import VALUES, people
from sekisho.app.message_settings import Sender
from sekisho.app.message_writing import Writer, as_letter, write
from sekisho.domain.message import Channel
from sekisho.gateways.outbound.letter import fonts, print_house
from sekisho.gateways.outbound.letter.page import Letter
from sekisho.gateways.outbound.letter.typeset import Typesetter, kept_back
from sekisho.rulebook.templates import load

_AT = datetime(2026, 11, 23, tzinfo=UTC)
_NUMBER = "2345-6789-BCDF-G"
_SENDER = Sender(
    "架空カード株式会社", "0120-000-000", "9時から18時", "https://www.example.jp/",
    ("〒100-0000 東京都架空区関所町1-1",),
)  # fmt: skip
_SHORT = {
    **VALUES, "last4": "1234", "used_at": "2026-08-18T00:30+09:00", "amount": "JPY 70000",
}  # fmt: skip


def run(argv: list[str]) -> None:
    """Measure both kinds of letter and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=1_000)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args(argv)
    for kind in ("card_stopped", "full_notice"):
        shares = [options.letters // options.processes] * options.processes
        with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
            list(pool.map(whole, [(kind, 100)] * options.processes))  # typefaces are loaded
            rate = _rate(pool, whole, kind, shares)
            alone = _rate(pool, typst_alone, kind, shares)
        letter = next(iter(written(kind, 1)))
        pages = Typesetter(fonts.shipped()).set([letter], at=_AT).pages
        print(
            f"{kind} ({pages} page{'s' if pages > 1 else ''}): {rate:,.0f} letters/s to PDF/A-2b "
            f"in {options.processes} processes; typst alone {alone:,.0f}/s"
        )


def _rate(
    pool: ProcessPoolExecutor,
    work: Callable[[tuple[str, int]], float],
    kind: str,
    shares: list[int],
) -> float:
    """Letters a second over all processes, by the slowest."""
    seconds = list(pool.map(work, [(kind, share) for share in shares]))
    return sum(shares) / max(seconds)


def written(kind: str, count: int) -> list[Letter]:
    """Letters, each written out, judged and looked through for missing glyphs."""
    senders = {"ja": _SENDER, "en": _SENDER}
    writer = Writer(kind, _AT.date(), senders, _SHORT, load(None), era=True)
    faces = fonts.shipped()
    letters = []
    for recipient in people(count, Channel.LETTER):
        letter = as_letter(write(writer, recipient, _NUMBER), recipient, writer)
        if kept_back(letter, faces):
            raise SystemExit("a letter was kept back")
        letters.append(letter)
    return letters


def whole(task: tuple[str, int]) -> float:
    """Everything from the template to the printing house's folder; seconds."""
    kind, count = task
    typesetter = _typesetter()
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        print_house.write(Path(folder), written(kind, count), typesetter, at=_AT)
        return time.perf_counter() - started


def typst_alone(task: tuple[str, int]) -> float:
    """The same pages by typst and nothing else; seconds."""
    kind, count = task
    typesetter = _typesetter()
    letters = written(kind, count)
    batches = [typesetter.inputs(letters[n : n + 100]) for n in range(0, count, 100)]
    started = time.perf_counter()
    for inputs in batches:
        typesetter.compile(inputs, at=_AT)
    return time.perf_counter() - started


_KEPT: list[Typesetter] = []


def _typesetter() -> Typesetter:
    if not _KEPT:
        _KEPT.append(Typesetter(fonts.shipped()))
    return _KEPT[0]
