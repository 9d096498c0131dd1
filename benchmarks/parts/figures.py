"""Figures that can be quoted: intervals, tables, lines of JSON, and many worlds at once."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special, stats

OUT = Path(__file__).resolve().parents[1] / "out"
T = TypeVar("T")
R = TypeVar("R")


def wilson(hits: int, tries: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share (Wilson 1927).

    >>> tuple(round(x, 3) for x in wilson(95, 100))
    (0.888, 0.978)
    """
    if not tries:
        return 0.0, 1.0
    interval = stats.binomtest(hits, tries).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def share(hits: int, tries: int) -> str:
    """``95/100 (95.0 %, 88.8-97.8)``."""
    if not tries:
        return "-"
    low, high = wilson(hits, tries)
    return f"{hits}/{tries} ({100 * hits / tries:.1f} %, {100 * low:.1f}-{100 * high:.1f})"


def victims_needed(victims: ArrayLike, found: ArrayLike, chance: float = 0.5) -> float | None:
    """At how many victims a leak is found with this chance: logistic in their logarithm.

    None where everything or nothing is found. A ridge keeps separable data finite.
    """
    x, y = np.log(np.maximum(np.asarray(victims, float), 1.0)), np.asarray(found, float)
    if y.size == 0 or y.min() == y.max():
        return None

    def loss(p: np.ndarray) -> float:
        z = p[0] * (x - p[1])
        return float(-(special.log_expit(np.where(y > 0, z, -z))).sum() + 0.01 * p[0] ** 2)

    slope, middle = optimize.minimize(loss, [2.0, float(x.mean())], method="Nelder-Mead").x
    if slope <= 0:
        return None
    return float(np.exp(min(middle + special.logit(chance) / slope, 700.0)))


def show(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table in Markdown, as docs/benchmarks.md has it."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *texts, strict=True)]
    for line in (head, ["-" * width for width in widths], *texts):
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("| " + " | ".join(cells) + " |")
    print(flush=True)


def keep(name: str, figures: dict[str, Any]) -> None:
    """Add one line of JSON to ``benchmarks/out/<name>.jsonl``."""
    OUT.mkdir(parents=True, exist_ok=True)
    with (OUT / f"{name}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(figures, default=float) + "\n")


def each(work: Callable[[T], R], tasks: Iterable[T], processes: int) -> Iterator[R]:
    """The results in the order of the tasks, by several processes if wanted."""
    if processes <= 1:
        yield from map(work, tasks)
        return
    with multiprocessing.get_context("spawn").Pool(processes, maxtasksperchild=50) as pool:
        yield from pool.imap(work, tasks)
