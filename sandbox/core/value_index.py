"""Which rows hold a value in a field."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


class ValueIndex:
    """Map a field's values to the ids of the rows that hold them; text without regard to case."""

    __slots__ = ("_holders",)

    def __init__(self) -> None:
        """Start without rows."""
        # Most values have one holder: a set of its own for each would take more memory than the rows.
        self._holders: dict[Any, str | dict[str, None]] = {}

    def add(self, value: Any, row_id: str) -> None:
        """Note that a row holds the value."""
        key = _folded(value)
        held = self._holders.get(key)
        if held is None:
            self._holders[key] = row_id
        elif isinstance(held, dict):
            held[row_id] = None
        elif held != row_id:
            self._holders[key] = {held: None, row_id: None}

    def drop(self, value: Any, row_id: str) -> None:
        """Note that a row holds the value no more."""
        key = _folded(value)
        held = self._holders.get(key)
        if isinstance(held, dict):
            held.pop(row_id, None)
            if not held:
                del self._holders[key]
        elif held == row_id:
            del self._holders[key]

    def holders(self, value: Any) -> Iterable[str]:
        """Return the ids of the rows with the value, in the order in which they came to hold it."""
        held = self._holders.get(_folded(value))
        return () if held is None else (held,) if isinstance(held, str) else held


def _folded(value: Any) -> Any:
    if isinstance(value, str):
        return value.casefold()
    return json.dumps(value) if isinstance(value, (dict, list)) else value
