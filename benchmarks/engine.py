"""Engine time of one authorization: features, a model of several hundred trees, fifty rules.

``python -m benchmarks engine -- [--authorizations N]`` plays random purchases through the kernel,
then one after the other from Python as a server would: features, score, decision; and the same
through the whole live desk, which also finds card and merchant, knows repeats, and writes its
journal before it answers. It prints percentiles of the time on the clock and of processor time,
which other programs on the machine do not stretch.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.features import CARDS, SHOPS, SPAN
from benchmarks.parts.figures import keep, show
from sekisho.app.live import LiveDesk, LiveSettings
from sekisho.domain.authorization import AuthorizationRequest, CodeResult
from sekisho.scoring.engine import Judges
from sekisho.scoring.forest import forest_of, probability
from sekisho.scoring.kernel import authorize
from sekisho.scoring.kernel import run as play
from sekisho.scoring.layout import DAY
from sekisho.scoring.messages import Authorization, delayed_labels, plain_authorizations
from sekisho.scoring.policy import Action, CompiledPolicy, Policy, Rule, Threshold
from sekisho.scoring.recipes import HANDBOOK
from sekisho.scoring.slots import WIDTH, Slot
from sekisho.scoring.state import State, new_state
from sekisho.scoring.trees import train

ROWS, RULES = 400_000, 50


def fifty_rules() -> Policy:
    """Rules of eight conditions each, none of which fires on most purchases."""
    names = [slot.name.lower() for slot in Slot]
    rules = []
    for k in range(RULES):
        parts = [f"{names[(7 * k + 11 * j) % WIDTH]} >= {k + j}.0" for j in range(6)]
        when = f"({' && '.join(parts)}) || (score > 0.99 && amount > {k + 1}000000.0)"
        rules.append(Rule(f"rule {k}", when, Action.ASK))
    return Policy("benchmark", tuple(rules), (Threshold(10**12, 0.5, 0.9),))


def world(rng: np.random.Generator) -> tuple[State, np.ndarray, np.ndarray]:
    """A state after so many purchases, all feature vectors, and labels that depend on them."""
    at = 1_522_540_800 + np.sort(rng.integers(0, SPAN // 4, ROWS))
    of = plain_authorizations(
        at, rng.integers(0, CARDS, ROWS).astype(np.int32),
        rng.integers(0, SHOPS, ROWS).astype(np.int32), np.arange(ROWS),
        rng.integers(100, 20_000, ROWS),
    )  # fmt: skip
    fraud = (rng.random(ROWS) < np.where(of.amount > 19_000, 0.1, 0.002)).astype(np.int8)
    state, vectors = play(new_state(CARDS, SHOPS), of, delayed_labels(of, fraud, 7 * DAY))
    return state, vectors, fraud


def run(argv: list[str]) -> None:
    """Warm up, measure, print."""
    parser = argparse.ArgumentParser(prog="engine", description=__doc__)
    parser.add_argument("--authorizations", type=int, default=100_000)
    options = parser.parse_args(argv)
    rng = np.random.default_rng(3)
    state, vectors, fraud = world(rng)
    forest = forest_of(train(vectors[-100_000:], fraud[-100_000:], HANDBOOK))
    policy, out = CompiledPolicy(fifty_rules()), np.zeros(WIDTH, np.float32)
    card = rng.integers(0, CARDS, options.authorizations).tolist()
    shop = rng.integers(0, SHOPS, options.authorizations).tolist()
    amount = rng.integers(100, 20_000, options.authorizations).tolist()
    begin_at = 1_522_540_800 + SPAN // 4
    clock, processor = np.empty((2, options.authorizations))
    for k in range(options.authorizations):
        a = Authorization(begin_at + k // 20, card[k], shop[k], ROWS + k, amount[k], 0, 4, 0, 1)
        used, begin = time.thread_time_ns(), time.perf_counter_ns()
        authorize(state, a, out)
        policy.decide(out, probability(forest, out), a.amount)
        clock[k] = (time.perf_counter_ns() - begin) / 1_000
        processor[k] = (time.thread_time_ns() - used) / 1_000
    requests = [
        AuthorizationRequest(
            f"request {k}", f"card {card[k]}", "acquirer", f"shop {shop[k]}", begin_at + k // 20,
            begin_at + k // 20, amount[k], "392", entry_mode="810", code_result=CodeResult.MATCH,
        )
        for k in range(options.authorizations)
    ]  # fmt: skip
    parts = {
        "features, model, rules": (clock, processor),
        "the whole desk": whole_desk(Judges(policy, forest), requests),
    }
    told = {
        f"{name}, {kind}": np.percentile(taken[1_000:], (50, 99, 99.9)).tolist()
        for name, both in parts.items()
        for kind, taken in zip(("clock", "processor"), both, strict=True)
    }
    keep("engine", {"us": told, "trees": int(forest.root.size)})
    show(
        (f"{forest.root.size} trees, {RULES} rules", "p50", "p99", "p99.9"),
        [(name, *(f"{value:.1f} us" for value in values)) for name, values in told.items()],
    )


def whole_desk(
    judges: Judges, requests: list[AuthorizationRequest]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Microseconds of each request through a desk in a folder of its own: clock, processor."""
    clock, processor = np.empty((2, len(requests)))
    with tempfile.TemporaryDirectory(prefix="sekisho-") as folder:
        desk = LiveDesk(
            Path(folder), judges, lambda: 1_700_000_000, sync=False, settings=LiveSettings()
        )
        for k, request in enumerate(requests):
            used, begin = time.thread_time_ns(), time.perf_counter_ns()
            desk.decide(request)
            clock[k] = (time.perf_counter_ns() - begin) / 1_000
            processor[k] = (time.thread_time_ns() - used) / 1_000
        desk.close()
    return clock, processor
