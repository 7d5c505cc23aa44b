"""Who did what, in the transaction of the deed itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from state.bulk import as_json, storable
from state.tables import AUDIT


def note(connection: Connection, who: str, what: str, at: datetime, details: Mapping[str, Any] | None = None) -> None:
    """Record a deed; ``details`` are JSON values."""
    number = select(func.coalesce(func.max(AUDIT.c.id), 0) + 1).scalar_subquery()
    connection.execute(
        insert(AUDIT).values(
            id=number, at=at, who=storable(who), what=storable(what), details=as_json(dict(details or {}))
        )
    )
