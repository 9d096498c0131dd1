"""How a network spells ISO 8583, as data: characters, bitmap, digits, lengths, its own fields."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from sekisho.domain.errors import BadInput

_FOLDER: Final = resources.files(__package__)
_SHAPE: Final = re.compile(r"(n|an|ans|ns|a|x|z|b|o)(\.\.|\.\.\.)?([1-9][0-9]{0,2})")
_CHOICES: Final = {
    "text": ("ascii", "cp500", "cp037"),
    "bitmap": ("hex", "raw"),
    "digits": ("text", "bcd"),
    "lengths": ("text", "bcd", "binary"),
    "bytes": ("hex", "raw"),
    "odd": ("left", "right"),
}
_DEFAULTS: Final = {"odd": "left"}
_LAST: Final = 128
_BITMAPS: Final = frozenset({1, 65})


class Content(StrEnum):
    """What may stand in a field."""

    DIGITS = "digits"
    TEXT = "text"
    SIGNED = "signed"
    """A letter (C or D) and digits."""
    TRACK = "track"
    BYTES = "bytes"
    OPAQUE = "opaque"


_CONTENTS: Final = {
    "n": Content.DIGITS,
    "x": Content.SIGNED,
    "z": Content.TRACK,
    "b": Content.BYTES,
    "o": Content.OPAQUE,
}


@dataclass(frozen=True, slots=True)
class FieldShape:
    """One data element. ``width``: digits, characters or bytes, the most where it varies.

    ``prefix``: digits of the length before it, 0 for a fixed width.
    """

    number: int
    name: str
    content: Content
    width: int
    prefix: int


@dataclass(frozen=True, slots=True)
class Variant:
    """How a network spells its messages; the choices are those of the shipped files.

    ``odd``: where two digits share a byte, the side on which a field of varying length with an odd
    number of digits is filled up; fields of fixed width always are on the left.
    """

    name: str
    text: str
    bitmap: str
    digits: str
    lengths: str
    bytes: str
    odd: str
    fields: Mapping[int, FieldShape]


@cache
def shipped(name: str) -> Variant:
    """The shipped variant of that name; BadInput that lists the names where there is none."""
    file = _FOLDER / "variants" / f"{name}.toml"
    if name not in shipped_names():
        raise BadInput(
            f"there is no ISO 8583 variant {name!r}", hint=f"Shipped: {', '.join(shipped_names())}"
        )
    return _parse(name, file.read_bytes())


def shipped_names() -> tuple[str, ...]:
    """The names of the shipped variants."""
    found = (entry.name for entry in (_FOLDER / "variants").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


def read(path: Path) -> Variant:
    """The variant in a file of the installation; BadInput with file and field."""
    try:
        return _parse(path.name, path.read_bytes())
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror}") from None


@cache
def _standard() -> Mapping[int, FieldShape]:
    document = tomllib.loads((_FOLDER / "fields.toml").read_text(encoding="utf-8"))
    return _shapes("fields.toml", document["fields"])


def _parse(file: str, content: bytes) -> Variant:
    try:
        document = _DEFAULTS | tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"{file} is not TOML in UTF-8: {error}") from None
    for key, allowed in _CHOICES.items():
        if document.get(key) not in allowed:
            raise BadInput(f"{file}: {key} is none of {', '.join(allowed)}")
    if unknown := sorted(set(document) - set(_CHOICES) - {"fields"}):
        raise BadInput(f"{file}: {unknown[0]} is not a setting of a variant")
    if document["bitmap"] == "hex" and document["bytes"] == "raw" and document["digits"] == "bcd":
        raise BadInput(f"{file}: a bitmap in hex does not go with digits in bcd")
    fields = {**_standard(), **_shapes(file, document.get("fields", {}))}
    choices = {key: str(document[key]) for key in _CHOICES}
    return Variant(name=file, fields=fields, **choices)


def _shapes(file: str, table: Any) -> dict[int, FieldShape]:
    if not isinstance(table, dict):
        raise BadInput(f"{file}: fields is not a table: write [fields]")
    return {(shape := _shape(file, key, entry)).number: shape for key, entry in table.items()}


def _shape(file: str, key: str, entry: Any) -> FieldShape:
    where = f"{file}: fields.{key}"
    if not key.isdecimal() or not 2 <= int(key) <= _LAST or int(key) in _BITMAPS:
        raise BadInput(f"{where}: a field has a number from 2 to {_LAST}, and 65 is a bitmap")
    if not isinstance(entry, dict) or set(entry) != {"shape", "name"}:
        raise BadInput(f"{where} needs shape and name")
    found = _SHAPE.fullmatch(str(entry["shape"]))
    if found is None:
        raise BadInput(
            f"{where}: shape {entry['shape']!r} is not understood", hint='Write "n6" or "ans..25".'
        )
    content = _CONTENTS.get(found[1], Content.TEXT)
    width, prefix = int(found[3]), len(found[2] or "")
    if prefix == 2 and width > 99:
        raise BadInput(f"{where}: a length of two digits ends at 99")
    return FieldShape(int(key), str(entry["name"]), content, width, prefix)
