"""What errors say, in the language of whoever reads them.

Errors are raised in English, with names and numbers already in their places, by code that knows no
language. Where Japanese is asked for, the finished text is matched against the catalogue
``locale/errors.ja.toml``: what stands in the places is taken out and put into the Japanese text.
What is not in the catalogue is shown in English, whole: a trouble is told in any case.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import resources
from typing import Final

ENVIRONMENT: Final = "SEKISHO_LANG"
_LOCALES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")
_PLACE: Final = re.compile(r"\{(\d+)\}")
_HEADS: Final = {"en": "error", "ja": "エラー"}


def language(environment: Mapping[str, str] = os.environ) -> str:
    """``ja`` or ``en``: as SEKISHO_LANG says, else as the locale of the terminal does.

    >>> language({"LANG": "ja_JP.UTF-8"}), language({"LANG": "ja_JP.UTF-8", "SEKISHO_LANG": "en"})
    ('ja', 'en')
    """
    for name in (ENVIRONMENT, *_LOCALES):
        if value := environment.get(name, ""):
            return "ja" if value.lower().startswith("ja") else "en"
    return "en"


def head(spoken: str) -> str:
    """The word that an error begins with."""
    return _HEADS[spoken]


def told(text: str, spoken: str) -> str:
    """``text`` in the language ``spoken``; as it is where the catalogue does not have it.

    >>> told("cards.csv: there is no such file", "ja")
    'cards.csv:そのようなファイルはありません'
    """
    if spoken == "en" or not text:
        return text
    for pattern, japanese in _patterns():
        if found := pattern.fullmatch(text):
            # What was put in may be such a text itself: "the key file".
            inner = [_whole().get(part, part) for part in found.groups()]
            return _put(inner, japanese)
    return text


def _put(values: list[str], text: str) -> str:
    return _PLACE.sub(lambda place: values[int(place[1]) - 1], text)


@lru_cache(maxsize=1)
def _whole() -> dict[str, str]:
    """The catalogue as it is written: English with places, Japanese with the same places."""
    file = resources.files("sekisho.app") / "locale" / "errors.ja.toml"
    return {
        english: str(japanese)
        for english, japanese in tomllib.loads(file.read_text(encoding="utf-8")).items()
    }


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Each English text as a pattern, those that say most of themselves first."""
    ordered = sorted(_whole().items(), key=lambda pair: -len(_PLACE.sub("", pair[0])))
    return tuple((re.compile("".join(_parts(one)), re.DOTALL), other) for one, other in ordered)


def _parts(english: str) -> Iterator[str]:
    for place, part in enumerate(_PLACE.split(english)):
        yield "(.*?)" if place % 2 else re.escape(part)
