"""The replay on the screen: one row for each month, a bar while it runs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from sekisho.web.demo.model import Look, Said, Standing

_STEPS = {
    "make_world": "making an invented economy with one leak",
    "write_truth": "making an invented economy with one leak",
    "read_world": "reading the issuer's files",
    "write": "writing pages and trace",
}


class Screen:
    """A growing table over one bar; satisfies `sekisho.domain.progress.Progress`."""

    def __init__(self, console: Console, looks: int) -> None:
        self._table = _empty()
        columns = (
            SpinnerColumn(finished_text="[green]✓[/]"),
            BarColumn(bar_width=24),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
        )
        self._bars = Progress(*columns, console=console)
        self._task = self._bars.add_task("starting", total=looks + 3)
        self._last = ""
        self.live = Live(Group(self._table, self._bars), console=console, refresh_per_second=8)

    def step(self, name: str, *, total: float | None = None) -> None:  # noqa: ARG002
        """Say what is being done; ``look 2024-05-31`` traces as of that day."""
        text = _STEPS.get(name) or f"tracing as of {name.removeprefix('look ')}"
        if self._last and text != self._last:
            self._bars.advance(self._task)
        self._last = text
        self._bars.update(self._task, description=text)

    def advance(self, amount: float) -> None:
        """Take no notice: the bar counts steps."""

    def tell(self, look: Look) -> None:
        """Add the row of one look."""
        self._table.add_row(*_row(look))

    def end(self) -> None:
        """Fill the bar."""
        total = self._bars.tasks[self._task].total
        self._bars.update(self._task, completed=total, description="done")


def _empty() -> Table:
    table = Table(title="What was known at the end of each month", title_justify="left")
    table.add_column("as of", no_wrap=True)
    table.add_column("victims\nknown", justify="right")
    table.add_column("Sekisho asks about")
    table.add_column("plain ratio blames")
    return table


def _row(look: Look) -> tuple[str, str, str, str]:
    parts = []
    if look.found:
        parts.append(f"[bold green]{look.found} of {len(look.said)} shops that leaked[/]")
    if look.wrong:
        parts.append(f"[bold red]{len(look.wrong)} wrong[/]")
    suspects = sum(said.standing is Standing.SUSPECT for said in look.said)
    if suspects:
        parts.append(f"[dim]{suspects} suspected[/]")
    wrong = len(look.blamed) - look.blamed_rightly
    ratio = f"[green]{look.blamed_rightly} right[/], [red]{wrong} wrong[/]"
    return (
        look.as_of.isoformat(),
        f"{look.victims_known:,}",
        ", ".join(parts) or "[dim]nobody[/]",
        ratio if look.blamed else "[dim]nobody[/]",
    )


def shop_table(names: Sequence[tuple[str, str]], said: Sequence[Said]) -> Table:
    """Windows found at the last look beside the true ones; ``names`` are name and true window."""
    table = Table(title="The windows that the last trace gives", title_justify="left")
    table.add_column("shop", overflow="fold")
    table.add_column("really leaked", no_wrap=True)
    table.add_column("found", no_wrap=True)
    for (name, window), one in zip(names, said, strict=True):
        found = f"{one.window_start} – {one.window_end}" if one.window_start else "-"
        if one.standing is Standing.SUSPECT:
            found += " ?"
        table.add_row(escape(name), window, found)
    return table
