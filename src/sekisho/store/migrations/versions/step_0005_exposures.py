"""Exposure alerts and their cards; policies, their back-tests and activations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_TRIED = (
    "role = 'shadow' OR (policy_id IS NOT NULL AND backtest_sha256 IS NOT NULL"
    " AND proposal_id IS NOT NULL)"
)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _number(name: str, *, nullable: bool = False, key: bool = False) -> sa.Column[int]:
    if key:
        return sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=False)
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def upgrade() -> None:
    """Make the tables."""
    _exposures()
    _policies()


def _exposures() -> None:
    op.create_table(
        "exposure_alert",
        _text("alert_id"),
        _text("source"),
        _text("place"),
        _text("elements"),
        _text("window_start", nullable=True),
        _text("window_end", nullable=True),
        _text("received_on"),
        _text("watch"),
        _text("funnel"),
        _number("batches"),
        _text("state"),
        _number("imported_us"),
        _number("cleared_us", nullable=True),
        sa.CheckConstraint("state IN ('active', 'cleared')", name=op.f("ck_exposure_alert_state")),
        sa.CheckConstraint(
            "(state = 'cleared') = (cleared_us IS NOT NULL)",
            name=op.f("ck_exposure_alert_cleared_when"),
        ),
        sa.PrimaryKeyConstraint("alert_id", name=op.f("pk_exposure_alert")),
    )
    op.create_table(
        "exposed_card",
        _text("alert_id"),
        _text("card_ref"),
        _number("batch"),
        _text("elements"),
        _number("exposed_us"),
        _number("until_us"),
        _text("prior_on", nullable=True),
        _number("withdrawn_us", nullable=True),
        _of_alert("exposed_card"),
        sa.PrimaryKeyConstraint("alert_id", "card_ref", name=op.f("pk_exposed_card")),
    )
    op.create_index("ix_exposed_card_card_ref", "exposed_card", ["card_ref"])
    op.create_index("ix_exposed_card_batch", "exposed_card", ["alert_id", "batch"])
    op.create_table(
        "exposure_left_out",
        _text("alert_id"),
        _number("batch", key=True),
        _number("number", key=True),
        _text("file"),
        _number("file_row"),
        _text("card_ref", nullable=True),
        _text("reason"),
        _of_alert("exposure_left_out"),
        sa.PrimaryKeyConstraint("alert_id", "batch", "number", name=op.f("pk_exposure_left_out")),
    )


def _of_alert(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["alert_id"], ["exposure_alert.alert_id"], name=op.f(f"fk_{table}_alert_id")
    )


def _of_version(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["policy_id"], ["policy_version.policy_id"], name=op.f(f"fk_{table}_policy_id")
    )


def _policies() -> None:
    op.create_table(
        "policy_version",
        _text("policy_id"),
        _text("text"),
        _text("watch_text"),
        _number("added_us"),
        sa.PrimaryKeyConstraint("policy_id", name=op.f("pk_policy_version")),
    )
    op.create_table(
        "policy_backtest",
        _text("policy_id"),
        _text("sha256"),
        _text("document"),
        _number("added_us"),
        _of_version("policy_backtest"),
        sa.PrimaryKeyConstraint("policy_id", "sha256", name=op.f("pk_policy_backtest")),
    )
    op.create_table(
        "policy_activation",
        _number("number", key=True),
        _text("role"),
        _text("policy_id", nullable=True),
        _text("backtest_sha256", nullable=True),
        _text("proposal_id", nullable=True),
        _text("actor"),
        _number("activated_us"),
        sa.CheckConstraint("role IN ('live', 'shadow')", name=op.f("ck_policy_activation_role")),
        sa.CheckConstraint(_TRIED, name=op.f("ck_policy_activation_live_was_tried")),
        _of_version("policy_activation"),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.proposal_id"], name=op.f("fk_policy_activation_proposal_id")
        ),
        sa.ForeignKeyConstraint(
            ["policy_id", "backtest_sha256"],
            ["policy_backtest.policy_id", "policy_backtest.sha256"],
            name="fk_policy_activation_backtest",
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_policy_activation")),
    )
