"""The smallest list of writes, and the outbox that applies it once."""
