"""A whole load: files opened, lines opened, purchases played, figures."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sekisho.app.loading.http_line import HttpLine
from sekisho.app.loading.iso_line import IsoLine
from sekisho.app.loading.play import Figures, Line, Plan, Score, play
from sekisho.app.loading.source import InventedNumbers, Purchase, opened, purchases
from sekisho.app.quick_loop import run_loop
from sekisho.domain.progress import Progress
from sekisho.gateways.inbound.iso8583.settings import DoorSettings
from sekisho.warehouse.intake import InputRequest


@dataclass(frozen=True, slots=True)
class IsoTarget:
    """An ISO 8583 door; ``test_bin``: what invented card numbers begin with."""

    address: tuple[str, int]
    settings: DoorSettings
    test_bin: str


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """An HTTP door; ``key``: the API key, "" for none."""

    url: str
    key: str


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What to play where, and how."""

    files: InputRequest
    target: IsoTarget | HttpTarget
    plan: Plan
    connections: int
    memory_limit: str


def run_load(request: LoadRequest, progress: Progress) -> Figures:
    """Read, connect, play. BadInput where files or door cannot be used."""
    with TemporaryDirectory(prefix="sekisho-load-") as folder:
        progress.step("read")
        with opened(request.files, Path(folder), request.memory_limit, progress) as history:
            return run_loop(_run(request, purchases(history), progress))


async def _run(request: LoadRequest, source: Iterator[Purchase], progress: Progress) -> Figures:
    score = Score(time.perf_counter)
    make = _line_maker(request.target, score)
    lines: list[Line] = [make() for _ in range(request.connections)]
    progress.step("connect", total=len(lines))
    try:
        for line in lines:
            await line.open()
            progress.advance(1)
        progress.step("play", total=request.plan.count)
        return await play(lines, source, request.plan, score, progress)
    finally:
        for line in lines:
            line.close()
        await asyncio.sleep(0)


def _line_maker(target: IsoTarget | HttpTarget, score: Score) -> Callable[[], Line]:
    if isinstance(target, HttpTarget):
        run = f"load-{_now():%Y%m%dT%H%M%S}-{os.getpid()}"
        return lambda: HttpLine(target.url, target.key, score, _now, run)
    numbers = InventedNumbers(target.test_bin)
    return lambda: IsoLine(target.address, target.settings, numbers, score, _now)


def _now() -> datetime:
    return datetime.now(tz=UTC)  # noqa: TID251 - app reads the clock
