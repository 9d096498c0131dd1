"""The obvious way to find numbers: every place, every printed shape, by hand."""

from __future__ import annotations

import re

from sekisho.vault.pan import brand_of, luhn_fits

SHAPES = [
    "4444",
    "465",
    "464",
    "44443",
    "44442",
    "44441",
    "4333",
    "4445",
    "6D",
    "6A",
    "88",
    "448",
    "4C",
    "4443",
    "4442",
    "4441",
    "555",
    "446",
    "484",
]


def shape_pattern(shape: str) -> re.Pattern[str]:
    first, *rest = (int(one, 16) for one in shape)
    mark = r"(?P<s>[ .+\-]|%20)"
    others = [rf"\d{{{length}}}" for length in rest]
    return re.compile(rf"\d{{{first}}}{mark}{'(?P=s)'.join(others)}")


GROUPS = [shape_pattern(shape) for shape in SHAPES]


def numbers_in(text: str) -> list[tuple[int, int]]:
    """Start and end of every number that passes, from the left, longest shape first."""
    found = []
    at = 0
    while at < len(text):
        end = number_at(text, at)
        if end:
            found.append((at, end))
        at = end or at + 1
    return found


def number_at(text: str, at: int) -> int:
    """The end of the number that begins at ``at``; 0 if none does."""
    if not re.match(r"[0-9]", text[at]):
        return 0
    begun = at > 0 and "0" <= text[at - 1] <= "9"
    escaped = at > 2 and text[at - 3] == "%" and text[at - 2] in "23" and text[at - 1].isdigit()
    if begun and not escaped:
        return 0
    run = re.match(r"[0-9]+", text[at:]).end()  # type: ignore[union-attr]
    ends = [at + run] if 13 <= run <= 19 else []
    if 4 <= run <= 8:
        matches = (shape.match(text, at) for shape in GROUPS)
        ends = [one.end() for one in matches if one and not text[one.end() :][:1].isdigit()]
    for end in sorted(ends, reverse=True):
        digits = re.sub(r"\D", "", text[at:end].replace("%20", ""))
        if luhn_fits(digits) and brand_of(digits) is not None:
            return end
    return 0


def stretches_in(text: str, low: int, last: int) -> list[tuple[int, int]]:
    """Stretches of digits and marks from ``low`` on with 13 digits that begin before ``last``."""
    pattern = re.compile(r"[0-9 .+%\-]+")
    found = [one for one in pattern.finditer(text, low) if one.start() < last]
    return [one.span() for one in found if sum(each.isdigit() for each in one[0]) >= 13]
