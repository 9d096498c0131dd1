"""Single-shop leaks: recall by the oracle's p, false findings, window errors, and the rivals.

``python -m benchmarks recall -- [--leaks N] [--quiet N] [--first SEED] [--processes N]`` draws
worlds with one leaking web shop until each bin of the oracle's p holds N leaks, and as many quiet
worlds as asked for, on which the rivals' thresholds are set. Seeds below 1000 are for tuning.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.parts.figures import each, keep, share, show, victims_needed
from benchmarks.parts.judging import (
    BIN_NAMES,
    EDGES,
    SURE,
    Record,
    figures_of,
    oracle_figures,
    tables_of,
    truth_of,
)
from benchmarks.parts.leaks import drawn_leak
from benchmarks.rivals.thresholds import NEVER, VARIANTS, Tuned, best_of
from sekisho.world import build, oracle, quiet

WANTED = (2, 3, 4)  # bins that are to be full; the others fill beside
BATCH = 16
QUIET_FIRST = 500_000  # far from the seeds of the leaks


def leak_world(seed: int) -> Record:
    """One world with a leak: what the oracle, Sekisho and the rivals say."""
    spec = drawn_leak(seed)
    world = build(spec, seed, threads=1)
    leak = spec.leaks[0]
    figures: Record = {
        "seed": seed,
        "timing": str(leak.timing),
        "data_taken": str(leak.data_taken),
        "misuse_share": round(leak.misuse_share, 4),
    }
    figures |= oracle_figures(oracle(world.truth, 0), world.truth)
    return figures | figures_of(tables_of(world), truth_of(world), world.truth.last_day)


def quiet_world(seed: int) -> Record:
    """One world without a leak, of the same size."""
    world = build(quiet(), seed, threads=1)
    answer = figures_of(tables_of(world), truth_of(world), world.truth.last_day)
    return {"seed": seed} | answer


def draw_leaks(first: int, wanted: int, processes: int) -> Iterator[Record]:
    """Worlds by rising seed until each wanted bin is full; the last batch is kept whole."""
    counts = [0] * len(BIN_NAMES)
    while min(counts[i] for i in WANTED) < wanted:
        for record in each(leak_world, range(first, first + BATCH), processes):
            counts[record["bin"]] += 1
            yield record
        first += BATCH


def run(argv: list[str]) -> None:
    """Draw, trace, and print the tables."""
    parser = argparse.ArgumentParser(prog="recall", description=__doc__)
    parser.add_argument("--leaks", type=int, default=100, help="leaks in each bin")
    parser.add_argument("--quiet", type=int, default=100, help="worlds without a leak")
    parser.add_argument("--first", type=int, default=1_000, help="first seed")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args(argv)
    leaks: list[Record] = []
    for record in draw_leaks(options.first, options.leaks, options.processes):
        leaks.append(record)
        keep("recall-leaks", record)
    seeds = range(QUIET_FIRST + options.first, QUIET_FIRST + options.first + options.quiet)
    silent = list(each(quiet_world, seeds, options.processes))
    for record in silent:
        keep("recall-quiet", record)
    report("recall", leaks, silent)


def report(name: str, leaks: Sequence[Record], silent: Sequence[Record]) -> None:
    """Print every table over these worlds, and keep the main figures."""
    show_recall(leaks)
    show_false(leaks, silent)
    show_windows(leaks)
    tuned = show_rivals(leaks, silent)
    keep(
        name,
        {
            "leaks": len(leaks),
            "quiet": len(silent),
            "recall": {
                BIN_NAMES[i]: [sum(r["found"] for r in of), len(of)]
                for i, of in enumerate(by_bin(leaks))
            },
            "false": sum(len(r["false"]) for r in [*leaks, *silent]),
            "rivals": {key: [t.variant, t.floor, t.recall] for key, t in tuned.items()},
        },
    )


def by_bin(records: Sequence[Record]) -> list[list[Record]]:
    """The records of each bin."""
    return [[r for r in records if r["bin"] == i] for i in range(len(BIN_NAMES))]


def show_recall(leaks: Sequence[Record]) -> None:
    print("Recall of Sekisho at its own threshold, by the oracle's p (95 % Wilson intervals)")
    rows = []
    for name, of in zip(BIN_NAMES, by_bin(leaks), strict=True):
        called = [str(r["listed_as"] or "not listed") for r in of if not r["found"]]
        kinds = ", ".join(f"{called.count(k)} {k}" for k in sorted(set(called)))
        rows.append((name, *_found_of(of), kinds))
    sure = [r for r in leaks if r["bin"] in SURE]
    rows.append(("all beyond 5e-9", *_found_of(sure), ""))
    missed = [r["seed"] for r in sure if not r["found"]]
    show(("oracle p", "found", "of these, p < 5e-9 beside the cases", "missed are"), rows)
    print(f"Seeds of the leaks beyond 5e-9 that were missed: {missed or 'none'}")
    levels = [r["member"]["level"] for r in sure if r["found"]]
    beside = sum(r["innocent_members"] for r in sure if r["found"])
    print(
        f"Found as the shop itself: {levels.count('merchant')}, as a group with it: "
        f"{len(levels) - levels.count('merchant')} (innocent shops in these groups: {beside})\n"
    )


def _found_of(records: Sequence[Record]) -> tuple[str, str]:
    """Share found, of all and of those that stand out among the cases themselves."""
    clear = [r for r in records if r["oracle"]["relative_log10_p"] < EDGES[0]]
    both = (share(sum(r["found"] for r in of), len(of)) for of in (records, clear))
    return next(both), next(both)


def show_false(leaks: Sequence[Record], silent: Sequence[Record]) -> None:
    print("False findings of Sekisho: shops that did not leak")
    rows = []
    for name, of in (("with a leak", leaks), ("without a leak", silent)):
        false = [f for r in of for f in r["false"]]
        roles = [f["role"] for f in false]
        seeds = sorted({r["seed"] for r in of if r["false"]})
        rows.append(
            (name, len(of), len(false), roles.count("test"), roles.count("spend"), seeds or "")
        )
    show(("worlds", "number", "false", "test shops", "spend shops", "seeds"), rows)


def show_windows(leaks: Sequence[Record]) -> None:
    print("Window ends of found leaks: days from the truth, and how often the interval holds it")
    found = [r for r in leaks if r["found"]]
    rows = []
    for low, high in ((3, 5), (6, 9), (10, 19), (20, 49), (50, 10**9)):
        of = [r for r in found if low <= r["oracle"]["misused"] <= high]
        if not of:
            continue
        errors = [np.abs([r[end] for r in of]) for end in ("start_error", "end_error")]
        cells = [f"{np.median(e):.0f} / {np.quantile(e, 0.9):.0f}" for e in errors]
        held = [share(sum(r["intervals_hold"][k] for r in of), len(of)) for k in (0, 1)]
        label = f"{low}-{high}" if high < 10**9 else f"{low}+"
        rows.append((label, len(of), *cells, *held))
    show(
        ("victims", "leaks", "start: median / 90 %", "end: median / 90 %",
         "start's interval holds", "end's interval holds"),
        rows,
    )  # fmt: skip


def show_rivals(leaks: Sequence[Record], silent: Sequence[Record]) -> dict[str, Tuned]:
    """Print all methods side by side; each rival with the best threshold that it could have."""
    print(
        "Side by side. A rival's variant, floor and threshold are the best that it could have,"
        "\nchosen on the very leaks it is judged on, of all that name nobody in the "
        f"{len(silent)} quiet\nworlds, or nobody innocent in any world. "
        '"Told": somebody told it which shops are for\ntesting and spending stolen cards.'
    )
    rows = [_method_row("Sekisho", "p < 0.001, in advance", leaks, [r["found"] for r in leaks])]
    rows[0].append(str(sum(bool(r["false"]) for r in leaks)))
    played = [r["rivals"] for r in leaks], [r["rivals"] for r in silent]
    tuned = {}
    for strict, side, rival in itertools.product((False, True), ("others", "told"), VARIANTS):
        best = best_of(rival, *played, side, strict=strict)
        label = rival + (", told" if side == "told" else "")
        label += " (no false anywhere)" if strict else " (none in quiet)"
        tuned[label] = best
        bar = f"> {best.threshold:.3g}" if best.threshold > NEVER else "any"
        how = f"{best.variant}, {best.floor}+ cards, {bar}"
        rows.append([*_method_row(label, how, leaks, best.found), str(best.false)])
    show(
        ("method", "at", *BIN_NAMES, "half found from", "90 % from", "leak worlds with false"), rows
    )
    return tuned


def _method_row(name: str, how: str, leaks: Sequence[Record], found: Sequence[bool]) -> list[str]:
    cells = []
    for i in range(len(BIN_NAMES)):
        of = [hit for hit, r in zip(found, leaks, strict=True) if r["bin"] == i]
        cells.append(f"{sum(of)}/{len(of)}" if of else "-")
    return [name, how, *cells, *(_needed(leaks, found, chance) for chance in (0.5, 0.9))]


def _needed(leaks: Sequence[Record], found: Sequence[bool], chance: float) -> str:
    """Victims needed to be found with a chance, where the leaks drawn reach so far."""
    victims = [r["oracle"]["misused"] for r in leaks]
    needed = victims_needed(victims, found, chance)
    if needed is None:
        return "-"
    few, many = np.quantile(victims, (0.02, 0.98))
    return f"< {few:.0f}" if needed < few else f"> {many:.0f}" if needed > many else f"{needed:.1f}"
