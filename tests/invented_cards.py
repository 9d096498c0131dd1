"""Invented card numbers for tests, and naive twins of how they are checked."""

from __future__ import annotations

import numpy as np

# The numbers that networks and processors publish for testing.
PUBLISHED = {
    "4111111111111111": "visa",
    "4012888888881881": "visa",
    "4222222222222": "visa",
    "5555555555554444": "mastercard",
    "5105105105105100": "mastercard",
    "2223003122003222": "mastercard",
    "2720" + "99" + "0" * 9 + "7": "mastercard",  # made: the end of the second range
    "3530111333300000": "jcb",
    "3566002020360505": "jcb",
    "378282246310005": "amex",
    "371449635398431": "amex",
    "30569309025904": "diners",
    "38520000023237": "diners",
    "6011111111111117": "discover",
    "6011000990139424": "discover",
    "6250946000000016": "unionpay",
    "6759649826438453": "maestro",
}


def naive_luhn(digits: str) -> bool:
    """The rule as a person would do it by hand: double every second digit from the right."""
    total = 0
    for place in range(1, len(digits) + 1):
        number = int(digits[-place])
        if place % 2 == 0:
            number *= 2
            if number > 9:
                number = number // 10 + number % 10
        total += number
    return total % 10 == 0


def complete(body: str) -> str:
    """Append the one check digit that fits."""
    (check,) = [digit for digit in "0123456789" if naive_luhn(body + digit)]
    return body + check


def invented_cards(chance: np.random.Generator, count: int) -> list[str]:
    """Numbers of the five brands that a Japanese issuer sees."""
    shapes = [("4", 16), ("2221", 16), ("53", 16), ("3540", 16), ("37", 15), ("36", 14)]
    cards = []
    for shape in chance.integers(0, len(shapes), count):
        prefix, length = shapes[shape]
        rest = length - 1 - len(prefix)
        cards.append(complete(prefix + "".join(map(str, chance.integers(0, 10, rest)))))
    return cards
