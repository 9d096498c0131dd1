"""Trace tables that are in memory, without the command line's files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa

from sekisho.commonpoint.search import Limits
from sekisho.commonpoint.trace import Answer, Question, trace
from sekisho.domain.progress import Silent
from sekisho.warehouse.history import DuckHistory
from sekisho.warehouse.sqltext import fill

NO_MERCHANTS = pa.schema(
    [
        (name, pa.string())
        for name in ("acquirer_id", "merchant_id", "name", "operator_id", "processor_id")
    ]
    + [("valid_from", pa.date32()), ("valid_to", pa.date32())]
)
NO_CARDS = pa.schema(
    [(name, pa.string()) for name in ("card_ref", "replaced_by", "product", "home_area")]
    + [("opened_on", pa.date32()), ("closed_on", pa.date32())]
)


_FRAUD = """
    CREATE TABLE fraud AS
    SELECT f.card_ref, f.transaction_id, f.fraud_at, f.reported_at, f.fraud_type,
        t.merchant_id, {acquirer}
    FROM fraud_given AS f LEFT JOIN given AS t USING (transaction_id)
    WHERE f.reported_at < {end} AND f.fraud_at < {end}
"""


@dataclass(frozen=True, slots=True)
class Tables:
    """A history as Arrow tables with the columns of the trace command's input."""

    transactions: pa.Table
    fraud: pa.Table
    merchants: pa.Table
    cards: pa.Table


def without(tables: Tables, *, cards: bool = False, product: bool = False) -> Tables:
    """The same history without its file of cards, or without anything that tells products."""
    transactions, listed = tables.transactions, tables.cards
    if product and "bin" in transactions.column_names:
        transactions = transactions.drop_columns(["bin"])
    if product:
        empty = pa.nulls(listed.num_rows, pa.string())
        listed = listed.set_column(listed.column_names.index("product"), "product", empty)
    if cards:
        listed = NO_CARDS.empty_table()
    return Tables(transactions, tables.fraud, tables.merchants, listed)


@contextmanager
def opened(tables: Tables, as_of: date) -> Iterator[DuckHistory]:
    """Lay the views of the warehouse's intake over tables, as known at the end of ``as_of``."""
    end = f"TIMESTAMP '{as_of + timedelta(days=1)}'"
    names = tables.transactions.column_names
    acquirer = "t.acquirer_id" if "acquirer_id" in names else "'' AS acquirer_id"
    with duckdb.connect(config={"threads": 1, "memory_limit": "2GB"}) as db:
        db.register("given", tables.transactions)
        for name in ("fraud", "merchants", "cards"):
            db.register(f"{name}_given", getattr(tables, name))
        db.execute(
            fill("CREATE VIEW transactions AS FROM given WHERE authorized_at < {end}", end=end)
        )
        db.execute(fill(_FRAUD, acquirer=acquirer, end=end))
        db.execute("CREATE TABLE merchants AS FROM merchants_given")
        db.execute("CREATE TABLE cards AS FROM cards_given")
        yield DuckHistory(db, names, overlapping=False)


def ask(history: DuckHistory, as_of: date) -> Answer:
    """Trace at Sekisho's own threshold. The permuted check changes no finding and is left out."""
    return ask_within(history, as_of, Limits())


def ask_within(history: DuckHistory, as_of: date, limits: Limits) -> Answer:
    """Trace with what a look may spend."""
    question = Question(as_of=as_of, limits=limits, permute=False)
    return trace(history, question, np.random.default_rng(1), Silent())
