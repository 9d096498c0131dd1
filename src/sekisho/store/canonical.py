"""The canonical text of a structure: the same structure has the same bytes everywhere.

JSON as RFC 8785 (JSON Canonicalization Scheme) writes it, for what the store needs of it: objects
with keys of plain letters, lists, text, whole numbers within ±(2^53 - 1), true, false, null. No
fractions, so that no two programs can round them differently.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

Plain: TypeAlias = "str | int | bool | Sequence[Plain] | Mapping[str, Plain] | None"

_LARGEST: Final = 2**53 - 1
_KEY: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,200}")


def canonical(value: Plain) -> str:
    """The canonical text of ``value``; ``ValueError`` where it has none.

    >>> canonical({"b": [1, None], "a": "関所"})
    '{"a":"関所","b":[1,null]}'
    """
    _check(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _check(value: object) -> None:
    if isinstance(value, str):
        value.encode("utf-8")  # a lone surrogate raises UnicodeEncodeError, a ValueError
        if "\0" in value:
            raise ValueError("a NUL character cannot be stored")
    elif isinstance(value, dict):
        for key, inner in value.items():
            if not (isinstance(key, str) and _KEY.fullmatch(key)):
                raise ValueError(f"keys are 1 to 200 plain letters, digits or _.:/- , not {key!r}")
            _check(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check(inner)
    elif isinstance(value, bool) or value is None:
        return
    elif not isinstance(value, int) or abs(value) > _LARGEST:
        raise ValueError(f"{type(value).__name__} has no canonical form here")


def parsed(text: str) -> Plain:
    """The structure whose canonical text is exactly ``text``; ``ValueError`` otherwise."""
    value: Plain = json.loads(text)
    if canonical(value) != text:
        raise ValueError("the text is not in canonical form")
    return value
