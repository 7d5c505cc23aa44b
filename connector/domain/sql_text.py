"""Texts and names as they stand in a statement of the embedded engine."""

from __future__ import annotations


def literal(text: str) -> str:
    """Write a text literal."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """Write the name of a column or table."""
    return '"' + name.replace('"', '""') + '"'
