"""Answer queries: pages, locators, relationship paths, sub-selects and counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.filters import Column, Scope, Test, candidates
from sandbox.salesforce.ids import make_id
from sandbox.salesforce.schema import NUMBER_TYPES
from sandbox.salesforce.soql import Aggregate, Order, Parser, Path, Query, at
from sandbox.salesforce.view import row_url

if TYPE_CHECKING:
    from sandbox.core.records import Record
    from sandbox.salesforce.state import OrgState

PAGE = 2000
SMALLEST_PAGE = 200
#: How long a locator can be followed (reference: query).
LOCATOR_LIFE = timedelta(days=2)
TYPE_HINT = (
    "If you are attempting to use a custom object, be sure to append the '__c' after the entity name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
#: Objects that only the Tooling API shows.
TOOLING_ONLY = frozenset({"CustomField"})
Render = Callable[["Record"], dict[str, Any]]


@dataclass(slots=True)
class Result:
    """One page of rows, beside the whole."""

    body: dict[str, Any]
    #: The rows on this page; none for aggregates.
    rows: list[Record]
    query: Query
    obj: str
    full: bool
    aggregate: bool = False


@dataclass(slots=True)
class _Cursor:
    rows: list[Record]
    render: Render
    size: int
    until: datetime
    query: Query
    obj: str
    version: str
    #: Child rows count towards the page (reference: query).
    children: bool = False


class Queries:
    """Run queries for one org and keep their open locators."""

    def __init__(self, state: OrgState) -> None:
        """Start without locators."""
        self._state = state
        self._cursors: dict[str, _Cursor] = {}
        self._number = 0
        #: Rows younger than this stay unseen (a planted fault).
        self.lag: timedelta | None = None

    # -- the two resources ---------------------------------------------------------------------

    def start(
        self, text: str, *, version: str, user: str, size: int = PAGE, deleted: bool = False, tooling: bool = False
    ) -> Result:
        """Answer a query with its first page; only ``tooling`` reaches the objects that define others.

        Raises: ApiError.
        """
        query = Parser(text).parse()
        scope = self._scope(query, user, tooling=tooling)
        if any(isinstance(item, Aggregate) for item in query.select):
            return self._aggregate(scope, query, deleted=deleted)
        rows = self._rows(scope, query, deleted=deleted)
        render, children = self._render(scope, query, version)
        cursor = _Cursor(
            rows, render, max(SMALLEST_PAGE, min(PAGE, size)), self._deadline(), query, scope.obj.name, version
        )
        cursor.children = children
        return self._page(cursor, None, 0)

    def follow(self, locator: str) -> Result:
        """Answer with a later page.

        Raises: ApiError INVALID_QUERY_LOCATOR.
        """
        key, _, place = locator.rpartition("-")
        cursor = self._cursors.get(key)
        if cursor is None or not place.isdigit() or cursor.until < self._state.clock.now():
            raise ApiError("INVALID_QUERY_LOCATOR", "invalid query locator", status=404)
        return self._page(cursor, key, int(place))

    def _deadline(self) -> datetime:
        return self._state.clock.now() + LOCATOR_LIFE

    def _page(self, cursor: _Cursor, key: str | None, place: int) -> Result:
        page: list[Record] = []
        shown: list[dict[str, Any]] = []
        weight = 0
        for row in cursor.rows[place : place + cursor.size]:
            page.append(row)
            shown.append(cursor.render(row))
            weight += 1
            if cursor.children:
                weight += sum(block["totalSize"] for block in shown[-1].values() if _is_block(block))
                if weight >= cursor.size:
                    break
        body: dict[str, Any] = {"totalSize": len(cursor.rows), "done": place + len(page) >= len(cursor.rows)}
        if not body["done"]:
            if key is None:
                self._number += 1
                key = make_id("01g", self._number)
                self._cursors[key] = cursor
            body["nextRecordsUrl"] = f"/services/data/{cursor.version}/query/{key}-{place + len(page)}"
        body["records"] = shown
        return Result(body, page, cursor.query, cursor.obj, full=weight >= cursor.size)

    # -- rows ----------------------------------------------------------------------------------

    def _scope(self, query: Query, user: str, *, tooling: bool = False) -> Scope:
        obj = self._state.schema.object(query.source)
        if obj is None or (obj.name in TOOLING_ONLY and not tooling) or not self._state.may(obj.name, "read", user):
            words = f"sObject type '{query.source}' is not supported. {TYPE_HINT}"
            raise at(query.text, query.source_start, words, "INVALID_TYPE")
        return Scope(self._state, obj, query.text, user)

    def _inner(self, scope: Scope, query: Query) -> Iterable[Any]:
        inner = self._scope(query, scope.user)
        if len(query.select) != 1 or not isinstance(query.select[0], Path):
            raise at(query.text, query.source_start, "Inner select must select exactly one field")
        read = inner.column(query.select[0]).read
        return {value for row in self._rows(inner, query, deleted=False) if (value := read(row)) is not None}

    def _rows(self, scope: Scope, query: Query, *, deleted: bool) -> list[Record]:
        test: Test | None = None
        if query.where is not None:
            test = scope.test(query.where, lambda inner: self._inner(scope, inner))
        found, ordered = candidates(scope, query, deleted=deleted)
        newest = None if self.lag is None else self._state.clock.now() - self.lag
        rows = [
            row
            for row in found
            if (deleted or not row.deleted)
            and (newest is None or row.modified_at <= newest)
            and (test is None or test(row))
        ]
        self._sort(scope, query.order, rows, ordered=ordered)
        return rows[query.offset : None if query.limit is None else query.offset + query.limit]

    def _sort(self, scope: Scope, orders: list[Order], rows: list[Record], *, ordered: bool) -> None:
        names = [order.path.parts[0].lower() for order in orders]
        by_stamp = names[:1] == ["systemmodstamp"] and names[1:] in ([], ["id"])
        if by_stamp and ordered and not any(order.descending for order in orders):
            return
        if not orders:
            rows.sort(key=lambda row: row.id)
        for order in reversed(orders):
            column = scope.column(order.path)
            if not column.field.filterable:
                words = f"field '{order.path.parts[-1]}' can not be sorted in a query call"
                raise at(scope.text, order.path.start, words, "MALFORMED_QUERY")
            nulls_last = order.nulls_last != order.descending
            rows.sort(key=_by(column.read, last=nulls_last), reverse=order.descending)

    # -- what is shown -------------------------------------------------------------------------

    def _render(self, scope: Scope, query: Query, version: str) -> tuple[Render, bool]:
        flat: list[tuple[str, Column]] = []
        nested: list[tuple[list[str], Column]] = []
        children: list[tuple[str, Callable[[Record], dict[str, Any] | None]]] = []
        for item in query.select:
            if isinstance(item, Query):
                children.append(self._children(scope, item, version))
            elif isinstance(item, Path):
                column = scope.column(item)
                names = self._names(scope, item)
                if len(names) == 1:
                    flat.append((names[0], column))
                else:
                    nested.append((names, column))
        reads = [(name, column.read) for name, column in flat]
        state = self._state

        def render(row: Record) -> dict[str, Any]:
            shown: dict[str, Any] = {"attributes": {"type": row.obj, "url": row_url(row, version)}}
            for name, read in reads:
                shown[name] = read(row)
            for names, column in nested:
                _nest(state, shown, row, names, column, version)
            for name, child in children:
                shown[name] = child(row)
            return shown

        return render, bool(children)

    def _names(self, scope: Scope, path: Path) -> list[str]:
        """Return a path's parts spelled as the schema spells them."""
        parts = list(path.parts)
        if len(parts) > 1 and parts[0].lower() == scope.obj.name.lower():
            parts = parts[1:]
        obj, names = scope.obj, []
        for part in parts[:-1]:
            link = obj.relationship(part)
            names.append(str(link.relationship) if link is not None else part)
            following = self._state.schema.object(link.refers_to[0]) if link and len(link.refers_to) == 1 else None
            if following is None:
                return [*names, parts[-1]]
            obj = following
        last = obj.field_of(parts[-1])
        return [*names, last.name if last is not None else parts[-1]]

    def _children(
        self, scope: Scope, query: Query, version: str
    ) -> tuple[str, Callable[[Record], dict[str, Any] | None]]:
        for child, link, name in self._state.schema.children(scope.obj.name):
            if name.lower() == query.source.lower():
                return name, self._block(scope, query, child, link.name, version)
        words = f"Didn't understand relationship '{query.source}' in FROM part of query call. {TYPE_HINT}"
        raise at(query.text, query.source_start, words, "INVALID_TYPE")

    def _block(
        self, scope: Scope, query: Query, child: str, link: str, version: str
    ) -> Callable[[Record], dict[str, Any] | None]:
        """Return the function that shows a row's children; it is null when there are none."""
        inner = Scope(self._state, self._state.schema.objects[child.lower()], query.text, scope.user)
        test = None if query.where is None else inner.test(query.where, lambda deep: self._inner(inner, deep))
        render, _ = self._render(inner, query, version)

        def block(row: Record) -> dict[str, Any] | None:
            rows = [found for found in self._state.records.find(child, link, row.id) if test is None or test(found)]
            self._sort(inner, query.order, rows, ordered=False)
            rows = rows[query.offset : None if query.limit is None else query.offset + query.limit]
            if not rows:
                return None
            cursor = _Cursor(rows, render, PAGE, self._deadline(), query, child, version)
            return self._page(cursor, None, 0).body

        return block

    # -- aggregates ----------------------------------------------------------------------------

    def _aggregate(self, scope: Scope, query: Query, *, deleted: bool) -> Result:
        limit, offset, query.limit, query.offset = query.limit, query.offset, None, 0
        order, query.order = query.order, []
        rows = self._rows(scope, query, deleted=deleted)
        first = query.select[0]
        if isinstance(first, Aggregate) and first.path is None and len(query.select) == 1 and first.alias is None:
            body: dict[str, Any] = {"totalSize": len(rows), "done": True, "records": []}
            return Result(body, [], query, scope.obj.name, full=False, aggregate=True)
        keys = [scope.column(path).read for path in query.group]
        groups: dict[tuple[Any, ...], list[Record]] = {}
        for row in rows:
            groups.setdefault(tuple(key(row) for key in keys), []).append(row)
        if not keys:
            groups.setdefault((), [])
        shown = [self._group(scope, query, members) for members in groups.values()]
        for wish in reversed(order):
            shown.sort(key=_by_name(wish.path.parts[-1]), reverse=wish.descending)
        shown = shown[offset : None if limit is None else offset + limit]
        body = {"totalSize": len(shown), "done": True, "records": shown}
        return Result(body, [], query, scope.obj.name, full=False, aggregate=True)

    def _group(self, scope: Scope, query: Query, rows: list[Record]) -> dict[str, Any]:
        grouped = {tuple(part.lower() for part in path.parts) for path in query.group}
        shown: dict[str, Any] = {"attributes": {"type": "AggregateResult"}}
        number = 0
        for item in query.select:
            if isinstance(item, Aggregate):
                name = item.alias or f"expr{number}"
                number += item.alias is None
                shown[name] = self._value(scope, item, rows)
            elif isinstance(item, Path):
                if tuple(part.lower() for part in item.parts) not in grouped:
                    words = f"Field must be grouped or aggregated: {'.'.join(item.parts)}"
                    raise at(query.text, item.start, words)
                shown[self._names(scope, item)[-1]] = scope.column(item).read(rows[0])
        return shown

    def _value(self, scope: Scope, item: Aggregate, rows: list[Record]) -> Any:
        if item.path is None:
            return len(rows)
        column = scope.column(item.path)
        values = [value for row in rows if (value := column.read(row)) is not None]
        if item.function == "count":
            return len(values)
        if item.function == "count_distinct":
            return len(set(values))
        if item.function in ("sum", "avg"):
            if column.field.type not in NUMBER_TYPES:
                words = f"field {item.path.parts[-1]} does not support aggregate operator {item.function.upper()}"
                raise at(scope.text, item.path.start, words)
            total = sum(values)
            return None if not values else total if item.function == "sum" else total / len(values)
        return None if not values else min(values) if item.function == "min" else max(values)


def _key(value: Any, *, last: bool) -> tuple[int, Any]:
    if value is None:
        return (2 if last else 0, 0)
    return (1, value.casefold() if isinstance(value, str) else value)


def _by(read: Callable[[Record], Any], *, last: bool) -> Callable[[Record], tuple[int, Any]]:
    return lambda row: _key(read(row), last=last)


def _by_name(name: str) -> Callable[[dict[str, Any]], tuple[int, Any]]:
    return lambda entry: _key(entry.get(name), last=False)


def _is_block(value: Any) -> bool:
    return isinstance(value, dict) and "totalSize" in value


def _nest(state: OrgState, shown: dict[str, Any], row: Record, names: list[str], column: Column, version: str) -> None:
    """Put a distant value where its path leads; a parent that is not set is null."""
    here, target = row, shown
    for name in names[:-1]:
        link = state.schema.objects[here.obj.lower()].relationship(name)
        found = state.row(here.values.get(link.name)) if link is not None else None
        if link is None or found is None:
            target[name] = None
            return
        if not isinstance(target.get(name), dict):
            kind = "Name" if len(link.refers_to) > 1 else found.obj
            target[name] = {"attributes": {"type": kind, "url": row_url(found, version)}}
        here, target = found, target[name]
    target[names[-1]] = column.read(row)
