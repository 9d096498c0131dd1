"""Other programs that look for card numbers, driven from outside: none of their code is here.

Each gives what it shows of every number: file, first four and last four digits. ccsrch and PANhunt
are commands that the benchmark is told; Presidio, google-re2 and hyperscan are used where they are
installed. The bare engines get one pattern of brands and lengths, and the check digit after it.
"""

from __future__ import annotations

import importlib
import json
import re
import resource
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from sekisho.vault.pan import luhn_fits

PATTERN: Final = (
    rb"\b(?:4[0-9]{12}(?:[0-9]{3}|[0-9]{6})?|(?:5[1-5]|2[2-7])[0-9]{14}|35[2-8][0-9]{13}|"
    rb"3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|6(?:011|5[0-9]{2})[0-9]{12}|62[0-9]{14,17})\b"
)
_MOST_TEXT: Final = 4 << 20  # Presidio takes minutes for more

Shown = Counter[tuple[str, str]]
"""Name of a file, and first four and last four digits of a number in it."""
InBytes = Callable[[bytes], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Rival:
    """``look(folder)``: what it shows of all files there; ``most``: bytes of each that it gets."""

    name: str
    look: Callable[[Path], Shown]
    most: int | None = None

    def timed(self, folder: Path) -> tuple[Shown, float]:
        """What it shows, and seconds of processor time, its child processes among them."""
        begun = _spent()
        shown = self.look(folder)
        return shown, _spent() - begun


def _spent() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def rivals(panhunt: str | None, ccsrch: str | None) -> list[Rival]:
    """Those that are there; says which are not. ``panhunt``, ``ccsrch``: commands."""
    there = []
    commands = (("PANhunt", panhunt, _panhunt), ("ccsrch", ccsrch, _ccsrch))
    for name, command, look in commands:
        if command is None:
            print(f"  {name}: no command given")
        else:
            there.append(Rival(name, partial(look, command.split())))
    engines: tuple[tuple[str, Callable[[], InBytes], int | None], ...] = (
        ("Presidio", _presidio, _MOST_TEXT), ("re", _re, None),
        ("google-re2", _re2, None), ("hyperscan", _hyperscan, None),
    )  # fmt: skip
    for name, make, most in engines:
        try:
            there.append(Rival(name, _in_files(make(), most), most))
        except ImportError:
            print(f"  {name}: not installed")
    return there


def key(number: str) -> str:
    """First four and last four of the digits or stars that a program shows."""
    plain = re.sub(r"[^0-9*xX]", "", number)
    return plain[:4] + plain[-4:]


def _panhunt(command: list[str], folder: Path) -> Shown:
    shown: Shown = Counter()
    with tempfile.TemporaryDirectory() as out:
        done = [*command, "-q", "-o", out, "-j", out, str(folder)]
        subprocess.run(done, capture_output=True, check=False, cwd=out)  # it leaves a log there
        for report in Path(out).glob("*.json"):
            found = json.loads(report.read_text(encoding="utf-8"))["pans_found_results"]
            for path, numbers in found.items():
                name = Path(path).relative_to(folder).parts[0]
                shown.update((name, key(one.partition(":")[2])) for one in numbers)
    return shown


def _ccsrch(command: list[str], folder: Path) -> Shown:
    done = subprocess.run([*command, "-m", str(folder)], capture_output=True, check=False)
    if done.returncode:
        print(f"  ccsrch ended with {done.returncode}")
    shown: Shown = Counter()
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        fields = line.split("\t")
        if len(fields) >= 3 and fields[0].startswith(str(folder)):
            shown[Path(fields[0]).name, key(fields[2])] += 1
    return shown


def _in_files(numbers: InBytes, most: int | None) -> Callable[[Path], Shown]:
    def look(folder: Path) -> Shown:
        shown: Shown = Counter()
        for path in sorted(folder.iterdir()):
            with path.open("rb") as file:
                data = file.read(-1 if most is None else most)
            shown.update((path.name, key(one)) for one in numbers(data))
        return shown

    return look


def _passing(matches: Iterator[bytes]) -> Iterator[str]:
    return (text for one in matches if luhn_fits(text := one.decode()))


def _re() -> InBytes:
    pattern = re.compile(PATTERN)
    return lambda data: _passing(one[0] for one in pattern.finditer(data))


def _re2() -> InBytes:
    engine: Any = importlib.import_module("re2")
    pattern = engine.compile(PATTERN)
    return lambda data: _passing(one[0] for one in pattern.finditer(data))


def _hyperscan() -> InBytes:
    engine: Any = importlib.import_module("hyperscan")
    base = engine.Database()
    flags = [engine.HS_FLAG_SOM_LEFTMOST]
    base.compile(expressions=[PATTERN], ids=[0], elements=1, flags=flags)
    scratch = engine.Scratch(base)

    def numbers(data: bytes) -> Iterator[str]:
        spans: dict[int, int] = {}

        def hit(_: int, start: int, end: int, *__: object) -> None:
            spans[start] = end  # the longest comes last

        base.scan(data, match_event_handler=hit, scratch=scratch)
        return _passing(data[start:end] for start, end in spans.items())

    return numbers


def _presidio() -> InBytes:
    module: Any = importlib.import_module("presidio_analyzer.predefined_recognizers")
    recognizer = module.CreditCardRecognizer()

    def numbers(data: bytes) -> Iterator[str]:
        text = data.decode("utf-8", "replace")
        for one in recognizer.analyze(text, ["CREDIT_CARD"], None):
            yield text[one.start : one.end]

    return numbers
