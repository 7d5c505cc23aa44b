"""Words of writing rows: what refuses one, and what holds several together."""

from __future__ import annotations


class Duplicate(ValueError):
    """Another living row of the object already holds the value of a unique field."""

    def __init__(self, obj: str, field_name: str, holder: str) -> None:
        """Name the object, the field and the id of the row that holds the value."""
        super().__init__(f"{obj}.{field_name} is unique and taken")
        self.obj, self.field_name, self.holder = obj, field_name, holder


class Transaction:
    """Several writes of which all or none remain."""

    def __init__(self) -> None:
        """Start with the intention to keep what is written."""
        self.rolled_back = False

    def roll_back(self) -> None:
        """Undo, at the end of the block, everything written in it."""
        self.rolled_back = True
