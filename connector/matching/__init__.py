"""Which account a person belongs to."""
