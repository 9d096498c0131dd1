"""What stands beside a number: expiry, security code, magnetic stripe; and codes by their name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from sekisho.discovery.names import is_expiry_name
from sekisho.vault.pan import Brand

# Names as they begin where the kernel or a search found them.
_NAME: Final = (
    r"cv[vcnd2]\d?(?:[_ \-.]?(?:code|number|num|no|value|data))?|c(?:sc|id|av)2?|"
    r"secur[a-z]{0,5}[_ \-.]?(?:code|cd|number|num|no|value)|"
    r"verif[a-z]{0,8}[_ \-.]?(?:code|number|value)|"
    r"セキュリティ[・ー\-]?(?:コード|番号)|カード確認(?:番号|コード)|"
    r"ｾｷｭﾘﾃｨｺｰﾄﾞ|裏(?:面)?の?3[桁けケ][たタ]?(?:の(?:数字|番号))?"
)
_GAP: Final = (
    r"(?P<gap>[\"'\\\])}`\x1b]*(?:%5[dD]|%22|%27)*\s*"
    r"(?:"
    r"[,;]?\s*[\"'\\]*\s*(?:value|val|content|text)[\"'\\]*\s*[:=]|"  # "cvv", "value":
    r"=>|:=|[=:>|]|%3[aAdD]|%253[dD]|\bis\b|は|が|"
    r"</[\w:.\-]{1,30}>\s*(?=<)|"  # <key>cvv</key><string>
    r";s:[34]:|"  # serialized by PHP
    r"\r?\n\$[34]\r?\n|"  # Redis
    r"\0[\4\5]\0\0\0|\x94\x8c[\3\4]|"  # BSON, pickle: the length of what follows
    r"(?: [a-z]{1,10}){1,5} (?:is|was)\b|"  # security code on the back is
    r"[^\S\n]|\r?\n\r?\n|(?<=[ド号字桁た])"  # Japanese needs nothing between
    r")\s*\x1b?(?:</?[\w:.\-]{1,30}>\s*){0,2}(?:(?:string|str)\([34]\)\s*)?(?:%22)?"
    r"[\"'\\<\[(\x1b]*(?:!\[CDATA\[)?\s*)"
)
_NAMED: Final = re.compile(
    rf"(?P<name>{_NAME})(?![A-Za-z_]){_GAP}(?P<code>[0-9]{{3,4}})(?![0-9A-Za-z_]|[.\-/,][0-9])",
    re.IGNORECASE,
)
_CLEAR_NAME: Final = re.compile(r"cv[vcnd2]|secur|セキュリティ|ｾｷｭ", re.IGNORECASE)
_JOINED: Final = re.compile(r"[=:>|]|%(?:25)?3|value|は|が|;s:|\n|[\0\x94]|^$", re.IGNORECASE)
NAME_LENGTH: Final = 140

_MONTH: Final = r"(?:0[1-9]|1[0-2])"
_YEAR: Final = r"(?:20)?[1-4][0-9]"
EXPIRY: Final = (
    rf"(?:{_MONTH} ?[/\-.]? ?{_YEAR}|20[1-4][0-9][/\-.]?{_MONTH}|[1-4][0-9][/\-]?{_MONTH})"
)
_STEP: Final = r"(?:[\"')\]]*\s*[,;|\t/ :]\s*[\"'(]*|\s*</t[dh]>\s*<t[dh](?: [^<>]{0,60})?>\s*)"
_END: Final = r"(?![0-9A-Za-z]|[.\-/:][0-9])"
_CELL: Final = r"(?:[^0-9,;|\t\n]{2,40}[\"']?[,;|\t]\s*[\"']?)?"
_EXPIRY_AFTER: Final = re.compile(
    rf"{_STEP}{_CELL}(?:exp[a-z.]*\W{{0,3}}|有効期限\W{{0,2}})?(?P<expiry>{EXPIRY}){_END}"
    rf"(?:{_STEP}(?P<code>[0-9]{{3,4}}){_END})?",
    re.IGNORECASE,
)
_CODE_THEN_EXPIRY: Final = re.compile(
    rf"{_STEP}(?P<code>[0-9]{{3,4}}){_STEP}(?P<expiry>{EXPIRY}){_END}"
)
_TRACK: Final = re.compile(
    r"\^[^\^\r\n]{2,45}\^[0-9]{4}[^?\s\"',;<]*|[=D][0-9]{7,}[0-9A-F]*", re.IGNORECASE
)
AFTER: Final = 90


@dataclass(frozen=True, slots=True)
class NamedCode:
    """A security code after its name: where the digits stand in the text, and how sure."""

    start: int
    end: int
    clear_name: bool
    joined: bool


@dataclass(frozen=True, slots=True)
class Beside:
    """What follows a number; places are characters after its end."""

    expiry: bool = False
    code: tuple[int, int] | None = None
    cells_to_code: int = 0
    track: int = 0  # characters of a magnetic stripe that follow


def named_code(text: str) -> NamedCode | None:
    """The code after the name that ``text`` begins with, if there is one."""
    match = _NAMED.match(text)
    if match is None:
        return None
    joined = bool(_JOINED.search(match["gap"]))
    start, end = match.span("code")
    return NamedCode(start, end, bool(_CLEAR_NAME.match(match["name"])), joined)


def is_named(text: str) -> bool:
    """Whether ``text`` begins with the name of a security code."""
    return bool(re.match(rf"(?:{_NAME})(?![A-Za-z])", text, re.IGNORECASE))


def beside(after: str, before: str, brand: Brand) -> Beside:
    """What ``after`` (the rest of the line, narrow) and ``before`` a number say."""
    if track := _TRACK.match(after):
        return Beside(expiry=True, track=track.end())
    wanted = 4 if brand is Brand.AMEX else 3
    for pattern in (_EXPIRY_AFTER, _CODE_THEN_EXPIRY):
        match = pattern.match(after)
        if match is None:
            continue
        start, end = match.span("code")
        if end - start != wanted:
            return Beside(expiry=True)
        return Beside(expiry=True, code=(start, end), cells_to_code=_cells(after[:start]))
    named = is_expiry_name(after[:60]) or is_expiry_name(before[-40:])
    return Beside(expiry=named)


def _cells(text: str) -> int:
    return sum(text.count(mark) for mark in ",;|\t")
