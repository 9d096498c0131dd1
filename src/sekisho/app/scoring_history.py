"""A history of purchases as the columns that the scoring kernel plays: read, ordered, numbered."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sekisho.domain.errors import BadInput, MissingColumn
from sekisho.domain.progress import Progress
from sekisho.scoring.codes import (
    MOST_MINOR,
    code_number,
    country_number,
    eci_number,
    entry_number,
)
from sekisho.scoring.messages import Authorizations
from sekisho.vault.columns import column_holds_card_numbers
from sekisho.warehouse.history import NO_REFUND
from sekisho.warehouse.intake import InputRequest, open_history

HANDBOOK_COLUMNS: Final = {
    "transaction_id": "TRANSACTION_ID",
    "card_ref": "CUSTOMER_ID",
    "merchant_id": "TERMINAL_ID",
    "authorized_at": "TX_DATETIME",
    "amount": "TX_AMOUNT",
    "is_fraud": "TX_FRAUD",
}
_NEEDED: Final = ("amount_minor", "is_fraud")


@dataclass(frozen=True, slots=True)
class ScoringHistory:
    """Purchases in the order in which they happened, with cards and merchants numbered.

    ``transaction`` are the file's own ids (or row numbers); ``fraud`` 0 or 1; ``cards`` and
    ``merchants`` how many there are; ``files`` name and SHA-256 of what was read.
    """

    of: Authorizations
    fraud: NDArray[np.int8]
    transaction: pa.ChunkedArray
    cards: int
    merchants: int
    files: tuple[tuple[str, str], ...] = ()


def handbook_names(path: Path) -> dict[str, str]:
    """The Handbook's own column names, if the file has them; nothing otherwise."""
    file = next(iter(sorted(path.iterdir())), path) if path.is_dir() else path
    try:
        if file.suffix.lower() in (".parquet", ".pq"):
            names = set(pq.read_schema(file).names)
        else:
            with file.open(encoding="utf-8", errors="replace", newline="") as stream:
                names = set(next(csv.reader(stream), []))
    except (OSError, pa.ArrowException):
        return {}  # the reader of inputs says what is wrong with the file
    return HANDBOOK_COLUMNS if set(HANDBOOK_COLUMNS.values()) <= names else {}


def read_history(
    request: InputRequest, workdir: Path, memory_limit: str, progress: Progress
) -> ScoringHistory:
    """Read purchases with amount and fraud flag. BadInput where one of them is not there."""
    opened = open_history(
        request,
        workdir=workdir,
        memory_limit=memory_limit,
        threads=1,
        progress=progress,
        holds_card_numbers=column_holds_card_numbers,
    )
    try:
        for name in _NEEDED:
            if name not in opened.columns:
                raise MissingColumn(
                    f"the transactions have no column {name}, which scoring learns from.",
                    hint=f"Name it: --columns {name.removesuffix('_minor')}=YOURS",
                )
        told = _columns_of(opened.connection, opened.columns)
        return replace(told, files=tuple((one.name, one.sha256) for one in opened.files))
    finally:
        opened.connection.close()


def _columns_of(connection: duckdb.DuckDBPyConnection, columns: frozenset[str]) -> ScoringHistory:
    order = "authorized_at, transaction_id" if "transaction_id" in columns else "authorized_at"
    purchases = NO_REFUND.replace("AND", "WHERE", 1) if "message_type" in columns else ""
    query = f"FROM transactions {purchases} ORDER BY {order}"
    table = connection.sql(query).to_arrow_table()
    rows = table.num_rows
    if rows and table["amount_minor"].null_count:
        at = int(pc.index(pc.is_null(table["amount_minor"]), value=True).as_py())
        raise BadInput(
            f"{table['amount_minor'].null_count} purchases have no amount, the first of them at "
            f"{table['authorized_at'][at].as_py()}.",
            hint="Scoring needs every amount.",
        )
    card, cards = _numbered(table["card_ref"])
    merchant, merchants = _numbered(_merchant_names(table))
    ids = table["transaction_id"] if "transaction_id" in columns else None
    of = Authorizations(
        at=table["authorized_at"].cast(pa.timestamp("s"), safe=False).cast(pa.int64()).to_numpy(),
        card=card,
        merchant=merchant,
        transaction=np.arange(rows),
        amount=np.clip(table["amount_minor"].to_numpy(), 0, MOST_MINOR).astype(np.int64),
        country=_coded(table, "country", country_number).astype(np.int16),
        entry=_coded(table, "entry_mode", entry_number).astype(np.int8),
        eci=_coded(table, "eci", eci_number).astype(np.int8),
        code=_coded(table, "security_code_result", code_number).astype(np.int8),
        approved=_flags(table, "approved", missing=1),
    )
    transaction = pa.chunked_array([pa.array(of.transaction)]) if ids is None else ids
    return ScoringHistory(of, _flags(table, "is_fraud", missing=0), transaction, cards, merchants)


def _merchant_names(table: pa.Table) -> pa.ChunkedArray:
    text = pa.string()
    return pc.binary_join_element_wise(
        table["acquirer_id"].cast(text).fill_null(""), table["merchant_id"].cast(text), "\x1f"
    )


def _numbered(column: pa.ChunkedArray) -> tuple[NDArray[np.int32], int]:
    """Numbers from 0 in order of first appearance, and how many there are."""
    coded = column.combine_chunks().dictionary_encode()
    return coded.indices.to_numpy().astype(np.int32), len(coded.dictionary)


def _flags(table: pa.Table, name: str, *, missing: int) -> NDArray[np.int8]:
    if name not in table.column_names:
        return np.full(table.num_rows, missing, np.int8)
    filled = table[name].fill_null(bool(missing))
    return np.asarray(filled.cast(pa.int8()).to_numpy(), np.int8)


def _coded(table: pa.Table, name: str, code: Callable[[str], int]) -> NDArray[np.int64]:
    """A number for each text of a column, 0 where it is absent."""
    if name not in table.column_names:
        return np.zeros(table.num_rows, np.int64)
    coded = table[name].fill_null("").combine_chunks().dictionary_encode()
    values: list[Any] = coded.dictionary.to_pylist()
    numbers = np.array([code(str(value)) for value in values], np.int64)
    return np.asarray(numbers[coded.indices.to_numpy()], np.int64)
