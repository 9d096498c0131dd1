"""Small worlds without a leak: how often somebody is named, and whether p-values are what they say.

``python -m benchmarks quiet -- [--worlds N] [--first SEED] [--processes N]`` varies size, length,
noise, the file of cards, products, and shops where stolen cards are tested. Seeds below 1000 are
for tuning.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import stats

from benchmarks.parts.asking import without
from benchmarks.parts.figures import each, keep, share, show
from benchmarks.parts.judging import Record, figures_of, tables_of, truth_of
from sekisho.world import WorldSpec, build, quiet

# One by one in turn; the numbers have no common divisor, so that all pairs come up.
SIZES = ((20_000, 1_000), (5_000, 300), (10_000, 2_500), (20_000, 400), (20_000, 150))
DAYS = (365, 180, 730)
KINDS = ("plain", "no cards file", "no product", "neither")
NOISES = ("usual", "no test shops", "many test shops", "much fraud", "many attacks", "late reports",
          "phishing follows activity")  # fmt: skip
NAMED = 0.001  # Sekisho's family-wise error


def plan(seed: int) -> tuple[WorldSpec, dict[str, str]]:
    """The world of a seed, and its kind by aspect."""
    cards, merchants = SIZES[seed % len(SIZES)]
    days = DAYS[seed % len(DAYS)]
    noise = NOISES[seed % len(NOISES)]
    spec = quiet(cards, merchants, days)
    shops, fraud = spec.merchants, spec.noise
    if noise == "no test shops":
        shops = replace(shops, test_shops=0)
    elif noise == "many test shops":
        shops, fraud = replace(shops, test_shops=12), replace(fraud, test_share=0.7)
    elif noise == "much fraud":
        fraud = replace(fraud, phishing=0.02, dispute=0.005)
    elif noise == "many attacks":
        fraud = replace(fraud, bin_attack=0.008)
    elif noise == "late reports":
        fraud = replace(fraud, report_delay_days=60.0)
    elif noise == "phishing follows activity":
        fraud = replace(fraud, activity_link=1.0)
    aspects = {"cards": f"{cards:,} cards, {merchants:,} shops", "days": f"{days} days"}
    aspects |= {"noise": noise, "kind": KINDS[seed % len(KINDS)]}
    return replace(spec, merchants=shops, noise=fraud), aspects


def quiet_world(seed: int) -> Record:
    """One world without a leak: what Sekisho says."""
    spec, aspects = plan(seed)
    world = build(spec, seed, threads=1)
    kind = aspects["kind"]
    tables = without(
        tables_of(world),
        cards=kind in ("no cards file", "neither"),
        product=kind in ("no product", "neither"),
    )
    told = figures_of(tables, truth_of(world), world.truth.last_day, rivals=False)
    return {"seed": seed} | aspects | told


def run(argv: list[str]) -> None:
    """Trace the worlds and print the tables."""
    parser = argparse.ArgumentParser(prog="quiet", description=__doc__)
    parser.add_argument("--worlds", type=int, default=300)
    parser.add_argument("--first", type=int, default=1_000, help="first seed")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args(argv)
    seeds = range(options.first, options.first + options.worlds)
    records = []
    for record in each(quiet_world, seeds, options.processes):
        records.append(record)
        keep("quiet-worlds", record)
    report(records)


def report(records: Sequence[Record]) -> None:
    """Print who was named, by aspect of the world, and the p-values against uniform ones."""
    false = [f for r in records for f in r["false"]]
    print("False findings in worlds without a leak")
    rows = []
    for aspect in ("kind", "noise", "cards", "days"):
        for value in sorted({r[aspect] for r in records}):
            of = [r for r in records if r[aspect] == value]
            named = [r for r in of if r["false"]]
            rows.append((value, share(len(named), len(of)), [r["seed"] for r in named] or ""))
    named = [r for r in records if r["false"]]
    show(
        ("worlds", "with a false finding", "seeds"),
        [*rows, ("all", share(len(named), len(records)), "")],
    )
    roles = [f["role"] for f in false]
    print(f"at test shops: {roles.count('test')}, at spend shops: {roles.count('spend')}, ", end="")
    print(f"elsewhere: {roles.count('')}\n")
    blind = ("no product", "neither")
    show_p_values("With products or BINs", [r for r in records if r["kind"] not in blind])
    show_p_values("Without products and BINs", [r for r in records if r["kind"] in blind])
    keep("quiet", {"worlds": len(records), "with_false": len(named), "false": len(false)})


def show_p_values(name: str, records: Sequence[Record]) -> None:
    """How many runs have a smallest p below a level, beside how many should by chance."""
    print(
        f"{name}: the smallest p of each run (any shop, window and misuse period; shops set aside"
        "\nas places where stolen cards are used do not count). A p that means what it says lies"
        "\nbelow a level in at most that share of the runs."
    )
    smallest = np.array([r["smallest_p"] for r in records])
    rows = []
    for level in (0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, NAMED):
        most = int(stats.binom.ppf(0.975, len(records), level))
        below = int((smallest < level).sum())
        rows.append((level, f"{level * len(records):.1f}", most, below))
    show(("p below", "runs by chance", "97.5 % of chance", f"of {len(records)} runs"), rows)
