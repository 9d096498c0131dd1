"""The system's own state: SQLite or PostgreSQL, audited change by change."""

# The form of the database is every table's: whoever migrates or backs up needs them all.
from sekisho.store import tables_exposures, tables_messages

__all__ = ["tables_exposures", "tables_messages"]
