"""Real structure that nobody here made: the Handbook's transactions, as they are and with leaks.

``python -m benchmarks handbook -- [--leaks N] [--first SEED] [--processes N]`` needs the simulated
transactions of the "Reproducible Machine Learning for Credit Card Fraud Detection" handbook as one
Parquet file, under ``$SEKISHO_SHARED/data`` or ``../shared/data``. Their fraud is where cards are
*used*: at terminals that take stolen cards for 28 days, and by customers whose cards are misused
for 14 days; a leak is not in them. Seeds below 1000 are for tuning.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import sparse
from scipy.cluster.vq import kmeans2
from scipy.sparse import linalg

from benchmarks.parts.asking import NO_CARDS, NO_MERCHANTS, Tables
from benchmarks.parts.figures import each, keep, show
from benchmarks.parts.judging import BIN_NAMES, Record, Truth, figures_of, oracle_figures
from benchmarks.recall import QUIET_FIRST, WANTED, report
from sekisho.domain.errors import NothingToDo
from sekisho.world import (
    History,
    Injected,
    InjectionPlan,
    LeakKind,
    LeakSpec,
    Oracle,
    Timing,
    history_of,
    inject,
    oracle,
)
from sekisho.world.oracle import log10_upper_tail

FILE = "handbook-simulated-transactions.parquet"
AREAS = 40  # home areas told from shared terminals
SHOPS = 2_000  # merchants that the 10,000 terminals are grouped into
MOST_EXPOSED = 0.2  # share of the cards; where nearly all are exposed, none are left to compare
BATCH = 16
OWN, INVENTED = "its own", "invented"
# Misused shares; beside its own fraud, which hits seven in ten cards, only large ones can be seen.
SHARES = {False: (0.005, 0.5), True: (0.3, 1.0)}
HOPELESS = -3.0  # leaks whose log10 p for an oracle is larger are not traced
NOWHERE = Truth((), None, frozenset(), frozenset())


def source() -> Path | None:
    """Where the file is, None if it is not on this machine."""
    root = Path(__file__).resolve().parents[1]
    named = os.environ.get("SEKISHO_SHARED")
    folders = [Path(named)] if named else [root.parent / "shared", root.parents[1] / "shared"]
    return next((f / "data" / FILE for f in folders if (f / "data" / FILE).exists()), None)


@cache
def original() -> History:
    """The history as it is: customers are cards, terminals are merchants."""
    path = source()
    if path is None:
        raise NothingToDo(f"{FILE} is not there.", hint="Set SEKISHO_SHARED.")
    return history_of(pq.read_table(path), "CUSTOMER_ID", "TERMINAL_ID", "TX_DATETIME", "TX_FRAUD")


@cache
def home_areas() -> pa.Table:
    """A file of cards: home areas as an issuer could tell them, from the terminals a card uses.

    Cards that share terminals live close together: k-means in the leading singular vectors of the
    normalized card-terminal matrix (Dhillon 2001). Fraud is not looked at.
    """
    history = original()
    pairs = np.unique(history.card * history.merchants.size + history.merchant)
    card, shop = pairs // history.merchants.size, pairs % history.merchants.size
    shape = (history.cards.size, history.merchants.size)
    used = sparse.csr_array((np.ones(pairs.size), (card, shop)), shape)
    by_card = 1.0 / np.sqrt(np.maximum(used.sum(axis=1), 1.0))
    by_shop = 1.0 / np.sqrt(np.maximum(used.sum(axis=0), 1.0))
    scaled = sparse.diags_array(by_card) @ used @ sparse.diags_array(by_shop)
    start = np.ones(min(shape))
    vectors, _, _ = linalg.svds(scaled, k=24, v0=start)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    _, area = kmeans2(vectors, AREAS, minit="++", seed=np.random.default_rng(5), iter=50)
    listed = NO_CARDS.empty_table().to_pydict()
    nothing = [None] * history.cards.size
    listed = dict.fromkeys(listed, nothing) | {
        "card_ref": [str(c) for c in history.cards],
        "home_area": [f"area-{a:02d}" for a in area],
    }
    return pa.table(listed, schema=NO_CARDS)


def tables_of(injected: Injected, *, areas: bool) -> Tables:
    """An injected history as the bank would hand it in."""
    cards = home_areas() if areas else NO_CARDS.empty_table()
    return Tables(
        injected.transaction_table(), injected.fraud_table(), NO_MERCHANTS.empty_table(), cards
    )


def grouped(seed: int, *, fraud: bool) -> History:
    """The history with its terminals grouped into merchants whose sizes follow Zipf's law."""
    history = original()
    rng = np.random.default_rng([seed, 1])
    size = np.arange(1, SHOPS + 1, dtype=float) ** -1.0
    group = rng.choice(SHOPS, size=history.merchants.size, p=size / size.sum())
    names = np.array([f"shop-{k:04d}" for k in range(SHOPS)])
    known = history.fraud if fraud else np.zeros_like(history.fraud)
    return History(
        history.start, history.card, group[history.merchant], history.second, known,
        history.cards, names,
    )  # fmt: skip


def visitors(history: History, shop: int, first: int, last: int) -> int:
    """How many cards shopped there from the first to the last day."""
    day = history.second // 86_400
    rows = (history.merchant == shop) & (day >= first) & (day <= last)
    return int(np.unique(history.card[rows]).size)


def one_leak(history: History, shares: tuple[float, float], rng: np.random.Generator) -> LeakSpec:
    """A leak of random shop, window, timing and share, that does not expose nearly every card."""
    days = history.days
    rows = np.bincount(history.merchant, minlength=SHOPS)
    shops = np.argsort(-rows, kind="stable")[: int((rows > 100).sum())]
    while True:
        shop = int(shops[int(shops.size ** rng.random()) - 1])  # every order of size alike
        length = int(np.exp(rng.uniform(np.log(7), np.log(0.5 * days))))
        first = int(rng.integers(5, days - length - 45))
        exposed = visitors(history, shop, first, first + length - 1)
        if exposed <= MOST_EXPOSED * history.cards.size:
            break
    timing = (Timing.AT_ONCE, Timing.BATCHES, Timing.HELD)[rng.integers(3)]
    last = first + length - 1
    sales: tuple[int, ...] = () if timing is Timing.AT_ONCE else (last + 5,)
    if timing is Timing.BATCHES:
        sales = (max(1, last - 15), last + 5)
    share = float(np.exp(rng.uniform(*np.log(shares))))
    lag = float(rng.uniform(2.0, 12.0))
    return LeakSpec(
        LeakKind.MERCHANT, ((first, last),), share, timing, merchants=(shop,), lag_days=lag,
        sales=sales,
    )  # fmt: skip


def knowing_the_background(told: Oracle) -> Oracle:
    """The oracle with an expectation no smaller than what happened without the leak.

    The oracle's hazard is the same for all cards and days; the Handbook's own fraud is far from
    that, and a small leak beside it would look like a large one.
    """
    expected = max(told.expected, float(told.victims - told.misused))
    return replace(told, expected=expected, log10_p=log10_upper_tail(told.victims, expected))


def leak_history(seed: int, *, quiet: bool = False) -> Record:
    """One leak (or none) in the grouped history, which keeps its own fraud for even seeds."""
    rng = np.random.default_rng([seed, 2])
    own = seed % 2 == 0
    history = grouped(seed, fraud=own)
    leaks = () if quiet else (one_leak(history, SHARES[own], rng),)
    # Without its own fraud the history gets as much background as an issuer sees in a year.
    plan = InjectionPlan(background=0.0 if own else 0.02)
    injected = inject(history, leaks, rng, plan)
    figures: Record = {"seed": seed, "fraud": OWN if own else INVENTED}
    truth = NOWHERE
    if leaks:
        figures |= {"timing": str(leaks[0].timing), "misuse_share": leaks[0].misuse_share}
        figures |= oracle_figures(knowing_the_background(oracle(injected, 0)), injected)
        if figures["oracle"]["log10_p"] > HOPELESS:
            return figures
        first, last = (injected.windows[0][0][0] // 86_400, injected.windows[0][0][1] // 86_400 - 1)
        start = history.start
        window = (start + timedelta(days=int(first)), start + timedelta(days=int(last)))
        shops = tuple(str(history.merchants[k]) for k in injected.members[0])
        truth = Truth(shops, window, frozenset(), frozenset())
    return figures | figures_of(tables_of(injected, areas=seed % 4 < 2), truth, injected.last_day)


def quiet_history(seed: int) -> Record:
    """The same without a leak."""
    return leak_history(seed, quiet=True)


def as_it_is(as_of: tuple[date, bool]) -> Record:
    """The history untouched, at one day's end, with or without home areas."""
    day, areas = as_of
    history = original()
    rng = np.random.default_rng(1)
    told = inject(history, (), rng, InjectionPlan(fraud_rows=False))
    figures = figures_of(tables_of(told, areas=areas), NOWHERE, day, rivals=False)
    return {"as_of": day.isoformat(), "areas": areas} | figures


def month_ends(history: History) -> list[date]:
    """The ends of the months from the second one on, the last day included."""
    days = [history.start + timedelta(days=k) for k in range(history.days)]
    ends = [day for day in days if (day + timedelta(days=1)).day == 1]
    return ends[1:]


def draw(first: int, wanted: int, processes: int) -> Iterator[Record]:
    """Histories by rising seed until each wanted bin holds so many leaks beside invented fraud."""
    counts = [0] * len(BIN_NAMES)
    while min(counts[i] for i in WANTED) < wanted:
        for record in each(leak_history, range(first, first + BATCH), processes):
            if record["oracle"]["log10_p"] <= HOPELESS:
                counts[record["bin"]] += record["fraud"] == INVENTED
                yield record
        first += BATCH


def run(argv: list[str]) -> None:
    """Trace the history as it is, then with leaks, and print the tables."""
    parser = argparse.ArgumentParser(prog="handbook", description=__doc__)
    parser.add_argument("--leaks", type=int, default=30, help="leaks in each bin")
    parser.add_argument("--quiet", type=int, default=30, help="groupings without a leak")
    parser.add_argument("--first", type=int, default=1_000, help="first seed")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args(argv)
    if source() is None:
        print(f"skipped: {FILE} is not on this machine (set SEKISHO_SHARED)")
        return
    print("The Handbook's history as it is: no shop leaks, so every finding is false")
    tasks = [(day, areas) for areas in (False, True) for day in month_ends(original())]
    rows = []
    for record in each(as_it_is, tasks, options.processes):
        keep("handbook-as-it-is", record)
        rows.append(
            (record["as_of"], "yes" if record["areas"] else "no", record["cases"],
             record["tested"], record["findings"], f"{record['smallest_p']:.2g}")
        )  # fmt: skip
    show(("as of", "home areas", "cases", "terminals tested", "findings", "smallest p"), rows)
    leaks = []
    for record in draw(options.first, options.leaks, options.processes):
        leaks.append(record)
        keep("handbook-leaks", record)
    first = QUIET_FIRST + options.first
    silent = list(each(quiet_history, range(first, first + options.quiet), options.processes))
    for record in silent:
        keep("handbook-quiet", record)
    for fraud in (INVENTED, OWN):
        print(
            f"Terminals grouped into {SHOPS:,} merchants, one leak injected beside {fraud} fraud\n"
        )
        report("handbook", *([r for r in of if r["fraud"] == fraud] for of in (leaks, silent)))
