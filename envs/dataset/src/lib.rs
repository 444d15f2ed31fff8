//! Dataset rows from JSONL, JSON, Parquet or the hub.
