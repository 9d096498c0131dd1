"""The transactions at which the defrauded cards of a finding were exposed, for an inquiry."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from sekisho.domain.errors import BadInput
from sekisho.domain.inquiry import ExposingTransaction, ShopWindow
from sekisho.warehouse.engine import plain_errors
from sekisho.warehouse.history import NO_REFUND, statement
from sekisho.warehouse.sqltext import fill, identifier, literal

_TYPES = {
    "transaction_id": "VARCHAR",
    "acquirer_id": "VARCHAR",
    "merchant_id": "VARCHAR",
    "terminal_id": "VARCHAR",
    "amount_minor": "BIGINT",
    "currency": "VARCHAR",
    "approved": "BOOLEAN",
}


def exposing_transactions(
    connection: duckdb.DuckDBPyConnection,
    columns: Collection[str],
    exposed_cards: Path,
    finding: tuple[str, str],
    windows: Iterable[ShopWindow],
) -> tuple[ExposingTransaction, ...]:
    """Give the first transaction in the window of each defrauded card at each shop.

    ``connection`` has the view ``transactions`` with ``columns``; ``exposed_cards`` is the file
    that a trace wrote; ``finding`` is the kind and id of the entity. Refunds and reversals
    expose nothing and are passed over, declined attempts count. Raises BadInput.
    """
    if not exposed_cards.is_file():
        raise BadInput(
            f"{exposed_cards.name} is not there, so nothing says which cards were exposed",
            hint="Leave --transactions out, or trace again.",
        )
    with plain_errors(f"reading {exposed_cards.name} and the transactions"):
        _lay_views(connection, columns, exposed_cards, finding)
        _lay_windows(connection, list(windows))
        rows = connection.execute(statement("exposing_transactions")).fetchall()
    return tuple(_transaction(row) for row in rows)


def _lay_views(
    connection: duckdb.DuckDBPyConnection,
    columns: Collection[str],
    exposed_cards: Path,
    finding: tuple[str, str],
) -> None:
    known = ", ".join(
        f"CAST({identifier(name) if name in columns else 'NULL'} AS {kind}) AS {identifier(name)}"
        for name, kind in _TYPES.items()
    )
    entity = (
        "CASE WHEN coalesce(acquirer_id, '') <> '' THEN acquirer_id || '/' || merchant_id "
        "ELSE merchant_id END"
        if "acquirer_id" in columns
        else "merchant_id"
    )
    filters = NO_REFUND if "message_type" in columns else ""
    if "amount_minor" in columns:
        filters += " AND (amount_minor IS NULL OR amount_minor >= 0)"
    connection.execute(
        fill(
            "CREATE OR REPLACE TEMP VIEW member_transactions AS SELECT "
            "CAST(card_ref AS VARCHAR) AS card_ref, {entity} AS entity_id, authorized_at, {known} "
            "FROM transactions WHERE card_ref IS NOT NULL AND merchant_id IS NOT NULL {filters}",
            entity=entity,
            known=known,
            filters=filters,
        )
    )
    kind, entity_id = finding
    connection.execute(
        fill(
            "CREATE OR REPLACE TEMP TABLE defrauded_cards AS SELECT DISTINCT card_ref "
            "FROM read_parquet({path}) "
            "WHERE defrauded AND entity_kind = {kind} AND entity_id = {entity_id}",
            path=literal(str(exposed_cards)),
            kind=literal(kind),
            entity_id=literal(entity_id),
        )
    )


def _lay_windows(connection: duckdb.DuckDBPyConnection, windows: Sequence[ShopWindow]) -> None:
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE member_windows "
        "(entity_id VARCHAR, window_start TIMESTAMP, window_end TIMESTAMP)"
    )
    connection.executemany(
        "INSERT INTO member_windows VALUES (?, ?, ?)",
        [(w.entity_id, w.first, w.last + timedelta(days=1)) for w in windows],
    )


def _transaction(row: tuple[object, ...]) -> ExposingTransaction:
    entity_id, card_ref, order, transaction_id, at, acquirer, merchant, terminal, *rest = row
    amount, currency, approved = rest
    if not isinstance(at, datetime):  # pragma: no cover - the view has a timestamp
        raise TypeError(at)
    return ExposingTransaction(
        entity_id=str(entity_id),
        card_ref=str(card_ref),
        card_order=str(order),
        transaction_id=_text(transaction_id),
        authorized_at=at,
        acquirer_id=_text(acquirer),
        merchant_id=_text(merchant),
        terminal_id=_text(terminal),
        amount_minor=amount if isinstance(amount, int) else None,
        currency=_text(currency),
        approved=approved if isinstance(approved, bool) else None,
    )


def _text(value: object) -> str:
    return "" if value is None else str(value)
