"""Which encoding a file's first bytes are in."""

from __future__ import annotations

import codecs
import re
from typing import Final

BINARY: Final = "binary"
ISO_2022_JP: Final = "iso2022_jp"
HEAD: Final = 1 << 16
"""How many bytes are looked at."""

_ESCAPES: Final = re.compile(rb"\x1b\$[@B]|\x1b\([JI]|\x1b\$\(D")
_KANA: Final = re.compile("[\u3041-\u3093\u30a1-\u30f6\u3000-\u3002\uff01-\uff5e]")
_HALF_KANA: Final = re.compile("[\uff61-\uff9f]")
_UTF16_SHARE: Final = 0.3


def encoding_of(head: bytes) -> str:  # noqa: PLR0911 - one return for each encoding
    """Return a Python name of the encoding of text, or `BINARY`.

    Marks at the beginning win; then UTF-16 by its zero bytes, ISO-2022-JP by its escapes, UTF-8 if
    it is valid, and cp932 or EUC-JP, whichever reads as Japanese.
    """
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8"
    if head.startswith(codecs.BOM_UTF16_LE):
        return "utf-16-le"
    if head.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be"
    if b"\0" in head:
        return _with_zeros(head)
    if _ESCAPES.search(head):
        return ISO_2022_JP
    if head.isascii() or _decodes(head, "utf-8"):
        return "utf-8"
    names = ("cp932", "euc_jp", "utf-16-le", "utf-16-be")  # the last two: without an ASCII letter
    scores = {name: _japanese(head, name) for name in names}
    best = max(scores, key=lambda name: scores[name])
    if scores[best] > 0:
        return best
    controls = sum(byte < 9 or 13 < byte < 27 for byte in head[:4096])
    return BINARY if controls > len(head[:4096]) / 50 else "utf-8"


def _with_zeros(head: bytes) -> str:
    """UTF-16 without a mark, or no text at all."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = max(len(head) // 2, 1)
    if odd >= _UTF16_SHARE * half and even * 20 < odd:
        return "utf-16-le"
    if even >= _UTF16_SHARE * half and odd * 20 < even:
        return "utf-16-be"
    for name in ("utf-16-le", "utf-16-be"):  # Japanese text has few zero bytes
        text = head[: len(head) // 2 * 2].decode(name, errors="replace")
        if len(_KANA.findall(text)) > len(text) / 8 and text.count("\ufffd") * 50 < len(text):
            return name
    return BINARY


def _decodes(head: bytes, name: str) -> bool:
    """Whether ``head`` is valid; a character cut off at its end does not count."""
    try:
        codecs.getincrementaldecoder(name)("strict").decode(head, final=len(head) < HEAD)
    except UnicodeDecodeError:
        return False
    return True


def _japanese(head: bytes, name: str) -> float:
    """How much like Japanese text ``head`` reads in an encoding; negative where it cannot be."""
    text = codecs.getincrementaldecoder(name)("replace").decode(head, final=False)
    broken = text.count("\ufffd")
    return len(_KANA.findall(text)) + 0.1 - 8 * broken - 0.6 * len(_HALF_KANA.findall(text))
