"""What really happened in the demo's world, read from its truth files after each look."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from sekisho.web.demo.model import Role, Shop


@dataclass(frozen=True, slots=True)
class Truth:
    """The leak's shops, what other places were, and the misuse that came of the leak."""

    shops: tuple[Shop, ...]
    exposed: int
    misused: int
    roles: dict[str, Role]  # by merchant number
    db: duckdb.DuckDBPyConnection

    def role(self, entity_id: str) -> Role:
        """What the place ``acquirer/merchant`` really was."""
        if any(shop.entity_id == entity_id for shop in self.shops):
            return Role.LEAK
        return self.roles.get(entity_id.rpartition("/")[2], Role.INNOCENT)

    def victims_known(self, day: date) -> int:
        """Cards with misuse out of the leak that was reported by the end of ``day``."""
        return self._number(
            "SELECT count(DISTINCT card_ref) FROM misuse "
            "WHERE reported_at < CAST(? AS DATE) + INTERVAL 1 DAY",
            [day],
        )

    def later(self, cards: list[str], day: date) -> tuple[int, int]:
        """Of these cards: how many were misused out of the leak after ``day``, for how many yen."""
        self.db.execute("CREATE OR REPLACE TEMP TABLE listed (card_ref VARCHAR)")
        self.db.execute("INSERT INTO listed SELECT unnest(?)", [cards])
        row = self.db.execute(
            "SELECT count(DISTINCT card_ref), CAST(coalesce(sum(yen), 0) AS BIGINT) "
            "FROM misuse SEMI JOIN listed USING (card_ref) "
            "WHERE fraud_at >= CAST(? AS DATE) + INTERVAL 1 DAY",
            [day],
        ).fetchall()[0]
        return int(row[0]), int(row[1])

    def _number(self, query: str, values: list[Any]) -> int:
        return int(self.db.execute(query, values).fetchall()[0][0])


def read_truth(folder: Path) -> Truth:
    """Read the truth of a world in ``folder`` that has one leak."""
    told = json.loads((folder / "truth.json").read_text("utf-8"))
    leak = told["leaks"][0]
    shops = tuple(
        Shop(
            f"{member['acquirer_id']}/{member['merchant_id']}",
            member["name"],
            date.fromisoformat(member["window_start"]),
            date.fromisoformat(member["window_end"]),
        )
        for member in leak["members"]
    )
    roles = dict.fromkeys(told["spend_shops"], Role.SPEND)
    roles |= dict.fromkeys(told["test_shops"], Role.TEST)
    db = duckdb.connect()
    db.execute(
        "CREATE TABLE misuse AS "
        "SELECT f.card_ref, f.fraud_at, f.reported_at, "
        "CASE WHEN t.approved THEN t.amount_minor ELSE 0 END AS yen "
        "FROM read_parquet(?) AS f JOIN read_parquet(?) AS t USING (transaction_id) "
        "WHERE f.leak = 0",
        [str(folder / "truth_fraud.parquet"), str(folder / "transactions.parquet")],
    )
    misused = int(db.execute("SELECT count(DISTINCT card_ref) FROM misuse").fetchall()[0][0])
    return Truth(shops, int(leak["oracle"]["cards_exposed"]), misused, roles, db)
