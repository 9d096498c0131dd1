"""`sekisho serve` as a process of its own, started, killed and started again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

import sekisho

START_S = 300
_MAIN = "from sekisho.app.cli import main; main()"


def environment(home: Path) -> dict[str, str]:
    """A home of its own, and the code under test."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SEKISHO_") or name == "SEKISHO_SHARED"
    }
    source = Path(sekisho.__file__).parents[1]
    return kept | {"XDG_DATA_HOME": str(home), "PYTHONPATH": str(source)}


@dataclass
class Serving:
    """A running service. ``said``: the file with all that it printed."""

    process: subprocess.Popen[bytes]
    said: Path

    def text(self) -> str:
        return self.said.read_text(encoding="utf-8", errors="replace")

    def until(self, sign: str) -> str:
        """Wait until it says ``sign``; all that it said."""
        deadline = time.monotonic() + START_S
        while sign not in self.text():
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.05)
        return self.text()

    def port(self, door: str) -> int:
        found = re.search(rf"{door} on (?:https?://)?[^ ]*:(\d+)", self.text())
        assert found, self.text()
        return int(found[1])

    def url(self) -> str:
        found = re.search(r"HTTP on (https?://[^ ,]+)", self.text())
        assert found, self.text()
        return found[1]

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal; the exit code."""
        self.process.send_signal(how)
        return self.process.wait(START_S)


@contextmanager
def serving(home: Path, *words: object) -> Iterator[Serving]:
    """Start it and wait until it is ready; killed at the end if it still runs."""
    home.mkdir(parents=True, exist_ok=True)
    said = home / f"said-{len(list(home.glob('said-*')))}.txt"
    command = [sys.executable, "-c", _MAIN, "serve", *map(str, words)]
    with said.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env=environment(home)
        )
    one = Serving(process, said)
    try:
        one.until("Ready.")
        yield one
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(START_S)


@contextmanager
def client(one: Serving, **options: object) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=one.url(), timeout=120, **options) as found:  # type: ignore[arg-type]
        yield found
