"""Many letters in one run of typst: one PDF/A-2b, each letter on sheets of its own."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final

from sekisho.domain.errors import BadInput, SekishoError
from sekisho.gateways.outbound.letter.fonts import SANS, SERIF, Fonts
from sekisho.gateways.outbound.letter.page import Letter, Window

STANDARD: Final = "a-2b"
_FOLDER: Final = Path(__file__).parent
_LINES_MOST: Final = 5
_TRIES: Final = 4
_LINE_WIDTH: Final = 21.0
"""Full-width characters that fit on a line of the window at its type size."""


class TypesettingFailed(SekishoError):
    """typst could not set a batch, or warned of something that would show on paper."""

    code = "typesetting_failed"


@dataclass(frozen=True, slots=True)
class Batch:
    """A finished PDF: ``first_pages`` holds the page (from 1) on which each letter begins."""

    pdf: bytes
    pages: int
    first_pages: tuple[int, ...]

    @property
    def pages_each(self) -> list[int]:
        """How many pages each letter has."""
        ends = (*self.first_pages[1:], self.pages + 1)
        return [end - first for first, end in zip(self.first_pages, ends, strict=True)]


def kept_back(letter: Letter, fonts: Fonts) -> str:
    """Why ``letter`` cannot be printed as it is, in words; empty if it can."""
    from sekisho.gateways.outbound.letter.fonts import told  # noqa: PLC0415 - beside its use

    lacking = fonts.missing(letter.texts())
    if lacking:
        return f"not in the typeface: {told(lacking)}"
    if not letter.postal:
        return "no address"
    lines = [*letter.postal, letter.recipient]
    needed = sum(max(1, math.ceil(_width(line) / _LINE_WIDTH)) for line in lines)
    if needed > _LINES_MOST + 1:
        return f"the address needs {needed} lines; the window shows {_LINES_MOST + 1}"
    return ""


def _width(text: str) -> float:
    """The width in full-width characters, Latin ones counted as a bit over a half."""
    return sum(0.58 if ord(character) < 0x2E80 else 1.0 for character in text)


class Typesetter:
    """Sets batches of letters; loads the typefaces once. `set` may be called by several threads."""

    def __init__(self, fonts: Fonts, window: Window | None = None) -> None:
        import typst  # noqa: PLC0415 - only when letters are written

        self._window = window or Window()
        self._trouble = typst.TypstError
        self._make = partial(
            typst.Compiler,
            str(_FOLDER / "letter.typ"),
            root=str(_FOLDER),
            font_paths=[str(fonts.folder)],
            ignore_system_fonts=True,
        )
        self._idle: SimpleQueue[Any] = SimpleQueue()  # one compiler for each thread at work
        self._guess = 1

    def set(self, letters: Sequence[Letter], *, at: datetime) -> Batch:
        """One PDF of ``letters``; the same letters and ``at`` give the same bytes.

        Pages are numbered where a letter has more than one. Numbers make typst lay everything out
        twice, and how many pages there are is known only afterwards: the first try expects as many
        as the batch before had, and only where that was wrong there is a second one.
        Raises ``BadInput`` for no letters, `TypesettingFailed` for anything that typst says.
        """
        if not letters:
            raise BadInput("there are no letters to set")
        pages: Sequence[int] = [self._guess] * len(letters)
        for _ in range(_TRIES):
            batch = _read_back(self.compile(self.inputs(letters, pages), at=at), len(letters))
            if pages == batch.pages_each:
                self._guess = pages[-1]
                return batch
            pages = batch.pages_each
        raise TypesettingFailed("the number of pages does not settle")

    def compile(self, inputs: dict[str, str], *, at: datetime) -> bytes:
        """The PDF of what `inputs` made; raises `TypesettingFailed` for anything typst says."""
        try:
            compiler = self._idle.get_nowait()
        except Empty:
            compiler = self._make()
        try:
            pdf, warnings = compiler.compile_with_warnings(
                sys_inputs=inputs,
                pdf_standards=[STANDARD],
                timestamp=int(at.timestamp()),
                pdf_tags=False,
            )
        except self._trouble as error:
            raise TypesettingFailed(f"the letters could not be set: {error}") from None
        finally:
            self._idle.put(compiler)
        if warnings:
            raise TypesettingFailed(f"the letters were not set as they should: {warnings[0]}")
        if not isinstance(pdf, bytes):
            raise TypesettingFailed("the letters were not set as one PDF")
        return pdf

    def inputs(self, letters: Sequence[Letter], pages: Sequence[int]) -> dict[str, str]:
        """What the page is told: letters, how many pages each has, window, typefaces."""
        window = {f"window_{name}": value for name, value in asdict(self._window).items()}
        data = [{**one.data(), "pages": n} for one, n in zip(letters, pages, strict=True)]
        return {
            "letters": json.dumps(data, ensure_ascii=False),
            "layout": json.dumps(window),
            "serif": SERIF,
            "sans": SANS,
            "title": letters[0].title,
            "author": letters[0].sender[0],
        }


def _read_back(pdf: bytes, letters: int) -> Batch:
    """Count pages and find where each letter begins, from the finished file itself."""
    from pypdf import PdfReader  # noqa: PLC0415 - only when letters are written

    reader = PdfReader(io.BytesIO(pdf))
    outline: list[Any] = list(reader.outline)
    first = tuple((reader.get_destination_page_number(entry) or 0) + 1 for entry in outline)
    if len(first) != letters:
        raise TypesettingFailed(f"{len(first)} letters are in the PDF, {letters} were set")
    return Batch(pdf, len(reader.pages), first)
