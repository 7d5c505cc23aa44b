"""Texts, instants and names as they stand in a statement of the embedded engine."""

from __future__ import annotations

from datetime import UTC, datetime


def literal(text: str) -> str:
    """Write a text literal."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """Write the name of a column or table."""
    return '"' + name.replace('"', '""') + '"'


def moment(instant: datetime) -> str:
    """Write an instant."""
    return f"TIMESTAMPTZ '{instant.astimezone(UTC).isoformat()}'"
