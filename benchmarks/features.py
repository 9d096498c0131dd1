"""How fast the feature kernel is: the Handbook's 1.75 million purchases on one core.

``python -m benchmarks features -- [--rounds N]`` plays all of them with labels a week late, several
times, and prints the fastest and the slowest round (processor time and time on the clock), then
single authorizations as the engine meets them, with percentiles. Without the Handbook's file it
plays random purchases of the same number.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from numpy.typing import NDArray

from benchmarks.handbook import source
from benchmarks.handbook_scoring import history
from benchmarks.parts.figures import keep, show
from sekisho.app.scoring_history import ScoringHistory
from sekisho.scoring.handbook import LABEL_DELAY
from sekisho.scoring.kernel import authorize
from sekisho.scoring.kernel import run as play
from sekisho.scoring.layout import DAY
from sekisho.scoring.messages import Authorization, Labels, delayed_labels, plain_authorizations
from sekisho.scoring.slots import WIDTH
from sekisho.scoring.state import State, bytes_of, new_state

ROWS, CARDS, SHOPS, SPAN = 1_754_155, 5_000, 10_000, 183 * DAY
SINGLE = 50_000


def invented() -> ScoringHistory:
    """Random purchases, as many as the Handbook has."""
    rng = np.random.default_rng(1)
    at = 1_522_540_800 + np.sort(rng.integers(0, SPAN, ROWS))
    of = plain_authorizations(
        at, rng.integers(0, CARDS, ROWS).astype(np.int32),
        rng.integers(0, SHOPS, ROWS).astype(np.int32), np.arange(ROWS),
        rng.integers(100, 20_000, ROWS),
    )  # fmt: skip
    fraud = (rng.random(ROWS) < 0.01).astype(np.int8)
    return ScoringHistory(of, fraud, of.transaction, CARDS, SHOPS)


def one_round(
    told: ScoringHistory, labels: Labels, out: NDArray[np.float32]
) -> tuple[float, float, State]:
    """Processor seconds and clock seconds of one pass, and the state after it."""
    state = new_state(told.cards, told.merchants, events=told.of.at.size // 2)
    cpu, clock = time.process_time(), time.perf_counter()
    state, _ = play(state, told.of, labels, out)
    return time.process_time() - cpu, time.perf_counter() - clock, state


def single(told: ScoringHistory, state: State) -> NDArray[np.float64]:
    """Microseconds of single authorizations after the history, called one by one from Python."""
    out, end, taken = np.zeros(WIDTH, np.float32), int(told.of.at[-1]), np.empty(SINGLE)
    for k in range(SINGLE):
        row = k * 31 % told.of.at.size
        a = Authorization(
            end + 1 + k // 10, int(told.of.card[row]), int(told.of.merchant[row]), -1 - k,
            int(told.of.amount[row]), 0, 0, 0, 0,
        )  # fmt: skip
        begin = time.perf_counter_ns()
        authorize(state, a, out)
        taken[k] = (time.perf_counter_ns() - begin) / 1_000
    return taken[1_000:]


def run(argv: list[str]) -> None:
    """Time whole passes and single authorizations."""
    parser = argparse.ArgumentParser(prog="features", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(argv)
    path = source()
    told = history(path) if path else invented()
    labels = delayed_labels(told.of, told.fraud, LABEL_DELAY)
    out = np.ones((told.of.at.size, WIDTH), np.float32)
    one_round(told, labels, out)  # compiles
    rounds = [one_round(told, labels, out) for _ in range(options.rounds)]
    cpu, clock = sorted(r[0] for r in rounds), sorted(r[1] for r in rounds)
    state = rounds[-1][2]
    cards, shops = bytes_of(state)
    taken = np.percentile(single(told, state), (50, 99, 99.9))
    keep("features", {"cpu": cpu, "clock": clock, "single": taken.tolist()})
    show(
        ("what", "fastest", "slowest"),
        [
            (f"{told.of.at.size:,} purchases, processor", f"{cpu[0]:.2f} s", f"{cpu[-1]:.2f} s"),
            (f"{told.of.at.size:,} purchases, clock", f"{clock[0]:.2f} s", f"{clock[-1]:.2f} s"),
        ],
    )
    print(
        f"one by one from Python, us: p50 {taken[0]:.1f}, p99 {taken[1]:.1f}, p99.9 {taken[2]:.1f}"
    )
    print(f"bytes a card {cards / told.cards:,.0f}, a merchant {shops / told.merchants:,.0f}")
