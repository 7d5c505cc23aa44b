"""What a cycle says of itself, and what the reports count from rows."""
