"""The first form of the store: audit chain, outbox, people with roles, proposals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table, and the chain's beginning."""
    _audit()
    _outbox()
    _people()
    _proposals()


def _audit() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("commitments", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("entry_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_entry")),
    )
    op.create_index("ix_audit_entry_subject", "audit_entry", ["subject", "sequence"], unique=False)
    op.create_table(
        "chain_head",
        sa.Column("chain_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("entry_hash", sa.Text(), nullable=False),
        sa.CheckConstraint("chain_id = 1", name=op.f("ck_chain_head_single")),
        sa.PrimaryKeyConstraint("chain_id", name=op.f("pk_chain_head")),
    )
    op.create_table(
        "audit_value",
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("salt", sa.Text(), nullable=True),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("erased_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(erased_by IS NULL AND salt IS NOT NULL AND value IS NOT NULL)"
            " OR (erased_by IS NOT NULL AND salt IS NULL AND value IS NULL)",
            name=op.f("ck_audit_value_whole_or_erased"),
        ),
        sa.ForeignKeyConstraint(
            ["erased_by"], ["audit_entry.sequence"], name=op.f("fk_audit_value_erased_by")
        ),
        sa.ForeignKeyConstraint(
            ["sequence"], ["audit_entry.sequence"], name=op.f("fk_audit_value_sequence")
        ),
        sa.PrimaryKeyConstraint("sequence", "name", name=op.f("pk_audit_value")),
    )
    op.execute(
        "INSERT INTO chain_head (chain_id, sequence, entry_hash) VALUES (1, 0, '" + "0" * 64 + "')"
    )


def _outbox() -> None:
    op.create_table(
        "counter",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counter")),
    )
    op.create_table(
        "outbox_job",
        sa.Column("job_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("job_key", sa.Text(), nullable=False),
        sa.Column("order_key", sa.Text(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=True),
        sa.Column("lease_token", sa.Text(), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("finished_us", sa.BigInteger(), nullable=True),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(state IN ('waiting', 'running')) = (due_us IS NOT NULL)",
            name=op.f("ck_outbox_job_due_while_open"),
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'running', 'done', 'dead', 'held')",
            name=op.f("ck_outbox_job_state"),
        ),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_outbox_job")),
        sa.UniqueConstraint("kind", "job_key", name="uq_outbox_job_kind"),
    )
    op.create_index("ix_outbox_job_due_us", "outbox_job", ["due_us", "job_id"], unique=False)
    op.create_index("ix_outbox_job_order_key", "outbox_job", ["order_key", "job_id"], unique=False)
    op.create_index("ix_outbox_job_state", "outbox_job", ["state", "finished_us"], unique=False)


def _people() -> None:
    op.create_table(
        "person",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("added_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('active', 'left')", name=op.f("ck_person_state")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_person")),
    )
    op.create_table(
        "person_role",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.person_id"], name=op.f("fk_person_role_person_id")
        ),
        sa.PrimaryKeyConstraint("person_id", "role", name=op.f("pk_person_role")),
    )


def _proposals() -> None:
    op.create_table(
        "proposal",
        sa.Column("proposal_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("payload_salt", sa.Text(), nullable=False),
        sa.Column("payload_hash", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_us", sa.BigInteger(), nullable=True),
        sa.Column("executed_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('proposed', 'approved', 'rejected', 'withdrawn', 'expired', 'executed')",
            name=op.f("ck_proposal_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'executed')"
            " OR (decided_by IS NOT NULL AND decided_by <> proposed_by)",
            name=op.f("ck_proposal_four_eyes"),
        ),
        sa.PrimaryKeyConstraint("proposal_id", name=op.f("pk_proposal")),
    )
    op.create_index("ix_proposal_state", "proposal", ["state", "expires_us"], unique=False)
