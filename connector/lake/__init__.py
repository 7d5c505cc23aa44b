"""The append-only history of what was pulled."""
