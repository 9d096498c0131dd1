"""ISO 8583 over TCP: answers a second and how long they take, the load tool on the same machine.

``python -m benchmarks iso_rate [-- --rate 5000 --peak 10000 --seconds 10 --world FOLDER]``. The
door runs on the live engine as a process of its own, with write-before-reply and with ``--sync``;
beside it a minimal Python server that decides and keeps nothing. The engine's start-up is not
measured. On a machine that others use too, processor time for each message says more than the
percentiles.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.parts.figures import keep, show
from sekisho.app.loading.play import Plan
from sekisho.app.loading.run import IsoTarget, LoadRequest, run_load
from sekisho.domain.progress import Silent
from sekisho.gateways.inbound.iso8583.settings import plain
from sekisho.warehouse.intake import InputRequest
from sekisho.world import large, write_large

_WARM_UP_S: Final = 3
_CONNECTIONS: Final = 16


@dataclass(frozen=True, slots=True)
class _Trial:
    """``bound_ms``: what p99 is to be below; 0 for none."""

    kind: str
    rate: float
    bound_ms: float


def run(argv: list[str]) -> int:
    """Run all trials; 1 if a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=5_000)
    parser.add_argument("--peak", type=float, default=10_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--world", type=Path, help="made with: sekisho world make --preset large")
    parser.add_argument("--only", default="", help="door, door-sync or minimal")
    options = parser.parse_args(argv)
    trials = [
        _Trial("minimal", options.rate, 0.0),
        _Trial("door", options.rate, 5.0),
        _Trial("door-sync", options.rate, 20.0),
        _Trial("minimal", options.peak, 0.0),
        _Trial("door", options.peak, 0.0),
    ]
    rows, missed = [], 0
    with _world(options.world) as purchases:
        for trial in trials:
            if options.only in ("", trial.kind):
                figures, cpu = _measure(trial, purchases, options.seconds)
                keep("iso_rate", {"kind": trial.kind, "rate": trial.rate, "cpu_us": cpu, **figures})
                latency = figures["latency_ms"]
                missed += bool(trial.bound_ms and latency.get("p99", math.inf) > trial.bound_ms)
                rows.append(_row(trial, figures, cpu))
    head = ["server", "asked/s", "answered/s", "p50 ms", "p99 ms", "p99.9 ms", "max ms",
            "sent late p99 ms", "CPU µs/message"]  # fmt: skip
    show(head, rows)
    return int(bool(missed))


def _row(trial: _Trial, figures: dict[str, Any], cpu: float) -> list[str]:
    latency, lag = figures["latency_ms"], figures["sender_lag_ms"]
    asked = f"{trial.rate:,.0f}"
    answered = f"{figures['answered_per_second']:,.0f}"
    times = [f"{latency.get(name, math.nan):,.2f}" for name in ("p50", "p99", "p99.9", "max")]
    return [trial.kind, asked, answered, *times, f"{lag.get('p99', math.nan):,.2f}", f"{cpu:,.0f}"]


def _measure(trial: _Trial, purchases: Path, seconds: float) -> tuple[dict[str, Any], float]:
    """The figures of one trial, and the server's processor time for each message in µs."""
    early = int(trial.rate * _WARM_UP_S)
    plan = Plan(trial.rate, early + int(trial.rate * seconds), early, patience_s=60)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.parts.iso_server", trial.kind, folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as server:
            begun = json.loads(_line(server))
            target = IsoTarget(("127.0.0.1", begun["port"]), plain(), "999999")
            files = InputRequest((purchases,))
            request = LoadRequest(files, target, plan, _CONNECTIONS, "512MB")
            try:
                with contextlib.redirect_stderr(io.StringIO()):
                    figures = run_load(request, Silent())
            finally:
                server.terminate()
            ended = json.loads(_line(server))
    cpu = (ended["cpu_s"] - begun["cpu_s"]) / figures.answered * 1e6
    return figures.as_json(), cpu


def _line(server: subprocess.Popen[str]) -> str:
    """The next line that the server prints."""
    if server.stdout is None:
        raise RuntimeError("the server prints to nowhere")
    return server.stdout.readline()


@contextmanager
def _world(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder / "transactions.parquet"
        return
    with tempfile.TemporaryDirectory() as made:
        write_large(large(300_000, 3_000, None), 1, Path(made), Silent())
        yield Path(made) / "transactions.parquet"
