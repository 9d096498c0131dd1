"""Visits with their terminals: the level below the merchant."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sekisho.domain.history import TerminalTable
from sekisho.warehouse.sqltext import fill


def terminal_view(columns: Collection[str], filters: str) -> str:
    """SQL of the view ``terminal_transactions``: what can expose a card, with its terminal."""
    return fill(
        "CREATE OR REPLACE TEMP VIEW terminal_transactions AS SELECT card_ref, {acquirer}, "
        "merchant_id, authorized_at, terminal_id FROM transactions "
        "WHERE card_ref IS NOT NULL AND merchant_id IS NOT NULL {filters}",
        acquirer="coalesce(acquirer_id, '') AS acquirer_id"
        if "acquirer_id" in columns
        else "'' AS acquirer_id",
        filters=filters,
    )


def terminal_table(rows: dict[str, NDArray[Any]], at: NDArray[np.int64]) -> TerminalTable:
    """Number the terminals of each merchant in the order of their names."""
    names = np.ma.getdata(rows["terminal_id"])
    unknown = np.ma.getmaskarray(rows["terminal_id"])
    texts = ["" if nothing or name is None else str(name).strip()
             for name, nothing in zip(names, unknown, strict=True)]  # fmt: skip
    ids = tuple(sorted({text for text in texts if text}))
    number = {name: place for place, name in enumerate(ids)}
    return TerminalTable(
        card=np.ma.getdata(rows["card"]).astype(np.int32),
        entity=np.ma.getdata(rows["entity"]).astype(np.int64),
        at=at,
        terminal=np.array([number.get(text, -1) for text in texts], np.int64),
        ids=ids,
    )
