"""Working only those whose answer could differ, from what the last cycle kept (docs/incremental.md)."""
