"""Look into everything: in this process or in several, and from where an earlier run ended."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, TextIO

from sekisho.discovery.finding import Finding, NotRead, Report, TestNumber
from sekisho.discovery.opening import Readable
from sekisho.discovery.sources import Looker, redact_path
from sekisho.discovery.text import Machine
from sekisho.discovery.walk import PIPE, Item, walk
from sekisho.domain.errors import BadInput, OutputFailed
from sekisho.domain.progress import Progress

SCHEMA: Final = "sekisho.discover.resume/1"
_ALONE: Final = 64 << 20  # less than this is done before other processes have started
_ALONE_FILES: Final = 400
_BATCH_BYTES: Final = 16 << 20
_BATCH_FILES: Final = 64


@dataclass(frozen=True, slots=True)
class Settings:
    """How to look. ``workers``: processes, or None to choose by what there is to do."""

    workers: int | None = None
    sample: int | None = None
    test_numbers: bool = False


@dataclass(slots=True)
class Outcome:
    """What one run came to."""

    findings: list[Finding] = field(default_factory=list)
    not_read: list[NotRead] = field(default_factory=list)
    test_numbers: int = 0
    looked_into: int = 0

    def add(self, reports: Iterable[Report]) -> None:
        """Take in what was reported of one thing."""
        for report in reports:
            if isinstance(report, Finding):
                self.findings.append(report)
            elif isinstance(report, NotRead):
                self.not_read.append(report)
            else:
                self.test_numbers += 1


def run(
    paths: list[str],
    settings: Settings,
    progress: Progress,
    pipe: Readable,
    resume: Path | None = None,
) -> Outcome:
    """Look into all ``paths``; ``pipe`` is what ``-`` stands for. Reports keep the files' order.

    Raises BadInput for a resume file of another search, OutputFailed where it cannot be written.
    """
    outcome = Outcome()
    items: list[Item] = []
    progress.step("list")
    for one in walk(paths):
        if isinstance(one, Item):
            items.append(one)
        else:
            outcome.not_read.append(one)
    found: dict[str, list[Report]] = {}
    with _Memory(resume, settings) as memory:
        waiting = [one for one in items if not memory.recall(one, found)]
        total = sum(one.size for one in waiting)
        progress.step("look", total=float(max(total, 1)))
        for item, reports in _look(waiting, total, settings, progress, pipe):
            memory.keep(item, reports)
            found[item.path] = reports
    outcome.looked_into = len(items)
    for item in items:
        outcome.add(found[item.path])
    return outcome


def _look(
    items: list[Item], total: int, settings: Settings, progress: Progress, pipe: Readable
) -> Iterator[tuple[Item, list[Report]]]:
    several = len(items) > 1 and (total > _ALONE or len(items) > _ALONE_FILES)
    workers = settings.workers or (min(os.cpu_count() or 1, 8) if several else 1)
    here = [one for one in items if one.path == PIPE or workers == 1 or len(items) == 1]
    if here:
        machine = Machine(test_numbers=settings.test_numbers)
        looker = Looker(machine, settings.sample, progress.advance)
        for item in here:
            if item.path == PIPE:
                yield item, list(looker.stream(pipe, PIPE))
            else:
                yield item, list(looker.look(item.path))
    elsewhere = [one for one in items if one not in here] if len(here) < len(items) else []
    if elsewhere:
        for item, reports in _in_processes(elsewhere, workers, settings):
            progress.advance(item.size)
            yield item, reports


def _in_processes(
    items: list[Item], workers: int, settings: Settings
) -> Iterator[tuple[Item, list[Report]]]:
    """Look with several processes; one that dies over a file takes nothing else with it."""
    batches = list(_batches(items))
    while batches:
        lost: list[list[Item]] = []
        with _pool(workers, settings) as pool:
            for batch, reports in _results(pool, batches, workers):
                if reports is None:
                    lost.append(batch)
                else:
                    yield from zip(batch, reports, strict=True)
        batches = [[item] for batch in lost for item in batch]
        if lost and all(len(batch) == 1 for batch in lost):
            yield from _one_by_one([batch[0] for batch in lost], settings)
            return


def _one_by_one(items: list[Item], settings: Settings) -> Iterator[tuple[Item, list[Report]]]:
    """Files of which one ended its process: each in a process of its own."""
    for item in items:
        with _pool(1, settings) as pool:
            try:
                reports: list[Report] = pool.submit(_look_at, [item.path]).result()[0]
            except BrokenProcessPool:
                reports = [NotRead(redact_path(item.path), "its reader died over it")]
        yield item, reports


def _results(
    pool: ProcessPoolExecutor, batches: list[list[Item]], workers: int
) -> Iterator[tuple[list[Item], list[list[Report]] | None]]:
    """Hand batches out, a few ahead of time; None for those that were lost with a process."""
    rest = iter(batches)
    running: dict[Future[list[list[Report]]], list[Item]] = {}
    dead = False
    while True:
        while not dead and len(running) < 2 * workers and (batch := next(rest, None)):
            try:
                running[pool.submit(_look_at, [item.path for item in batch])] = batch
            except BrokenProcessPool:
                dead = True
                yield batch, None
        if not running:
            break
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            batch = running.pop(future)
            try:
                yield batch, future.result()
            except BrokenProcessPool:
                dead = True
                yield batch, None
    yield from ((batch, None) for batch in rest)


def _batches(items: list[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    size = 0
    for item in items:
        batch.append(item)
        size += item.size
        if size >= _BATCH_BYTES or len(batch) >= _BATCH_FILES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _pool(workers: int, settings: Settings) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin, initargs=(settings,),
    )  # fmt: skip


_looker: Looker | None = None


def _begin(settings: Settings) -> None:
    global _looker  # noqa: PLW0603 - one for each worker process
    _looker = Looker(Machine(test_numbers=settings.test_numbers), settings.sample)


def _look_at(paths: list[str]) -> list[list[Report]]:
    assert _looker is not None  # noqa: S101 - set by the initializer
    return [list(_looker.look(path)) for path in paths]


class _Memory:
    """What earlier runs with the same settings found: a file of lines, one for each file done."""

    def __init__(self, path: Path | None, settings: Settings) -> None:
        self._path = path
        self._settings = {key: value for key, value in asdict(settings).items() if key != "workers"}
        self._known: dict[tuple[str, str], dict[str, Any]] = {}
        self._file: TextIO | None = None

    def __enter__(self) -> _Memory:
        if self._path is None:
            return self
        try:
            if self._path.exists():
                self._read(self._path)
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise OutputFailed(f"{self._path} cannot be used: {error.strerror}.") from None
        self._file = os.fdopen(handle, "a", encoding="utf-8")
        if not self._known and self._path.stat().st_size == 0:
            self._write({"schema": SCHEMA, "settings": self._settings})
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def _read(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        if not text:
            return
        whole = text[: text.rfind("\n") + 1]  # a last line cut off by a kill is done again
        if len(whole) < len(text):
            path.write_text(whole, encoding="utf-8")
        try:
            head, *rest = [json.loads(line) for line in whole.splitlines()]
            if (head["schema"], head["settings"]) != (SCHEMA, self._settings):
                raise BadInput(
                    f"{path} belongs to a search with other options.",
                    hint="Use the same options, or name another file for --resume.",
                )
            self._known = {(one["path"], one["stamp"]): one for one in rest}
        except (ValueError, KeyError, TypeError):
            raise BadInput(
                f"{path} is not a file that --resume wrote.", hint="Name another file."
            ) from None

    def recall(self, item: Item, found: dict[str, list[Report]]) -> bool:
        """Put what is known of an unchanged file into ``found``; whether there was something."""
        known = self._known.get((item.path, item.stamp)) if item.stamp else None
        if known is None:
            return False
        reports: list[Report] = [Finding.from_json(one) for one in known["findings"]]
        reports += [TestNumber(item.path)] * known["test_numbers"]
        found[item.path] = reports
        return True

    def keep(self, item: Item, reports: list[Report]) -> None:
        """Remember a file that was read whole."""
        if self._file is None or not item.stamp:
            return
        if any(isinstance(one, NotRead) for one in reports):
            return
        self._write({
            "path": item.path, "stamp": item.stamp,
            "findings": [one.as_json() for one in reports if isinstance(one, Finding)],
            "test_numbers": sum(isinstance(one, TestNumber) for one in reports),
        })  # fmt: skip

    def _write(self, value: dict[str, Any]) -> None:
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(value, ensure_ascii=True) + "\n")
            self._file.flush()
        except OSError as error:
            raise OutputFailed(f"{self._path} cannot be written: {error.strerror}.") from None
