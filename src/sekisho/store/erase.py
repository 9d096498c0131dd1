"""Take personal values out of the audit log, without breaking its chain.

Salt and value of a commitment are emptied; what stays in the hashed text is a hash of 32 random
bytes and the value, from which nothing can be learned once the salt is gone. The erasure is an
entry of its own and names what it erased; `verify` tells it from tampering by that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update

from sekisho.domain.errors import NothingToDo
from sekisho.store.audit import ERASE
from sekisho.store.canonical import Plain
from sekisho.store.tables import audit_entry, audit_value
from sekisho.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Kept:
    """A personal value that the log still keeps: which entry, under which name."""

    sequence: int
    name: str


def kept_values(tx: Transaction, subject: str) -> list[Kept]:
    """The values that are kept for the entries about ``subject``, earlier erasures included."""
    return [kept for kept, _ in _kept(tx, subject)]


def _kept(tx: Transaction, subject: str) -> list[tuple[Kept, str]]:
    """The kept values, each with the action of its entry."""
    found = tx.execute(
        select(audit_value.c.sequence, audit_value.c.name, audit_entry.c.action)
        .join(audit_entry, audit_entry.c.sequence == audit_value.c.sequence)
        .where(audit_entry.c.subject == subject, audit_value.c.erased_by.is_(None))
        .order_by(audit_value.c.sequence, audit_value.c.name)
    )
    return [(Kept(row.sequence, row.name), row.action) for row in found]


def erase(tx: Transaction, subject: str, values: Sequence[Kept] | None = None) -> int:
    """Erase every kept value about ``subject`` (or those named); how many.

    Why earlier erasures were made is kept, unless it is named: so the reason of the
    transaction should not repeat what is erased. Raises ``NothingToDo`` where nothing is kept.
    Backups made earlier still hold the values: they have to run out too.
    """
    kept = _kept(tx, subject)
    if values is None:
        chosen = [one for one, action in kept if action != ERASE]
    else:
        chosen = [one for one, _ in kept if one in set(values)]
    if not chosen:
        raise NothingToDo(
            f"the audit log keeps no personal value about {subject}",
            hint="See which subjects there are: sekisho audit export --out FILE",
        )
    named: list[Plain] = [{"sequence": one.sequence, "name": one.name} for one in chosen]
    number = tx.record(ERASE, subject, {"values": named})
    tx.flush()
    for one in chosen:
        tx.execute(
            update(audit_value)
            .where(audit_value.c.sequence == one.sequence, audit_value.c.name == one.name)
            .values(salt=None, value=None, erased_by=number)
        )
    return len(chosen)
