"""What stands on a letter: address, date, number, sender, title, blocks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_MARKS: Final = {"ja": "・", "en": "–"}
_POSTCODE: Final = re.compile(r"(\d{3})-?(\d{4})")


@dataclass(frozen=True, slots=True)
class Window:
    """Where the envelope's window lies on the folded sheet, in millimetres from its top left.

    The default fits 長形3号 (120 × 235 mm) with A4 folded in three and a window of 90 × 45 mm that
    begins 20 mm from the left and 12 mm from the top. Windows differ: print one and look.
    """

    left: float = 20.0
    top: float = 12.0
    width: float = 90.0
    height: float = 45.0


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter. ``body`` has paragraphs; a line with ``# `` is a heading, with ``- `` an item."""

    language: str
    postal: tuple[str, ...]
    recipient: str
    date: str
    number: str
    sender: tuple[str, ...]
    title: str
    body: str
    foot: str

    def texts(self) -> tuple[str, ...]:
        """Every text on the page, for the check that it can be set."""
        lines = (*self.postal, self.recipient, self.date, *self.sender, self.title, self.foot)
        return (*lines, self.number, self.body)

    def data(self) -> dict[str, Any]:
        """The letter as the page's data."""
        japanese = self.language == "ja"
        return {
            "language": self.language,
            "postal": [_nfc(line) for line in self.postal],
            "recipient": _nfc(self.recipient),
            "date": self.date,
            "number_label": "通知番号" if japanese else "Message number",
            "number": self.number,
            "sender": [_nfc(line) for line in self.sender],
            "title": _nfc(self.title),
            "blocks": list(blocks(_nfc(self.body), self.language)),
            "foot": _nfc(self.foot),
        }


def blocks(body: str, language: str) -> Iterator[dict[str, str]]:
    """The headings, items and paragraphs of a body, in order."""
    paragraph: list[str] = []
    for line in [*body.splitlines(), ""]:
        text = line.strip()
        if text and not text.startswith(("# ", "- ")):
            paragraph.append(text)
            continue
        if paragraph:
            # Lines of a paragraph follow one another; Japanese joins them without a space.
            yield {"kind": "text", "text": ("" if language == "ja" else " ").join(paragraph)}
            paragraph = []
        if text.startswith("# "):
            yield {"kind": "heading", "text": text[2:]}
        elif text.startswith("- "):
            yield {"kind": "bullet", "mark": _MARKS[language], "text": text[2:]}


def postal_lines(postcode: str, lines: tuple[str, ...], language: str) -> tuple[str, ...]:
    """The address block: 〒 and postcode first in Japanese, as it was given otherwise."""
    found = _POSTCODE.fullmatch(unicodedata.normalize("NFKC", postcode).strip().lstrip("〒"))
    given = tuple(line.strip() for line in lines if line.strip())
    if found and language == "ja":
        return (f"〒{found[1]}-{found[2]}", *given)
    if found:
        return (*given, f"{found[1]}-{found[2]} JAPAN")
    return (*given, postcode.strip()) if postcode.strip() else given


def addressed(name: str, honorific: str, language: str) -> str:
    """The name as it is written to: 様 for a person, 御中 for a company, none in English.

    >>> addressed("架空花子", "", "ja")
    '架空花子 様'
    """
    plain = name.strip()
    if language != "ja":
        return plain
    return f"{plain} {honorific.strip() or '様'}"


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
