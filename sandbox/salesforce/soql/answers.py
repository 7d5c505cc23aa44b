"""Answer queries: rows, pages, sub-selects and counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.objects.absent import absent_object, not_built
from sandbox.salesforce.objects.schema import Field
from sandbox.salesforce.soql.conditions import Conditions
from sandbox.salesforce.soql.groups import Grouping
from sandbox.salesforce.soql.locators import Locators, Opened
from sandbox.salesforce.soql.ordering import sort_key
from sandbox.salesforce.soql.parser import Parser
from sandbox.salesforce.soql.plan import Planner
from sandbox.salesforce.soql.scope import Scope
from sandbox.salesforce.soql.shaping import Shape
from sandbox.salesforce.soql.tree import Aggregate, Order, Path, Query
from sandbox.salesforce.soql.words import at

if TYPE_CHECKING:
    from sandbox.core.records import Record
    from sandbox.salesforce.rows.view import Getter
    from sandbox.salesforce.state import OrgState

PAGE = 2000
SMALLEST_PAGE = 200
TYPE_HINT = (
    "If you are attempting to use a custom object, be sure to append the '__c' after the entity name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
#: Objects that only the Tooling API shows.
TOOLING_ONLY = frozenset({"CustomField"})
#: Kinds of fields that cannot be sorted, beside those that cannot be filtered.
UNSORTED = frozenset({"multipicklist", "address"})


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


class Queries:
    """Run queries for one org and keep their open locators."""

    def __init__(self, state: OrgState) -> None:
        """Take the org's rows; locators opened earlier are found again."""
        self._state = state
        self._locators = Locators(state)
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
        opened = Opened(text, None, version, user, max(SMALLEST_PAGE, min(PAGE, size)), deleted, tooling)
        scope = self._scope(query, user, tooling=tooling)
        if query.group or query.having or any(isinstance(item, Aggregate) for item in query.select):
            return self._aggregate(scope, query, deleted=deleted)
        shape = self._shape(scope, query, opened)
        rows = self.rows(scope, query, deleted=deleted)
        return self._page(opened, query, scope.obj.name, rows, shape, None, 0)

    def resolved(self, text: str, *, user: str) -> tuple[Scope, Query]:
        """Return a query's tree and what its paths refer to, for a bulk job.

        Raises: ApiError.
        """
        query = Parser(text).parse()
        return self._scope(query, user), query

    def follow(self, locator: str) -> Result:
        """Answer with a later page.

        Raises: ApiError INVALID_QUERY_LOCATOR.
        """
        opened, obj, rows, place = self._locators.find(locator)
        query = Parser(opened.text).parse()
        scope = self._scope(query, opened.user, tooling=opened.tooling)
        if opened.part is not None:
            inner = query.select[opened.part]
            assert isinstance(inner, Query)
            child, _, _ = self._child(scope, inner)
            query, scope = inner, child
        shape = self._shape(scope, query, opened)
        return self._page(opened, query, obj, rows, shape, locator.rpartition("-")[0], place)

    def _page(
        self,
        opened: Opened,
        query: Query,
        obj: str,
        rows: Sequence[Record | None],
        shape: Shape,
        key: str | None,
        place: int,
    ) -> Result:
        """Show rows from a place on; child rows count towards the page (reference: query)."""
        page: list[Record] = []
        shown: list[dict[str, Any]] = []
        render, weight, gone = shape.render(), 0, 0
        for row in rows[place : place + opened.size]:
            gone += row is None
            if row is None:
                continue
            page.append(row)
            shown.append(render(row))
            weight += 1
            if shape.blocks:
                blocks = (shown[-1][name] for name in shape.blocks)
                weight += sum(len(block["records"]) for block in blocks if block is not None)
                if weight >= opened.size:
                    break
        reached = place + len(page) + gone
        body: dict[str, Any] = {"totalSize": len(rows), "done": reached >= len(rows)}
        if not body["done"]:
            if key is None:
                key = self._locators.open(opened, obj, [row for row in rows if row is not None])
            body["nextRecordsUrl"] = f"/services/data/{opened.version}/query/{key}-{reached}"
        body["records"] = shown
        return Result(body, page, query, obj, full=weight >= opened.size)

    # -- rows ----------------------------------------------------------------------------------

    def _scope(self, query: Query, user: str, *, tooling: bool = False) -> Scope:
        obj = self._state.schema.object(query.source)
        if obj is None and absent_object(query.source):
            raise not_built(f"object {query.source}")
        if obj is None or (obj.name in TOOLING_ONLY and not tooling) or not self._state.may(obj.name, "read", user):
            words = f"sObject type '{query.source}' is not supported. {TYPE_HINT}"
            raise at(query.text, query.source_start, words, "INVALID_TYPE")
        return Scope(self._state, obj, query, user)

    def _inner(self, user: str, query: Query) -> frozenset[Any]:
        """Return the values an inner query selects, nulls left out."""
        inner = self._scope(query, user)
        if len(query.select) != 1 or not isinstance(query.select[0], Path):
            raise at(query.text, query.source_start, "Inner select must select exactly one field")
        column = inner.column(query.select[0])
        if column.field.type not in ("id", "reference"):
            words = f"The inner select field '{query.select[0].text}' cannot be used in a semi join: it is no id"
            raise at(query.text, query.select[0].start, words, "INVALID_FIELD")
        found = self.rows(inner, query, deleted=False)
        return frozenset(value for row in found if (value := column.read(row)) is not None)

    def rows(self, scope: Scope, query: Query, *, deleted: bool) -> list[Record]:
        """Return the rows a query wants, in its order, within limit and offset.

        Raises: ApiError.
        """
        answers: dict[int, frozenset[Any]] = {}

        def run(inner: Query) -> Iterable[Any]:
            if id(inner) not in answers:
                answers[id(inner)] = self._inner(scope.user, inner)
            return answers[id(inner)]

        conditions = Conditions(scope, run)
        if query.where is not None:
            conditions.test(query.where)  # says what is wrong with the whole, not only with what is left to test
        keys = [self._sort_key(scope, order) for order in query.order]
        plan = Planner(scope, query, conditions, run).plan()
        test = None if plan.rest is None else conditions.test(plan.rest)
        newest = None if self.lag is None else self._state.clock.now() - self.lag
        mine = self._mine(scope, query)
        found = (
            row
            for row in plan.rows
            if (deleted or not row.deleted)
            and (newest is None or row.modified_at <= newest)
            and (mine is None or mine(row) == scope.user)
            and (test is None or test(row))
        )
        stop = None if query.limit is None else query.offset + query.limit
        if plan.ordered:
            return list(islice(found, query.offset, stop))
        rows = sorted(found, key=_row_id)
        for order, key in zip(reversed(query.order), reversed(keys), strict=True):
            rows.sort(key=key, reverse=order.descending)
        return rows[query.offset : stop]

    def _mine(self, scope: Scope, query: Query) -> Getter | None:
        """Return how the owner is read when USING SCOPE asks for one's own rows."""
        if query.scope in (None, "everything"):
            return None
        if query.scope != "mine" or scope.obj.field_of("OwnerId") is None:
            raise not_built(f"SOQL USING SCOPE {query.scope}")
        return lambda row: row.get("OwnerId")

    def _sort_key(self, scope: Scope, order: Order) -> Any:
        column = scope.value_of(order.by)
        field: Field = column.field
        if not field.filterable or field.type in UNSORTED:
            path = order.by if isinstance(order.by, Path) else order.by.path
            words = f"field '{path.parts[-1] if path else ''}' can not be sorted in a query call"
            raise at(scope.text, order.by.start, words)
        return sort_key(column.read, field, last=order.nulls_last != order.descending)

    # -- children ------------------------------------------------------------------------------

    def _shape(self, scope: Scope, query: Query, opened: Opened) -> Shape:
        return Shape(
            scope, query, opened.version, lambda inner, place: self._block(scope, inner, replace(opened, part=place))
        )

    def _child(self, scope: Scope, query: Query) -> tuple[Scope, Field, str]:
        """Return the scope of a sub-select, the field by which its rows refer to the parent, and its name."""
        for child, link, name in self._state.schema.children(scope.obj.name):
            if name.lower() == query.source.lower():
                return Scope(self._state, self._state.schema.objects[child.lower()], query, scope.user), link, name
        words = f"Didn't understand relationship '{query.source}' in FROM part of query call. {TYPE_HINT}"
        raise at(query.text, query.source_start, words, "INVALID_TYPE")

    def _block(self, scope: Scope, query: Query, opened: Opened) -> tuple[str, Getter]:
        """Return a sub-select's name and the function that shows a row's children; null when there are none."""
        inner, link, name = self._child(scope, query)
        nested = next((item for item in query.select if isinstance(item, Query)), None)
        if nested is not None:
            words = "sub-selects inside sub-selects are not supported by a query call"
            raise at(query.text, nested.source_start, words)
        if any(isinstance(item, Aggregate) for item in query.select) or query.group:
            raise at(query.text, query.source_start, "Aggregates are not supported in sub-selects")
        conditions = Conditions(inner, lambda deep: self._inner(scope.user, deep))
        test = None if query.where is None else conditions.test(query.where)
        keys = [(self._sort_key(inner, order), order.descending) for order in query.order]
        shape = self._shape(inner, query, opened)
        child, records = inner.obj.name, self._state.records

        def block(row: Record) -> dict[str, Any] | None:
            found = records.find(child, link.name, row.id, deleted=opened.deleted)
            rows = sorted((one for one in found if test is None or test(one)), key=_row_id)
            for key, descending in reversed(keys):
                rows.sort(key=key, reverse=descending)
            rows = rows[query.offset : None if query.limit is None else query.offset + query.limit]
            return None if not rows else self._page(opened, query, child, rows, shape, None, 0).body

        return name, block

    # -- aggregates ----------------------------------------------------------------------------

    def _aggregate(self, scope: Scope, query: Query, *, deleted: bool) -> Result:
        first = query.select[0]
        rows_only = replace(query, order=[], limit=None, offset=0)
        if isinstance(first, Aggregate) and first.path is None and first.alias is None and not query.group:
            if len(query.select) > 1:
                raise at(query.text, first.start, "COUNT() must be the only element in the SELECT list")
            rows = self.rows(scope, replace(rows_only, limit=query.limit), deleted=deleted)
            body: dict[str, Any] = {"totalSize": len(rows), "done": True, "records": []}
            return Result(body, [], query, scope.obj.name, full=False, aggregate=True)
        grouping = Grouping(scope, query)
        shown = grouping.answer(self.rows(scope, rows_only, deleted=deleted))
        body = {"totalSize": len(shown), "done": True, "records": shown}
        return Result(body, [], query, scope.obj.name, full=False, aggregate=True)


def _row_id(row: Record) -> str:
    return row.id
