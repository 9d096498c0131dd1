"""Questions to holders: contacts, cases, tries, answers, links, drafts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make every table of a question."""
    _holders()
    _cases()
    _tries()
    _answers()


def _holders() -> None:
    op.create_table(
        "feed_cursor",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_feed_cursor")),
    )
    op.create_table(
        "holder_notice",
        sa.Column("notice_id", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("honorific", sa.Text(), nullable=False),
        sa.Column("greeting", sa.Text(), nullable=False),
        sa.Column("last4", sa.Text(), nullable=False),
        sa.Column("ways", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("notice_id", name=op.f("pk_holder_notice")),
    )
    op.create_table(
        "holder_contact",
        sa.Column("card_ref", sa.Text(), nullable=False),
        sa.Column("notice_id", sa.Text(), nullable=False),
        sa.Column("imported_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("card_ref", name=op.f("pk_holder_contact")),
        sa.UniqueConstraint("notice_id", name="uq_holder_contact_notice_id"),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["holder_notice.notice_id"], name=op.f("fk_holder_contact_notice_id")
        ),
    )
    op.create_table(
        "standing_mailing",
        sa.Column("mailing_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("mailing_id", name=op.f("pk_standing_mailing")),
        sa.ForeignKeyConstraint(
            ["mailing_id"], ["mailing.mailing_id"], name=op.f("fk_standing_mailing_mailing_id")
        ),
    )


def _cases() -> None:
    op.create_table(
        "holder_case",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("card_ref", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("declined", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_us", sa.BigInteger(), nullable=False),
        sa.Column("unsure", sa.BigInteger(), nullable=False),
        sa.Column("moved_us", sa.BigInteger(), nullable=True),
        sa.Column("stopped_us", sa.BigInteger(), nullable=True),
        sa.Column("closed_us", sa.BigInteger(), nullable=True),
        sa.Column("closed_as", sa.Text(), nullable=True),
        sa.Column("contradicted", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "closed_as IN ('mine', 'family', 'not_mine', 'unanswered')",
            name=op.f("ck_holder_case_closed_as"),
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_holder_case")),
        sa.UniqueConstraint("decision_id", name="uq_holder_case_decision_id"),
        sa.CheckConstraint(
            "state IN ('open', 'stopped', 'with_agent', 'closed')",
            name=op.f("ck_holder_case_state"),
        ),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_us IS NOT NULL AND closed_as IS NOT NULL)",
            name=op.f("ck_holder_case_closed"),
        ),
    )
    op.create_index("ix_holder_case_card_ref", "holder_case", ["card_ref", "state"])
    op.create_index("ix_holder_case_state", "holder_case", ["state", "opened_us"])
    op.create_table(
        "case_decision",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("authorized_us", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("acquirer_id", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("merchant_name", sa.Text(), nullable=False),
        sa.Column("mcc", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("declined", sa.BigInteger(), nullable=False),
        sa.Column("asked", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_case_decision")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["holder_case.case_id"], name=op.f("fk_case_decision_case_id")
        ),
        sa.UniqueConstraint("case_id", "place", name="uq_case_decision_case_id"),
    )


def _tries() -> None:
    op.create_table(
        "case_outreach",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "step", name=op.f("pk_case_outreach")),
        sa.CheckConstraint(
            "state IN ('created', 'sent', 'delivered', 'answered', 'expired', 'undeliverable',"
            " 'closed')",
            name=op.f("ck_case_outreach_state"),
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["holder_case.case_id"], name=op.f("fk_case_outreach_case_id")
        ),
    )


def _answers() -> None:
    op.create_table(
        "case_answer",
        sa.Column("answer_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "answer IN ('mine', 'family', 'not_mine', 'unsure')", name=op.f("ck_case_answer_answer")
        ),
        sa.PrimaryKeyConstraint("answer_id", name=op.f("pk_case_answer")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["holder_case.case_id"], name=op.f("fk_case_answer_case_id")
        ),
        sa.CheckConstraint(
            "way IN ('link', 'app', 'three_ds', 'passkey', 'agent')",
            name=op.f("ck_case_answer_way"),
        ),
    )
    op.create_index("ix_case_answer_case_id", "case_answer", ["case_id", "at_us"])
    op.create_table(
        "case_link",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("used_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_case_link")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["holder_case.case_id"], name=op.f("fk_case_link_case_id")
        ),
    )
    op.create_table(
        "case_draft",
        sa.Column("draft_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('fraud_report', 'reissue')", name=op.f("ck_case_draft_kind")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["holder_case.case_id"], name=op.f("fk_case_draft_case_id")
        ),
        sa.PrimaryKeyConstraint("draft_id", name=op.f("pk_case_draft")),
    )
    op.create_index("ix_case_draft_kind", "case_draft", ["kind", "made_us"])
