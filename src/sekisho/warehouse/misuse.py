"""What the misuse itself looked like: how the card was read, and what was checked and found right.

Values differ between houses: words, ISO 8583 point-of-service entry modes (DE 22, first two digits)
and electronic commerce indicators are understood; anything else says nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sekisho.domain.history import MisuseTable
from sekisho.warehouse.sqltext import fill, identifier

COLUMNS = {
    "transaction_id": "",
    "entry_mode": "VARCHAR",
    "eci": "VARCHAR",
    "security_code_result": "VARCHAR",
    "approved": "BOOLEAN",
}
TELLING = ("entry_mode", "eci", "security_code_result")

TRACK = frozenset({
    "magstripe", "magnetic_stripe", "mag_stripe", "swipe", "swiped", "fallback", "msr", "02", "2",
    "80", "90", "91", "磁気", "磁気ストライプ",
})  # fmt: skip
REMOTE = frozenset({
    "ecommerce", "e-commerce", "ecom", "ec", "internet", "online", "web", "keyed", "manual", "moto",
    "01", "1", "81", "09", "ネット", "通販", "非対面",
})  # fmt: skip
MATCH = frozenset({"match", "matched", "m", "ok", "y", "一致"})
CHECKED = MATCH | {
    "no_match", "nomatch", "mismatch", "n", "ng", "不一致", "absent", "not_present", "none", "なし",
}  # fmt: skip
AUTHENTICATED = frozenset({"05", "5", "02", "2"})


def misuse_view(columns: Collection[str], id_type: str, table: str) -> str:
    """SQL of the view ``misuse_transactions`` over a table, absent columns as NULL.

    ``table`` is ``transactions``, or ``named_transactions`` where the reports name them all.
    """
    kinds = COLUMNS | {"transaction_id": id_type}
    texts = ", ".join(
        identifier(name) if name in columns else f"CAST(NULL AS {kind}) AS {identifier(name)}"
        for name, kind in kinds.items()
    )
    return fill(
        "CREATE OR REPLACE TEMP VIEW misuse_transactions AS "
        "SELECT card_ref, authorized_at, {texts} FROM {table}",
        texts=texts,
        table=table,
    )


def misuse_table(rows: dict[str, NDArray[Any]], at: NDArray[np.int64]) -> MisuseTable:
    """What each misuse needed, from the rows of ``sql/misuse.sql``."""
    entry = _words(rows["entry_mode"])
    mode = [word[:2] if word.isdigit() and len(word) == 3 else word for word in entry]  # DE 22
    code = _words(rows["security_code_result"])
    declined = ~_filled(rows["approved"], default=True)
    return MisuseTable(
        card=np.ma.getdata(rows["card"]).astype(np.int32),
        at=at,
        approved=~declined,
        read_known=_in(mode, TRACK | REMOTE | {"chip", "contactless", "on_file", "05", "07", "10"}),
        track=_in(mode, TRACK),
        remote=_in(mode, REMOTE),
        code_known=_in(code, CHECKED),
        code_match=_in(code, MATCH),
        authenticated=_in(_words(rows["eci"]), AUTHENTICATED),
    )


def _words(values: NDArray[Any]) -> list[str]:
    empty = np.ma.getmaskarray(values)
    data = np.ma.getdata(values)
    return [
        "" if nothing or value is None else str(value).strip().casefold()
        for value, nothing in zip(data, empty, strict=True)
    ]


def _filled(values: NDArray[Any], *, default: bool) -> NDArray[np.bool_]:
    empty = np.ma.getmaskarray(values)
    data = np.ma.getdata(values)
    return np.array(
        [default if nothing or value is None else bool(value)
         for value, nothing in zip(data, empty, strict=True)], np.bool_,
    )  # fmt: skip


def _in(words: list[str], wanted: Collection[str]) -> NDArray[np.bool_]:
    return np.array([word in wanted for word in words], np.bool_)
