"""What the words beside a number say about it, and what security codes are called."""

from __future__ import annotations

import re
import unicodedata
from enum import IntEnum
from typing import Final


class Says(IntEnum):
    """What a name makes of the number after it."""

    NOT_A_CARD = -1
    NOTHING = 0
    A_CARD = 1


_CARD: Final = re.compile(
    r"card|(?<![a-z])pan(?![a-z])|(?<![a-z])cc_?(?:n|num|no|number)?(?![a-z])|ccn|credit|"
    r"visa|master|jcb|amex|american.?express|diners|union.?pay|acct_?num|primary.?account|"
    r"カード|クレジット|クレカ|ｶｰﾄﾞ|会員番号|銀聯|決済番号",
    re.IGNORECASE,
)
_OTHER_THING: Final = re.compile(
    r"(?<![a-z])(?:id|uid|pid|tid|sid|oid|ids|ref|ts|rrn|arn|stan|seq|tel|fax|jan|ean|isbn|imei|"
    r"imsi|iccid|iban|sku|lot|sn|nonce|hash|epoch|clock|offset|size|bytes|total|amount|price)"
    r"(?![a-z])|_id\b|user|order|trac[ek]|session|phone|mobile|serial|"
    r"invoice|stamp|time|transaction|txn|request|req\b|parcel|shipment|ticket|receipt|account\b|"
    r"customer|member|event|message|msg|thread|batch|job|token|key\b|barcode|reference|version|"
    r"build|注文|伝票|問い?合わ?せ|追跡|電話|受付|口座|商品|会員ID|顧客|発注|請求|整理|管理|"
    r"製造|識別|時刻|取引|金額|バーコード",
    re.IGNORECASE,
)
_SURROGATE: Final = re.compile(r"(?:id|ref|token|hash|uuid|key)[\"'\s:=\]>]*$", re.IGNORECASE)
_FILLER: Final = re.compile(
    r"(?:s|ing)?[\W_]*(?:(?:number|no|num|nr|is|was|code|id|value|番号|コード|は|が|の)[\W_]*){0,3}",
    re.IGNORECASE,
)
_WORDS_BACK: Final = 40

_CODE_NAME: Final = re.compile(
    r"(?:^|[^a-z])(?:csc|cid|cav)2?$|cvv|cvc|cvn|cvd|cv2|cav2|cid2|csc2|"
    r"(?:security|sec|verification|verify|card_?check)[ _\-.]?(?:code|value|number|num|no|cd)|"
    r"verificationvalue|securitycode|セキュリティ[・\-ー]?(?:コード|番号)|ｾｷｭﾘﾃｨｺｰﾄﾞ|"
    r"カード確認番号|カード確認コード|券面認証",
    re.IGNORECASE,
)
_CODE_RESULT: Final = re.compile(
    r"result|match|response|resp|check(?!code)|present|status|indicator|flag|required|length|"
    r"enabled|valid|type|結果|一致|照合|有無|とは|入力",
    re.IGNORECASE,
)
_EXPIRY_NAME: Final = re.compile(
    r"exp(?:iry|ires?|iration|_?date|_?mm|_?month|_?yy|dt)?(?![a-z])|valid.?(?:thru|to|until)|"
    r"good.?thru|有効期限|有効年月|期限",
    re.IGNORECASE,
)


def plain(name: str) -> str:
    """Return a name without full-width forms, in which words can be looked for."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", unicodedata.normalize("NFKC", name))
    return spaced.strip(" \"'`[]<>:=　")


def what_says(before: str) -> Says:
    """What the words before a number say; ``before`` ends where the number begins.

    A word for cards counts anywhere near, a word for something else only right before it.
    """
    near = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", before[-_WORDS_BACK:])
    card = max((match.end() for match in _CARD.finditer(near)), default=-1)
    other = max((match.end() for match in _OTHER_THING.finditer(near)), default=-1)
    if other > card and _FILLER.fullmatch(near, other):
        # "card_id", "カード管理番号": a name of something else that stands for a card
        joined = card >= 0 and re.fullmatch(r"[\w\- ]*", near[card:other]) and other - card < 12
        return Says.NOTHING if joined else Says.NOT_A_CARD
    if card < 0:
        return Says.NOTHING
    return Says.NOTHING if _SURROGATE.search(near) else Says.A_CARD


def is_code_name(name: str) -> bool:
    """Whether a column, key or field of this name holds security codes."""
    text = plain(name)
    return bool(_CODE_NAME.search(text)) and not _CODE_RESULT.search(text)


def is_expiry_name(name: str) -> bool:
    """Whether a column of this name holds expiry dates."""
    return bool(_EXPIRY_NAME.search(plain(name)))
