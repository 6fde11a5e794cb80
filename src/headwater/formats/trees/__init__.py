"""JSON, NDJSON and XML: records within a tree."""
