"""HTTP door: answers a second, how long they take, and processor time, of the real `sekisho serve`.

``python -m benchmarks http_rate [-- --rate 3000 --seconds 10]``. The service is a process of its
own with the shipped policy; the load tool runs on the same machine, open loop, in this process.
Each trial begins with an empty folder: as it is, and with ``--sync``. Processor time is the
server's own, user and system, for each answer; on a machine that others use too it says more than
percentiles.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.parts.figures import keep, show
from sekisho.app.loading.play import Plan
from sekisho.app.loading.run import HttpTarget, LoadRequest, run_load
from sekisho.domain.progress import Silent
from sekisho.warehouse.intake import InputRequest
from sekisho.world import large, write_large

_WARM_UP_S: Final = 3
_CONNECTIONS: Final = 16
_MAIN: Final = "from sekisho.app.cli import main; main()"


def run(argv: list[str]) -> None:
    """Run both trials and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=3_000)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args(argv)
    rows = []
    with tempfile.TemporaryDirectory() as made:
        write_large(large(300_000, 3_000, None), 1, Path(made), Silent())
        for more in ((), ("--sync",)):
            figures, cpu = _measure(more, Path(made) / "transactions.parquet", options)
            name = " ".join(("serve", *more))
            keep("http_rate", {"kind": name, "rate": options.rate, "cpu_us": cpu, **figures})
            latency, lag = figures["latency_ms"], figures["sender_lag_ms"]
            times = [f"{latency[one]:,.2f}" for one in ("p50", "p99", "p99.9", "max")]
            answered = f"{figures['answered_per_second']:,.0f}"
            rows.append([name, f"{options.rate:,.0f}", answered, *times, f"{lag['p99']:,.2f}",
                         f"{cpu:,.0f}"])  # fmt: skip
    head = ["server", "asked/s", "answered/s", "p50 ms", "p99 ms", "p99.9 ms", "max ms",
            "sent late p99 ms", "CPU µs/answer"]  # fmt: skip
    show(head, rows)


def _measure(
    more: tuple[str, ...], purchases: Path, options: argparse.Namespace
) -> tuple[dict[str, Any], float]:
    """The figures of one trial, and the server's processor time for each answer in µs."""
    plan = Plan(
        options.rate,
        int(options.rate * (options.seconds + _WARM_UP_S)),
        int(options.rate * _WARM_UP_S),
    )
    with _serving(more) as (process, url):
        request = LoadRequest(
            InputRequest((purchases,)), HttpTarget(url, ""), plan, _CONNECTIONS, "512MB"
        )
        before = _cpu_s(process.pid)
        with contextlib.redirect_stderr(io.StringIO()):
            figures = run_load(request, Silent())
        cpu = _cpu_s(process.pid) - before
    # The warm-up is not among the answers, but its work is in the processor's time.
    return figures.as_json(), cpu / plan.count * 1e6


@contextmanager
def _serving(more: tuple[str, ...]) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A service of its own, and its address."""
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said.txt"
        words = ["serve", "--http", "127.0.0.1:0", "--data", f"{folder}/data", *more]
        home = os.environ | {"XDG_DATA_HOME": folder}
        with said.open("wb") as out:
            command = [sys.executable, "-c", _MAIN, *words]
            process = subprocess.Popen(command, stdout=out, stderr=out, env=home)
        try:
            while "Ready." not in said.read_text(encoding="utf-8"):
                if process.poll() is not None:
                    raise RuntimeError(said.read_text(encoding="utf-8"))
                time.sleep(0.1)
            found = re.search(r"HTTP on (http://[^ ,]+)", said.read_text(encoding="utf-8"))
            if found is None:
                raise RuntimeError("the service does not say where it listens")
            yield process, found[1]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _cpu_s(pid: int) -> float:
    """User and system time that a process used so far, in seconds (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
