"""Looks that follow one another at quiet worlds: whether all of them together name nobody.

``python -m benchmarks looks -- [--worlds N] [--months N] [--first SEED] [--processes N]`` looks
every 30 days at worlds without a leak, each look with what it may spend. Histories are as long as
the looks reach back; the worlds are small, so that years of monthly looks are affordable.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from benchmarks.parts.asking import ask_within, opened
from benchmarks.parts.figures import each, keep, share, show
from benchmarks.parts.judging import Record, tables_of
from sekisho.commonpoint.looks import TOTAL, alpha_of, seen
from sekisho.commonpoint.search import Limits
from sekisho.domain.errors import NothingToDo
from sekisho.domain.looks import Look
from sekisho.world import build, quiet

STEP = 30  # days from look to look
BEFORE = 90  # days of history before the first look
CARDS, MERCHANTS = 2_500, 200


def quiet_world(task: tuple[int, int]) -> Record:
    """All looks at one world: who was named, and by how many looks."""
    seed, months = task
    days = BEFORE + STEP * (months - 1)
    spec = quiet(CARDS, MERCHANTS, days)
    spec = replace(spec, noise=replace(spec.noise, phishing=0.02))
    tables = tables_of(build(spec, seed, threads=1))
    looks: list[Look] = []
    done = 0
    for number in range(months):
        as_of = spec.start + timedelta(days=BEFORE + STEP * number - 1)
        alpha = alpha_of(looks, as_of)
        earlier = tuple(sorted({one.entity_id for look in looks for one in look.findings}))
        try:
            with opened(tables, as_of) as history:
                answer = ask_within(history, as_of, Limits(alpha, earlier=earlier))
        except NothingToDo:
            looks.append(Look(as_of, alpha, (), (), ()))
            continue
        done += 1
        found = tuple(seen(one) for one in answer.findings)
        looks.append(Look(as_of, alpha, (), (), found))
    named = sorted({one.entity_id for look in looks for one in look.findings})
    return {
        "seed": seed, "looks": done, "named": named, "spent": sum(look.alpha for look in looks),
        "looks_with_findings": sum(bool(look.findings) for look in looks),
    }  # fmt: skip


def run(argv: list[str]) -> None:
    """Look, and print the table."""
    parser = argparse.ArgumentParser(prog="looks", description=__doc__)
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--months", type=int, default=66)
    parser.add_argument("--first", type=int, default=5_000, help="first seed")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args(argv)
    seeds = range(options.first, options.first + options.worlds)
    records = []
    for record in each(quiet_world, [(seed, options.months) for seed in seeds], options.processes):
        records.append(record)
        keep("looks-worlds", record)
    report(records)


def report(records: Sequence[Record]) -> None:
    """How many looks named anybody."""
    looks = sum(r["looks"] for r in records)
    bad = [r["seed"] for r in records if r["named"]]
    show(
        ("worlds", "looks", "worlds in which anybody was named", "spent by all looks of a world"),
        [(len(records), looks, share(len(bad), len(records)), f"{records[-1]['spent']:.5f}")],
    )
    print(f"Seeds: {bad or 'none'}; the bound for all looks of a world is {TOTAL}.")
