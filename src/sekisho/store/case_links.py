"""One-time links: kept as a hash, for a time, for one use. The token itself is written nowhere."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from sekisho.store.tables import microseconds
from sekisho.store.tables_cases import case_link
from sekisho.store.transaction import Transaction


def token_hash(token: str) -> str:
    """SHA-256 of the token; a token holds 128 bits of chance, so that no salt is needed."""
    return hashlib.sha256(token.encode("utf-8")).hexdigest()


def add_link(tx: Transaction, token: str, case_id: str, expires_at: datetime) -> None:
    """Keep a link for the case until ``expires_at``."""
    values = {"token_hash": token_hash(token), "case_id": case_id, "made_us": tx.now_us}
    tx.execute(insert(case_link).values(**values, expires_us=microseconds(expires_at)))


def usable(place: Transaction | Connection, token: str, now: datetime) -> str | None:
    """The case of a link that may be used now; None where it is unknown, used or too old."""
    found = select(case_link.c.case_id).where(
        case_link.c.token_hash == token_hash(token),
        case_link.c.used_us.is_(None),
        case_link.c.expires_us > microseconds(now),
    )
    case_id: str | None = place.execute(found).scalar()
    return case_id


def spend(tx: Transaction, token: str) -> str | None:
    """Use the link up; its case, or None where somebody was before or it is not usable."""
    case_id = usable(tx, token, tx.now)
    if case_id is None:
        return None
    mine = (case_link.c.token_hash == token_hash(token), case_link.c.used_us.is_(None))
    done = tx.execute(update(case_link).where(*mine).values(used_us=tx.now_us))
    return case_id if done.rowcount else None
