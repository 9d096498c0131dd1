"""Whether a leak is named at its level: operators and processors as such, single shops as shops.

``python -m benchmarks levels -- [--worlds N] [--first SEED] [--processes N]`` draws worlds with one
leak of a single shop, of an operator's four shops with windows of their own, or of a processor's
thirty small shops, in turn, and counts those that an oracle would call a finding. Seeds below 1000
are for tuning.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.parts.asking import ask, opened
from benchmarks.parts.figures import each, keep, share, show
from benchmarks.parts.judging import EDGES, Record, ids_of, tables_of
from sekisho.world import (
    CardSpec,
    DataTaken,
    LeakKind,
    LeakSpec,
    MerchantSpec,
    Timing,
    WorldSpec,
    build,
    oracle,
)

KINDS = (LeakKind.MERCHANT, LeakKind.OPERATOR, LeakKind.PROCESSOR)
CARDS, MERCHANTS, DAYS = 10_000, 600, 365


def plan(seed: int) -> WorldSpec:
    """The world of a seed: kind in turn, size, windows and timing at random."""
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    members = {LeakKind.MERCHANT: 1, LeakKind.OPERATOR: 4, LeakKind.PROCESSOR: 30}[kind]
    windows = []
    for _ in range(1 if kind is LeakKind.PROCESSOR else members):
        first = int(rng.integers(20, 120))
        windows.append((first, first + int(rng.integers(20, 120))))
    last = max(end for _, end in windows)
    timing = (Timing.AT_ONCE, Timing.HELD)[rng.integers(2)]
    leak = LeakSpec(
        kind, tuple(windows), float(rng.uniform(0.05, 0.2)), timing, DataTaken.FORM,
        n_members=members, size_rank=0.3 if kind is LeakKind.PROCESSOR else 0.05, lag_days=10.0,
        sales=() if timing is Timing.AT_ONCE else (last + 10,),
    )  # fmt: skip
    spec = WorldSpec(
        days=DAYS, merchants=MerchantSpec(count=MERCHANTS), cards=CardSpec(count=CARDS)
    )
    return replace(spec, leaks=(leak,))


def leak_world(seed: int) -> Record:
    """One world: what was found of its leak, and at which level."""
    spec = plan(seed)
    world = build(spec, seed, threads=1)
    day = world.truth.last_day
    with opened(tables_of(world), day) as history:
        answer = ask(history, day)
    members = set(ids_of(world, world.truth.leaks[0].merchants))
    found = [f for f in answer.findings if members & {m.entity_id for m in f.members}]
    first = found[0] if found else None
    told = oracle(world.truth, 0)
    return {
        "seed": seed,
        "kind": str(spec.leaks[0].kind),
        "log10_p": told.log10_p,
        "victims": told.victims,
        "found": bool(found),
        "named": str(first.entity_kind) if first else None,
        "right_members": len(members & {m.entity_id for m in first.members}) if first else 0,
        "wrong_members": sum(m.entity_id not in members for m in first.members) if first else 0,
        "members": len(members),
        "pieces": len(found),
        "false": [
            f.entity_id for f in answer.findings if not members & {m.entity_id for m in f.members}
        ],
    }


def run(argv: list[str]) -> None:
    """Trace the worlds and print the table."""
    parser = argparse.ArgumentParser(prog="levels", description=__doc__)
    parser.add_argument("--worlds", type=int, default=300)
    parser.add_argument("--first", type=int, default=5_000, help="first seed")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args(argv)
    records = []
    seeds = range(options.first, options.first + options.worlds)
    for record in each(leak_world, seeds, options.processes):
        records.append(record)
        keep("levels-worlds", record)
    report(records)


def report(records: Sequence[Record]) -> None:
    """Found, and named as what it is, by the leak's level."""
    rows = []
    for kind in KINDS:
        of = [r for r in records if r["kind"] == str(kind) and r["log10_p"] < EDGES[0]]
        found = [r for r in of if r["found"]]
        right = [r for r in found if r["named"] == str(kind)]
        whole = sum(r["right_members"] for r in right)
        rows.append((
            kind, share(len(found), len(of)), share(len(right), len(found)),
            share(whole, sum(r["members"] for r in right)), sum(r["wrong_members"] for r in right),
        ))  # fmt: skip
    show(("leak of", "found", "named as such", "its shops that are listed", "others listed"), rows)
    false = [r["seed"] for r in records if r["false"]]
    print(f"Worlds with a false finding: {len(false)} of {len(records)} {false or ''}")
