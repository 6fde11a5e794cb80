"""Parquet, ORC, Avro and Arrow, read by their own metadata."""
