"""Ten leaks at once that share customers, against each of them alone; and whose fault each case is.

``python -m benchmarks many -- [--worlds N] [--first SEED] [--processes N]``: each world has ten
leaking web shops with overlapping windows; the same world is made again with each leak alone. Says
how many are found of those that an oracle would call a finding, and whether the probabilities of
the cases are what they say. Seeds below 1000 are for tuning.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.parts.asking import ask, opened
from benchmarks.parts.figures import each, keep, share, show
from benchmarks.parts.judging import EDGES, Record, ids_of, tables_of
from sekisho.commonpoint.trace import Answer
from sekisho.warehouse.history import DuckHistory
from sekisho.world import (
    CardSpec,
    DataTaken,
    LeakKind,
    LeakSpec,
    MerchantSpec,
    Timing,
    World,
    WorldSpec,
    build,
    oracle,
)
from sekisho.world.economy import economy_of

LEAKS = 10
CARDS, MERCHANTS, DAYS = 10_000, 400, 365
CUTS = (0.0, 0.1, 0.5, 0.9, 1.0)  # of the probabilities that are held against the truth


def plan(seed: int) -> WorldSpec:
    """Ten web shops of middling size with the same months, sizes and timings at random."""
    spec = WorldSpec(
        days=DAYS, merchants=MerchantSpec(count=MERCHANTS), cards=CardSpec(count=CARDS)
    )
    economy = economy_of(spec, seed)
    rng = economy.rng(12)
    shops = economy.merchants
    usable = np.flatnonzero(shops.online & (shops.role == 0) & ~shops.standing)
    chosen = rng.choice(usable[1:30], LEAKS, replace=False)
    leaks = []
    for shop in np.sort(chosen):
        first = int(rng.integers(30, 150))
        last = first + int(rng.integers(20, 100))
        timing = (Timing.AT_ONCE, Timing.HELD)[rng.integers(2)]
        leaks.append(
            LeakSpec(
                LeakKind.MERCHANT, ((first, last),), float(rng.uniform(0.05, 0.25)), timing,
                DataTaken.FORM, merchants=(int(shop),), lag_days=10.0,
                sales=() if timing is Timing.AT_ONCE else (last + 10,),
            )
        )  # fmt: skip
    return replace(spec, leaks=tuple(leaks))


def many_world(seed: int) -> list[Record]:
    """All leaks at once, then each alone: one record for each leak."""
    spec = plan(seed)
    together, chances = _look(build(spec, seed, threads=1))
    out = []
    for number, leak in enumerate(spec.leaks):
        [alone], _ = _look(build(replace(spec, leaks=(leak,)), seed, threads=1))
        out.append({"seed": seed, "leak": number, "together": together[number], "alone": alone})
    out[0]["chances"] = chances
    return out


def _look(world: World) -> tuple[list[Record], Record]:
    """What became of each leak of a world, and the probabilities of the cases beside the truth."""
    day = world.truth.last_day
    with opened(tables_of(world), day) as history:
        answer = ask(history, day)
        chances = _chances(world, history, answer)
    members = [set(ids_of(world, leak.merchants)) for leak in world.truth.leaks]
    everybody = set().union(*members)
    false = [
        f.entity_id for f in answer.findings if not everybody & {m.entity_id for m in f.members}
    ]
    records = []
    for number, mine in enumerate(members):
        told = oracle(world.truth, number)
        found = [f for f in answer.findings if mine & {m.entity_id for m in f.members}]
        records.append({
            "log10_p": told.log10_p, "victims": told.victims, "misused": told.misused,
            "exposed": told.exposed, "found": bool(found), "false": false,
        })  # fmt: skip
    return records, chances


def _chances(world: World, history: DuckHistory, answer: Answer) -> Record:
    """How many cases have a probability between two cuts, what they add up to, and the truth."""
    ledger = world.truth
    times = [ledger.card_times(n, ledger.stop) for n in range(len(ledger.leaks))]
    own = np.array([t.own for t in times])
    refs = [ref.decode() for ref in ledger.card_refs()]
    number = {ref: n for n, ref in enumerate(refs)}
    names = history.connection.execute("SELECT card, card_ref FROM drawn_cards").fetchall()
    card_of = {int(card): number[str(ref)] for card, ref in names}
    chance: list[float] = []
    true: list[bool] = []
    for spot, finding in enumerate(answer.findings):
        ids = {m.entity_id for m in finding.members}
        leaks = [
            n for n, leak in enumerate(ledger.leaks) if ids & set(ids_of(world, leak.merchants))
        ]
        cards, chances = answer.victims[spot]
        for card, p in zip(cards, chances, strict=True):
            chance.append(float(p))
            true.append(bool(own[leaks, card_of[int(card)]].any()) if leaks else False)
    return _cut(np.array(chance), np.array(true, bool))


def _cut(chance: NDArray[np.float64], true: NDArray[np.bool_]) -> Record:
    out: Record = {}
    for low, high in itertools.pairwise(CUTS):
        here = (chance > low) & (chance <= high) if low else chance <= high
        out[f"{low}-{high}"] = [
            int(here.sum()), float(chance[here].sum()), int(true[here].sum())
        ]  # fmt: skip
    return out


def run(argv: list[str]) -> None:
    """Trace the worlds and print the tables."""
    parser = argparse.ArgumentParser(prog="many", description=__doc__)
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--first", type=int, default=5_000, help="first seed")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args(argv)
    records: list[Record] = []
    seeds = range(options.first, options.first + options.worlds)
    for some in each(many_world, seeds, options.processes):
        for record in some:
            keep("many-leaks", record)
        records += some
    report(records)


def report(records: Sequence[Record]) -> None:
    """Recall together and alone, and the probabilities beside the truth."""
    sure = [
        r for r in records
        if r["together"]["log10_p"] < EDGES[0] and r["alone"]["log10_p"] < EDGES[0]
    ]  # fmt: skip
    print(f"{len(records)} leaks in {len({r['seed'] for r in records})} worlds")
    rows = [
        (how, *(share(sum(r[how]["found"] for r in of), len(of)) for of in (sure, records)))
        for how in ("alone", "together")
    ]
    show(("leaks", "found, of those with oracle p < 5e-9 both ways", "of all"), rows)
    false = sum(len(set(r["together"]["false"])) for r in records if r["leak"] == 0)
    print(f"False findings with ten leaks: {false}\n")
    print("Probabilities of the cases, held against who was the cause")
    rows = []
    chances = [r["chances"] for r in records if "chances" in r]
    for key in chances[0]:
        count, total, true = (sum(c[key][k] for c in chances) for k in range(3))
        if count:
            rows.append((key, f"{count}", f"{total / count:.2f}", share(true, count)))
    show(("probability", "cases", "mean", "truly caused by it"), rows)
