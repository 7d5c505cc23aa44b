"""Which events a machine made in somebody's name, kept apart with evidence; people release and restore them."""

from connector.quarantine.keeping_apart import KeptApart, awaited, keep_apart, keep_apart_of

__all__ = ["KeptApart", "awaited", "keep_apart", "keep_apart_of"]
