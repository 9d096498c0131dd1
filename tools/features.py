"""Write docs/reference/features.md from the catalogue of features: ``make reference``."""

from __future__ import annotations

import sys
from pathlib import Path

from sekisho.scoring.catalogue import CATALOGUE, WORDS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "features.md"
HEAD = f"""# Features

The {len(CATALOGUE)} numbers that are known of an authorization when it is decided. One compiled
kernel computes them, online, in training and in back-tests alike (`src/sekisho/scoring/kernel.py`).
This page is written by `make reference` from the program itself.

Windows of a card slide and are exact to the second; those of a merchant are calendar days in the
holders' time, the newest day and those before it. What cannot be told yet is -1. Nothing that
becomes known later is used: whether the purchase is approved, or fraud, changes no feature of its
own. A reversal takes back everything that the purchase had counted; a late message is put where it
belongs; a repeated one is not counted again. All numbers are 32-bit floats; they are computed from
integers.

| Word | Meaning |
|---|---|
"""


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    return 0


def page() -> str:
    """The whole page: the words, then every feature in the order of its column."""
    words = "".join(f"| {word} | {meaning} |\n" for word, meaning in WORDS.items())
    rows = "".join(
        f"| {entry.slot.value} | `{entry.name}` | {entry.unit} | {entry.meaning} |\n"
        for entry in CATALOGUE
    )
    return f"{HEAD}{words}\n| Column | Feature | Unit | Meaning |\n|---|---|---|---|\n{rows}"


if __name__ == "__main__":
    sys.exit(main())
