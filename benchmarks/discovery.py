"""How much stored card data the search finds, how much it invents, and how fast it looks.

``python -m benchmarks discovery -- [--seeds N] [--first SEED] [--each CARDS] [--lines N]
[--panhunt COMMAND] [--ccsrch COMMAND]`` writes forty-six formats and encodings with planted cards,
and a log of 16-digit ids and millisecond stamps, looks through both, and prints recall, precision
and speed in one process; beside it Presidio, google-re2 and hyperscan where they are installed,
and the commands that are named. Tuning used seeds below 1000; report others.
"""

from __future__ import annotations

import argparse
import importlib
import re
import resource
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.parts import card_corpus
from sekisho.discovery.finding import Finding, Kind
from sekisho.discovery.sources import Looker
from sekisho.discovery.text import Machine
from sekisho.vault.pan import luhn_fits

PATTERN = (
    rb"\b(?:4[0-9]{12}(?:[0-9]{3}|[0-9]{6})?|(?:5[1-5]|2[2-7])[0-9]{14}|35[2-8][0-9]{13}|"
    rb"3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|6(?:011|5[0-9]{2})[0-9]{12}|62[0-9]{14,17})\b"
)
RECALL, CODES, PRECISION, SPEED, MEMORY = 0.995, 0.95, 0.99, 150.0, 512


def run(argv: list[str]) -> int:
    """Measure and print; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--each", type=int, default=50)
    parser.add_argument("--lines", type=int, default=1_300_000)
    parser.add_argument("--panhunt", help="command that takes a folder")
    parser.add_argument("--ccsrch", help="command that takes a file or folder")
    options = parser.parse_args(argv)
    looker = Looker(Machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        missed = [
            *recall(looker, folder, options),
            *precision_and_speed(looker, folder, options),
        ]
    for goal in missed:
        print(f"goal missed: {goal}")
    return 1 if missed else 0


def recall(looker: Looker, folder: Path, options: argparse.Namespace) -> list[str]:
    """Look through every format; returns the goals that were missed."""
    total: Counter[str] = Counter()
    for seed in range(options.first, options.first + options.seeds):
        corpus = folder / str(seed)
        corpus.mkdir()
        files = card_corpus.write_corpus(corpus, np.random.default_rng(seed), options.each)
        for one in files:
            found = findings(looker, one.path)
            masks = Counter(each.masked for each in found if each.kind is not Kind.SECURITY_CODE)
            wanted = Counter(card_corpus.mask(each.pan) for each in one.records)
            codes = len(found) - masks.total()
            hits = (wanted & masks).total()
            total.update(
                cards=wanted.total(), found=hits, invented=masks.total() - hits, codes=one.codes,
                codes_found=min(codes, one.codes), codes_invented=max(codes - one.codes, 0),
            )  # fmt: skip
            if hits < wanted.total() or codes != one.codes:
                counts = f"{hits}/{wanted.total()} cards, {codes}/{one.codes} codes"
                print(f"  seed {seed} {one.kind}: {counts}")
        for tool, command in (("PANhunt", options.panhunt), ("ccsrch", options.ccsrch)):
            others(tool, command, corpus, sum(len(one.records) for one in files))
    print(f"{len(files)} formats: {dict(total)}")
    missed = []
    if total["found"] < RECALL * total["cards"]:
        missed.append("cards found")
    if total["codes_found"] < CODES * total["codes"]:
        missed.append("security codes found")
    return missed


def others(tool: str, command: str | None, corpus: Path, cards: int) -> None:
    """Count the lines of another tool that show a number."""
    if not command:
        print(f"  {tool}: not given")
        return
    done = subprocess.run([*command.split(), str(corpus)], capture_output=True, check=False)
    shown = len(re.findall(rb"[0-9]{4,6}[0-9*X ]{4,9}[0-9]{4}", done.stdout))
    print(f"  {tool}: {shown} numbers shown, {cards} planted (exit code {done.returncode})")


def precision_and_speed(looker: Looker, folder: Path, options: argparse.Namespace) -> list[str]:
    """Look through the log of ids, and time it; returns the goals that were missed."""
    path = folder / "ids.log"
    chance = np.random.default_rng(options.first)
    cards = card_corpus.write_id_log(path, chance, options.lines, 0.0007)
    size = path.stat().st_size / 1e6
    wanted = Counter(card_corpus.mask(one.pan) for one in cards)
    best, found = 0.0, []
    for _ in range(4):
        begun = time.process_time()
        found = findings(looker, path)
        best = max(best, size / (time.process_time() - begun))
    hits = (wanted & Counter(one.masked for one in found)).total()
    precision = hits / max(len(found), 1)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"ids: {size:.0f} MB, {len(cards)} cards, {len(found)} found, {hits} right: "
        f"precision {precision:.3f}, recall {hits / len(cards):.3f}"
    )
    print(f"ids: {best:.0f} MB/s of processor time (best of 4), at most {memory:.0f} MiB")
    data = path.read_bytes()[: 60 << 20]
    for name, matcher in bare_engines().items():
        begun = time.process_time()
        matches = matcher(data)
        speed = len(data) / 1e6 / (time.process_time() - begun)
        print(f"  {name}: {speed:.0f} MB/s bare, {matches} matches")
    right = prefix_and_luhn(data, wanted)
    print(f"  prefix and check digit alone: precision {right:.3f}")
    goals = (
        (precision >= PRECISION, "precision"),
        (best >= SPEED, "speed"),
        (memory <= MEMORY, "memory"),
    )
    return [name for met, name in goals if not met]


def prefix_and_luhn(data: bytes, wanted: Counter[str]) -> float:
    """The share of right ones among all that pass prefix and check digit."""
    numbers = [one.decode() for one in re.findall(PATTERN, data)]
    passed = [one for one in numbers if luhn_fits(one)]
    return sum(card_corpus.mask(one) in wanted for one in passed) / max(len(passed), 1)


def bare_engines() -> dict[str, Callable[[bytes], int]]:
    """Pattern engines that are installed, each as a function that counts matches."""
    engines: dict[str, Callable[[bytes], int]] = {
        "re": lambda data: len(re.findall(PATTERN, data)),
    }
    for name, make in (("google-re2", _re2), ("hyperscan", _hyperscan), ("Presidio", _presidio)):
        try:
            engines[name] = make()
        except ImportError:
            print(f"  {name}: not installed")
    return engines


def _re2() -> Callable[[bytes], int]:
    engine: Any = importlib.import_module("re2")
    pattern = engine.compile(PATTERN)
    return lambda data: sum(1 for _ in pattern.finditer(data))


def _hyperscan() -> Callable[[bytes], int]:
    engine: Any = importlib.import_module("hyperscan")
    base = engine.Database()
    base.compile(expressions=[PATTERN], ids=[0], elements=1, flags=[0])
    scratch = engine.Scratch(base)

    def count(data: bytes) -> int:
        hits = [0]

        def hit(*_: object) -> None:
            hits[0] += 1

        base.scan(data, match_event_handler=hit, scratch=scratch)
        return hits[0]

    return count


def _presidio() -> Callable[[bytes], int]:
    module: Any = importlib.import_module("presidio_analyzer.predefined_recognizers")
    recognizer = module.CreditCardRecognizer()
    return lambda data: len(recognizer.analyze(data[: 4 << 20].decode(), ["CREDIT_CARD"], None))


def findings(looker: Looker, path: Path) -> list[Finding]:
    """What is found in one file."""
    return [one for one in looker.look(str(path)) if isinstance(one, Finding)]
