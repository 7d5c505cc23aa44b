"""What the filters of a search mean: one test per filter ("Search the CRM" guide)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.answers import invalid, ms, parse_time
from sandbox.hubspot.objects import ObjectType, object_type

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sandbox.core.records import Record
    from sandbox.hubspot.portal import Portal
    from sandbox.hubspot.records.association_book import AssociationBook

MOST_GROUPS, MOST_FILTERS, MOST_IN_ALL = 5, 6, 18
COMPARISONS = frozenset({"EQ", "NEQ", "LT", "LTE", "GT", "GTE", "BETWEEN"})
OPERATORS = COMPARISONS | {"IN", "NOT_IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"}


def filter_groups(given: Any) -> list[list[dict[str, Any]]]:
    """Return the filters of each group.

    Raises:
        Refusal: 400 beyond the limits, or for something that is no filter.
    """
    if not isinstance(given, list) or len(given) > MOST_GROUPS:
        raise invalid(f"there is a limit of {MOST_GROUPS} filterGroups")
    groups = [_filters(group) for group in given]
    if sum(map(len, groups)) > MOST_IN_ALL:
        raise invalid(f"there is a limit of {MOST_IN_ALL} filters in all")
    return groups


def _filters(group: Any) -> list[dict[str, Any]]:
    entries = group.get("filters") if isinstance(group, dict) else None
    if not isinstance(entries, list) or len(entries) > MOST_FILTERS:
        raise invalid(f"there is a limit of {MOST_FILTERS} filters per group")
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("operator") not in OPERATORS:
            raise invalid("Invalid input JSON: a filter needs propertyName and a known operator")
    return entries


class Filters:
    """Turn filters into tests of one portal's records."""

    def __init__(self, portal: Portal, associations: AssociationBook) -> None:
        """Test a portal's records."""
        self._portal, self._associations = portal, associations

    def test(self, kind: ObjectType, entry: dict[str, Any]) -> Callable[[Record], bool]:
        """Return what tells whether a record passes a filter.

        Raises:
            Refusal: 400 for a property the type does not have, or a value that cannot be read.
        """
        name, operator = str(entry.get("propertyName")), entry["operator"]
        if name.startswith("associations."):
            return self._association_test(kind, name.removeprefix("associations."), entry)
        definition = self._portal.property(kind, name)
        if definition is None:
            raise invalid(f'There was a problem with the request: property "{name}" does not exist')
        read = self.reader(kind, name, definition["type"])
        if operator == "HAS_PROPERTY":
            return lambda record: read(record) is not None
        if operator == "NOT_HAS_PROPERTY":
            return lambda record: read(record) is None
        return _value_test(entry, operator, read, _sought(definition))

    def reader(self, kind: ObjectType, name: str, sort: str) -> Callable[[Record], Any]:
        """Return what reads a property's value in the form values are compared in."""
        if name == kind.modified:
            return lambda record: ms(record.modified_at)
        if name == kind.created:
            return lambda record: ms(record.created_at)
        if name == "hs_object_id":
            return lambda record: int(record.id)
        convert = {"number": as_number, "datetime": as_ms, "date": as_ms}.get(sort, _as_text)
        if sort == "enumeration":
            convert = _as_it_is
        return lambda record: convert(self._portal.value(kind, record, name))

    def _association_test(self, kind: ObjectType, other: str, entry: dict[str, Any]) -> Callable[[Record], bool]:
        to = object_type(other)
        if to is None:
            raise invalid(f"unknown object type {other} in an association filter")
        wanted = {str(value) for value in entry.get("values") or [entry.get("value")]}
        if entry["operator"] in {"HAS_PROPERTY", "NOT_HAS_PROPERTY"}:
            expected = entry["operator"] == "HAS_PROPERTY"
            return lambda record: bool(self._associations.of(kind.name, record.id, to.name)) is expected
        return lambda record: any(
            found in wanted for found, _, _ in self._associations.of(kind.name, record.id, to.name)
        )


def _value_test(
    entry: dict[str, Any], operator: str, read: Callable[[Record], Any], convert: Callable[[Any], Any]
) -> Callable[[Record], bool]:
    if operator in {"IN", "NOT_IN"}:
        many = {convert(value) for value in _many(entry)}
        if operator == "IN":
            return lambda record: read(record) in many
        return lambda record: (value := read(record)) is not None and value not in many
    if operator in {"CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"}:
        return _token_test(str(entry.get("value", "")), operator == "CONTAINS_TOKEN", read)
    low = convert(entry.get("value"))
    if low is None:
        raise invalid(f"filter value for {entry.get('propertyName')} is missing or malformed")
    if operator == "EQ":
        return lambda record: read(record) == low
    if operator == "NEQ":
        return lambda record: (value := read(record)) is not None and value != low
    if operator == "BETWEEN":
        high = convert(entry.get("highValue"))
        if high is None:
            raise invalid("BETWEEN needs value and highValue")
        return lambda record: (value := read(record)) is not None and low <= value <= high
    return _order_test(operator, low, read)


def _order_test(operator: str, low: Any, read: Callable[[Record], Any]) -> Callable[[Record], bool]:
    if operator == "LT":
        return lambda record: (value := read(record)) is not None and value < low
    if operator == "LTE":
        return lambda record: (value := read(record)) is not None and value <= low
    if operator == "GT":
        return lambda record: (value := read(record)) is not None and value > low
    return lambda record: (value := read(record)) is not None and value >= low


def _many(entry: dict[str, Any]) -> list[Any]:
    values = entry.get("values")
    if not isinstance(values, list) or not values:
        raise invalid("IN and NOT_IN need values")
    return values


def _token_test(pattern: str, wanted: bool, read: Callable[[Record], Any]) -> Callable[[Record], bool]:
    tokens = [re.compile(re.escape(part).replace(r"\*", r"[^\s]*")) for part in pattern.casefold().split()]

    def test(record: Record) -> bool:
        value = read(record)
        words = re.split(r"[\s@;,]+", str(value or "").casefold())
        whole = [*words, str(value or "").casefold()]
        return all(any(token.fullmatch(word) for word in whole) for token in tokens) is wanted

    return test


def _sought(definition: dict[str, Any]) -> Callable[[Any], Any]:
    """Return how a filter's value is read, in the form the property's values are compared in."""
    if definition["type"] == "number":
        return as_number
    if definition["type"] in {"date", "datetime"}:
        return as_ms
    return _as_it_is if definition["type"] == "enumeration" else _as_text


def as_number(value: Any) -> float | None:
    try:
        return None if value is None or value == "" else float(value)
    except (TypeError, ValueError):
        return None


def as_ms(value: Any) -> int | None:
    moment: datetime | None = parse_time(str(value)) if value not in {None, ""} else None
    return None if moment is None else ms(moment)


def _as_text(value: Any) -> str | None:
    return None if value is None else str(value).casefold()


def _as_it_is(value: Any) -> str | None:
    return None if value is None else str(value)
