"""CRM search: filters, order, windows ("Search the CRM" guide)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.answers import Refusal, invalid, ms, parse_time
from sandbox.hubspot.objects import ObjectType, object_type
from sandbox.hubspot.portal import SEARCHES_KEPT, version
from sandbox.hubspot.streams import record_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from sandbox.core.calls import Stream, Version
    from sandbox.core.records import Record
    from sandbox.hubspot.association_book import AssociationBook
    from sandbox.hubspot.portal import Portal

WINDOW = 10_000
LONGEST_BODY = 3_000
MOST_GROUPS, MOST_FILTERS, MOST_IN_ALL = 5, 6, 18
LARGEST_PAGE = 200
RANGES = frozenset({"GT", "GTE", "LT", "LTE", "BETWEEN"})
COMPARISONS = frozenset({"EQ", "NEQ", "LT", "LTE", "GT", "GTE", "BETWEEN"})
OPERATORS = COMPARISONS | {"IN", "NOT_IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"}


class Search:
    """Answer searches of one portal; the hits of a query are remembered until a row changes."""

    def __init__(self, portal: Portal, associations: AssociationBook) -> None:
        """Search a portal."""
        self._portal, self._associations = portal, associations

    def run(self, kind: ObjectType, body: dict[str, Any]) -> tuple[int, int, list[Record]]:
        """Return (total, offset, page).

        Raises:
            Refusal: 400 for a query the account does not take, or past the window of 10,000.
        """
        limit, offset = _paging(body)
        ids = self._hits(kind, body)
        if offset + limit > WINDOW:
            raise Refusal(400, f"You cannot page past the first {WINDOW} results of a search.", "VALIDATION_ERROR")
        page = []
        for row_id in ids[offset : offset + limit]:
            record = self._portal.records.get(kind.name, row_id)
            if record is not None:
                page.append(self._indexed(record))
        return len(ids), offset, page

    def stream(self, kind: ObjectType, body: dict[str, Any]) -> Stream | None:
        """Return the stream a query walks: bounds of time or id in every group; None when it looks somebody up.

        Further filters make a stream of their own, of the records that pass them.
        """
        groups = [_filters(group) for group in body.get("filterGroups") or []]
        if body.get("query") or not all(any(_is_bound(kind, entry) for entry in group) for group in groups):
            return None
        others = [[entry for entry in group if not _is_bound(kind, entry)] for group in groups]
        plain = record_stream(self._portal, kind)
        if not any(others):
            return plain
        tests = [[self._test(kind, entry) for entry in group] for group in others]
        names = sorted({str(entry["propertyName"]) for group in others for entry in group})

        def rows() -> list[Version]:
            return [
                version(record)
                for record in self._portal.living(kind)
                if any(all(test(record) for test in group) for group in tests)
            ]

        return replace(plain, name=f"{kind.name} by {', '.join(names)}", rows=rows)

    def _hits(self, kind: ObjectType, body: dict[str, Any]) -> list[str]:
        groups, sorts, query = body.get("filterGroups") or [], body.get("sorts") or [], str(body.get("query") or "")
        key = (kind.name, repr(groups), repr(sorts), query, self._portal.search_horizon)
        known = self._portal.searches.get(key)
        if known is not None and known[0] == self._portal.changes:
            return known[1]
        tests = self._compile(kind, groups)
        words = query.casefold().split()
        rows = [
            record
            for record in self._indexed_rows(kind)
            if (not tests or any(all(test(record) for test in group) for group in tests))
            and (not words or self._mentions(kind, record, words))
        ]
        ids = [record.id for record in self._ordered(kind, rows, sorts)]
        self._portal.searches[key] = (self._portal.changes, ids)
        while len(self._portal.searches) > SEARCHES_KEPT:
            self._portal.searches.popitem(last=False)
        return ids

    # -- the index and its lag -----------------------------------------------------------------

    def _indexed_rows(self, kind: ObjectType) -> Iterable[Record]:
        horizon = self._portal.search_horizon
        if horizon is None:
            return self._portal.living(kind)
        return (self._indexed(record) for record in self._portal.living(kind) if record.created_at <= horizon)

    def _indexed(self, record: Record) -> Record:
        """Return the record as the index has it: while it lags, as it was at the horizon."""
        horizon = self._portal.search_horizon
        if horizon is None or record.modified_at <= horizon:
            return record
        values, modified = dict(record.values), record.modified_at
        for entry in reversed(self._portal.log(record)):
            moment = parse_time(entry["at"])
            if moment is None or moment <= horizon:
                break
            for name, was in entry["was"].items():
                if was is None:
                    values.pop(name, None)
                else:
                    values[name] = was
            modified = parse_time(entry["before"]) or modified
        return replace(record, values=values, modified_at=modified)

    # -- filters -------------------------------------------------------------------------------

    def _compile(self, kind: ObjectType, groups: Any) -> list[list[Callable[[Record], bool]]]:
        if not isinstance(groups, list) or len(groups) > MOST_GROUPS:
            raise invalid(f"there is a limit of {MOST_GROUPS} filterGroups")
        compiled = [[self._test(kind, entry) for entry in _filters(group)] for group in groups]
        if sum(map(len, compiled)) > MOST_IN_ALL:
            raise invalid(f"there is a limit of {MOST_IN_ALL} filters in all")
        return compiled

    def _test(self, kind: ObjectType, entry: Any) -> Callable[[Record], bool]:
        if not isinstance(entry, dict) or entry.get("operator") not in OPERATORS:
            raise invalid("Invalid input JSON: a filter needs propertyName and a known operator")
        name, operator = str(entry.get("propertyName")), entry["operator"]
        if name.startswith("associations."):
            return self._association_test(kind, name.removeprefix("associations."), entry)
        definition = self._portal.property(kind, name)
        if definition is None:
            raise invalid(f'There was a problem with the request: property "{name}" does not exist')
        read = self._reader(kind, name, definition["type"])
        if operator == "HAS_PROPERTY":
            return lambda record: read(record) is not None
        if operator == "NOT_HAS_PROPERTY":
            return lambda record: read(record) is None
        return _value_test(entry, operator, read, _sought(definition))

    def _reader(self, kind: ObjectType, name: str, sort: str) -> Callable[[Record], Any]:
        if name == kind.modified:
            return lambda record: ms(record.modified_at)
        if name == kind.created:
            return lambda record: ms(record.created_at)
        if name == "hs_object_id":
            return lambda record: int(record.id)
        convert = {"number": _as_number, "datetime": _as_ms, "date": _as_ms}.get(sort, _as_text)
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

    def _mentions(self, kind: ObjectType, record: Record, words: list[str]) -> bool:
        text = " ".join(str(record.get(name, "")) for name in kind.searchable).casefold()
        return all(word in text for word in words)

    # -- order ---------------------------------------------------------------------------------

    def _ordered(self, kind: ObjectType, rows: list[Record], sorts: Any) -> list[Record]:
        if not isinstance(sorts, list) or len(sorts) > 1:
            raise invalid("there is a limit of 1 sort")
        name, descending = kind.created, False
        if sorts:
            rule = sorts[0]
            if isinstance(rule, str):
                name, descending = rule.lstrip("-"), rule.startswith("-")
            elif isinstance(rule, dict) and isinstance(rule.get("propertyName"), str):
                name, descending = rule["propertyName"], rule.get("direction") == "DESCENDING"
            else:
                raise invalid("Invalid input JSON: a sort needs propertyName and direction")
        definition = self._portal.property(kind, name)
        if definition is None:
            raise invalid(f'There was a problem with the request: property "{name}" does not exist')
        read = self._reader(kind, name, definition["type"])
        keyed = [(read(record), int(record.id), record) for record in rows]
        present = sorted((entry for entry in keyed if entry[0] is not None), key=lambda entry: entry[:2])
        absent = sorted((entry for entry in keyed if entry[0] is None), key=lambda entry: entry[1])
        if descending:
            present.reverse()
        return [entry[2] for entry in (*present, *absent)]


def _paging(body: dict[str, Any]) -> tuple[int, int]:
    try:
        limit, offset = int(body.get("limit") or 10), int(body.get("after") or 0)
    except (TypeError, ValueError):
        raise invalid("Invalid input JSON: limit and after must be integers") from None
    if not 0 < limit <= LARGEST_PAGE or offset < 0:
        raise invalid(f"limit must lie between 1 and {LARGEST_PAGE}")
    return limit, offset


def _filters(group: Any) -> list[Any]:
    entries = group.get("filters") if isinstance(group, dict) else None
    if not isinstance(entries, list) or len(entries) > MOST_FILTERS:
        raise invalid(f"there is a limit of {MOST_FILTERS} filters per group")
    return entries


def _is_bound(kind: ObjectType, entry: dict[str, Any]) -> bool:
    """Tell whether a filter bounds a walk: a range of times or ids, or one moment whose ties are walked by id."""
    name, operator = entry.get("propertyName"), entry.get("operator")
    if name in {kind.modified, kind.created}:
        return operator in RANGES or operator == "EQ"
    return name == "hs_object_id" and operator in RANGES


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
        return _as_number
    if definition["type"] in {"date", "datetime"}:
        return _as_ms
    return _as_it_is if definition["type"] == "enumeration" else _as_text


def _as_number(value: Any) -> float | None:
    try:
        return None if value is None or value == "" else float(value)
    except (TypeError, ValueError):
        return None


def _as_ms(value: Any) -> int | None:
    moment: datetime | None = parse_time(str(value)) if value not in {None, ""} else None
    return None if moment is None else ms(moment)


def _as_text(value: Any) -> str | None:
    return None if value is None else str(value).casefold()


def _as_it_is(value: Any) -> str | None:
    return None if value is None else str(value)
