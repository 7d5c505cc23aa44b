"""The state database: SQLite beside the program, or PostgreSQL for several replicas."""

from state.store import open_store

__all__ = ["open_store"]
