"""What the watch list buys: misuse of leaked cards stopped, against genuine customers insulted.

``python -m benchmarks watch -- [--cards N] [--seed N]`` makes a world in which a web shop leaks
numbers, expiry dates and security codes for half a year; the data is sold in two lots. After the
first lot has been misused for three weeks an alert names the exposed cards. A model is trained on
the days before, as a house would have it that day (labels as they were reported), and from then on
every purchase is judged: by thresholds alone, and by the same thresholds with the watch list's
rules. Each line is one strictness of the thresholds; misuse counts from a card's first flagged
purchase on, because the card is stopped then. Seeds below 1000 are for tuning.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.parts.figures import keep, show
from sekisho.app.backtesting import probabilities
from sekisho.app.policy_reading import default_text, policy_of
from sekisho.app.scoring_history import ScoringHistory, read_history
from sekisho.domain.progress import Silent
from sekisho.scoring import backtest, replay
from sekisho.scoring.backtest import Judged
from sekisho.scoring.forest import Forest, forest_of
from sekisho.scoring.layout import DAY
from sekisho.scoring.policy import CompiledPolicy, Policy
from sekisho.scoring.recipes import CANDIDATES
from sekisho.scoring.state import new_state
from sekisho.scoring.training import usable_features
from sekisho.scoring.trees import train
from sekisho.warehouse.intake import InputRequest
from sekisho.world import DataTaken, LeakKind, LeakSpec, Timing, quiet, write_large

WINDOW: Final = (60, 240)
SALES: Final = (250, 300)
ALERT_DAY: Final = 271  # three weeks after the first sale
WATCH_DAYS: Final = 1_095
TAKEN: Final = ("pan", "expiry", "security_code")
SCALES: Final = (20.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1)
FLOORED: Final = (
    "exposed_code == 1.0 && remote == 1.0 && eci != 3.0 && card_first_at_shop == 1.0 && score >= {}"
)
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class World:
    """A history with its misuse: which rows are misuse of the leak, and which cards it exposed."""

    history: ScoringHistory
    misuse: Bools
    exposed: frozenset[str]
    start: int


@dataclass(frozen=True, slots=True)
class Scored:
    """The judged rows: their features, scores, and what they were."""

    vectors: NDArray[np.float32]
    score: NDArray[np.float64]
    rows: NDArray[np.int64]


def world(cards: int, seed: int, folder: Path) -> World:
    """Make the world and read it as a house would."""
    leak = LeakSpec(
        kind=LeakKind.MERCHANT, windows=(WINDOW,), misuse_share=0.25, timing=Timing.BATCHES,
        data_taken=DataTaken.FORM, size_rank=0.01, lag_days=10.0, sales=SALES,
    )  # fmt: skip
    plan = replace(quiet(cards, max(200, cards // 15)), leaks=(leak,))
    write_large(plan, seed, folder, Silent())
    files = InputRequest((folder / "transactions.parquet",), fraud=folder / "fraud.parquet")
    history = read_history(files, folder / "work", "1GB", Silent())
    truth = pq.read_table(folder / "truth_fraud.parquet", columns=["transaction_id", "leak"])
    leaked = truth.filter(truth["leak"].is_valid())["transaction_id"].to_pylist()
    ids = np.array(history.transaction.to_pylist())
    exposed = pq.read_table(folder / "truth_exposed.parquet", columns=["card_ref"])
    misuse = np.isin(ids, np.array(leaked))
    start = int(history.of.at[0] // DAY)
    return World(history, misuse, frozenset(exposed["card_ref"].to_pylist()), start)


def exposures(of: World) -> replay.Exposures:
    """The alert of that day: all exposed cards at once."""
    cards = np.array(
        [k for k, ref in enumerate(of.history.card_refs) if ref in of.exposed], np.int32
    )
    day = of.start + ALERT_DAY
    return replay.Exposures(
        np.full(cards.size, day * DAY), cards, np.full(cards.size, (of.start + WINDOW[1]) * DAY),
        np.full(cards.size, (day + WATCH_DAYS) * DAY),
        np.full(cards.size, replay.data_bits(TAKEN)),
    )  # fmt: skip


def features(of: World, watched: replay.Exposures) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The features part by part, each with its first row."""
    history = of.history
    labels = replay.labels_of(history.of, history.fraud, 30, history.reported_at)
    state = new_state(history.cards, history.merchants, events=history.of.at.size // 2)
    for first, _, vectors in replay.play(state, history.of, labels, watched):
        yield first, vectors.copy()


def trained(of: World, vectors: NDArray[np.float32]) -> Forest:
    """The model of the morning of the alert: what was reported by then is fraud."""
    history = of.history
    day = of.start + ALERT_DAY
    rows = np.flatnonzero(history.of.at < (day - 7) * DAY)
    assert history.reported_at is not None  # noqa: S101 - worlds have reports
    known = (history.fraud[rows] > 0) & (history.reported_at[rows] < day * DAY)
    names = usable_features(vectors[rows])
    recipe = CANDIDATES["shallow"]
    rising = tuple(name for name in recipe.rising if name in names)
    chosen = replace(recipe, features=names, rising=rising)
    return forest_of(train(vectors[rows], known.astype(np.int8), chosen))


def scored(of: World) -> tuple[Scored, Scored]:
    """The days after the alert, without the watch list and with it; one model for both."""
    rows = np.flatnonzero(of.history.of.at >= (of.start + ALERT_DAY) * DAY)
    told = []
    forest: Forest | None = None
    for watched in (replay.no_exposures(), exposures(of)):
        vectors = np.concatenate([part for _, part in features(of, watched)])
        forest = forest or trained(of, vectors)
        after = np.ascontiguousarray(vectors[rows])
        told.append(Scored(after, probabilities(forest, after), rows))
    return told[0], told[1]


def compiled(policy: Policy, *, watch: bool, floor: float | None = None) -> CompiledPolicy:
    """The default policy with or without the rules of its watch table.

    ``floor``: another score from which a card whose code was taken is asked about.
    """
    rules = tuple(rule for rule in policy.rules if watch or not rule.name.startswith("watch_"))
    if floor is not None:
        rules = tuple(
            replace(rule, when=FLOORED.format(floor)) if rule.name == "watch_code_taken" else rule
            for rule in rules
        )
    return CompiledPolicy(replace(policy, rules=rules))


def scaled(policy: CompiledPolicy, scale: float) -> CompiledPolicy:
    """The same policy with all thresholds times ``scale``."""
    return policy.with_thresholds(
        tuple(
            replace(one, ask_from=one.ask_from * scale, decline_from=one.decline_from * scale)
            for one in policy.policy.thresholds
        )
    )


@dataclass(frozen=True, slots=True)
class Point:
    """Share of the misuse's amount that is stopped; insults among all, and among watched cards."""

    stopped: float
    insults: float
    insults_watched: float

    @property
    def cells(self) -> tuple[str, str, str]:
        """As the table has them."""
        return (
            f"{100 * self.stopped:.1f} %",
            f"{100 * self.insults:.3f} %",
            f"{100 * self.insults_watched:.2f} %",
        )


def judged(of: World, told: Scored, policy: CompiledPolicy) -> Point:
    """What a policy does after the alert."""
    history = of.history
    amount = history.of.amount[told.rows]
    lists = max(len(policy.policy.lists), 1)
    listed = np.zeros((told.rows.size, lists), np.uint8)
    decisions = backtest.decide_all(policy, told.vectors, told.score, amount, listed)
    misuse = of.misuse[told.rows].astype(np.int8)
    rows = Judged(history.of.at[told.rows], history.of.card[told.rows], amount, misuse)
    sums = backtest.sums(rows, decisions)
    genuine = (history.fraud[told.rows] == 0) & (misuse == 0)
    exposed = np.array([ref in of.exposed for ref in history.card_refs])
    watched = genuine & exposed[history.of.card[told.rows]]
    return Point(
        sums.value_stopped / max(sums.value, 1),
        float((decisions.flagged & genuine).sum() / genuine.sum()),
        float((decisions.flagged & watched).sum() / watched.sum()),
    )


def run(argv: list[str]) -> None:
    """Make the world, judge it at every strictness, print the curves."""
    parser = argparse.ArgumentParser(prog="watch", description=__doc__)
    parser.add_argument("--cards", type=int, default=6_000)
    parser.add_argument("--seed", type=int, default=1_000)
    parser.add_argument("--floors", type=float, nargs="*", default=[], help="scores to try")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        of = world(options.cards, options.seed, Path(folder))
    without, watched = scored(of)
    after = of.misuse[without.rows]
    value = int(of.history.of.amount[without.rows][after].sum())
    print(
        f"{len(of.exposed):,} exposed cards; after the alert {int(after.sum())} purchases of "
        f"misuse worth {value:,}"
    )
    policy = policy_of(default_text()).policy
    ways = {"no watch list": (without, compiled(policy, watch=False))}
    ways["watch list"] = (watched, compiled(policy, watch=True))
    for floor in options.floors:
        ways[f"from {floor:g}"] = (watched, compiled(policy, watch=True, floor=floor))
    lines = []
    for name, (rows, rules) in ways.items():
        for scale in SCALES:
            point = judged(of, rows, scaled(rules, scale))
            keep("watch", {"seed": options.seed, "way": name, "scale": scale, "point": point.cells})
            lines.append((name, f"{scale:g}", *point.cells))
    show(
        ("", "thresholds times", "misuse stopped", "insult rate", "of watched cards"),
        lines,
    )
