"""Makes calls at a steady rate until it is killed: ``python -m ... FOLDER FIRST RATE``."""

from __future__ import annotations

import sys
import time
from functools import cache
from pathlib import Path

from sekisho.app.live import LiveDesk, LiveSettings
from sekisho.app.policy_file import read_policy
from sekisho.domain.authorization import AuthorizationRequest, Decision
from sekisho.scoring.engine import Judges
from sekisho.scoring.policy import CompiledPolicy
from sekisho.scoring.warming import warm

BEGIN = 1_700_000_000
SETTINGS = LiveSettings(snapshot_bytes=16 << 20)
CARDS, SHOPS = 50_000, 5_000


@cache
def judges() -> Judges:
    """The policy that Sekisho comes with, compiled once."""
    told = Judges(CompiledPolicy(read_policy(None)))
    warm(told)
    return told


def opened(folder: Path) -> LiveDesk:
    """The desk of a folder; time stands still for it."""
    return LiveDesk(folder, judges(), lambda: BEGIN, sync=False, settings=SETTINGS)


def request(number: int) -> AuthorizationRequest:
    """The purchase of a number."""
    mixed = number * 2_654_435_761 % 2**32
    at = BEGIN + number // 3_000
    return AuthorizationRequest(
        f"request {number}", f"card {mixed % CARDS}", "acquirer", f"shop {mixed // 7 % SHOPS}",
        at, at, 100 + mixed % 40_000, "392", entry_mode="810", eci="05", country="392",
    )  # fmt: skip


def line(decision: Decision) -> str:
    """What must never change of an answer, on a line."""
    reasons = ",".join(decision.reasons)
    return f"{decision.decision_id} {decision.kind} {decision.ask} {reasons} {decision.decided_at}"


def main(folder: Path, first: int, rate: int) -> None:
    """Play for ever; each line tells number, milliseconds behind schedule, answer."""
    desk = opened(folder)
    begin = time.perf_counter()
    number, out = first, sys.stdout
    while True:
        due = begin + (number - first) / rate
        ahead = due - time.perf_counter()
        if ahead > 0:
            out.flush()  # acknowledged when there is nothing else to do
            time.sleep(ahead)
        told = line(desk.decide(request(number)))
        behind = 1_000 * (time.perf_counter() - due)
        out.write(f"{number} {behind:.3f} {told}\n")
        number += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
