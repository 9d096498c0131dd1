"""Fraud reports joined to the history, cut by the as-of date, and counted where left out."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

from sekisho.domain.errors import NothingToDo, Rejected
from sekisho.domain.notes import note
from sekisho.warehouse.rejects import RejectFile
from sekisho.warehouse.sqltext import fill, identifier, literal

# The report's key and time are what make two reports one.
TABLE = (
    "CREATE OR REPLACE TABLE fraud (card_ref {card_type}, fraud_at TIMESTAMP, "
    "reported_at TIMESTAMP, fraud_type VARCHAR, acquirer_id VARCHAR, merchant_id VARCHAR, "
    "transaction_id {id_type})"
)

NO_TRANSACTION = "no such transaction in the history"
NO_CARD = "no such card in the history"

# Words that decide a free text, in this order; the first that fits wins.
_WORDS: tuple[tuple[str, str], ...] = (
    ("account_takeover", r"take.?over|\bato\b|乗っ取り|乗取|アカウント|不正ログイン"),
    ("application", r"application|申込|入会|なりすまし契約"),
    (
        "card_not_present",
        (
            r"not.?present|\bcnp\b|\be.?comm?|internet|online|mail.?order|\bmoto\b|\bec\b"
            "|account.?number|番号盗用|番号不正|非対面|ネット|通販"
        ),
    ),
    ("counterfeit", r"counterfeit|skimm|clone|偽造|スキミング"),
    ("lost_stolen", r"lost|stolen|not.?received|紛失|盗難|盗品|不着|未達"),
    (
        "dispute",
        r"dispute|friendly|first.?party|subscription|異議|解約|定期購入|サブスク",
    ),
    ("other", r"^other|^misc|その他|^他$"),
)
# Type codes on which the networks' published lists agree; 5 differs between them.
_CODES = {
    "0": "lost_stolen",
    "1": "lost_stolen",
    "2": "lost_stolen",
    "3": "application",
    "4": "counterfeit",
    "6": "card_not_present",
}
CANONICAL = tuple(name for name, _ in _WORDS)


def canonical_type(text: str) -> str | None:
    """Give the kind of fraud that a report's own word or code means; None if it is not certain."""
    word = unicodedata.normalize("NFKC", text).strip().casefold()
    if word in CANONICAL:
        return word
    if re.fullmatch(r"0?[0-9]", word):
        return _CODES.get(word[-1])
    spaced = word.replace("_", " ")
    return next((name for name, pattern in _WORDS if re.search(pattern, spaced)), None)


TOLD = ("entry_mode", "eci", "security_code_result", "approved")  # of the misuse itself


@dataclass
class FraudTable:
    """What became of the reports."""

    reports: int = 0
    kept: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    has_reported_at: bool = False
    has_types: bool = False
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reports:
    """Prepared reports: the table ``reports__`` and the columns that it has."""

    label: str
    columns: frozenset[str]
    card_type: str
    id_type: str
    history: frozenset[str]  # columns of the view history__


def join_history(
    connection: duckdb.DuckDBPyConnection, reports: Reports, rejects: RejectFile
) -> FraudTable:
    """Make ``joined__``: every report with card, time and merchant; the rest is rejected."""
    table = FraudTable()
    by_id = "transaction_id" in reports.columns and "transaction_id" in reports.history
    _cast_reports(connection, reports)
    if by_id:
        # One pass brings also what is said of the misuse itself, for those who ask later.
        told = ", ".join(f"t.{identifier(name)}" for name in TOLD if name in reports.history)
        connection.execute(
            fill(
                "CREATE TEMP TABLE named_transactions AS SELECT r.report, t.card_ref, "
                "t.authorized_at, t.acquirer_id, t.merchant_id, t.transaction_id{comma}{told} "
                "FROM cast__ r JOIN history__ t ON t.transaction_id = r.transaction_id",
                comma=", " if told else "",
                told=told,
            )
        )
        connection.execute(
            "CREATE TEMP TABLE named__ AS SELECT report, any_value(card_ref) AS card_ref, "
            "min(authorized_at) AS fraud_at, any_value(acquirer_id) AS acquirer_id, "
            "any_value(merchant_id) AS merchant_id FROM named_transactions GROUP BY report"
        )
    else:
        connection.execute(
            "CREATE TEMP TABLE named__ AS SELECT report, card_ref, fraud_at, acquirer_id, "
            "merchant_id FROM cast__ WHERE false"
        )
    # A report that names its own card and time is believed; its transaction adds the merchant.
    connection.execute(
        "CREATE TEMP TABLE joined__ AS SELECT r.report, r.file_row, "
        "coalesce(r.card_ref, n.card_ref) AS card_ref, coalesce(r.fraud_at, n.fraud_at) "
        "AS fraud_at, r.reported_at, r.fraud_type, "
        "coalesce(n.acquirer_id, r.acquirer_id) AS acquirer_id, "
        "coalesce(n.merchant_id, r.merchant_id) AS merchant_id, r.transaction_id "
        "FROM cast__ r LEFT JOIN named__ n ON n.report = r.report "
        "AND (r.card_ref IS NULL OR r.card_ref = n.card_ref)"
    )
    table.reports = _count(connection, "SELECT count(*) FROM joined__")
    _reject_unknown(connection, reports, rejects, table)
    _type_reports(connection, table)
    return table


def _cast_reports(connection: duckdb.DuckDBPyConnection, reports: Reports) -> None:
    """Give every column, present or not, the type that it has in the history."""
    types = {
        "card_ref": reports.card_type,
        "fraud_at": "TIMESTAMP",
        "reported_at": "TIMESTAMP",
        "fraud_type": "VARCHAR",
        "acquirer_id": "VARCHAR",
        "merchant_id": "VARCHAR",
        "transaction_id": reports.id_type,
    }
    columns = ", ".join(
        f"TRY_CAST({identifier(name) if name in reports.columns else 'NULL'} AS {kind}) "
        f"AS {identifier(name)}"
        for name, kind in types.items()
    )
    connection.execute(
        fill(
            "CREATE TEMP TABLE cast__ AS SELECT row_number() OVER (ORDER BY row__) AS report, "
            "row__ AS file_row, {columns} FROM reports__",
            columns=columns,
        )
    )


def _reject_unknown(
    connection: duckdb.DuckDBPyConnection,
    reports: Reports,
    rejects: RejectFile,
    table: FraudTable,
) -> None:
    """Keep apart what the history does not know: a trace cannot use it."""
    connection.execute(
        "CREATE TEMP TABLE unknown__ AS SELECT report, file_row, "
        "card_ref IS NULL OR fraud_at IS NULL AS no_transaction FROM joined__ j "
        "WHERE card_ref IS NULL OR fraud_at IS NULL"
    )
    # Cards whose transaction was found are known; only the others are worth a pass.
    connection.execute(
        "CREATE TEMP TABLE unseen__ AS SELECT report, file_row, card_ref FROM joined__ "
        "WHERE card_ref IS NOT NULL AND fraud_at IS NOT NULL "
        "AND card_ref NOT IN (SELECT card_ref FROM named__ WHERE card_ref IS NOT NULL)"
    )
    if _count(connection, "SELECT count(*) FROM unseen__"):
        connection.execute(
            "INSERT INTO unknown__ SELECT report, file_row, false FROM unseen__ u "
            "WHERE NOT EXISTS (SELECT 1 FROM history__ h WHERE h.card_ref = u.card_ref)"
        )
    connection.execute("DELETE FROM joined__ WHERE report IN (SELECT report FROM unknown__)")
    cursor = connection.execute("SELECT file_row, no_transaction FROM unknown__ ORDER BY file_row")
    while rows := cursor.fetchmany(10_000):
        rejects.add(
            Rejected(
                reports.label,
                row,
                "transaction_id" if without else "card_ref",
                NO_TRANSACTION if without else NO_CARD,
            )
            for row, without in rows
        )
        table.left_out["no_transaction"] += sum(1 for _, without in rows if without)
        table.left_out["no_card"] += sum(1 for _, without in rows if not without)


def _type_reports(connection: duckdb.DuckDBPyConnection, table: FraudTable) -> None:
    found = connection.execute(
        "SELECT fraud_type, count(*) FROM joined__ WHERE fraud_type IS NOT NULL GROUP BY 1"
    ).fetchall()
    types = [(text, canonical_type(text)) for text, _ in found]
    connection.execute("CREATE TEMP TABLE types__ (own VARCHAR, canonical VARCHAR)")
    if types:
        connection.executemany("INSERT INTO types__ VALUES (?, ?)", types)
    unknown = sum(count for text, count in found if canonical_type(text) is None)
    if unknown:
        table.notes.append(note("unknown_types", count=unknown, known=", ".join(CANONICAL)))


def write_reports(connection: duckdb.DuckDBPyConnection, reports: Reports, end: str) -> None:
    """Fill ``fraud`` with what was known before ``end`` (an ISO date), doubles made one."""
    _make(connection, reports.card_type, reports.id_type)
    connection.execute(
        fill(
            "INSERT INTO fraud SELECT card_ref, fraud_at, min(reported_at), canonical, "
            "acquirer_id, merchant_id, transaction_id FROM joined__ LEFT JOIN types__ "
            "ON own = fraud_type WHERE {known} GROUP BY ALL ORDER BY ALL",
            known=_known_by(end),
        )
    )


def count_reports(
    connection: duckdb.DuckDBPyConnection, joined: FraudTable, end: str
) -> FraudTable:
    """Give the table's counts with what the as-of date and doubles left out."""
    table = FraudTable(joined.reports, left_out=Counter(joined.left_out), notes=joined.notes)
    known = _count(
        connection, fill("SELECT count(*) FROM joined__ WHERE {known}", known=_known_by(end))
    )
    everything = _count(connection, "SELECT count(*) FROM joined__")
    table.kept = _count(connection, "SELECT count(*) FROM fraud")
    table.left_out["after_as_of"] += everything - known
    table.left_out["duplicate"] += known - table.kept
    table.has_types = bool(_count(connection, "SELECT count(fraud_type) FROM fraud"))
    table.has_reported_at = bool(
        _count(connection, "SELECT count(*) FROM joined__ WHERE reported_at IS NOT NULL")
    )
    return table


def _known_by(end: str) -> str:
    return fill(
        "fraud_at < TIMESTAMP {end} AND coalesce(reported_at, fraud_at) < TIMESTAMP {end}",
        end=literal(end),
    )


def write_flagged(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[str], card_type: str, id_type: str
) -> FraudTable:
    """Fill ``fraud`` from the history's own ``is_fraud``; no report dates are known."""
    _make(connection, card_type, id_type)
    connection.execute(
        fill(
            "INSERT INTO fraud SELECT DISTINCT card_ref, authorized_at, CAST(NULL AS TIMESTAMP), "
            "CAST(NULL AS VARCHAR), acquirer_id, merchant_id, {own_id} FROM transactions "
            "WHERE is_fraud ORDER BY ALL",
            own_id="transaction_id" if "transaction_id" in columns else f"CAST(NULL AS {id_type})",
        )
    )
    kept = _count(connection, "SELECT count(*) FROM fraud")
    return FraudTable(reports=kept, kept=kept)


def _make(connection: duckdb.DuckDBPyConnection, card_type: str, id_type: str) -> None:
    connection.execute(fill(TABLE, card_type=card_type, id_type=id_type))


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    [row] = connection.execute(sql).fetchall()
    return int(row[0])


def refuse_if_none(table: FraudTable, label: str, as_of: str, rejected: int) -> None:
    """Raise NothingToDo with the counts if no report can be used by the as-of date."""
    if table.kept:
        return
    reasons = {
        "known only after the as-of date": table.left_out["after_as_of"],
        NO_TRANSACTION: table.left_out["no_transaction"],
        NO_CARD: table.left_out["no_card"],
        "broken rows": rejected,
    }
    counts = "; ".join(f"{count} {reason}" for reason, count in reasons.items() if count)
    raise NothingToDo(
        f"{label}: no fraud report can be used as of {as_of}" + (f" ({counts})" if counts else ""),
        hint="Check that fraud file and history name cards the same way, and the --as-of date.",
    )
