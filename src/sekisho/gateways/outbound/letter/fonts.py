"""The letter's typefaces, which come with Sekisho, and whether a text can be set in them.

Noto Serif JP and Noto Sans JP (SIL Open Font License 1.1) are installed as a package of data, so no
network and no font of the machine is needed. A name is set exactly or not at all: a character that
a face lacks, or a variant (an ideographic variation sequence, as in 葛󠄀) that it cannot tell from
the ordinary form, keeps the letter back with its reason.
"""

from __future__ import annotations

import importlib.util
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from sekisho.domain.errors import BadInput

SERIF: Final = "Noto Serif JP"
SANS: Final = "Noto Sans JP"
_PACKAGE: Final = "pylopdf_fonts_jp"
_FILES: Final = {SERIF: "NotoSerifJP-Regular.otf", SANS: "NotoSansJP-Regular.otf"}
_SELECTORS: Final = frozenset({*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)})


@dataclass(frozen=True)
class Face:
    """What one font file can show: characters, and pairs of character and variation selector."""

    characters: frozenset[int]
    variants: frozenset[tuple[int, int]]

    def missing(self, text: str) -> list[str]:
        """What of ``text`` cannot be set, each once, in the order met."""
        codes = set(map(ord, set(text)))
        if codes <= self.characters and codes.isdisjoint(_SELECTORS):
            return []
        lacking: dict[str, None] = {}
        for place, character in enumerate(text):
            code = ord(character)
            if code in _SELECTORS:
                base = text[place - 1] if place else ""
                if not base or (ord(base), code) not in self.variants:
                    lacking[f"{base}{character}"] = None
            elif code not in self.characters:
                lacking[character] = None
        return list(lacking)


@dataclass(frozen=True)
class Fonts:
    """The two faces of a letter and the folder that they are read from."""

    folder: Path
    serif: Face
    sans: Face

    def missing(self, texts: Iterable[str]) -> list[str]:
        """What of ``texts`` one of the faces cannot show."""
        joined = unicodedata.normalize("NFC", "\n".join(texts))
        return list(dict.fromkeys([*self.serif.missing(joined), *self.sans.missing(joined)]))


def told(lacking: Iterable[str]) -> str:
    """Characters that cannot be set, with their code points, for a reason that people read."""
    return ", ".join(
        f"{one} ({' '.join(f'U+{ord(character):04X}' for character in one)})" for one in lacking
    )


@lru_cache(maxsize=1)
def shipped() -> Fonts:
    """The faces that come with Sekisho; raises ``BadInput`` where the package was taken out."""
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise BadInput(
            "the typefaces of letters are not installed",
            hint="Install Sekisho with its dependencies: the package pylopdf-fonts-jp is one.",
        )
    folder = Path(found.origin).parent
    return Fonts(folder, _read(folder / _FILES[SERIF]), _read(folder / _FILES[SANS]))


def _read(path: Path) -> Face:
    from fontTools.ttLib import TTFont  # noqa: PLC0415 - only when letters are written

    with TTFont(path, lazy=True) as font:
        variants = {
            (base, selector)
            for table in font["cmap"].tables
            if table.format == 14
            for selector, pairs in table.uvsDict.items()
            for base, _ in pairs
        }
        # Lines are broken at it; it is never set.
        return Face(frozenset({*font.getBestCmap(), ord("\n")}), frozenset(variants))
