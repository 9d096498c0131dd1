"""Tables of mailings and messages. ``recipient`` is the only column with personal data."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Table,
    Text,
    UniqueConstraint,
)

from sekisho.domain.message import Channel, MessageState
from sekisho.store.tables import metadata


def _one_of(column: str, words: type[MessageState] | type[Channel]) -> str:
    return f"{column} IN ({', '.join(repr(str(word)) for word in words)})"


# One decision to write to many people: proposed by one person, approved by another. ``settings``
# and ``details`` are JSON without personal data and without secrets.
mailing = Table(
    "mailing",
    metadata,
    Column("mailing_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("proposal_id", Text, ForeignKey("proposal.proposal_id"), nullable=False),
    Column("planned_us", BigInteger, nullable=False),
    Column("released_us", BigInteger),
)

# ``recipient``: JSON with name, address and values; emptied by erasure. ``next_us``: not before
# then. ``attempt_us``: when the last attempt began. ``text_sha256``: of the text that was checked.
message = Table(
    "message",
    metadata,
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    Column("mailing_id", Text, ForeignKey("mailing.mailing_id"), nullable=False),
    Column("number", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("recipient", Text),
    Column("state", Text, nullable=False),
    Column("text_sha256", Text, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("next_us", BigInteger, nullable=False),
    Column("first_us", BigInteger),
    Column("attempt_us", BigInteger),
    Column("changed_us", BigInteger, nullable=False),
    Column("trouble", Text, nullable=False),
    CheckConstraint(_one_of("channel", Channel), name="channel"),
    CheckConstraint(_one_of("state", MessageState), name="state"),
    UniqueConstraint("number", name="uq_message_number"),
    UniqueConstraint("mailing_id", "reference", "channel", name="uq_message_mailing_id"),
    Index("ix_message_mailing_id", "mailing_id", "state", "message_id"),
)
