"""Run by Alembic: the steps happen in the transaction that `sekisho.store.migrate` has opened."""

from __future__ import annotations

from alembic import context

from sekisho.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=False,
)
context.run_migrations()
