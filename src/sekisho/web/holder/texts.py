"""What the pages say, in Japanese and English: calm, short, and nothing about the person."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Final

LANGUAGES: Final = ("ja", "en")
_FOLDER: Final = resources.files("sekisho.web.holder")

TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    language: tomllib.loads((_FOLDER / f"texts_{language}.toml").read_text(encoding="utf-8"))
    for language in LANGUAGES
}


def language_of(asked: str, accepted: str) -> str:
    """The language of a page: what the switch asks for, else what the browser prefers.

    ``accepted``: the header Accept-Language (RFC 9110, 12.5.4). Japanese where it says neither.

    >>> language_of("", "fr, en;q=0.8, ja;q=0.3"), language_of("ja", "en"), language_of("", "")
    ('en', 'ja', 'ja')
    """
    if asked in LANGUAGES:
        return asked
    best, weight = "ja", 0.0
    for part in accepted[:500].split(","):
        tag, _, rest = part.strip().partition(";")
        name = tag.strip().lower().partition("-")[0]
        quality = _quality(rest)
        if name in LANGUAGES and quality > weight:
            best, weight = name, quality
    return best


def _quality(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0
