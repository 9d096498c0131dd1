"""The API keys of programs. Only a hash of the secret is kept: nobody can read a key back."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Table, Text, UniqueConstraint

from sekisho.store.tables import metadata

# ``secret_hash``: SHA-256 in hex; the secret is 256 random bits, so nothing slower is needed.
# ``scopes``: JSON list. ``per_second``: 0 for no limit. ``used_us``: to the minute, not audited.
api_key = Table(
    "api_key",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("secret_hash", Text, nullable=False),
    Column("per_second", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("revoked_us", BigInteger),
    Column("used_us", BigInteger),
    CheckConstraint("state IN ('active', 'revoked')", name="state"),
    UniqueConstraint("name", name="uq_api_key_name"),
)
