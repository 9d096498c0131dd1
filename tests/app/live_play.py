"""A stream of calls that depends on their numbers alone; run as a program, it plays it for ever.

``python live_play.py FOLDER FIRST`` opens the desk of a folder, plays from call FIRST on, and
writes a line for each call after it returned. Whoever started it kills it.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import numpy as np

from sekisho.app.live import LiveDesk, LiveSettings
from sekisho.app.policy_file import read_policy
from sekisho.domain.authorization import (
    AuthorizationRequest,
    CardExposure,
    CardStatus,
    FraudLabel,
    LabelSource,
    RequestKind,
    RetryWindow,
    Reversal,
)
from sekisho.scoring.engine import Judges
from sekisho.scoring.policy import CompiledPolicy
from sekisho.scoring.warming import warm

BEGIN = 1_700_000_000
CARDS, SHOPS = 40, 25
OFTEN = LiveSettings(snapshot_bytes=60_000, stand_in_below=5_000)


@cache
def judges() -> Judges:
    """The policy that Sekisho comes with, compiled once."""
    told = Judges(CompiledPolicy(read_policy(None)))
    warm(told)
    return told


def opened(folder: Path, *, now: list[int] | None = None, sync: bool = False) -> LiveDesk:
    """The desk of a folder, with a clock that stands at ``now[0]`` and frequent snapshots."""
    moment = now or [BEGIN]
    return LiveDesk(folder, judges(), lambda: moment[0], sync=sync, settings=OFTEN)


def request(number: int) -> AuthorizationRequest:
    """The authorization of a number."""
    rng = np.random.default_rng(number)
    at = BEGIN + 37 * number - int(rng.choice((0, 0, 0, 0, 300, 90_000)))
    return AuthorizationRequest(
        f"request {number}", f"card {rng.integers(CARDS)}", "acquirer",
        f"shop {rng.integers(SHOPS)}", at, BEGIN + 37 * number,
        int(rng.choice((0, 90, 4_000, 30_000, 80_000))), "392",
        kind=RequestKind.ADVICE if rng.random() < 0.05 else RequestKind.REQUEST,
        entry_mode=str(rng.choice(("051", "810", "10"))), eci=str(rng.choice(("", "05", "07"))),
        country="392",
    )  # fmt: skip


def play(desk: LiveDesk, number: int) -> str:
    """Make the call of a number, and tell what came of it."""
    rng = np.random.default_rng(10**9 + number)
    kind = int(rng.integers(20))
    earlier = request(int(rng.integers(max(number, 1))))
    now = BEGIN + 37 * number
    if kind == 0:
        left = None if rng.random() < 0.5 else 50
        reversal = Reversal(f"undo {number}", earlier.request_id, earlier.card_ref, now, left)
        return f"reversed {desk.reverse(reversal)}"
    if kind == 1:
        source = LabelSource.HOLDER if rng.random() < 0.5 else LabelSource.REPORT
        told = desk.decide(earlier).decision_id
        label = FraudLabel(f"label {number}", told, bool(rng.random() < 0.5), source, now)
        return f"learnt {desk.learn(label)}"
    if kind in (2, 3, 4) or (kind == 5 and rng.random() < 0.3):
        return change(desk, number, rng, kind)
    told = desk.decide(request(number))
    return f"{told.decision_id} {told.kind} {told.ask} {','.join(told.reasons)} {told.decided_at}"


def change(desk: LiveDesk, number: int, rng: np.random.Generator, kind: int) -> str:
    """Change a card or the watch list."""
    now, card = BEGIN + 37 * number, f"card {rng.integers(CARDS)}"
    alert = f"alert {rng.integers(9)}"
    if kind == 2:
        status = list(CardStatus)[int(rng.integers(3))]
        desk.set_status(f"status {number}", card, status)
        return f"status {status}"
    if kind == 3:
        shop = f"shop {rng.integers(SHOPS)}"
        window = RetryWindow(card, "acquirer", shop, 90_000, "392", now + 9_999)
        desk.open_window(f"window {number}", window)
        return "window"
    if kind == 4:
        data = ("expiry", "security_code")
        desk.expose(CardExposure(alert, card, now - 10**6, now, now + 10**7, data))
        return "exposed"
    return f"cleared {desk.clear(alert)}"


def main(folder: Path, first: int) -> None:
    """Play for ever."""
    now = [BEGIN]
    desk = opened(folder, now=now)
    number = first
    while True:
        now[0] = BEGIN + 37 * number
        sys.stdout.write(f"{number} {play(desk, number)}\n")
        sys.stdout.flush()
        number += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
