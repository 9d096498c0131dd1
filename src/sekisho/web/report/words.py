"""Texts, numbers, dates and probabilities as a reader of each language writes them."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final, Literal

from sekisho.domain.notes import Note
from sekisho.web.report.findings_json import P_VALUE_FLOOR
from sekisho.web.report.texts_en import TEXTS as ENGLISH
from sekisho.web.report.texts_ja import TEXTS as JAPANESE

Language = Literal["en", "ja"]

TEXTS: Final[Mapping[str, Mapping[str, str]]] = {"en": ENGLISH, "ja": JAPANESE}

_SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_LONGEST_NAME: Final = 60


class Words:
    """Everything that differs between languages; one instance for each page."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._texts = TEXTS[language]

    def text(self, key: str, /, **values: object) -> str:
        """Return the text of ``key`` with its places filled; raises KeyError if there is none."""
        return self._texts[key].format(**values)

    def note(self, note: str) -> str:
        """Return a remark on an input in this page's language, or as it is if it has no code."""
        return note.in_language(self.language) if isinstance(note, Note) else note

    def speaks(self, note: str) -> bool:
        """Say whether a remark is in this page's language."""
        return self.language == "en" or isinstance(note, Note)

    def lookup(self, group: str, key: str) -> str:
        """Return the text of a stable key that other parts hand over, or the key as it is."""
        return self._texts.get(f"{group}.{key}", key)

    def has(self, key: str) -> bool:
        """Say whether there is a text for ``key``."""
        return key in self._texts

    def day(self, day: date) -> str:
        """Return a full date: 31 March 2026, 2026年3月31日."""
        if self.language == "ja":
            return f"{day.year}年{day.month}月{day.day}日"
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"

    def day_short(self, day: date) -> str:
        """Return a date for a table: 31 Mar 2026, 2026/03/31."""
        if self.language == "ja":
            return f"{day.year}/{day.month:02}/{day.day:02}"
        return f"{day.day} {_MONTHS[day.month - 1][:3]} {day.year}"

    def tick(self, day: date) -> str:
        """Return a date for an axis; a month alone where days say nothing."""
        if day.day != 1:
            return f"{day.month}/{day.day}" if self.language == "ja" else self.day_short(day)[:-5]
        if self.language == "ja":
            return f"{day.year}年{day.month}月"
        return f"{_MONTHS[day.month - 1][:3]} {day.year}"

    def span(self, first: date, last: date) -> str:
        """Return both ends of a window for a table."""
        if first == last:
            return self.day_short(first)
        return self.text("span.table", start=self.day_short(first), end=self.day_short(last))

    def number(self, value: float) -> str:
        """Return a count with separators for thousands."""
        return f"{value:,.0f}"

    def decimal(self, value: float) -> str:
        """Return an expectation: two figures that matter below 10, whole numbers from 100 on."""
        if value >= 100:
            return f"{value:,.0f}"
        if value >= 10:
            return f"{value:.1f}"
        return f"{value:.2f}" if value >= 0.01 or value == 0 else f"{value:.2g}"

    def percent(self, share: float) -> str:
        """Return a share: 0.31 %, 3.1 %, 31 %."""
        value = 100 * share
        digits = 0 if value >= 10 or value == 0 else 1 if value >= 1 else 2
        return f"{value:.{digits}f}%"

    def ratio(self, observed: float, expected: float) -> str | None:
        """Return observed over expected, or None if almost nothing was expected."""
        if expected < 0.05:
            return None
        value = observed / expected
        return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"

    def count(self, noun: str, value: int) -> str:
        """Return a number with its noun in the right number: 1 card, 1,204 cards, 1,204枚."""
        form = "one" if abs(value) == 1 else "many"
        return self.text(f"count.{noun}.{form}", n=self.number(value))

    def p_value(self, p: float) -> str:
        """Return a probability in figures, never as zero."""
        if p <= P_VALUE_FLOOR:
            return f"< 10{str(round(math.log10(P_VALUE_FLOOR))).translate(_SUPERSCRIPTS)}"
        if p >= 0.001:
            return f"{p:.2g}"
        power = math.floor(math.log10(p))
        factor = p / 10.0**power if power > -300 else p * 10.0**-power
        if round(factor, 1) >= 10:
            power, factor = power + 1, 1.0
        return f"{factor:.1f} × 10{str(power).translate(_SUPERSCRIPTS)}"

    def chance(self, p: float) -> str:
        """Return a probability in words: less than one in a billion."""
        for power, name in ((12, "trillion"), (9, "billion"), (6, "million"), (3, "thousand")):
            if p < 10.0**-power:
                return self.text(f"chance.{name}")
        if p < 0.01:
            return self.text("chance.hundred")
        return self.text("chance.about", n=self.number(max(1, round(1 / min(p, 1.0)))))

    def join(self, parts: Iterable[str]) -> str:
        """Return a list in one line."""
        return self.text("list.separator").join(parts)

    def name(self, name: str, entity_id: str) -> str:
        """Return a name that is safe to put into a sentence.

        Control and direction characters are dropped (a name must not reorder the sentence around
        it), long names are cut, and a place without a name goes by its id.
        """
        kept = "".join(
            char for char in name if unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co"}
        )
        plain = " ".join(kept.split()) or entity_id
        if len(plain) > _LONGEST_NAME:
            return plain[: _LONGEST_NAME - 1] + "…"
        return plain
