"""``sekisho world``: make a seeded economy with leaks, as files."""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from sekisho.domain.errors import BadInput
from sekisho.world import WorldSpec, large, oracle, quiet, single_leak, story, write_large
from sekisho.world.ledger import Ledger

world = typer.Typer(help="Make a seeded economy with leaks, to try things on.")

_STEPS = {"make_world": "making the world", "write_truth": "writing the truth"}


class Preset(StrEnum):
    """Which world."""

    QUIET = "quiet"
    SINGLE_LEAK = "single-leak"
    STORY = "story"
    LARGE = "large"


class _Bars:
    """Draws the progress of making a world."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def step(self, name: str, *, total: float | None = None) -> None:
        """Begin a bar of its own for the step."""
        if self._task is not None:
            self._bars.update(self._task, completed=self._bars.tasks[self._task].total or 1)
        self._task = self._bars.add_task(_STEPS[name], total=total)

    def advance(self, amount: float) -> None:
        """Move the current bar."""
        if self._task is not None:
            self._bars.advance(self._task, amount)


def _sized(spec: WorldSpec, cards: int | None, merchants: int | None) -> WorldSpec:
    if cards is not None:
        spec = dataclasses.replace(spec, cards=dataclasses.replace(spec.cards, count=cards))
    if merchants is not None:
        sized = dataclasses.replace(spec.merchants, count=merchants)
        spec = dataclasses.replace(spec, merchants=sized)
    return spec


def _spec(preset: Preset, seed: int, sizes: tuple[int | None, int | None, int | None]) -> WorldSpec:
    cards, merchants, transactions = sizes
    if transactions is not None and preset is not Preset.LARGE:
        raise BadInput(
            "--transactions goes with --preset large", hint="Size other worlds with --cards."
        )
    if preset is Preset.LARGE:
        return large(transactions or 50_000_000, merchants or 50_000, cards)
    if preset is Preset.SINGLE_LEAK:
        return single_leak(seed, cards or 20_000, merchants or 1_000)
    return _sized(quiet() if preset is Preset.QUIET else story(), cards, merchants)


def _tell(console: Console, out: Path, truth: Ledger, rows: int) -> None:
    console.print(f"[bold]{rows:,}[/] transactions, {truth.cards.count:,} cards, in {out}/")
    for number in range(len(truth.leaks)):
        seen = oracle(truth, number)
        console.print(
            f"leak {number} ({truth.leaks[number].spec.kind}): {seen.exposed:,} cards exposed, "
            f"{seen.victims:,} defrauded against {seen.expected:,.1f} expected "
            f"(an oracle's p is 10^{seen.log10_p:.0f})",
            highlight=False,
        )
    if not truth.leaks:
        console.print("no leak in this world")
    console.print(
        f"next: sekisho trace {out}/transactions.parquet --fraud {out}/fraud.parquet "
        f"--merchants {out}/merchants.parquet --cards {out}/cards.parquet --out {out}/trace",
        soft_wrap=True,
        highlight=False,
    )


@world.command()
def make(
    out: Annotated[Path, typer.Option(help="Folder to write into.")],
    preset: Annotated[Preset, typer.Option(help="Which world.")] = Preset.SINGLE_LEAK,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same world.")] = 1,
    cards: Annotated[int | None, typer.Option(min=1, help="Number of cards.")] = None,
    merchants: Annotated[int | None, typer.Option(min=50, help="Number of merchants.")] = None,
    transactions: Annotated[
        int | None, typer.Option(min=1_000, help="Rows, about (preset large).")
    ] = None,
) -> None:
    """Make a world and its truth as Parquet files, as a bank would hand them in."""
    spec = _spec(preset, seed, (cards, merchants, transactions))
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        truth = write_large(spec, seed, out, _Bars(bars))
    _tell(Console(), out, truth, truth.transactions)


@world.callback()
def _root() -> None:
    """Make a seeded economy with leaks, to try things on."""


def register(app: typer.Typer) -> None:
    """Join this command to the command line."""
    app.add_typer(world, name="world")
