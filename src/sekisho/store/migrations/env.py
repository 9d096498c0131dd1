"""Run by Alembic: the steps happen in the transaction that `sekisho.store.migrate` has opened."""

from __future__ import annotations

from alembic import context

from sekisho.store.tables import metadata


def run() -> None:
    """Do the steps that Alembic has chosen."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        transaction_per_migration=False,
    )
    context.run_migrations()


# Alembic runs this file under a name of its own; imported as a module, it has nothing to do.
if not __name__.startswith("sekisho."):
    run()
