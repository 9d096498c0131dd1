"""The live desk at a steady rate, killed again and again: nothing acknowledged is lost or changed.

``python -m benchmarks kill -- [--minutes M] [--rate R] [--every S]`` starts a process that makes R
calls a second (open loop), kills it every S seconds with SIGKILL, starts it again, for M minutes;
then compares every acknowledged answer with the journal, and the state with a replay of all of it.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.parts import kill_child
from benchmarks.parts.figures import keep, show
from sekisho.app.live import LiveDesk
from sekisho.scoring.engine import Engine
from sekisho.scoring.memory import new_memory


class Life:
    """What one process acknowledged, how long it took to start, and its waits."""

    def __init__(self) -> None:
        self.told: dict[int, str] = {}
        self.starting = 0.0
        self.waits: list[float] = []


def one_life(folder: Path, first: int, rate: int, seconds: float) -> Life:
    """Start, let play, kill in the middle of a call; read what was acknowledged to the end."""
    life = Life()
    words = [sys.executable, "-m", kill_child.__name__, str(folder), str(first), str(rate)]
    begin = time.monotonic()
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 - for the type
        until = float("inf")
        for line in process.stdout:
            if not line.endswith("\n"):
                break
            number, wait, rest = line.rstrip("\n").split(" ", 2)
            if not life.told:
                life.starting = time.monotonic() - begin
                until = time.monotonic() + seconds
            life.told[int(number)] = rest
            life.waits.append(float(wait))
            if time.monotonic() > until:
                os.kill(process.pid, signal.SIGKILL)
                until = float("inf")
    return life


def run(argv: list[str]) -> int:
    """Play, kill, compare; 1 where anything is lost or changed."""
    parser = argparse.ArgumentParser(prog="kill", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=int, default=3_000)
    parser.add_argument("--every", type=float, default=60.0)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="sekisho-") as name:
        folder, lives, told = Path(name), list[Life](), dict[int, str]()
        end = time.monotonic() + 60 * options.minutes
        while time.monotonic() < end:
            first = max(told, default=-1) + 1
            lives.append(one_life(folder, first, options.rate, options.every))
            told |= lives[-1].told
        lost, changed, equal, entries = compare(folder, told)
    waits = np.concatenate([life.waits[1_000:] for life in lives])
    starts = [life.starting for life in lives[1:]]
    played = sum(len(life.told) / options.every for life in lives) / len(lives)
    rows = [
        ("acknowledged", f"{len(told):,}"),
        ("a second, while it ran", f"{played:,.0f}"),
        ("kills", len(lives)),
        ("lost", lost),
        ("changed", changed),
        ("state equal to a replay of all entries", f"{equal} ({entries:,})"),
        ("start after a kill, programs loaded", f"{np.median(starts or [0]):.1f} s"),
        ("longest start", f"{max(starts, default=0):.1f} s"),
        ("behind schedule, p50", f"{np.percentile(waits, 50):.3f} ms"),
        ("behind schedule, p99", f"{np.percentile(waits, 99):.3f} ms"),
    ]
    keep("kill", {name: str(value) for name, value in rows})
    show(("what", "figure"), rows)
    return int(bool(lost or changed or not equal))


def compare(folder: Path, told: dict[int, str]) -> tuple[int, int, bool, int]:
    """Answers lost, answers changed, whether the state equals a replay, entries replayed."""
    desk = kill_child.opened(folder)
    written = {}
    memory = new_memory(kill_child.SETTINGS.utc_offset)
    engine = Engine(memory, kill_child.judges(), desk.journal, lambda: 0)
    count = 0
    for at, _, entry in desk.journal.entries(0):
        engine.replay(entry, at)
        count += 1
    cursor = 0
    while part := desk.after(cursor, 10_000):
        cursor = part[-1].cursor
        for one in part:
            written[one.request.request_id] = kill_child.line(one.decision)
    equal = same(desk, memory.arrays())
    desk.close()
    lost = sum(f"request {number}" not in written for number in told)
    changed = sum(written.get(f"request {n}", text) != text for n, text in told.items())
    return lost, changed, equal, count


def same(desk: LiveDesk, arrays: dict[str, np.ndarray]) -> bool:
    """Whether a desk's arrays are these, byte for byte."""
    ours = desk.engine.memory.arrays()
    return ours.keys() == arrays.keys() and all(
        ours[name].tobytes() == array.tobytes() for name, array in arrays.items()
    )
