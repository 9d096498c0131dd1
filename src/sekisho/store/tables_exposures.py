"""Tables of exposure alerts and their cards, and of policies: versions, back-tests, activations."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Table,
    Text,
)

from sekisho.store.tables import metadata

# ``elements``: JSON list of what was taken; ``funnel``: JSON counts of the last import; days are
# ISO 8601. ``watch``: version and digest of the watch table that judged the cards.
exposure_alert = Table(
    "exposure_alert",
    metadata,
    Column("alert_id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("elements", Text, nullable=False),
    Column("window_start", Text),
    Column("window_end", Text),
    Column("received_on", Text, nullable=False),
    Column("watch", Text, nullable=False),
    Column("funnel", Text, nullable=False),
    Column("batches", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("imported_us", BigInteger, nullable=False),
    Column("cleared_us", BigInteger),
    CheckConstraint("state IN ('active', 'cleared')", name="state"),
    CheckConstraint("(state = 'cleared') = (cleared_us IS NOT NULL)", name="cleared_when"),
)

# One card of one alert. ``batch``: with which import it came, and is handed to the engine.
exposed_card = Table(
    "exposed_card",
    metadata,
    Column("alert_id", Text, ForeignKey("exposure_alert.alert_id"), primary_key=True),
    Column("card_ref", Text, primary_key=True),
    Column("batch", BigInteger, nullable=False),
    Column("elements", Text, nullable=False),
    Column("exposed_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Column("prior_on", Text),
    Column("withdrawn_us", BigInteger),
    Index("ix_exposed_card_card_ref", "card_ref"),
    Index("ix_exposed_card_batch", "alert_id", "batch"),
)

# What was not watched, and why: nothing that an alert names is dropped. ``file_row`` counts from 1.
exposure_left_out = Table(
    "exposure_left_out",
    metadata,
    Column("alert_id", Text, ForeignKey("exposure_alert.alert_id"), primary_key=True),
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("file", Text, nullable=False),
    Column("file_row", BigInteger, nullable=False),
    Column("card_ref", Text),
    Column("reason", Text, nullable=False),
)

# ``policy_id``: VERSION@DIGEST. ``watch_text``: the watch table as it was, "" without one.
policy_version = Table(
    "policy_version",
    metadata,
    Column("policy_id", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("watch_text", Text, nullable=False),
    Column("added_us", BigInteger, nullable=False),
)

policy_backtest = Table(
    "policy_backtest",
    metadata,
    Column("policy_id", Text, ForeignKey("policy_version.policy_id"), primary_key=True),
    Column("sha256", Text, primary_key=True),
    Column("document", Text, nullable=False),
    Column("added_us", BigInteger, nullable=False),
)

# The newest row of a role is in force; a shadow without a policy is switched off. What decides has
# a back-test of its own and was approved by a second person: the database holds that too.
policy_activation = Table(
    "policy_activation",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("role", Text, nullable=False),
    Column("policy_id", Text, ForeignKey("policy_version.policy_id")),
    Column("backtest_sha256", Text),
    Column("proposal_id", Text, ForeignKey("proposal.proposal_id")),
    Column("actor", Text, nullable=False),
    Column("activated_us", BigInteger, nullable=False),
    ForeignKeyConstraint(
        ["policy_id", "backtest_sha256"], ["policy_backtest.policy_id", "policy_backtest.sha256"],
        name="fk_policy_activation_backtest",
    ),
    CheckConstraint("role IN ('live', 'shadow')", name="role"),
    CheckConstraint(
        "role = 'shadow' OR (policy_id IS NOT NULL AND backtest_sha256 IS NOT NULL"
        " AND proposal_id IS NOT NULL)",
        name="live_was_tried",
    ),
)  # fmt: skip
