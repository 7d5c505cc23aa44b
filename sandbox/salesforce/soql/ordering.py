"""The order of values: nulls apart, text without regard to case but ids with, picklists as they were set up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.salesforce.objects.schema import Field


def sort_key(read: Callable[[Any], Any], field: Field, *, last: bool) -> Callable[[Any], tuple[Any, ...]]:
    """Return the key by which rows are sorted by a field; ``last`` puts nulls behind everything else."""
    missing = (2 if last else 0,)
    places = {value: place for place, value in enumerate(field.values)} if field.type == "picklist" else {}

    exact = field.type in ("id", "reference")

    def key(row: Any) -> tuple[Any, ...]:
        value = read(row)
        if value is None:
            return missing
        if places:
            return (1, places.get(value, len(places)), value.casefold())
        return (1, value.casefold() if isinstance(value, str) and not exact else value)

    return key
