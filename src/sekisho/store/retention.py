"""Retention: what is known of closed cases and finished mailings goes when its time is over.

The audit log keeps that there were cases, by their random ids, and how many were removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select

from sekisho.domain.errors import BadInput
from sekisho.store.erase import erase
from sekisho.store.messages import erase_numbers
from sekisho.store.people import require
from sekisho.store.tables import audit_entry, audit_value, microseconds
from sekisho.store.tables_cases import (
    case_answer,
    case_decision,
    case_draft,
    case_link,
    case_outreach,
    holder_case,
)
from sekisho.store.transaction import Transaction

LEAST: Final = timedelta(days=7)
"""By then no link, time-out, rest after an answer or second look at a journal needs a case."""
_BATCH: Final = 400
_OF_A_CASE: Final = (case_answer, case_link, case_draft, case_outreach, case_decision, holder_case)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many cases, recipients of messages about them, and personal values in the log."""

    cases: int
    recipients: int
    values: int


def forget_cases(tx: Transaction, before: datetime) -> Forgotten:
    """Remove every case that was closed before then, with whatever personal hangs on it.

    Cases with contradicting answers stay until somebody has seen to them. Needs ``case.erase``.
    Raises ``BadInput`` where ``before`` is less than `LEAST` ago. Backups made earlier still hold
    what is removed: they have to run out too.
    """
    require(tx, "case.erase")
    if before > tx.now - LEAST:
        raise BadInput(
            f"cases are kept for {LEAST.days} days at least: links, time-outs and corrections "
            "may need them",
            hint=f"Name a day before {(tx.now - LEAST).date()}.",
        )
    old = (
        select(holder_case.c.case_id)
        .where(holder_case.c.closed_us < microseconds(before), holder_case.c.contradicted == 0)
        .order_by(holder_case.c.case_id)
    )
    ids = [row.case_id for row in tx.execute(old)]
    recipients = values = 0
    for begin in range(0, len(ids), _BATCH):
        some = ids[begin : begin + _BATCH]
        recipients += _empty_messages(tx, some)
        values += _empty_log(tx, some)
        for table in _OF_A_CASE:
            tx.execute(delete(table).where(table.c.case_id.in_(some)))
    done = Forgotten(len(ids), recipients, values)
    tx.record(
        "case.erase",
        "case:closed",
        {"before": before.isoformat(), "cases": done.cases, "recipients": done.recipients},
    )
    return done


def _empty_messages(tx: Transaction, case_ids: Sequence[str]) -> int:
    numbers = select(case_outreach.c.number).where(case_outreach.c.case_id.in_(case_ids))
    return erase_numbers(tx, [row.number for row in tx.execute(numbers) if row.number])


def _empty_log(tx: Transaction, case_ids: Sequence[str]) -> int:
    """Erase what people noted about these cases, where the log keeps anything."""
    kept = (
        select(audit_entry.c.subject)
        .distinct()
        .join(audit_value, audit_value.c.sequence == audit_entry.c.sequence)
        .where(
            audit_entry.c.subject.in_([f"case:{one}" for one in case_ids]),
            audit_value.c.erased_by.is_(None),
        )
        .order_by(audit_entry.c.subject)
    )
    return sum(erase(tx, row.subject) for row in tx.execute(kept).all())
