"""How many rows a second ``sekisho import`` takes in.

``python benchmarks/import_rate.py [--rows N] [--cards N] [--keep] [--folder DIR]``
writes a CSV file of invented card numbers (Luhn-valid, six columns), imports it in a process of its
own, and prints rows/s and the process's peak memory.
"""

from __future__ import annotations

import argparse
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from sekisho.vault.keys import KeyKind, new_ring, write_key, write_ring

_CHUNK_ROWS = 1_000_000


def run(argv: list[str]) -> None:
    """Measure once and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--cards", type=int, default=1_000_000)
    parser.add_argument("--keep", action="store_true", help="keep the numbers, encrypted")
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        source, key = folder / "transactions.csv", folder / "card.key"
        write_history(source, options.rows, options.cards)
        write_key(key, secrets.token_bytes(32))
        command: tuple[str, ...] = (
            *(sys.executable, "-c", "from sekisho.app.cli import main; main()", "import"),
            *(str(source), "--card-key", str(key), "--out", str(folder / "out")),
        )
        if options.keep:
            locks = folder / "number.key"
            write_ring(locks, new_ring(KeyKind.NUMBER, secrets.token_bytes(32)))
            vault = str(folder / "cards.vault")
            command += ("--keep-numbers", vault, "--number-key", str(locks), "--keep-days", "1")
        started = time.perf_counter()
        subprocess.run(command, check=True)
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**10
        size = source.stat().st_size / 2**20
        print(
            f"{options.rows:,} rows ({size:,.0f} MiB, {options.cards:,} cards) in {seconds:.1f} s: "
            f"{options.rows / seconds:,.0f} rows/s, peak {peak:,.0f} MiB"
        )


def write_history(path: Path, rows: int, cards: int) -> None:
    """Write ``rows`` invented transactions of ``cards`` invented cards."""
    chance = np.random.default_rng(7)
    numbers = pc.cast(pa.array(invented_numbers(chance, cards)), pa.string())
    writer: pyarrow.csv.CSVWriter | None = None
    for first in range(0, rows, _CHUNK_ROWS):
        count = min(_CHUNK_ROWS, rows - first)
        seconds = np.sort(chance.integers(1_700_000_000, 1_730_000_000, count))
        table = pa.table(
            {
                "transaction_id": pa.array(np.arange(first, first + count)),
                "pan": numbers.take(pa.array(chance.integers(0, cards, count))),
                "merchant_id": pc.binary_join_element_wise(
                    "M", pc.cast(pa.array(chance.integers(0, 50_000, count)), pa.string()), ""
                ),
                "authorized_at": pa.array(seconds).cast(pa.timestamp("s")),
                "amount_minor": pa.array(chance.integers(100, 100_000, count)),
                "mcc": pa.array(chance.integers(1000, 9999, count)),
            }
        )
        writer = writer or pyarrow.csv.CSVWriter(str(path), table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


def invented_numbers(chance: np.random.Generator, count: int) -> np.ndarray:
    """Return ``count`` 16-digit numbers starting with 4 whose check digit fits."""
    digits = chance.integers(0, 10, (count, 15))
    digits[:, 0] = 4
    doubled = digits[:, ::2] * 2
    total = np.where(doubled > 9, doubled - 9, doubled).sum(axis=1) + digits[:, 1::2].sum(axis=1)
    check = -total % 10
    places = 10 ** np.arange(15, 0, -1, dtype=np.int64)
    numbers: np.ndarray = (digits * places).sum(axis=1) + check
    return numbers


if __name__ == "__main__":
    run(sys.argv[1:])
