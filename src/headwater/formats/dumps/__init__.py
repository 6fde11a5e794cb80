"""What databases are written out into: SQL text, pg_dump's archives, SQLite's file."""
