"""Message numbers: the same for the same message, forgiving to type, caught when mistyped."""

from __future__ import annotations

import hashlib
import hmac
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.vault.message_number import ALPHABET, message_number, read_number

SECRET = bytes(range(32))


def naive_number(secret: bytes, message_id: str) -> str:
    """The derivation as the documentation says it, by long division."""
    digest = hmac.new(secret, b"sekisho message number 1\0" + message_id.encode(), hashlib.sha256)
    left = int(digest.hexdigest(), 16)
    digits = []
    while len(digits) < 12:
        digits.append(left % 29)
        left //= 29
    check = sum((place + 1) * digit for place, digit in enumerate(digits)) % 29
    text = "".join("23456789BCDFGHJKMNPQRSTUVWXYZ"[digit] for digit in [*digits, check])
    return f"{text[:4]}-{text[4:8]}-{text[8:12]}-{text[12]}"


@settings(deadline=None)
@given(st.text(max_size=50))
def test_equals_its_documentation(message_id: str) -> None:
    number = message_number(SECRET, message_id)
    assert number == naive_number(SECRET, message_id)
    assert read_number(number) == number


def test_the_alphabet_is_prime_and_plain() -> None:
    assert len(ALPHABET) == len(set(ALPHABET)) == 29
    assert not set("0O1ILAE") & set(ALPHABET)


def test_forgives_how_it_is_typed() -> None:
    number = message_number(SECRET, "m/1")
    plain = number.replace("-", "")
    wide = "".join(chr(ord(c) + 0xFEE0) for c in plain)
    for typed in (plain, plain.lower(), f" {number} ", wide, number.replace("-", "－"), plain[:6]
                  + " " + plain[6:]):  # fmt: skip
        assert read_number(typed) == number


def test_every_single_slip_and_every_exchange_is_caught() -> None:
    plain = message_number(SECRET, "m/2").replace("-", "")
    for place, character in enumerate(plain):
        for other in ALPHABET:
            if other != character:
                assert read_number(plain[:place] + other + plain[place + 1 :]) is None
    for one, two in combinations(range(12), 2):
        swapped = list(plain)
        swapped[one], swapped[two] = swapped[two], swapped[one]
        if "".join(swapped) != plain:
            assert read_number("".join(swapped)) is None
    assert read_number("") is None
    assert read_number(plain[:-1]) is None


def test_depends_on_key_and_message_and_never_repeats() -> None:
    numbers = {message_number(SECRET, f"m/{n}") for n in range(20_000)}
    assert len(numbers) == 20_000
    assert message_number(bytes(32), "m/1") not in numbers
