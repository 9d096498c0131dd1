"""How large the engine's state is, and how long it takes to open.

``python -m benchmarks state -- [--cards N] [--purchases P]`` lets N cards buy P times each (on the
average, within 30 days) through the live desk, closes it, opens it again, and prints bytes a card
in memory and on disk, the time to open, and the time that it waits while a snapshot begins.
Five million cards take about six gigabytes and some minutes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.parts.figures import keep, show
from sekisho.app.live import LiveDesk, LiveSettings
from sekisho.app.policy_file import read_policy
from sekisho.domain.authorization import AuthorizationRequest
from sekisho.scoring.engine import Judges
from sekisho.scoring.policy import CompiledPolicy
from sekisho.scoring.warming import warm

BEGIN, SPAN, SHOPS = 1_700_000_000, 30 * 86_400, 20_000
SHOP_PARTS = ("merchants", "merchant-keys")


def run(argv: list[str]) -> None:
    """Fill, measure, close, open, measure."""
    parser = argparse.ArgumentParser(prog="state", description=__doc__)
    parser.add_argument("--cards", type=lambda text: int(float(text)), default=100_000)
    parser.add_argument("--purchases", type=float, default=6.0)
    parser.add_argument("--folder", type=Path, help="where the state lies; a temporary folder")
    options = parser.parse_args(argv)
    judges = Judges(CompiledPolicy(read_policy(None)))
    warm(judges)
    with tempfile.TemporaryDirectory(prefix="sekisho-", dir=options.folder) as name:
        folder = Path(name)
        desk = opened(folder, judges)
        seconds = fill(desk, options.cards, options.purchases)
        arrays = desk.engine.memory.arrays()
        cards = sum(
            a.nbytes for n, a in arrays.items() if not n.startswith((*SHOP_PARTS, "answer"))
        )
        answers = sum(a.nbytes for n, a in arrays.items() if n.startswith("answer"))
        pause = snapshot_pause(desk)
        begin = time.perf_counter()
        desk.close()
        closing = time.perf_counter() - begin
        disk = sum(p.stat().st_blocks * 512 for p in (folder / "snapshots").glob("[0-9]*/*.bin"))
        disk //= max(len(list((folder / "snapshots").glob("[0-9]*"))), 1)
        begin = time.perf_counter()
        desk = opened(folder, judges)
        opening = time.perf_counter() - begin
        desk.decide(request(0, 0, 0, BEGIN + SPAN + 1))
        first = time.perf_counter() - begin - opening
        desk.close()
    rows = [
        ("cards", f"{options.cards:,}"),
        ("purchases a card in 30 days", f"{options.purchases:g}"),
        ("bytes a card: record, purchases, key", f"{cards / options.cards:,.0f}"),
        ("bytes a repeat that is remembered", f"{answers / options.cards / options.purchases:.0f}"),
        ("bytes a card on disk, all in all", f"{disk / options.cards:,.0f}"),
        ("purchases a second while filling", f"{options.cards * options.purchases / seconds:,.0f}"),
        ("pause for a snapshot", f"{1_000 * pause:.1f} ms"),
        ("closing with a snapshot", f"{closing:.2f} s"),
        ("opening", f"{opening:.3f} s"),
        ("first answer after it", f"{1_000 * first:.2f} ms"),
    ]
    keep("state", dict(rows))
    show(("what", "figure"), rows)


def opened(folder: Path, judges: Judges) -> LiveDesk:
    """A desk that makes snapshots when it is told to."""
    settings = LiveSettings(snapshot_bytes=1 << 50)
    return LiveDesk(folder, judges, lambda: BEGIN, sync=False, settings=settings)


def request(number: int, card: int, shop: int, at: int) -> AuthorizationRequest:
    """A purchase; references are as long as keyed hashes are."""
    return AuthorizationRequest(
        f"{number:032d}", f"{card:064d}", "acquirer", f"{shop:015d}", at, at, 3_000, "392"
    )


def fill(desk: LiveDesk, cards: int, purchases: float) -> float:
    """Let every card buy once, and then chance say which; seconds that it took."""
    rng = np.random.default_rng(1)
    total = int(cards * purchases)
    begin = time.perf_counter()
    for low in range(0, total, 1 << 16):
        count = min(1 << 16, total - low)
        who = rng.integers(0, cards, count)
        where = rng.integers(0, SHOPS, count).tolist()
        for k, card in enumerate(who.tolist()):
            number = low + k
            own = number if number < cards else card
            desk.decide(request(number, own, where[k], BEGIN + SPAN * number // total))
    return time.perf_counter() - begin


def snapshot_pause(desk: LiveDesk) -> float:
    """Seconds that the server waits for a snapshot to begin; the child is waited for afterwards."""
    begin = time.perf_counter()
    desk.begin_snapshot()
    pause = time.perf_counter() - begin
    desk.wait_for_snapshot()
    return pause
