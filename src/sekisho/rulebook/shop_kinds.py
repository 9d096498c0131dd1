"""What kind of shop a merchant category code means, for a holder who cannot place a name."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from sekisho.rulebook.values import Language


@cache
def _words() -> Mapping[str, Mapping[str, str]]:
    file = resources.files("sekisho.rulebook") / "data" / "mcc" / "words.toml"
    found: Mapping[str, Mapping[str, str]] = tomllib.loads(file.read_text(encoding="utf-8"))[
        "words"
    ]
    return found


def kind_of_shop(mcc: str, language: Language) -> str:
    """The kind of shop in words; empty for a code that is not in the table.

    >>> kind_of_shop("5732", "ja"), kind_of_shop("0000", "en")
    ('電化製品店', '')
    """
    return _words().get(mcc, {}).get(language, "")
