"""Progress as bars on the error stream; silent where nobody watches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


class Bars:
    """Draws each step of a run; satisfies `sekisho.domain.progress.Progress`.

    ``texts`` says each step's key in words; a key without words is shown as it is.
    """

    def __init__(self, bars: Progress, texts: Mapping[str, str]) -> None:
        self._bars = bars
        self._texts = texts
        self._task: TaskID | None = None

    def step(self, name: str, *, total: float | None = None) -> None:
        """End the current bar and begin one for the step."""
        self.end()
        self._task = self._bars.add_task(self._texts.get(name, name), total=total)

    def advance(self, amount: float) -> None:
        """Move the current bar."""
        if self._task is not None:
            self._bars.advance(self._task, amount)

    def end(self) -> None:
        """Fill the current bar."""
        if self._task is not None:
            total = self._bars.tasks[self._task].total or 1
            self._bars.update(self._task, total=total, completed=total)


@contextmanager
def drawn(texts: Mapping[str, str]) -> Iterator[Bars]:
    """Bars on the error stream while the block runs."""
    columns = (
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bars = Bars(progress, texts)
        yield bars
        bars.end()
