"""Mailings and messages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_CHANNELS = "channel IN ('email', 'letter', 'sms', 'push', 'phone')"
_STATES = (
    "state IN ('planned', 'held', 'approved', 'rendered', 'sending', 'in_doubt', 'sent',"
    " 'delivered', 'bounced', 'complained', 'returned', 'failed', 'superseded')"
)


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "mailing",
        sa.Column("mailing_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("proposal_id", sa.Text(), nullable=False),
        sa.Column("planned_us", sa.BigInteger(), nullable=False),
        sa.Column("released_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.proposal_id"], name=op.f("fk_mailing_proposal_id")
        ),
        sa.PrimaryKeyConstraint("mailing_id", name=op.f("pk_mailing")),
    )
    op.create_table(
        "message",
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mailing_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("text_sha256", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("next_us", sa.BigInteger(), nullable=False),
        sa.Column("first_us", sa.BigInteger(), nullable=True),
        sa.Column("attempt_us", sa.BigInteger(), nullable=True),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.CheckConstraint(_CHANNELS, name=op.f("ck_message_channel")),
        sa.CheckConstraint(_STATES, name=op.f("ck_message_state")),
        sa.ForeignKeyConstraint(
            ["mailing_id"], ["mailing.mailing_id"], name=op.f("fk_message_mailing_id")
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_message")),
        sa.UniqueConstraint("number", name="uq_message_number"),
        sa.UniqueConstraint("mailing_id", "reference", "channel", name="uq_message_mailing_id"),
    )
    op.create_index("ix_message_mailing_id", "message", ["mailing_id", "state", "message_id"])
