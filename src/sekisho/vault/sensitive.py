"""Columns that are never stored beside a card reference, known by their name or their shape.

Security codes, PINs and track data are never stored at all (PCI DSS 4.0.1 req. 3.3.1); the last
four digits and masked numbers are not kept in one table with a keyed hash of the same number
(PCI SSC FAQ 1308: together they narrow a search down to the middle digits).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

SECURITY_CODE: Final = "security code"
PIN: Final = "PIN"
TRACK: Final = "track data"
LAST_FOUR: Final = "last digits of the card number"

# Compared with the name in NFKC, lower case, without separators: as a whole.
_EXACT: Final = {
    **dict.fromkeys(("encryptedpin", "pinデータ"), PIN),
    **dict.fromkeys(("de35", "de45", "field35", "field45", "iso35", "iso45"), TRACK),
}
# Anywhere in the name.
_INSIDE: Final = (
    (re.compile(r"cvv|cvc|cvn|cvd|cav2|cid2|csc2"), SECURITY_CODE),
    (re.compile(r"securitycode|verificationcode|verificationvalue|seccode"), SECURITY_CODE),
    (
        re.compile(r"セキュリティ-?コード|セキュリティーコード|カード確認番号"),
        SECURITY_CODE,
    ),
    (re.compile(r"track(1|2|3|data)|magstripe|magneticstripe|磁気|トラック[123デ]"), TRACK),
    (re.compile(r"暗証番号|pinblock"), PIN),
    (
        re.compile(
            r"last(4|four)(digits?)?$|下(4|四)桁|maskedpan|panmasked|maskedcard|truncatedpan"
        ),
        LAST_FOUR,
    ),
)
# Words that also mean something else: only with values of three or four digits.
_AMBIGUOUS: Final = {
    **dict.fromkeys(("cid", "csc", "cav", "認証コード", "確認コード"), SECURITY_CODE),
    **dict.fromkeys(("pin", "pinno", "pincode"), PIN),
}
# What a check came to (match, no match, absent) may be kept, and is worth keeping.
_RESULT: Final = re.compile(r"result|match|response|resp|check|present|結果|一致|照合|有無")
MATCH: Final = "match"
NO_MATCH: Final = "no_match"
ABSENT: Final = "absent"
# What files write for the outcome of the check, in NFKC, upper case, without separators; the
# single letters are the networks' result codes (M, N, P, S, U).
_OUTCOMES: Final = {
    **dict.fromkeys(("M", "MATCH", "MATCHED", "OK", "一致", "照合一致", "○"), MATCH),
    **dict.fromkeys(
        ("N", "NOMATCH", "NOTMATCHED", "MISMATCH", "NG", "不一致", "照合不一致", "×"), NO_MATCH
    ),
    **dict.fromkeys(
        ("P", "S", "U", "ABSENT", "NOTPRESENT", "NOTPROVIDED", "NOTPROCESSED", "NONE"), ABSENT
    ),
    **dict.fromkeys(("なし", "無し", "無", "未入力", "未送信", "未実施", "対象外"), ABSENT),
}
# These say something only under a name such as code_match: elsewhere Y is also a failure.
_YES_OR_NO: Final = {"Y": MATCH, "YES": MATCH, "TRUE": MATCH, "NO": NO_MATCH, "FALSE": NO_MATCH}
_MATCH_NAME: Final = re.compile(r"match|一致")

# Security codes inside text, known by the word before them; first for RE2 (vault.replace), which
# only looks whether it is worth looking, then for Python.
_CODE_WORDS: Final = (
    "(?:cvv2?|cvc2?|cvn2?|cvd|cav2|card verification (?:value|code|number)|security ?code|"
    "セキュリティー?・?コード|ｾｷｭﾘﾃｨｰ?ｺｰﾄﾞ)"
)
CODE_IN_TEXT: Final = (
    f"(?i){_CODE_WORDS}[^0-9０-９A-Za-z]{{0,4}}(?:is|は)?[^0-9０-９A-Za-z]{{0,3}}[0-9０-９]{{3,4}}"
)
_CODE_IN_TEXT: Final = re.compile(
    f"(?i)({_CODE_WORDS}[^0-9０-９A-Za-z]{{0,4}}(?:is|は)?[^0-9０-９A-Za-z]{{0,3}})"
    "[0-9０-９]{3,4}(?![0-9０-９])"
)
# Magnetic stripe, track 1 or 2: what follows the number (expiry, service code, verification
# values) goes with it.
TRACK_IN_TEXT: Final = r"[0-9]{13,19}[=D^][^?\s]{4,}"
_TRACK_IN_TEXT: Final = re.compile(
    r"(?:%?[A-Za-z]|;)?(?<![0-9])[0-9]{13,19}(?:=|D(?=[0-9]{4})|\^[^^?]{1,40}\^)[0-9]{4}[^?\s]*\??"
)

_SHORT_CODE: Final = r"^[0-9０-９]{3,4}$"
_TRACK_SHAPE: Final = r"^[;%]?[A-Za-z]?[0-9]{13,19}[=D^][^ ]"
_MASKED_SHAPE: Final = r"^[0-9]{0,8}[ \-]?[*xX#●＊・]{2}[*xX#●＊・ \-]*[0-9]{4}$"
_SHARE_MIN: Final = 0.5


def why_never_stored(name: str, values: pa.StringArray | None) -> str:
    """Return what the column is if it is never stored, else ``""``.

    ``values``: a sample of the column as text, or None where it cannot be had as text.
    """
    plain = _plain(name)
    short_codes = _share(values, _SHORT_CODE) >= _SHARE_MIN
    if plain in _AMBIGUOUS and short_codes:
        return _AMBIGUOUS[plain]
    found = _EXACT.get(plain) or next((kind for shape, kind in _INSIDE if shape.search(plain)), "")
    if found == SECURITY_CODE and _RESULT.search(plain) and not short_codes:
        return ""
    if found:
        return found
    if _share(values, _TRACK_SHAPE) >= _SHARE_MIN:
        return TRACK
    return LAST_FOUR if _share(values, _MASKED_SHAPE) >= _SHARE_MIN else ""


def is_code_result(name: str) -> bool:
    """Whether a column of this name holds what the check of a security code came to."""
    plain = _plain(name)
    return any(kind == SECURITY_CODE and shape.search(plain) for shape, kind in _INSIDE) and bool(
        _RESULT.search(plain)
    )


def is_ambiguous(name: str) -> bool:
    """Whether a column of this name may hold security codes or PINs, or something else."""
    return _plain(name) in _AMBIGUOUS


def code_outcome(name: str, value: str) -> str | None:
    """Return ``MATCH``, ``NO_MATCH`` or ``ABSENT``; None for anything that is none of them.

    A security code that stands where its outcome belongs becomes None like any other word.
    """
    word = re.sub(r"[\s_\-.]", "", unicodedata.normalize("NFKC", value).upper())
    if _MATCH_NAME.search(_plain(name)) and word in _YES_OR_NO:
        return _YES_OR_NO[word]
    return _OUTCOMES.get(word)


def without_short_codes(values: pa.StringArray) -> tuple[pa.StringArray, int]:
    """Return the values with everything of three or four digits emptied, and how many were."""
    short = pc.fill_null(pc.match_substring_regex(values, _SHORT_CODE), fill_value=False)
    emptied = int(pc.sum(short).as_py() or 0)
    return (pc.if_else(short, None, values) if emptied else values), emptied


def mask_codes(text: str) -> str:
    """Return ``text`` with track data masked whole, and security codes after their word."""
    return _CODE_IN_TEXT.sub(r"\1***", _TRACK_IN_TEXT.sub("******", text))


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-.・:/()\[\]]", "", unicodedata.normalize("NFKC", name).lower())


def _share(values: pa.StringArray | None, shape: str) -> float:
    """Return the share of the filled values that have ``shape``; 0 where there are none."""
    if values is None:
        return 0.0
    filled = values.filter(pc.greater(pc.binary_length(values), 0))
    if not len(filled):
        return 0.0
    return float(pc.mean(pc.match_substring_regex(filled, shape)).as_py())
