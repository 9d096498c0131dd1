"""Transaction history on DuckDB: rows in, integer counts and visit histories out."""
