"""Find the rows a query has to look at: by id, by an indexed value, by stamp, in the order of ids."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.objects.schema import Field
from sandbox.salesforce.rows.view import AUDIT, DERIVED
from sandbox.salesforce.soql.conditions import Conditions
from sandbox.salesforce.soql.tree import Compare, Literal, Logic, Order, Path, Query, conjuncts

if TYPE_CHECKING:
    from sandbox.core.records import Record
    from sandbox.salesforce.soql.scope import Scope

SECOND = timedelta(seconds=1)
STAMPS = frozenset({"systemmodstamp", "lastmodifieddate"})
#: Fields that people and clients look rows up by, beside keys and references.
LOOKED_UP = frozenset({"Email", "Name", "Username", "DeveloperName"})
#: A span of stamps: from, and before; None is without end.
Span = tuple[datetime | None, datetime | None]


@dataclass(slots=True)
class Plan:
    """Rows among which all wanted ones are."""

    rows: Iterable[Record]
    #: They come in the order the query asks for.
    ordered: bool
    #: What is still to be tested of every row.
    rest: Compare | Logic | None


class Planner:
    """Plan one query."""

    def __init__(
        self, scope: Scope, query: Query, conditions: Conditions, run: Callable[[Query], Iterable[Any]]
    ) -> None:
        """Take the query and what its values mean."""
        self._scope, self._query, self._conditions, self._run = scope, query, conditions, run
        self._records, self._obj = scope.state.records, scope.obj

    def plan(self) -> Plan:
        """Choose the way; every condition must have been checked before.

        Raises: ApiError.
        """
        query = self._query
        ids = None if query.where is None else self._narrow(query.where)
        if ids is not None:
            found = (self._records.get(self._obj.name, row_id) for row_id in sorted(ids))
            rows = [row for row in found if row is not None]
            return Plan(rows, _by_id(query.order) or not query.order, query.where)
        span = self._span(query.where)
        forward, backward = _by_stamp(query.order)
        if span != (None, None) or forward or backward:
            rest = self._rest()
            moved = self._records.changed_since(self._obj.name, span[0], before=span[1], backward=backward)
            return Plan(moved, forward or backward, rest)
        after = self._after()
        in_order = self._records.from_id(self._obj.name, after)
        return Plan(in_order, not query.order or _by_id(query.order), query.where)

    # -- ids -----------------------------------------------------------------------------------

    def _narrow(self, node: Compare | Logic) -> set[str] | None:
        """Return the ids of rows among which all are that fulfil a condition; None when no index tells."""
        if isinstance(node, Compare):
            return self._indexed(node)
        parts = [self._narrow(part) for part in node.parts] if node.op != "not" else [None]
        known = [part for part in parts if part is not None]
        if node.op == "and" and known:
            return min(known, key=len)
        if node.op == "or" and len(known) == len(parts):
            return set().union(*known)
        return None

    def _indexed(self, node: Compare) -> set[str] | None:
        field = None if node.name is None else self._obj.field_of(node.name)
        if field is None or node.op not in ("=", "in") or not self._has_index(field):
            return None
        if isinstance(node.value, Query):
            values = list(self._run(node.value))
        else:
            literals = node.value if isinstance(node.value, tuple) else (node.value,)
            if any(literal.kind in ("null", "word") for literal in literals):
                return None
            values = [self._conditions.value(field, literal) for literal in literals]
        if any(value is None for value in values):
            return None
        if field.name == "Id":
            return set(values)
        return {row_id for value in values for row_id in self._records.holders(self._obj.name, field.name, value)}

    def _has_index(self, field: Field) -> bool:
        if field.name == "Id":
            return True
        if field.name in AUDIT or (self._obj.name, field.name) in DERIVED:
            return False
        return (
            field.type == "reference" or field.id_lookup or field.unique or field.external_id or field.name in LOOKED_UP
        )

    def _after(self) -> str | None:
        """Return the id behind which all wanted rows lie."""
        found = None
        for condition in conjuncts(self._query.where):
            if condition.name == "id" and condition.op in (">", ">=") and isinstance(condition.value, Literal):
                field = self._obj.fields["id"]
                value = self._conditions.value(field, condition.value)
                # Inclusive in both cases: the row itself is tested.
                found = value if found is None or (value is not None and value > found) else found
        return found

    # -- stamps --------------------------------------------------------------------------------

    def _rest(self) -> Compare | Logic | None:
        """Return what the span of stamps does not already say."""
        where = self._query.where
        if not isinstance(where, Compare) and not (isinstance(where, Logic) and where.op == "and"):
            return where
        left = tuple(part for part in conjuncts(where) if not self._is_bound(part))
        whole = isinstance(where, Compare) or all(isinstance(part, Compare) for part in where.parts)
        if not whole:
            return where
        return None if not left else left[0] if len(left) == 1 else Logic("and", left)

    def _is_bound(self, node: Compare) -> bool:
        return (
            node.name in STAMPS
            and node.op in (">", ">=", "<", "<=")
            and isinstance(node.value, Literal)
            and node.value.kind == "datetime"
        )

    def _span(self, node: Compare | Logic | None) -> Span:
        """Return a span within which the stamps of all rows lie that fulfil a condition."""
        if isinstance(node, Logic):
            spans = [self._span(part) for part in node.parts] if node.op != "not" else [(None, None)]
            lows, highs = [span[0] for span in spans], [span[1] for span in spans]
            if node.op == "and":
                return (
                    max((low for low in lows if low is not None), default=None),
                    min((high for high in highs if high is not None), default=None),
                )
            known_lows = [low for low in lows if low is not None]
            known_highs = [high for high in highs if high is not None]
            return (
                min(known_lows) if known_lows and len(known_lows) == len(lows) else None,
                max(known_highs) if known_highs and len(known_highs) == len(highs) else None,
            )
        return (None, None) if node is None else self._bound(node)

    def _bound(self, node: Compare) -> Span:
        literal = node.value
        if node.name not in STAMPS or not isinstance(literal, Literal) or literal.kind not in ("datetime", "word"):
            return None, None
        field = self._obj.field_of(node.name)
        if field is None:
            return None, None
        if literal.kind == "word":
            low, high = (datetime.fromisoformat(text) for text in self._conditions.span(field, literal))
            spans: dict[str, Span] = {
                "=": (low, high),
                ">=": (low, None),
                ">": (low, None),
                "<": (None, low),
                "<=": (None, high),
            }
            return spans.get(node.op, (None, None))
        moment = datetime.fromisoformat(self._conditions.value(field, literal))
        # Stamps are whole seconds, literals need not be.
        up = datetime.fromtimestamp(math.ceil(moment.timestamp()), UTC)
        next_up = moment.replace(microsecond=0) + SECOND
        spans = {
            "=": (moment.replace(microsecond=0), next_up),
            ">=": (up, None),
            ">": (next_up, None),
            "<": (None, up),
            "<=": (None, next_up),
        }
        return spans.get(node.op, (None, None))


def _names(orders: list[Order]) -> list[str] | None:
    names = [order.by.parts[0].lower() for order in orders if isinstance(order.by, Path) and len(order.by.parts) == 1]
    return names if len(names) == len(orders) else None


def _by_id(orders: list[Order]) -> bool:
    return _names(orders) == ["id"] and not orders[0].descending


def _by_stamp(orders: list[Order]) -> tuple[bool, bool]:
    """Tell whether rows are wanted in the order of (stamp, id), and whether in the opposite one."""
    names = _names(orders) or []
    if names[:1] not in (["systemmodstamp"], ["lastmodifieddate"]) or names[1:] not in ([], ["id"]):
        return False, False
    turns = {order.descending for order in orders}
    return turns == {False}, turns == {True}
