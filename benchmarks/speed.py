"""How long ``sekisho trace`` takes on a large history, beside DuckDB's bare read of its columns.

``python -m benchmarks speed -- [--rows 1e7 ...] [--threads 2] [--memory 2GB]`` makes worlds once
(kept in ``benchmarks/out/worlds``), reads the needed columns bare, traces in a process of its own,
and once more inside a process that notes the time of every step. Bounds: four times the bare read
and ten seconds; four GiB.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.parts.figures import OUT, keep, show
from sekisho.app.tracing import TraceOptions, run_trace, write_results
from sekisho.warehouse.intake import InputRequest
from sekisho.warehouse.sqltext import fill, literal
from sekisho.world import large, write_large

NEEDED = ("card_ref", "acquirer_id", "merchant_id", "authorized_at", "message_type",
          "amount_minor", "initiator")  # fmt: skip
SEED = 1_001
MEMORY_MOST = 4.0  # GiB
TRACE = "from sekisho.app.cli import main; main()"
STEPS = "from benchmarks.speed import tell_steps; tell_steps()"
PEAK = "import resource; print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"


def world_of(rows: int) -> Path:
    """The folder with a large world of about ``rows`` rows; made if it is not there yet."""
    folder = OUT / "worlds" / f"{rows}"
    if not (folder / "truth.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_large(large(rows), SEED, folder, threads=2)
    return folder


def bare_read(path: Path, threads: int) -> tuple[float, int]:
    """Seconds of the faster of two ways to touch every value of the needed columns; rows.

    Neither can be answered from the file's statistics: one hashes, the other measures. The best of
    two tries each, so that the file is in memory.
    """
    scan = fill("FROM read_parquet({path})", path=literal(str(path)))
    texts = [c for c in NEEDED if c not in ("authorized_at", "amount_minor")]
    hashes = ", ".join(f"bit_xor(hash({c}))" for c in NEEDED)
    lengths = ", ".join(f"sum(strlen({c}))" for c in texts)
    ways = (
        fill("{scan} SELECT {hashes}", scan=scan, hashes=hashes),
        fill(
            "{scan} SELECT {lengths}, sum(epoch_us(authorized_at) % 7), sum(amount_minor)",
            scan=scan,
            lengths=lengths,
        ),
    )
    with duckdb.connect(config={"threads": threads}) as db:
        times = []
        for query in (*ways, *ways):
            started = time.perf_counter()
            db.execute(query).fetchall()
            times.append(time.perf_counter() - started)
        counted = db.execute(fill("{scan} SELECT count(*)", scan=scan)).fetchone()
    return min(times), int(counted[0]) if counted else 0


def arguments_of(folder: Path, out: Path, threads: int, memory: str) -> list[str]:
    """What ``sekisho trace`` is called with."""
    return [
        "trace", str(folder / "transactions.parquet"), "--fraud", str(folder / "fraud.parquet"),
        "--merchants", str(folder / "merchants.parquet"), "--cards", str(folder / "cards.parquet"),
        "--out", str(out), "--threads", str(threads), "--memory", memory,
    ]  # fmt: skip


def whole_trace(folder: Path, threads: int, memory: str) -> dict[str, Any]:
    """Wall-clock seconds, peak memory in GiB and findings of the command as a process."""
    out = OUT / "traced"
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-c", TRACE, *arguments_of(folder, out, threads, memory)]
    # A small process of its own waits for it, so that its peak is that of this one child.
    waiter = f"import subprocess; subprocess.run({command!r}, check=True, stdout=-3); {PEAK}"
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", waiter], check=True, capture_output=True, text=True
    )
    seconds = time.perf_counter() - started
    told = json.loads((out / "findings.json").read_text(encoding="utf-8"))
    return {
        "seconds": seconds,
        "peak_gib": int(done.stdout.split()[-1]) / 2**20,
        "findings": len(told["findings"]),
        "passes": told["method"]["passes"],
        "sample_fraction": told["method"]["sample_fraction"],
    }


def step_times(folder: Path, threads: int, memory: str) -> dict[str, float]:
    """Seconds of each step, by a process that runs the same service and notes the time."""
    asked = json.dumps({"folder": str(folder), "threads": threads, "memory": memory})
    done = subprocess.run(
        [sys.executable, "-c", STEPS, asked], check=True, stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[1],
    )  # fmt: skip
    times: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return times


class Stopwatch:
    """Notes when each step begins."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._name, self._since = "", time.perf_counter()

    def step(self, name: str, *, total: float | None = None) -> None:  # noqa: ARG002 - not a bar
        """End the step before and begin the step ``name``."""
        now = time.perf_counter()
        if self._name:
            self.seconds[self._name] = self.seconds.get(self._name, 0.0) + now - self._since
        self._name, self._since = name, now

    def advance(self, amount: float) -> None:
        """Say nothing."""


def tell_steps() -> None:
    """Trace inside this process and print the seconds of each step as JSON."""
    asked = json.loads(sys.argv[1])
    folder = Path(asked["folder"])
    request = InputRequest(
        transactions=(folder / "transactions.parquet",), fraud=folder / "fraud.parquet",
        merchants=folder / "merchants.parquet", cards=folder / "cards.parquet",
    )  # fmt: skip
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as work:
        options = TraceOptions(memory_limit=asked["memory"], threads=asked["threads"])
        run = run_trace(request, options, Path(work), watch)
        watch.step("write")
        write_results(run, Path(work), language="en")
        watch.step("end")
    print(json.dumps({name: round(spent, 2) for name, spent in watch.seconds.items()}))


def run(argv: list[str]) -> int:
    """Measure every size and print; 1 if a bound is missed."""
    parser = argparse.ArgumentParser(prog="speed", description=__doc__)
    parser.add_argument("--rows", type=float, nargs="+", default=[1e7])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="2GB", help="bound of the engine's memory")
    options = parser.parse_args(argv)
    rows, steps = [], []
    missed = False
    for size in options.rows:
        folder = world_of(int(size))
        bare, count = bare_read(folder / "transactions.parquet", options.threads)
        told = whole_trace(folder, options.threads, options.memory)
        bound = 4.0 * bare + 10.0
        missed |= told["seconds"] > bound or told["peak_gib"] > MEMORY_MOST
        taken = step_times(folder, options.threads, options.memory)
        keep("speed", {"rows": count, "bare": bare, **told, "steps": taken})
        rows.append(
            (f"{count:,}", f"{bare:.2f}", f"{told['seconds']:.1f}", f"{bound:.1f}",
             f"{told['seconds'] / bound:.2f}", f"{told['peak_gib']:.2f}", told["passes"],
             f"{1e6 * told['seconds'] / count:.2f}", f"{100 * told['sample_fraction']:.1f} %",
             told["findings"])
        )  # fmt: skip
        steps.append(taken)
    show(
        ("rows", "bare read s", "trace s", "4 x bare + 10 s", "ratio", "peak GiB", "passes",
         "s a million rows", "other cards drawn", "findings"),
        rows,
    )  # fmt: skip
    names = list(dict.fromkeys(name for taken in steps for name in taken))
    show(
        ("step", *(row[0] for row in rows)),
        [(name, *(f"{taken.get(name, 0.0):.2f}" for taken in steps)) for name in names],
    )
    return int(missed)
