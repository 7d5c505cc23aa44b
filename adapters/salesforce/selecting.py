"""The queries that pulls ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from simple_salesforce.format import quote_soql_value

from adapters.salesforce.schema import ObjectShape, Schema
from adapters.salesforce.streams import AUDIT_FIELDS, STAMPS, StreamSpec
from adapters.salesforce.values import soql_instant


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked of one stream in this org, for our user."""

    spec: StreamSpec
    shape: ObjectShape
    #: every selected field, ``Id`` first
    fields: tuple[str, ...]

    @property
    def stamp(self) -> str:
        """The field by which changes are found."""
        return next(name for name in STAMPS if self.shape.has(name))

    def window(self, low: datetime | None, high: datetime | None) -> str:
        """Ask for rows with ``low <= stamp < high``, oldest first, ties by id."""
        stamp = self.stamp
        conditions = [self.spec.where] if self.spec.where else []
        if low is not None:
            conditions.append(f"{stamp} >= {soql_instant(low)}")
        if high is not None:
            conditions.append(f"{stamp} < {soql_instant(high)}")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"{self._select()}{where} ORDER BY {stamp} ASC, Id ASC"

    def by_ids(self, ids: Iterable[str]) -> str:
        """Ask for these records."""
        return f"{self._select()} WHERE Id IN {quote_soql_value(list(ids))}"

    def _select(self) -> str:
        return f"SELECT {', '.join(self.fields)} FROM {self.shape.name}"


class Selector:
    """Knows what to select, as far as it is visible: the stream's own fields, what was wished for, and our fields."""

    def __init__(self, schema: Schema) -> None:
        """Start without wishes."""
        self._schema = schema
        self._wishes: dict[str, dict[str, None]] = {}

    def want(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Add (our word, native field) pairs."""
        for word, name in pairs:
            self._wishes.setdefault(word, {})[name] = None

    def wishes(self) -> Mapping[str, list[str]]:
        """Give what was wished for, by our word."""
        return {word: list(names) for word, names in self._wishes.items()}

    def selection(self, spec: StreamSpec) -> Selection | None:
        """Give what to select; None for an optional object that our user does not see.

        Raises:
            AccessError: our user does not see the object.
        """
        shape = self._schema.find(spec.word) if spec.optional else self._schema.get(spec.word)
        if shape is None:
            return None
        names = ["Id", *spec.fields, *AUDIT_FIELDS, *self._wishes.get(spec.word, ()), *shape.own_fields()]
        related = [path for path in spec.related if shape.has(spec.needs[path])]
        return Selection(spec, shape, (*shape.selectable(names), *related))
