"""Invented names and identifiers. None means anybody: every name says that it is made up (架空)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SYLLABLES = "アイウカキクコサシスセソタチツテトナニネノハヒフホマミムメモヤユヨラリルレロワ"
_TRADES = {
    "5411": "食品店",
    "5812": "食堂",
    "5912": "薬局",
    "5541": "給油所",
    "5311": "百貨店",
    "5651": "衣料店",
    "5942": "書店",
    "5732": "電器店",
    "5964": "通販",
    "5977": "化粧品オンライン",
    "5815": "電子書籍",
    "5691": "衣料オンライン",
    "5499": "健康食品オンライン",
    "4899": "動画配信",
    "5968": "定期便",
}
MCCS = tuple(_TRADES)
INSTORE_MCCS = tuple(
    MCCS.index(m) for m in ("5411", "5812", "5912", "5541", "5311", "5651", "5942")
)
ONLINE_MCCS = tuple(MCCS.index(m) for m in ("5964", "5977", "5815", "5691", "5499", "5732"))
STANDING_MCCS = tuple(MCCS.index(m) for m in ("4899", "5968"))
PRODUCTS = ("standard", "gold", "young", "business", "debit", "platinum", "student", "family")


def shop_names(mcc: NDArray[np.int16], rng: np.random.Generator) -> list[str]:
    """Invent one name for each shop, of its trade (index into ``MCCS``)."""
    letters = rng.integers(len(_SYLLABLES), size=(mcc.size, 4))
    trades = tuple(_TRADES.values())
    return [
        "架空" + "".join(_SYLLABLES[k] for k in word) + trades[trade]
        for word, trade in zip(letters.tolist(), mcc.tolist(), strict=True)
    ]


def scrambled(prefix: str, count: int, digits: int, seed: int) -> list[str]:
    """Make ``count`` different identifiers whose order says nothing about the index."""
    modulus = 10**digits
    if count > modulus:
        raise ValueError(f"{count} identifiers do not fit into {digits} digits")
    numbers = (np.arange(count, dtype=np.int64) * 7_654_321 + seed * 104_729 + 17) % modulus
    return [f"{prefix}{number:0{digits}d}" for number in numbers.tolist()]
