"""A bank's history on DuckDB: each query one SQL text, results as arrays of integers.

Passes over the transactions: (1) `survey` lists the cards, unless the card file does; (2) `draw`
collects the visits of the cards of the study; and, where only a share of the cards was drawn,
(3) the visits at suspected merchants, (4) the activity of the cards seen there and (5) the visits
in the windows of the findings. A history small enough to be drawn whole needs only (1) and (2).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from sekisho.domain.finding import EntityKind
from sekisho.domain.history import (
    CardTable,
    ExposureWindow,
    FraudTable,
    GroupTable,
    MisuseTable,
    Survey,
    Tenure,
    TerminalTable,
    VisitTable,
)
from sekisho.warehouse.codes import accounts_of, codes_of
from sekisho.warehouse.misuse import TELLING, misuse_table, misuse_view
from sekisho.warehouse.terminals import terminal_table, terminal_view

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

COUNTED_TYPES = ("", "card_not_present", "counterfeit")
STOPPING_TYPES = ("lost_stolen", "account_takeover", "application")
FAR = np.int64(1) << 40
DAY = 86_400
LISTED_ROWS = 5_000_000  # from so many on, a complete card file saves the pass that lists cards
LISTED_SHARE = 0.99  # of the defrauded cards that must be in the card file to call it complete
ALL = "g"  # above every hexadecimal digit: a threshold that every card's hash lies below

# Refunds and reversals take nothing from a card; ISO 8583 1987 class 04 and its 1993 form are
# reversals.
_VISITS = """
    SELECT card_ref, {acquirer}, merchant_id, authorized_at, {bin}, {initiated}, {key}
    FROM transactions
    WHERE card_ref IS NOT NULL AND merchant_id IS NOT NULL {filters}
"""
NO_REFUND = """
    AND (message_type IS NULL OR NOT (
        lower(message_type) IN ('refund', 'reversal', 'credit')
        OR message_type LIKE '04%' OR message_type LIKE '14%'))
"""


def statement(name: str) -> str:
    """The SQL text ``sql/<name>.sql`` with DuckDB's way of writing bound values."""
    text = resources.files("sekisho.warehouse").joinpath("sql", f"{name}.sql").read_text("utf-8")
    body = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    return body.replace(" :", " $")


def _seconds(values: NDArray[Any]) -> Ints:
    """Instants as whole seconds; a missing one becomes far in the future."""
    data = np.ma.getdata(values)
    out = data.astype("datetime64[s]").astype(np.int64)
    missing = np.isnat(data) | np.ma.getmaskarray(values)
    return np.asarray(np.where(missing, FAR, out), np.int64)


class DuckHistory:
    """A history in DuckDB; satisfies `sekisho.commonpoint.ports.History`.

    ``connection`` has the views ``transactions``, ``fraud``, ``merchants`` and ``cards`` as
    `sekisho.warehouse.intake` lays them; ``columns`` are the columns of ``transactions``. Where
    files overlap, rows that are equal in card, merchant, time and ``identity`` count once. With
    ``overlapping`` None nobody has looked yet, and `draw` looks among the visits that it draws;
    ``doubles`` is then about how many rows of the history are there once more.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        columns: Iterable[str],
        *,
        overlapping: bool | None,
        identity: Iterable[str] = (),
        listed_rows: int = LISTED_ROWS,
    ) -> None:
        self._db = connection
        self._listed_rows = listed_rows
        self._overlapping = overlapping
        self._identity = tuple(identity)
        self._share = 1.0
        self._names: dict[int, tuple[str, str]] = {}
        self._visits: VisitTable | None = None
        self._cards: CardTable | None = None
        self.passes = 0
        self.doubles = 0
        self._columns = set(columns)
        self._has_product = bool(
            self._db.execute("SELECT count(product) FROM cards").fetchall()[0][0]
        )
        self._use_bin = "bin" in self._columns and not self._has_product
        self._view_visits(keyed=overlapping is not False)

    def _view_visits(self, *, keyed: bool) -> None:
        """Make the view ``visits``; with a key it says which rows are one transaction."""
        present = self._columns
        filters = NO_REFUND if "message_type" in present else ""
        if "amount_minor" in present:
            filters += " AND (amount_minor IS NULL OR amount_minor >= 0)"
        self._filters = filters
        self._db.execute(
            "CREATE OR REPLACE TEMP VIEW visits AS "
            + _VISITS.format(
                acquirer="coalesce(acquirer_id, '') AS acquirer_id"
                if "acquirer_id" in present
                else "'' AS acquirer_id",
                bin="coalesce(CAST(bin AS VARCHAR), '') AS bin" if self._use_bin else "'' AS bin",
                initiated=_initiated(present),
                key=f"{_key_of(self._identity) if keyed else '0'} AS transaction_key",
                filters=filters,
            )
        )

    def _make(self, table: str, name: str, values: Mapping[str, Any] | None = None) -> None:
        """Keep the answer of a statement under a name."""
        self._db.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {statement(name)}", values or {})

    def _fetch(self, name: str, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self._db.execute(statement(name), values or {}).fetchnumpy()

    def survey(self) -> Survey:
        """How large the history is, from when to when.

        Lists the cards: those of the card file where the history is large and the file complete,
        else those that one pass over the visits sees.
        """
        rows, first, last = self._db.execute(
            "SELECT count(*), min(authorized_at), max(authorized_at) FROM transactions"
        ).fetchall()[0]
        products = "SELECT card_ref, product FROM cards WHERE product IS NOT NULL"
        if rows >= self._listed_rows and self._card_file_is_complete():
            self._db.execute(f"CREATE OR REPLACE TEMP VIEW card_products AS {products}")
            moments = (int(np.datetime64(at, "s").astype(np.int64)) for at in (first, last))
            return Survey(rows, self._count("card_list"), *moments)
        self.passes += 1
        self._make("card_survey", "card_survey")
        self._db.execute(
            "CREATE OR REPLACE TEMP TABLE card_list AS SELECT card_ref FROM card_survey"
        )
        if not self._has_product:
            products = "SELECT card_ref, card_bin AS product FROM card_survey"
        self._db.execute(f"CREATE OR REPLACE TEMP VIEW card_products AS {products}")
        row = self._fetch("survey_totals")
        if not int(row["card_count"][0]):
            return Survey(0, 0, 0, 0)
        return Survey(
            transactions=int(row["visit_count"][0]),
            cards=int(row["card_count"][0]),
            first_at=int(_seconds(row["first_at"])[0]),
            last_at=int(_seconds(row["last_at"])[0]),
        )

    def _card_file_is_complete(self) -> bool:
        """Whether the card file has what cards are matched on, and nearly all defrauded cards."""
        if self._use_bin:
            return False
        self._db.execute(
            "CREATE OR REPLACE TEMP TABLE card_list AS "
            "SELECT DISTINCT card_ref FROM cards WHERE card_ref IS NOT NULL"
        )
        reported, known = self._db.execute(
            "SELECT count(*), count(c.card_ref) FROM (SELECT DISTINCT card_ref FROM fraud) AS f "
            "LEFT JOIN card_list AS c USING (card_ref)"
        ).fetchall()[0]
        return bool(known and known >= LISTED_SHARE * reported)

    def draw(self, *, cards: int) -> float:
        """Choose all cards with a fraud report and about ``cards`` others; the others' share."""
        self.passes += 1
        total = self._count("card_list")
        share = min(1.0, cards / max(total, 1))
        threshold = ALL if share >= 1.0 else f"{int(share * 2**32):08x}"
        self._make("drawn_cards", "drawn_cards", {"threshold": threshold})
        self._visits = self._cards = None
        self._make("drawn_visits", "drawn_visits")
        if self._overlapping is None:
            self._look_for_doubles()
        self._drop_doubles("drawn_visits")
        self._make("first_seen", "first_seen")
        self._make("merchants_seen", "merchants_seen")
        reported = self._db.execute(
            "SELECT count(DISTINCT d.card) FROM drawn_cards AS d "
            "SEMI JOIN fraud AS f USING (card_ref)"
        ).fetchall()[0][0]
        others = total - reported
        drawn = self._count("drawn_cards") - reported
        self._share = drawn / others if others > 0 and drawn else 1.0
        return self._share

    def _look_for_doubles(self) -> None:
        """Learn from the drawn visits whether rows are there twice, and about how many."""
        drawn, once, rows = self._db.execute(
            "SELECT count(*), (SELECT count(*) FROM (SELECT DISTINCT * FROM drawn_visits)), "
            "(SELECT count(*) FROM transactions) FROM drawn_visits"
        ).fetchall()[0]
        self._overlapping = drawn > once
        self.doubles = round((drawn - once) * rows / max(drawn, 1))
        if not self._overlapping:
            self._view_visits(keyed=False)

    def _drop_doubles(self, table: str) -> None:
        """Make rows that overlapping files have in common one."""
        if self._overlapping:
            self._db.execute(
                f"CREATE OR REPLACE TEMP TABLE {table} AS "  # noqa: S608 - fixed words
                f"SELECT DISTINCT * FROM {table}"
            )

    def _count(self, table: str) -> int:
        return int(self._db.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])  # noqa: S608

    def cards(self) -> CardTable:
        """The cards chosen so far, in the order of their numbers.

        A card that was never seen is opened in the far future: it is no part of any study.
        """
        if self._cards is not None:
            return self._cards
        lists, seen = "SELECT card_ref, card FROM drawn_cards", "SELECT * FROM first_seen"
        if self._exists("added_visits"):
            lists += " UNION ALL SELECT card_ref, card FROM added_cards"
            seen += " UNION ALL SELECT card, min(authorized_at) FROM added_visits GROUP BY card"
        self._db.execute(
            f"CREATE OR REPLACE TEMP VIEW listed_cards AS SELECT l.*, s.first_at "  # noqa: S608
            f"FROM ({lists}) AS l LEFT JOIN ({seen}) AS s USING (card)"
        )
        rows = self._fetch("card_attributes")
        drawn = self._count("drawn_cards")
        refs = np.ma.getdata(rows["card_ref"]).astype(str)
        first_at = _seconds(rows["first_at"])
        opened = np.minimum(_seconds(rows["opened_on"]), first_at)
        self._cards = CardTable(
            product=codes_of(rows["product"], drawn),
            home_area=codes_of(rows["home_area"], drawn),
            opened_at=np.where(first_at < FAR, opened, FAR),
            closed_at=_seconds(rows["closed_on"]),
            account=accounts_of(refs, rows["replaced_by"]),
        )
        return self._cards

    def _exists(self, table: str) -> bool:
        found = self._db.execute(
            "SELECT count(*) FROM information_schema.tables WHERE table_name = $name",
            {"name": table},
        ).fetchall()
        return bool(found[0][0])

    def visits(self) -> VisitTable:
        """All visits of the drawn cards. They are large, so nothing is kept of them here."""
        visits, self._visits = self._all_visits(), None
        return visits

    def _all_visits(self) -> VisitTable:
        if self._visits is None:
            self._visits = _visit_table(self._fetch("numbered_visits"))
        return self._visits

    def frauds(self) -> FraudTable:
        """All usable fraud reports of drawn cards; where a report names no shop, by its instant."""
        rows = self._fetch("numbered_frauds")
        card = np.ma.getdata(rows["card"]).astype(np.int32)
        at = _seconds(rows["fraud_at"])
        entity = np.ma.getdata(rows["entity"]).astype(np.int32).copy()
        visits = self._all_visits()
        order = np.argsort(visits.card.astype(np.int64) * FAR + visits.at, kind="stable")
        keys = (visits.card.astype(np.int64) * FAR + visits.at)[order]
        wanted = card.astype(np.int64) * FAR + at
        spot = np.minimum(np.searchsorted(keys, wanted), max(keys.size - 1, 0))
        if keys.size:
            same = (keys[spot] == wanted) & (entity < 0)
            entity[same] = visits.entity[order][spot[same]]
        kind = np.ma.getdata(rows["fraud_type"]).astype(str)
        product = self.cards().product
        return FraudTable(
            card=card,
            at=at,
            reported_at=_seconds(rows["reported_at"]),
            counts=np.isin(kind, COUNTED_TYPES),
            stops_card=np.isin(kind, STOPPING_TYPES),
            entity=entity,
            product=product[card],
            dated=np.ma.getdata(rows["dated"]).astype(bool),
        )

    def terminals(self, entities: Ints) -> TerminalTable | None:
        """The drawn cards' visits at some merchants with terminals; None if none is known."""
        if "terminal_id" not in self._columns or not entities.size:
            return None
        self.passes += 1
        self._db.execute(terminal_view(self._columns, self._filters))
        merchants = ", ".join(str(int(entity)) for entity in entities)
        self._db.execute(
            "CREATE OR REPLACE TEMP TABLE terminal_merchants AS "  # noqa: S608 - integers
            f"SELECT * FROM merchants_seen WHERE entity IN ({merchants})"
        )
        rows = self._fetch("terminal_visits")
        return terminal_table(rows, _seconds(rows["authorized_at"]))

    def misuse(self) -> MisuseTable | None:
        """The reported transactions themselves; None if the history says nothing about them."""
        if not self._columns.intersection(TELLING):
            return None
        table = "named_transactions" if self._all_named() else "transactions"
        self.passes += 1 if table == "transactions" else 0
        [kind] = self._db.execute(
            "SELECT data_type FROM information_schema.columns "
            "WHERE table_name = 'fraud' AND column_name = 'transaction_id'"
        ).fetchall()
        self._db.execute(misuse_view(self._columns, str(kind[0]), table))
        rows = self._fetch("misuse")
        return misuse_table(rows, _seconds(rows["fraud_at"]))

    @property
    def knows_acquirers(self) -> bool:
        """Whether any merchant's acquirer is known."""
        [row] = self._db.execute(
            "SELECT count(*) FROM merchants_seen WHERE acquirer_id <> ''"
        ).fetchall()
        return bool(row[0])

    def _all_named(self) -> bool:
        """Whether the intake found the transaction of every report by its number."""
        if not self._exists("named_transactions"):
            return False
        left = self._db.execute(
            "SELECT count(*) FROM fraud AS f "
            "ANTI JOIN named_transactions AS n USING (card_ref, transaction_id)"
        ).fetchall()[0][0]
        return not left

    def entity_count(self) -> int:
        """How many merchants the drawn cards visited."""
        return self._count("merchants_seen")

    def _load_names(self) -> None:
        rows = self._db.execute("SELECT entity, acquirer_id, merchant_id FROM merchants_seen")
        self._names = {int(e): (str(a), str(m)) for e, a, m in rows.fetchall()}

    def entity_id(self, entity: int) -> str:
        """The merchant for files: ``acquirer/merchant``, or the merchant alone."""
        if not self._names:
            self._load_names()
        acquirer, merchant = self._names[entity]
        return f"{acquirer}/{merchant}" if acquirer else merchant

    def find_entity(self, entity_id: str) -> int | None:
        """The entity with this id, or this merchant number if only one acquirer has it."""
        if not self._names:
            self._load_names()
        whole = [e for e in self._names if self.entity_id(e) == entity_id]
        part = [e for e, (_, merchant) in self._names.items() if merchant == entity_id]
        if whole:
            return whole[0]
        return part[0] if len(part) == 1 else None

    def similar_entities(self, entity_id: str) -> list[str]:
        """Ids that look like this one."""
        ids = [self.entity_id(entity) for entity in self._names]
        return difflib.get_close_matches(entity_id, ids, n=3, cutoff=0.6)

    def entity_name(self, entity: int) -> str:
        """The merchant's latest name in the merchant file, else its id."""
        self.entity_id(entity)
        acquirer, merchant = self._names[entity]
        rows = self._db.execute(
            "SELECT name FROM merchants WHERE merchant_id = $m AND coalesce(acquirer_id, '') = $a"
            " AND name IS NOT NULL ORDER BY valid_from DESC NULLS LAST, name LIMIT 1",
            {"m": merchant, "a": acquirer},
        ).fetchall()
        return str(rows[0][0]) if rows else self.entity_id(entity)

    def groups(self, kind: EntityKind) -> GroupTable | None:
        """Which merchants belong together: from the merchant file, else from the transactions."""
        return _group_table(self._belongings(kind))

    def _belongings(self, kind: EntityKind) -> list[tuple[Any, ...]]:
        """Rows of (merchant, group id, first day, last day)."""
        if kind is EntityKind.ACQUIRER:
            return self._db.execute(
                "SELECT entity, acquirer_id, NULL, NULL FROM merchants_seen WHERE acquirer_id <> ''"
            ).fetchall()
        column = f"{kind.value}_id"
        rows = self._db.execute(statement(f"{kind.value}s_of_merchants")).fetchall()
        if not rows and column in self._columns:
            self.passes += 1
            rows = self._db.execute(statement(f"{kind.value}s_in_transactions")).fetchall()
        return rows

    def shops_of(self, kind: EntityKind, acquirer: str, number: str) -> tuple[Tenure, ...]:
        """The merchants of an entity that is known by its number, with the times of belonging."""
        self._load_names()
        if kind is EntityKind.MERCHANT:
            return tuple(
                Tenure(entity, -int(FAR), int(FAR))
                for entity, (own, merchant) in self._names.items()
                if merchant == number and acquirer in {"", own}
            )
        return tuple(
            Tenure(int(merchant), *_instants(start, end))
            for merchant, group, start, end in self._belongings(kind)
            if group == number
        )

    def add_visitors(self, entities: Ints, shares: Floats) -> VisitTable:
        """Choose also cards that ever visited ``entities``; these cards' visits there.

        Of each entity's visitors all with a fraud report are chosen, and by hash ``shares`` of
        the others, at least those that `draw` chose.
        """
        self.passes += 1
        limits = [ALL if share >= 1.0 else f"{int(share * 2**32):08x}" for share in shares]
        self._want("candidates", entities, limits)
        self._make("candidate_visits", "candidate_visits")
        self._drop_doubles("candidate_visits")
        self._make("added_cards", "added_cards", {"known": self._count("drawn_cards")})
        return _visit_table(self._fetch("candidate_visits_numbered"))

    def _want(self, table: str, entities: Ints, limits: list[str]) -> None:
        wanted = {"entity": np.asarray(entities, np.int64), "threshold": np.array(limits, str)}
        self._db.register("wanted_entities", _as_arrow(wanted))
        self._db.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT m.*, w.threshold "  # noqa: S608
            "FROM merchants_seen AS m JOIN wanted_entities AS w ON m.entity = w.entity"
        )
        self._db.unregister("wanted_entities")

    def added_activity(self) -> tuple[NDArray[np.int32], Ints]:
        """Card and instant of every visit of the cards that `add_visitors` added."""
        self.passes += 1
        self._make("added_visits", "added_activity")
        self._drop_doubles("added_visits")
        self._cards = None
        rows = self._db.execute("SELECT card, authorized_at FROM added_visits").fetchnumpy()
        return np.ma.getdata(rows["card"]).astype(np.int32), _seconds(rows["authorized_at"])

    def expose(self, windows: Iterable[ExposureWindow]) -> None:
        """Keep in the table ``exposed_cards`` the cards that visited inside a window."""
        listed = list(windows)
        table = {
            "entity": np.array([w.entity for w in listed], np.int64),
            "finding": np.array([w.finding for w in listed], np.int64),
            "start": np.array([w.start for w in listed], np.int64),
            "end": np.array([w.end for w in listed], np.int64),
        }
        self._db.register("wanted_windows", _as_arrow(table))
        self._db.execute(
            "CREATE OR REPLACE TEMP TABLE exposure_windows AS "
            "SELECT m.*, w.finding, make_timestamp(w.start * 1000000) AS window_start, "
            'make_timestamp(w."end" * 1000000) AS window_end '
            "FROM wanted_windows AS w JOIN merchants_seen AS m ON m.entity = w.entity"
        )
        self._db.unregister("wanted_windows")
        if self._share >= 1.0:
            # Every card was drawn, so its visits are at hand.
            source = (
                "SELECT d.card_ref, v.acquirer_id, v.merchant_id, v.authorized_at "
                "FROM drawn_visits AS v JOIN drawn_cards AS d ON v.card = d.card"
            )
        elif listed and self._all_candidates(table["entity"]):
            source = (
                "SELECT v.card_ref, m.acquirer_id, m.merchant_id, v.authorized_at "
                "FROM candidate_visits AS v JOIN merchants_seen AS m ON v.entity = m.entity"
            )
        else:
            source = "SELECT card_ref, acquirer_id, merchant_id, authorized_at FROM visits"
            self.passes += 1 if listed else 0
        self._db.execute(f"CREATE OR REPLACE TEMP VIEW exposing_visits AS {source}")
        counted = ", ".join(f"'{kind}'" for kind in COUNTED_TYPES)
        self._db.execute(
            "CREATE OR REPLACE TEMP VIEW counted_frauds AS "  # noqa: S608 - fixed words
            "SELECT card_ref, fraud_at FROM fraud "
            f"WHERE coalesce(fraud_type, '') IN ({counted})"
        )
        self._make("exposed_cards", "exposed_cards")

    def _all_candidates(self, entities: Ints) -> bool:
        if not self._exists("candidates"):
            return False
        known = self._db.execute(
            "SELECT entity FROM candidates WHERE threshold = $all", {"all": ALL}
        ).fetchnumpy()["entity"]
        return bool(np.isin(entities, known).all())

    def exposed_count(self) -> int:
        """Distinct cards in the table ``exposed_cards``."""
        return int(
            self._db.execute("SELECT count(DISTINCT card_ref) FROM exposed_cards").fetchall()[0][0]
        )

    def defrauded_count(self) -> int:
        """Distinct cards in the table ``exposed_cards`` with a fraud that counts after a visit."""
        sql = "SELECT count(DISTINCT card_ref) FROM exposed_cards WHERE defrauded"
        return int(self._db.execute(sql).fetchall()[0][0])

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The engine, for those who write the tables out."""
        return self._db


def _instants(start: Any, end: Any) -> tuple[int, int]:
    """First instant and end of a time of belonging, from its first and last day or None."""
    return (
        -1 if start is None else int(np.datetime64(start, "s").astype(np.int64)),
        int(FAR) if end is None else int(np.datetime64(end, "s").astype(np.int64)) + DAY,
    )


def _group_table(rows: list[tuple[Any, ...]]) -> GroupTable | None:
    """Groups of two merchants and more from (merchant, group id, valid from, valid to) rows."""
    members: dict[str, set[int]] = {}
    for merchant, group, _, _ in rows:
        if group:
            members.setdefault(str(group), set()).add(int(merchant))
    ids = sorted(name for name, some in members.items() if len(some) > 1)
    number = {name: i for i, name in enumerate(ids)}
    kept = sorted(
        (int(merchant), *_instants(start, end), number[str(group)])
        for merchant, group, start, end in rows
        if group and str(group) in number
    )
    if not kept:
        return None
    merchant, start, end, group = (np.array(column, np.int64) for column in zip(*kept, strict=True))
    return GroupTable(merchant, start, end, group, tuple(ids), tuple(ids))


def _initiated(columns: set[str]) -> str:
    """SQL for whether the merchant started a charge on stored data.

    ``initiator`` decides where it is filled; otherwise a charge on file that names a stored
    credential. A purchase of the holder with a stored card has another entry mode.
    """
    said = "NULL"
    if "initiator" in columns:
        said = (
            "CASE WHEN initiator IS NULL THEN NULL ELSE lower(trim(initiator)) IN "
            "('merchant', 'mit', 'm', 'recurring', '加盟店') END"
        )
    stored = "FALSE"
    if {"stored_credential", "entry_mode"} <= columns:
        stored = (
            "stored_credential AND lower(entry_mode) IN "
            "('on_file', 'credential_on_file', 'stored', '10')"
        )
    return f"coalesce({said}, {stored}, FALSE) AS merchant_initiated"


def _key_of(identity: Iterable[str]) -> str:
    """SQL that tells the transactions of one card at one merchant and instant apart."""
    known = {"card_ref", "acquirer_id", "merchant_id", "authorized_at"}
    columns = [column for column in identity if column not in known]
    return f"hash({', '.join(columns)})" if columns else "0"


def _as_arrow(columns: Mapping[str, Ints]) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - DuckDB reads arrays by way of Arrow tables only

    return pa.table(dict(columns))


def _visit_table(rows: Mapping[str, Any]) -> VisitTable:
    return VisitTable(
        card=np.ma.getdata(rows["card"]).astype(np.int32),
        entity=np.ma.getdata(rows["entity"]).astype(np.int32),
        at=_seconds(rows["authorized_at"]),
        merchant_initiated=np.ma.getdata(rows["merchant_initiated"]).astype(bool),
    )
