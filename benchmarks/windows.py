"""The ends of the exposure window: errors beside an oracle's, and whether intervals hold the truth.

``python -m benchmarks windows -- [--worlds N] [--first SEED] [--processes N]`` traces the same
worlds as ``recall`` without the rivals, and says what was found and what was named falsely. Seeds
below 1000 are for tuning.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from benchmarks.parts.figures import each, keep, share, show
from benchmarks.parts.judging import (
    BIN_NAMES,
    SURE,
    Record,
    figures_of,
    oracle_figures,
    tables_of,
    truth_of,
)
from benchmarks.parts.leaks import drawn_leak, oracle_window_errors
from sekisho.world import build, oracle

MANY = 25  # victims from which on the ends are asked for by the day
LONG = 120  # days from which on they are asked for by the window's length


def leak_world(seed: int) -> Record:
    """One world with a leak: what was found, and how far its window's ends are off."""
    spec = drawn_leak(seed)
    world = build(spec, seed, threads=1)
    leak = spec.leaks[0]
    first, last = leak.windows[0]
    figures: Record = {"seed": seed, "timing": str(leak.timing), "days": last - first + 1}
    figures |= oracle_figures(oracle(world.truth, 0), world.truth)
    figures["oracle_errors"] = oracle_window_errors(world)
    told = figures_of(tables_of(world), truth_of(world), world.truth.last_day, rivals=False)
    return figures | told


def run(argv: list[str]) -> None:
    """Trace the worlds and print the tables."""
    parser = argparse.ArgumentParser(prog="windows", description=__doc__)
    parser.add_argument("--worlds", type=int, default=300)
    parser.add_argument("--first", type=int, default=5_000, help="first seed")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args(argv)
    records = []
    seeds = range(options.first, options.first + options.worlds)
    for record in each(leak_world, seeds, options.processes):
        records.append(record)
        keep("windows-worlds", record)
    report(records)


def report(records: Sequence[Record]) -> None:
    """Print what was found, the errors by victims and length, and the intervals."""
    sure = [r for r in records if r["bin"] in SURE]
    print("Found, by the oracle's p")
    rows = []
    for i, name in enumerate(BIN_NAMES):
        of = [r for r in records if r["bin"] == i]
        rows.append((name, share(sum(r["found"] for r in of), len(of))))
    rows.append(("all beyond 5e-9", share(sum(r["found"] for r in sure), len(sure))))
    show(("oracle p", "found"), rows)
    missed = [r["seed"] for r in sure if not r["found"]]
    print(f"Seeds missed beyond 5e-9: {missed or 'none'}")
    false = [r["seed"] for r in records if r["false"]]
    print(f"Worlds with a false finding: {len(false)} of {len(records)} {false or ''}\n")
    found = [r for r in records if r["found"] and r["oracle_errors"] is not None]
    show_errors(found)
    show_intervals(found)


def show_errors(found: Sequence[Record]) -> None:
    """Errors of both ends, in days and by length, beside the oracle's."""
    print("Ends of found windows: median error (90 % quantile), the oracle's beside it")
    groups = {
        f"{MANY}+ victims, under {LONG} days": [r for r in found if _many(r) and not _long(r)],
        f"{MANY}+ victims, {LONG} days and more": [r for r in found if _many(r) and _long(r)],
        f"under {MANY} victims": [r for r in found if not _many(r)],
    }
    rows = []
    for name, of in groups.items():
        if not of:
            continue
        cells: list[object] = [name, len(of)]
        for at, end in enumerate(("start_error", "end_error")):
            ours = np.abs([r[end] for r in of])
            theirs = np.abs([r["oracle_errors"][at] for r in of])
            length = np.array([r["days"] for r in of])
            cells += [
                f"{np.median(ours):.1f} ({np.quantile(ours, 0.9):.0f})",
                f"{np.median(theirs):.1f} ({np.quantile(theirs, 0.9):.0f})",
                f"{100 * np.median(ours / length):.0f} %",
            ]
        mean = float(np.mean(np.abs([[r["start_error"], r["end_error"]] for r in of])))
        best = float(np.mean(np.abs([r["oracle_errors"] for r in of])))
        cells.append(f"{mean:.1f} / {best:.1f} = {mean / max(best, 1e-9):.1f}")
        rows.append(cells)
    show(
        ("leaks", "number", "start, days", "oracle", "of the length", "end, days", "oracle",
         "of the length", "mean error / oracle's"), rows,
    )  # fmt: skip


def _many(record: Record) -> bool:
    return bool(record["oracle"]["misused"] >= MANY)


def _long(record: Record) -> bool:
    return bool(record["days"] >= LONG)


def show_intervals(found: Sequence[Record]) -> None:
    """How often the 95 % intervals hold the truth."""
    print("Intervals of 95 % that hold the truth")
    rows = []
    for name, low, high in (
        ("all", 0, np.inf), ("under 10 victims", 0, 10), (f"10 to {MANY - 1}", 10, MANY),
        (f"{MANY} and more", MANY, np.inf),
    ):  # fmt: skip
        of = [r for r in found if low <= r["oracle"]["misused"] < high]
        held = [share(sum(r["intervals_hold"][k] for r in of), len(of)) for k in (0, 1)]
        rows.append((name, len(of), *held))
    show(("leaks", "number", "start", "end"), rows)
