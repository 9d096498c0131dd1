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
import pyarrow.csv as pa_csv
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
    ``merchants`` how many there are; ``files`` name and SHA-256 of what was read; ``card_refs``
    and ``merchant_keys`` (``ACQUIRER/MERCHANT``) name what the numbers stand for; ``reported_at``:
    when a fraud was reported, in the seconds of ``of.at``, 0 for never or unknown.
    """

    of: Authorizations
    fraud: NDArray[np.int8]
    transaction: pa.ChunkedArray
    cards: int
    merchants: int
    files: tuple[tuple[str, str], ...] = ()
    card_refs: tuple[str, ...] = ()
    merchant_keys: tuple[str, ...] = ()
    reported_at: NDArray[np.int64] | None = None


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
    """Read purchases with amount and fraud flag. BadInput where one of them is not there.

    With ``request.fraud`` the frauds are those of that file (by ``transaction_id``).
    """
    opened = open_history(
        request,
        workdir=workdir,
        memory_limit=memory_limit,
        threads=1,
        progress=progress,
        holds_card_numbers=column_holds_card_numbers,
    )
    try:
        needed = ("amount_minor", "transaction_id") if request.fraud else _NEEDED
        for name in needed:
            if name not in opened.columns:
                raise MissingColumn(
                    f"the transactions have no column {name}, which scoring learns from.",
                    hint=f"Name it: --columns {name.removesuffix('_minor')}=YOURS",
                )
        told = _columns_of(opened.connection, opened.columns)
        if request.fraud is not None:
            told = with_reports(told, request.fraud, request.timezone)
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
    card, card_refs = _numbered(table["card_ref"])
    merchant, merchant_keys = _numbered(_merchant_names(table))
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
    return ScoringHistory(
        of, _flags(table, "is_fraud", missing=0), transaction, len(card_refs), len(merchant_keys),
        card_refs=card_refs, merchant_keys=merchant_keys,
    )  # fmt: skip


def _merchant_names(table: pa.Table) -> pa.ChunkedArray:
    text = pa.string()
    return pc.binary_join_element_wise(
        table["acquirer_id"].cast(text).fill_null(""), table["merchant_id"].cast(text), "/"
    )


def _numbered(column: pa.ChunkedArray) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Numbers from 0 in order of first appearance, and what they stand for."""
    coded = column.combine_chunks().dictionary_encode()
    names = tuple(coded.dictionary.cast(pa.string()).to_pylist())
    return coded.indices.to_numpy().astype(np.int32), names


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


def with_reports(told: ScoringHistory, path: Path, timezone: str) -> ScoringHistory:
    """The same purchases, their frauds being those of a file with ``transaction_id``.

    ``reported_at`` there says when each became known. MissingColumn without ``transaction_id``.
    """
    table = _report_table(path)
    if "transaction_id" not in table.column_names:
        raise MissingColumn(
            f"{path.name} has no column transaction_id, by which scoring finds the purchases.",
            hint="Give fraud reports with the ids of the transactions.",
        )
    ids = pc.cast(told.transaction, pa.string())
    place = pc.index_in(ids, value_set=pc.cast(table["transaction_id"], pa.string()))
    found = np.asarray(pc.is_valid(place).to_numpy(zero_copy_only=False))
    reported = np.zeros(told.of.at.size, np.int64)
    if "reported_at" in table.column_names:
        seconds = _seconds(table["reported_at"], timezone)
        reported[found] = seconds[np.asarray(pc.drop_null(place).to_numpy())]
        known: NDArray[np.int64] | None = reported
    else:
        known = None
    return replace(told, fraud=found.astype(np.int8), reported_at=known)


def _report_table(path: Path) -> pa.Table:
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return pq.read_table(path)
        return pa_csv.read_csv(path)
    except (OSError, pa.ArrowException) as error:
        raise BadInput(f"{path.name} cannot be read.", hint="Parquet, or CSV in UTF-8.") from error


def _seconds(column: pa.ChunkedArray, timezone: str) -> NDArray[np.int64]:
    """Wall-clock seconds in the zone; 0 where there is none. BadInput where it is no time."""
    try:
        if pa.types.is_string(column.type):
            column = column.cast(pa.timestamp("us"))
        if pa.types.is_timestamp(column.type) and column.type.tz is not None:
            column = pc.local_timestamp(column.cast(pa.timestamp("us", timezone)))
        filled = column.cast(pa.timestamp("s"), safe=False).cast(pa.int64()).fill_null(0)
    except pa.ArrowException as error:
        raise BadInput("reported_at is no time.", hint="Write 2026-03-31T12:00:00.") from error
    return np.asarray(filled.to_numpy(), np.int64)
