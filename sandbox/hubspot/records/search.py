"""CRM search: order, windows, pages ("Search the CRM" guide)."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.answers import Refusal, invalid, ms, parse_time
from sandbox.hubspot.portal import SEARCHES_KEPT, version
from sandbox.hubspot.records.search_filters import Filters, filter_groups
from sandbox.hubspot.records.search_plan import Candidates, candidates
from sandbox.hubspot.row_index import Entry, between
from sandbox.hubspot.streams import record_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sandbox.core.calls import Stream, Version
    from sandbox.core.records import Record
    from sandbox.hubspot.objects import ObjectType
    from sandbox.hubspot.portal import Portal
    from sandbox.hubspot.records.association_book import AssociationBook

WINDOW = 10_000
LONGEST_BODY = 3_000
LARGEST_PAGE = 200
RANGES = frozenset({"GT", "GTE", "LT", "LTE", "BETWEEN"})
Groups = list[list[dict[str, Any]]]
Tests = list[list["Callable[[Record], bool]"]]


class Search:
    """Answer searches of one portal; the hits of a query are remembered until a row changes."""

    def __init__(self, portal: Portal, associations: AssociationBook) -> None:
        """Search a portal."""
        self._portal, self._associations = portal, associations
        self._filters = Filters(portal, associations)
        self._remembered: OrderedDict[Any, tuple[int, Sequence[Entry]]] = OrderedDict()

    def run(self, kind: ObjectType, body: dict[str, Any]) -> tuple[int, int, list[Record]]:
        """Return (total, offset, page).

        Raises:
            Refusal: 400 for a query the account does not take, or past the window of 10,000.
        """
        limit, offset = _paging(body)
        hits = self._hits(kind, body)
        if offset + limit > WINDOW:
            raise Refusal(400, f"You cannot page past the first {WINDOW} results of a search.", "VALIDATION_ERROR")
        page = []
        for _, number in hits[offset : offset + limit]:
            record = self._portal.records.get(kind.name, str(number))
            if record is not None:
                page.append(self._indexed(record))
        return len(hits), offset, page

    def everything(self, kind: ObjectType, body: dict[str, Any]) -> list[Record]:
        """Return all that a query finds, as an export takes it.

        Raises:
            Refusal: 400 for a query the account does not take.
        """
        found = (self._portal.records.get(kind.name, str(number)) for _, number in self._hits(kind, body))
        return [record for record in found if record is not None]

    def stream(self, kind: ObjectType, body: dict[str, Any]) -> Stream | None:
        """Return the stream a query walks: bounds of time or id in every group; None when it looks somebody up.

        Further filters make a stream of their own, of the records that pass them.
        """
        groups = filter_groups(body.get("filterGroups") or [])
        if body.get("query") or not all(any(_is_bound(kind, entry) for entry in group) for group in groups):
            return None
        others = [[entry for entry in group if not _is_bound(kind, entry)] for group in groups]
        plain = record_stream(self._portal, kind)
        if not any(others):
            return plain
        tests = self._tests(kind, others)
        names = sorted({str(entry["propertyName"]) for group in others for entry in group})

        def rows() -> list[Version]:
            return [
                version(record)
                for record in self._portal.living(kind)
                if any(all(test(record) for test in group) for group in tests)
            ]

        return replace(plain, name=f"{kind.name} by {', '.join(names)}", rows=rows)

    # -- what is found -------------------------------------------------------------------------

    def _tests(self, kind: ObjectType, groups: Groups) -> Tests:
        return [[self._filters.test(kind, entry) for entry in group] for group in groups]

    def _hits(self, kind: ObjectType, body: dict[str, Any]) -> Sequence[Entry]:
        """Return what is found, in order; an entry's second part is the id."""
        groups = filter_groups(body.get("filterGroups") or [])
        sort, query = self._order(kind, body.get("sorts") or []), str(body.get("query") or "")
        horizon = self._portal.search_horizon
        key = (kind.name, repr(groups), sort, query, horizon)
        known = self._remembered.get(key)
        if known is not None and known[0] == self._portal.changes:
            return known[1]
        tests = self._tests(kind, groups)
        plans = [candidates(self._portal, self._associations, kind, group) for group in groups or [[]]]
        slices = self._slices(kind, plans, sort) if not query and horizon is None else None
        hits = slices if slices is not None else self._gathered(kind, plans, tests, sort, query)
        self._remembered[key] = (self._portal.changes, hits)
        while len(self._remembered) > SEARCHES_KEPT:
            self._remembered.popitem(last=False)
        return hits

    def _slices(self, kind: ObjectType, plans: list[Candidates], sort: tuple[str, bool]) -> Sequence[Entry] | None:
        """Return the hits of a plain window where they stand in the wanted order already, else None."""
        index, (plan, *others) = self._portal.index(kind), plans
        if others or plan.left:
            return None
        if sort[0] == kind.modified and plan.by in {"modified", "all"}:
            order = index.modified()
        elif sort[0] == kind.created and plan.by in {"created", "all"}:
            order = index.created()
        else:
            return None
        start, stop = between(order, plan.low, plan.high) if plan.by != "all" else (0, len(order))
        found = order[start:stop]
        if sort[1]:
            found.reverse()
        return found

    def _gathered(
        self, kind: ObjectType, plans: list[Candidates], tests: Tests, sort: tuple[str, bool], query: str
    ) -> Sequence[Entry]:
        """Test the records that each group's plan leaves over, and put those that pass in order."""
        found: dict[str, Record] = {}
        words = query.casefold().split()
        for number, plan in enumerate(plans):
            group = tests[number] if tests else []
            for record in self._seen(kind, plan):
                if record.id not in found and all(test(record) for test in group):
                    found[record.id] = record
        rows = [record for record in found.values() if not words or self._mentions(kind, record, words)]
        return self._ordered(kind, rows, sort)

    def _seen(self, kind: ObjectType, plan: Candidates) -> Iterable[Record]:
        """Return the living records a plan leaves, as the search index has them."""
        get, name, horizon = self._portal.records.get, kind.name, self._portal.search_horizon
        rows = (row for row_id in plan.ids() if (row := get(name, row_id)) is not None and not row.deleted)
        if horizon is None:
            return rows
        # The index lags: what changed since may have matched before, whatever its values are now.
        order = self._portal.index(kind).modified()
        late = [get(name, str(number)) for _, number in order[between(order, ms(horizon), None)[0] :]]
        merged = {row.id: row for row in (*rows, *late) if row is not None and row.created_at <= horizon}
        return [self._indexed(row) for row in merged.values()]

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

    def _mentions(self, kind: ObjectType, record: Record, words: list[str]) -> bool:
        text = " ".join(str(record.get(name, "")) for name in kind.searchable).casefold()
        return all(word in text for word in words)

    # -- order ---------------------------------------------------------------------------------

    def _order(self, kind: ObjectType, sorts: Any) -> tuple[str, bool]:
        """Return the property to sort by, and whether downwards; by default the oldest created stand first."""
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
        if self._portal.property(kind, name) is None:
            raise invalid(f'There was a problem with the request: property "{name}" does not exist')
        return name, descending

    def _ordered(self, kind: ObjectType, rows: list[Record], sort: tuple[str, bool]) -> Sequence[Entry]:
        name, descending = sort
        definition = self._portal.property(kind, name)
        assert definition is not None
        read = self._filters.reader(kind, name, definition["type"])
        keyed = [(read(record), int(record.id)) for record in rows]
        present = sorted(entry for entry in keyed if entry[0] is not None)
        absent = sorted(entry for entry in keyed if entry[0] is None)
        if descending:
            present.reverse()
        return [*present, *absent]


def _paging(body: dict[str, Any]) -> tuple[int, int]:
    try:
        limit, offset = int(body.get("limit") or 10), int(body.get("after") or 0)
    except (TypeError, ValueError):
        raise invalid("Invalid input JSON: limit and after must be integers") from None
    if not 0 < limit <= LARGEST_PAGE or offset < 0:
        raise invalid(f"limit must lie between 1 and {LARGEST_PAGE}")
    return limit, offset


def _is_bound(kind: ObjectType, entry: dict[str, Any]) -> bool:
    """Tell whether a filter bounds a walk: a range of times or ids, or one moment whose ties are walked by id."""
    name, operator = entry.get("propertyName"), entry.get("operator")
    if name in {kind.modified, kind.created}:
        return operator in RANGES or operator == "EQ"
    return name == "hs_object_id" and operator in RANGES
