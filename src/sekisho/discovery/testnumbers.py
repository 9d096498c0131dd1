"""Numbers that networks and processors publish for testing; no real card has one of them."""

from __future__ import annotations

from typing import Final

# As the processors' public pages list them.
_PUBLISHED: Final = frozenset({
    4111111111111111, 4012888888881881, 4242424242424242, 4222222222222, 5555555555554444,
    5105105105105100, 5200828282828210, 2223003122003222, 378282246310005, 371449635398431,
    3530111333300000, 3566002020360505, 30569309025904, 38520000023237, 36227206271667,
    6011111111111117, 6011000990139424, 6205500000000000004, 6250946000000016, 6759649826438453,
})  # fmt: skip
_ROUND: Final = 7
"""So many zeros in a row stand in made-up numbers alone (one real number in 10⁶)."""


def is_test_number(value: int) -> bool:
    """Whether ``value`` is published for testing, or is made up of zeros like those."""
    return value in _PUBLISHED or "0" * _ROUND in str(value)
