"""Nothing in the repository points at a machine, a registry or a real card."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

# Numbers that payment processors publish for tests; no real card can have one of them.
TEST_NUMBERS = {
    "4111111111111111",
    "4012888888881881",
    "4242424242424242",
    "4222222222222",
    "5555555555554444",
    "5105105105105100",
    "5200828282828210",
    "2223003122003222",
    "378282246310005",
    "371449635398431",
    "3530111333300000",
    "3566002020360505",
    "30569309025904",
    "38520000023237",
    "36227206271667",
    "6011111111111117",
    "6011000990139424",
    "6205500000000000004",
    "6250946000000016",
    "6759649826438453",
}
DIGITS = re.compile(
    r"(?<![\w.+-])"
    r"(?:\d{13,19}|\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{1,7}|\d{4}[ -]\d{6}[ -]\d{4,5})"
    r"(?![\w-])"
)
BRANDS = re.compile(r"3(?:0|5|6|7|8)|4|5[0-9]|6|2(?:2[2-9]|[3-6]|7[01]|720)")

# Split, so that this file does not hold them itself.
PLACES = ("work", "root", "tmp", "home/[a-z]", "Users/[A-Za-z]", "opt/[a-z]")
MACHINE_PATH = re.compile(rf"(?<![\w./~$}}>-])/(?:{'|'.join(PLACES)})(?:/|\b(?=\s|$|[\"'`]))")
REGISTRY = re.compile("|".join((r"pypi\." + "org", "python" + r"hosted\.org", r"npmjs\." + "org")))


def luhn(number: str) -> bool:
    """Whether the check digit fits."""
    doubled = [int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(number))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def card_numbers(text: str) -> list[str]:
    """What in ``text`` could be a card's number and is not a published test number."""
    candidates = (re.sub(r"[ -]", "", found) for found in DIGITS.findall(text))
    return [
        number
        for number in candidates
        if BRANDS.match(number) and luhn(number) and number not in TEST_NUMBERS
    ]


def hits(pattern: re.Pattern[str], texts: dict[Path, str]) -> list[str]:
    """``file:line: match`` for every match."""
    return [
        f"{path.name}:{number}: {found.group()}"
        for path, text in texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        for found in pattern.finditer(line)
    ]


def test_no_card_number(kept_texts: dict[Path, str]) -> None:
    found = {
        path.name: numbers for path, text in kept_texts.items() if (numbers := card_numbers(text))
    }
    assert found == {}, "use a published test number, or make numbers in the test"


@pytest.mark.parametrize("written", ["{}", "{},", '"{}"'])
def test_a_card_number_is_seen(written: str) -> None:
    body = "400012345678901"
    number = next(body + str(digit) for digit in range(10) if luhn(body + str(digit)))
    assert card_numbers(written.format(number)) == [number]
    grouped = " ".join(number[at : at + 4] for at in range(0, 16, 4))
    assert card_numbers(written.format(grouped)) == [number]
    assert card_numbers(written.format(number[:-1] + str((int(number[-1]) + 1) % 10))) == []


def test_no_machine_path(kept_texts: dict[Path, str]) -> None:
    assert hits(MACHINE_PATH, kept_texts) == []


def test_no_registry_address(kept_texts: dict[Path, str]) -> None:
    assert hits(REGISTRY, kept_texts) == []


def test_the_lock_has_hashes_and_no_address(root: Path) -> None:
    lock = (root / "requirements.lock").read_text(encoding="utf-8")
    pinned = re.findall(r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", lock, flags=re.MULTILINE | re.DOTALL)
    assert len(pinned) > 30
    assert all("--hash=sha256:" in block for block in pinned)
    assert "://" not in lock


@pytest.mark.parametrize("name", ["work", "tmp", "root"])
def test_a_machine_path_is_seen(name: str) -> None:
    line = f"see {'/' + name}/data.csv"
    assert MACHINE_PATH.search(line)
    assert not MACHINE_PATH.search(f"see build/{name}/data.csv")
