"""Small words that several commands print alike."""

from __future__ import annotations


def counted(number: int, one: str, many: str) -> str:
    """``number`` with its word.

    >>> counted(1, "entry", "entries"), counted(2_000, "entry", "entries")
    ('1 entry', '2,000 entries')
    """
    return f"{number:,} {one if number == 1 else many}"
