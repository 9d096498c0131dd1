"""How much stored card data the search finds, how much it invents, and how fast it looks.

``python -m benchmarks discovery -- [--seeds N] [--first SEED] [--each CARDS] [--lines N]
[--panhunt COMMAND] [--ccsrch COMMAND]`` writes forty-six formats and encodings with planted cards,
sixty-one more as libraries and services write them, and three logs: ordinary, Japanese, and one of
16-digit ids and millisecond stamps. It looks through all and prints recall, precision and speed in
one process, and the same of PANhunt, ccsrch, Presidio and bare engines that are there
(`benchmarks.rivals.card_finders`). Tuning used seeds below 1000; report others.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.parts import card_corpus
from benchmarks.parts.card_corpus import Planted
from benchmarks.rivals.card_finders import Rival, Shown, key, rivals
from sekisho.discovery.finding import Finding, Kind
from sekisho.discovery.sources import Looker
from sekisho.discovery.text import Machine

RECALL, CODES, PRECISION, SPEED, MEMORY = 0.995, 0.95, 0.99, 150.0, 512


def run(argv: list[str]) -> int:
    """Measure and print; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--each", type=int, default=50)
    parser.add_argument("--lines", type=int, default=600_000)
    parser.add_argument("--panhunt", help="command that takes a folder")
    parser.add_argument("--ccsrch", help="command that takes a file or folder")
    options = parser.parse_args(argv)
    looker = Looker(Machine())
    others = rivals(options.panhunt, options.ccsrch)
    missed: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writers = (
            ("own formats", card_corpus.write_corpus),
            ("formats by libraries", card_corpus.write_library_corpus),
        )
        for title, write in writers:
            corpora: list[tuple[Path, list[Planted]]] = []
            for seed in range(options.first, options.first + options.seeds):
                corpus = folder / f"{title} {seed}"
                corpus.mkdir()
                chance = np.random.default_rng(seed)
                corpora.append((corpus, write(corpus, chance, options.each)))
            missed += recall(looker, title, corpora)
            for rival in others:
                beside(rival, corpora)
        missed += logs(looker, folder, options, others)
        memory = memory_alone(folder / "ids and stamps" / "a.log")
        print(f"memory on the log of ids, in a process of its own: {memory:.0f} MiB")
        if memory > MEMORY:
            missed.append("memory")
    for goal in missed:
        print(f"goal missed: {goal}")
    return 1 if missed else 0


def recall(looker: Looker, title: str, corpora: list[tuple[Path, list[Planted]]]) -> list[str]:
    """Look through every format; returns the goals that were missed."""
    total: Counter[str] = Counter()
    formats = {one.kind for _, files in corpora for one in files}
    for corpus, files in corpora:
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
                print(f"  {corpus.name} {one.kind}: {counts}")
    print(f"{title}, {len(formats)}: {dict(total)}")
    goals = (
        (total["found"] >= RECALL * total["cards"], f"{title}: cards found"),
        (total["codes_found"] >= CODES * total["codes"], f"{title}: security codes found"),
    )
    return [name for met, name in goals if not met]


def beside(rival: Rival, corpora: list[tuple[Path, list[Planted]]]) -> None:
    """Print how many planted cards a rival shows, and what else."""
    total: Counter[str] = Counter()
    spent = 0.0
    for corpus, files in corpora:
        shown, seconds = rival.timed(corpus)
        spent += seconds
        wanted: Shown = Counter(
            (one.path.name, key(each.pan)) for one in files for each in one.records
        )
        # A number that is shown once for all its places in a file counts for all.
        hits = sum(count for place, count in wanted.items() if place in shown)
        other = sum(count for place, count in shown.items() if place not in wanted)
        total.update(cards=wanted.total(), found=hits, invented=other)
    share = total["found"] / total["cards"]
    print(f"  {rival.name}: {share:.1%} found, {total['invented']} invented, {spent:.1f} s")


def logs(
    looker: Looker, folder: Path, options: argparse.Namespace, others: list[Rival]
) -> list[str]:
    """Look through the three logs, and time it; returns the goals that were missed."""
    chance = np.random.default_rng(options.first)
    missed = []
    written: list[tuple[str, Path, float, Shown]] = []
    for title, write in card_corpus.LOGS.items():
        place = folder / title
        place.mkdir()
        path = place / "a.log"
        cards = write(path, chance, options.lines)
        size = path.stat().st_size / 1e6
        best, found = 0.0, []
        for _ in range(4):
            begun = time.process_time()
            found = findings(looker, path)
            best = max(best, size / (time.process_time() - begun))
        numbers = [one for one in found if one.kind is not Kind.SECURITY_CODE]
        wanted = Counter(card_corpus.mask(one.pan) for one in cards)
        hits = (wanted & Counter(one.masked for one in numbers)).total()
        print(
            f"{title} log, {size:.0f} MB: {len(cards)} cards, {hits} found, "
            f"{len(found) - hits} others, {best:.0f} MB per second of processor time"
        )
        if len(found) - hits > (1 - PRECISION) * max(len(found), 1):
            missed.append(f"{title} log: precision")
        if best < SPEED:
            missed.append(f"{title} log: speed")
        written.append((title, path, size, Counter(("a.log", key(one.pan)) for one in cards)))
    for title, path, size, wanted_there in written:
        print(f"others on the {title} log:")
        for rival in others:
            in_log(rival, path, size, wanted_there)
    return missed


def in_log(rival: Rival, path: Path, size: float, wanted: Shown) -> None:
    """Print precision and speed of a rival on one log."""
    shown, seconds = rival.timed(path.parent)
    right = sum(count for place, count in shown.items() if place in wanted)
    share = min(1.0, (rival.most or size * 1e6) / (size * 1e6))
    seen = f" of the first {share:.0%}" if share < 1 else ""
    precision = f"{right / shown.total():.1%} right" if shown else "nothing shown"
    print(
        f"  {rival.name}: {shown.total()} shown{seen}, {precision}, "
        f"{size * share / max(seconds, 1e-9):.0f} MB per second"
    )


def memory_alone(path: Path) -> float:
    """The most that a process holds, in MiB, that does nothing but look through ``path``."""
    program = (
        "import sys; from pathlib import Path\n"
        "from sekisho.discovery.sources import Looker\n"
        "from sekisho.discovery.text import Machine\n"
        "list(Looker(Machine()).look(sys.argv[1]))\n"
        "status = Path('/proc/self/status').read_text(encoding='ascii')\n"
        "print(*(line.split()[1] for line in status.splitlines() if line.startswith('VmHWM')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], check=True, capture_output=True, text=True
    )
    return int(done.stdout) / 1024


def findings(looker: Looker, path: Path) -> list[Finding]:
    """What is found in one file."""
    return [one for one in looker.look(str(path)) if isinstance(one, Finding)]
