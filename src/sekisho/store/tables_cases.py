"""Tables of questions to holders: cases, what is asked about, tries, answers, links, drafts.

``holder_notice`` is the notice store: personal data and the card's last digits, never beside
``card_ref``; ``holder_contact`` points from the card to it by a random id.
"""

from __future__ import annotations

from enum import StrEnum

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

from sekisho.domain.asking import Answer, CaseState, Closing, OutreachState, Way
from sekisho.store.tables import metadata


def _one_of(column: str, words: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(str(word)) for word in words)})"


# How far a follower of a feed has read; written in the transaction of what it did with it.
feed_cursor = Table(
    "feed_cursor",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# ``ways``: JSON, the channels in the order preferred, each with its address. Emptied by erasure.
holder_notice = Table(
    "holder_notice",
    metadata,
    Column("notice_id", Text, primary_key=True),
    Column("language", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("honorific", Text, nullable=False),
    Column("greeting", Text, nullable=False),
    Column("last4", Text, nullable=False),
    Column("ways", Text, nullable=False),
)

holder_contact = Table(
    "holder_contact",
    metadata,
    Column("card_ref", Text, primary_key=True),
    Column("notice_id", Text, ForeignKey("holder_notice.notice_id"), nullable=False),
    Column("imported_us", BigInteger, nullable=False),
    UniqueConstraint("notice_id", name="uq_holder_contact_notice_id"),
)

# The permission to send messages of one kind by themselves: a mailing without recipients of its
# own, whose texts one person proposed and another approved. The latest released one counts.
standing_mailing = Table(
    "standing_mailing",
    metadata,
    Column("mailing_id", Text, ForeignKey("mailing.mailing_id"), primary_key=True),
    Column("kind", Text, nullable=False),
)

holder_case = Table(
    "holder_case",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("card_ref", Text, nullable=False),
    Column("decision_id", Text, nullable=False),
    Column("declined", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    Column("unsure", BigInteger, nullable=False),
    Column("moved_us", BigInteger),
    Column("stopped_us", BigInteger),
    Column("closed_us", BigInteger),
    Column("closed_as", Text),
    Column("contradicted", BigInteger, nullable=False),
    UniqueConstraint("decision_id", name="uq_holder_case_decision_id"),
    CheckConstraint(_one_of("state", CaseState), name="state"),
    CheckConstraint(_one_of("closed_as", Closing), name="closed_as"),
    CheckConstraint(
        "(state = 'closed') = (closed_us IS NOT NULL AND closed_as IS NOT NULL)", name="closed"
    ),
    Index("ix_holder_case_card_ref", "card_ref", "state"),
    Index("ix_holder_case_state", "state", "opened_us"),
)

# Every decision of the case's card while it was not closed. ``asked``: the engine wanted to ask.
case_decision = Table(
    "case_decision",
    metadata,
    Column("decision_id", Text, primary_key=True),
    Column("case_id", Text, ForeignKey("holder_case.case_id"), nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("authorized_us", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("acquirer_id", Text, nullable=False),
    Column("merchant_id", Text, nullable=False),
    Column("merchant_name", Text, nullable=False),
    Column("mcc", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("declined", BigInteger, nullable=False),
    Column("asked", BigInteger, nullable=False),
    UniqueConstraint("case_id", "place", name="uq_case_decision_case_id"),
)

# ``number``: of the message that was sent for it.
case_outreach = Table(
    "case_outreach",
    metadata,
    Column("case_id", Text, ForeignKey("holder_case.case_id"), primary_key=True),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("channel", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
    CheckConstraint(_one_of("state", OutreachState), name="state"),
)

# ``result``: JSON of what became of it, so that the same answer again gets the same result.
case_answer = Table(
    "case_answer",
    metadata,
    Column("answer_id", Text, primary_key=True),
    Column("case_id", Text, ForeignKey("holder_case.case_id"), nullable=False),
    Column("answer", Text, nullable=False),
    Column("way", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    CheckConstraint(_one_of("answer", Answer), name="answer"),
    CheckConstraint(_one_of("way", Way), name="way"),
    Index("ix_case_answer_case_id", "case_id", "at_us"),
)

# A one-time link. The token itself is nowhere: ``token_hash`` is its SHA-256.
case_link = Table(
    "case_link",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("case_id", Text, ForeignKey("holder_case.case_id"), nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("used_us", BigInteger),
)

# What the desk sends on: a fraud report, an order for a new card. ``content``: JSON.
case_draft = Table(
    "case_draft",
    metadata,
    Column("draft_id", Text, primary_key=True),
    Column("case_id", Text, ForeignKey("holder_case.case_id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    CheckConstraint("kind IN ('fraud_report', 'reissue')", name="kind"),
    Index("ix_case_draft_kind", "kind", "made_us"),
)
