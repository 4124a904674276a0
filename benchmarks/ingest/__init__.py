"""Ingest beside a bare polars scan of the same bytes into Parquet."""
