"""Remarks on how inputs were read: a stable code with its figures, said in both languages.

A note is its English sentence, so that it can be written, shown and compared as text; a page in
Japanese asks for the other one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

Figure = int | str

TEXTS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "after_as_of": (
            "{count} rows lie after the as-of date and are not known yet",
            "基準日より後の{count}行は、まだ分かっていないものとして使っていません",
        ),
        "same_bytes": (
            "the same bytes as {file}, read once",
            "{file}と中身が同じため、一度だけ読みました",
        ),
        "flag_unused": (
            "the history's is_fraud is not used beside a fraud file",
            "不正利用報告のファイルがあるため、履歴の is_fraud は使っていません",
        ),
        "doubles": (
            "{count} transactions are there more than once and count once",
            "{count}件の取引が重複しており、それぞれ1件と数えました",
        ),
        "doubles_about": (
            "about {count} transactions are there more than once and count once",
            "約{count}件の取引が重複しており、それぞれ1件と数えました",
        ),
        "strange_data": (
            "data_taken: {count} words are not known and left out; known are {known}",
            "data_taken：{count}種類の語が分からないため除きました。使える語は{known}です",
        ),
        "leaks_twice": (
            "{count} leaks are there twice and count once",
            "{count}件の漏えいが重複しており、それぞれ1件と数えました",
        ),
        "mixed_reference": (
            "{column}: integers here and text in other files, read as text",
            "{column}：このファイルでは整数、ほかのファイルでは文字列のため、文字列として読みました",
        ),
        "outlying_day": (
            (
                "the last day {day} follows {quiet} days without any transaction; if it is a wrong "
                "date, give the right day with --as-of"
            ),
            (
                "最後の日{day}の前の{quiet}日間には取引がありません。日付の誤りであれば、"
                "正しい基準日を --as-of で指定してください"
            ),
        ),
        "encoding": ("read as {encoding}", "文字コードは{encoding}として読みました"),
        "epoch": (
            "{column}: read as {unit} since 1970-01-01 UTC",
            "{column}：1970年1月1日（UTC）からの{unit}として読みました",
        ),
        "offsets": (
            (
                "{column}: {count} values name their offset from UTC, the others are taken as "
                "wall-clock time in {zone}"
            ),
            "{column}：{count}個の値には時差が書かれており、ほかは{zone}の時刻とみなしました",
        ),
        "unread_cells": (
            "{column}: {count} values cannot be read and are left out",
            "{column}：読めない値が{count}個あり、空欄として扱いました",
        ),
        "no_currency": (
            "amount: no currency column, read as {unit}",
            "amount：通貨の列がないため、{unit}として読みました",
        ),
        "unknown_types": (
            "fraud_type: {count} reports have a type that is not known; known are {known}",
            "fraud_type：種別が分からない報告が{count}件あります。使える種別は{known}です",
        ),
        "rejected": ("{count} rows rejected: {reason}", "{count}行を除外しました：{reason}"),
        "rejected_in": (
            "{count} rows rejected: {column}: {reason}",
            "{count}行を除外しました：{column}：{reason}",
        ),
    }
)
"""The sentence of each code in English and Japanese."""

WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "seconds": "秒数",
        "milliseconds": "ミリ秒数",
        "whole units": "整数の金額",
        "units with two decimals": "小数2桁の金額",
        "missing": "値がありません",
        "cannot be read": "読めません",
        "before 1970-01-01": "1970年1月1日より前です",
        "not before 2100-01-01": "2100年1月1日以後です",
        "before the window begins": "期間の開始日より前です",
        "the number of columns differs from the other rows": "列の数がほかの行と違います",
        "bytes that are no text in this file's encoding": "文字として読めないバイトがあります",
        "a quotation mark is not closed": "引用符が閉じていません",
        "no such transaction in the history": "履歴にこの取引がありません",
        "no such card in the history": "履歴にこのカードがありません",
    }
)
"""Figures that are words, in Japanese."""


class Note(str):
    """One remark: its English sentence, with its code and figures."""

    __slots__ = ("code", "figures")

    code: str
    figures: Mapping[str, Figure]

    def in_language(self, language: Literal["en", "ja"]) -> str:
        """Return the sentence in a language."""
        if language == "en":
            return str(self)
        figures = {
            key: WORDS.get(value, value) if isinstance(value, str) else value
            for key, value in self.figures.items()
        }
        return TEXTS[self.code][1].format(**figures)


def note(code: str, **figures: Figure) -> Note:
    """Make a note of a code; raises KeyError for one without a sentence, or without its figures."""
    made = Note(TEXTS[code][0].format(**figures))
    made.code, made.figures = code, figures
    return made
