"""Every table of the store, once for both databases.

Only whole numbers and text, so that a backup of one database fits the other exactly. Instants are
whole microseconds since 1970 in UTC (``_us``), structures are JSON in canonical form. No table
holds ``card_ref`` together with digits of a card number (PCI SSC FAQ 1308); a test reads them all.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(instant: datetime) -> int:
    """Whole microseconds since 1970 in UTC; the instant has a zone (``ValueError`` otherwise)."""
    if instant.tzinfo is None:
        raise ValueError("an instant without a zone")
    return (instant - _EPOCH) // timedelta(microseconds=1)


def instant(stamp_us: int) -> datetime:
    """The instant in UTC that `microseconds` made ``stamp_us`` of."""
    return _EPOCH + timedelta(microseconds=stamp_us)


# The one row that every audited transaction locks first: writers stand in line, so numbers are
# given in the order of commits, and the end of the chain cannot be cut off unseen.
chain_head = Table(
    "chain_head",
    metadata,
    Column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("entry_hash", Text, nullable=False),
    CheckConstraint("chain_id = 1", name="single"),
)

counter = Table(
    "counter",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

audit_entry = Table(
    "audit_entry",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("commitments", Text, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("entry_hash", Text, nullable=False),
    Index("ix_audit_entry_subject", "subject", "sequence"),
)

# What the commitments of an entry stand for. Erasing empties salt and value and names the entry
# that says who erased it and why.
audit_value = Table(
    "audit_value",
    metadata,
    Column("sequence", BigInteger, ForeignKey("audit_entry.sequence"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("salt", Text),
    Column("value", Text),
    Column("erased_by", BigInteger, ForeignKey("audit_entry.sequence")),
    CheckConstraint(
        "(erased_by IS NULL AND salt IS NOT NULL AND value IS NOT NULL)"
        " OR (erased_by IS NOT NULL AND salt IS NULL AND value IS NULL)",
        name="whole_or_erased",
    ),
)

# ``due_us``: when a worker may take the job next. While one runs it, the end of its lease; NULL for
# jobs that nobody is to take (done, dead, held).
outbox_job = Table(
    "outbox_job",
    metadata,
    Column("job_id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("job_key", Text, nullable=False),
    Column("order_key", Text),
    Column("payload", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("due_us", BigInteger),
    Column("lease_token", Text),
    Column("worker", Text),
    Column("finished_us", BigInteger),
    Column("trouble", Text, nullable=False),
    UniqueConstraint("kind", "job_key", name="uq_outbox_job_kind"),
    CheckConstraint("state IN ('waiting', 'running', 'done', 'dead', 'held')", name="state"),
    CheckConstraint(
        "(state IN ('waiting', 'running')) = (due_us IS NOT NULL)", name="due_while_open"
    ),
    Index("ix_outbox_job_due_us", "due_us", "job_id"),
    Index("ix_outbox_job_order_key", "order_key", "job_id"),
    Index("ix_outbox_job_state", "state", "finished_us"),
)

person = Table(
    "person",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("added_us", BigInteger, nullable=False),
    CheckConstraint("state IN ('active', 'left')", name="state"),
)

person_role = Table(
    "person_role",
    metadata,
    Column("person_id", Text, ForeignKey("person.person_id"), primary_key=True),
    Column("role", Text, primary_key=True),
)

proposal = Table(
    "proposal",
    metadata,
    Column("proposal_id", Text, primary_key=True),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("payload_salt", Text, nullable=False),
    Column("payload_hash", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("decided_by", Text),
    Column("decided_us", BigInteger),
    Column("executed_us", BigInteger),
    CheckConstraint(
        "state IN ('proposed', 'approved', 'rejected', 'withdrawn', 'expired', 'executed')",
        name="state",
    ),
    # The second pair of eyes is held by the database too, whatever the program does.
    CheckConstraint(
        "state NOT IN ('approved', 'executed')"
        " OR (decided_by IS NOT NULL AND decided_by <> proposed_by)",
        name="four_eyes",
    ),
    Index("ix_proposal_state", "state", "expires_us"),
)
