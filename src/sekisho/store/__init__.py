"""The system's own state: SQLite or PostgreSQL, audited change by change."""

# The form of the database is every table's: whoever migrates or backs up needs them all.
from sekisho.store import tables_api_keys, tables_cases, tables_exposures, tables_messages

__all__ = ["tables_api_keys", "tables_cases", "tables_exposures", "tables_messages"]
