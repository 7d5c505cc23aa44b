"""One version of one row."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(slots=True, frozen=True)
class Record:
    """One version of one row; an update makes a new Record and leaves the old one as it was."""

    obj: str
    id: str
    #: Only fields that are not null.
    values: dict[str, Any]
    #: Aware UTC.
    created_at: datetime
    created_by: str
    #: Aware UTC; the vendor's modification stamp.
    modified_at: datetime
    modified_by: str
    deleted: bool = False
    #: Earlier values per field, oldest first, only for fields that changed since creation.
    held: dict[str, list[Any]] = field(default_factory=dict)

    def get(self, name: str, default: Any = None) -> Any:
        """Return the field's value, or the default when it is null."""
        return self.values.get(name, default)

    def ever(self, name: str) -> list[Any]:
        """Return all values the field has held, oldest first; null only where a value was cleared."""
        past = self.held.get(name)
        if past is None:
            return [self.values[name]] if name in self.values else []
        return [*past, self.values.get(name)]
