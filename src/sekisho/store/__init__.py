"""The system's own state: SQLite or PostgreSQL, audited change by change."""
