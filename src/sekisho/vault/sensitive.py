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
_SHORT_CODE: Final = r"^[0-9０-９]{3,4}$"
_TRACK_SHAPE: Final = r"^[;%]?[A-Za-z]?[0-9]{13,19}[=D^][^ ]"
_MASKED_SHAPE: Final = r"^[0-9]{0,8}[ \-]?[*xX#●＊・]{2}[*xX#●＊・ \-]*[0-9]{4}$"
_SHARE_MIN: Final = 0.5


def why_never_stored(name: str, values: pa.StringArray | None) -> str:
    """Return what the column is if it is never stored, else ``""``.

    ``values``: a sample of the column as text, or None where it cannot be had as text.
    """
    plain = re.sub(r"[\s_\-.・:/()\[\]]", "", unicodedata.normalize("NFKC", name).lower())
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


def _share(values: pa.StringArray | None, shape: str) -> float:
    """Return the share of the filled values that have ``shape``; 0 where there are none."""
    if values is None:
        return 0.0
    filled = values.filter(pc.greater(pc.binary_length(values), 0))
    if not len(filled):
        return 0.0
    return float(pc.mean(pc.match_substring_regex(filled, shape)).as_py())
