"""Counts, sums and groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, cast

from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.objects.schema import NUMBER_TYPES, Field
from sandbox.salesforce.soql.conditions import Conditions
from sandbox.salesforce.soql.ordering import sort_key
from sandbox.salesforce.soql.scope import Column, Scope
from sandbox.salesforce.soql.tree import Aggregate, Call, Named, Path, Query
from sandbox.salesforce.soql.words import at

if TYPE_CHECKING:
    from sandbox.core.records import Record

#: Groups that one answer can hold: such queries have no locator.
MOST_GROUPS = 2000
Key = tuple[str, ...]


@dataclass(slots=True)
class _Group:
    """The rows that share the values of the grouped fields; ``folded`` names those that a total runs over."""

    values: dict[Key, Any]
    rows: list[Record]
    folded: frozenset[Key]


class Grouping:
    """Answer one query that counts or groups."""

    def __init__(self, scope: Scope, query: Query) -> None:
        """Resolve the grouped fields.

        Raises: ApiError.
        """
        self._scope, self._query = scope, query
        self._columns: dict[Key, Column] = {self._key(item): scope.value_of(item) for item in query.group}
        for item, (_, column) in zip(query.group, self._columns.items(), strict=False):
            if not column.field.filterable or (column.field.type == "datetime" and isinstance(item, Path)):
                words = f"field '{'.'.join(self._key(item))}' can not be grouped in a query call"
                raise at(scope.text, item.start, words)
        self._aliases: dict[str, Aggregate | Named | Call] = {
            item.alias.lower(): item
            for item in query.select
            if isinstance(item, Aggregate | Named | Call) and item.alias is not None
        }

    def answer(self, rows: list[Record]) -> list[dict[str, Any]]:
        """Return the groups of the rows as they are shown, in order, within limit and offset.

        Raises: ApiError.
        """
        query, scope = self._query, self._scope
        readers = self._shown()
        groups = self._groups(rows)
        if query.having is not None:
            if not query.group:
                raise at(scope.text, query.source_start, "HAVING needs GROUP BY")
            conditions = Conditions(scope, lambda _: (), self._resolve)
            test = conditions.test(query.having, top=False)
            groups = [group for group in groups if test(cast("Record", group))]
        for order in reversed(query.order):
            read = cast("Callable[[Any], Any]", self._resolve(order.by).read)
            key = sort_key(read, self._resolve(order.by).field, last=order.nulls_last != order.descending)
            groups.sort(key=key, reverse=order.descending)
        groups = groups[query.offset : None if query.limit is None else query.offset + query.limit]
        if len(groups) > MOST_GROUPS:
            words = "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch"
            raise ApiError("EXCEEDED_ID_LIMIT", words)
        head = {"attributes": {"type": "AggregateResult"}}
        return [{**head, **{name: read(group) for name, read in readers}} for group in groups]

    # -- groups --------------------------------------------------------------------------------

    def _key(self, item: Path | Call) -> Key:
        path = item if isinstance(item, Path) else item.path
        parts = tuple(part.lower() for part in self._scope.parts(path))
        if isinstance(item, Path) or item.function == "tolabel":
            return parts
        return (f"{item.function}({item.local})", *parts)

    def _foldings(self) -> list[frozenset[Key]]:
        """Return the sets of fields over which totals run: none, for ROLLUP from the last, for CUBE every set."""
        keys = list(self._columns)
        if self._query.totals == "rollup":
            return [frozenset(keys[number:]) for number in range(len(keys), -1, -1)]
        if self._query.totals == "cube":
            return [frozenset(some) for number in range(len(keys) + 1) for some in combinations(keys, number)]
        return [frozenset()]

    def _groups(self, rows: list[Record]) -> list[_Group]:
        found: dict[tuple[Any, ...], _Group] = {}
        read = {key: column.read for key, column in self._columns.items()}
        for folded in self._foldings():
            open_keys = [key for key in read if key not in folded]
            for row in rows:
                values = tuple(read[key](row) for key in open_keys)
                group = found.get((folded, values))
                if group is None:
                    named = {**dict.fromkeys(read), **dict(zip(open_keys, values, strict=True))}
                    group = found[folded, values] = _Group(named, [], folded)
                group.rows.append(row)
        if not read:
            found.setdefault((frozenset(), ()), _Group({}, [], frozenset()))
        return list(found.values())

    # -- values --------------------------------------------------------------------------------

    def _shown(self) -> list[tuple[str, Callable[[Any], Any]]]:
        found: dict[str, Callable[[Any], Any]] = {}
        number = 0
        for item in self._query.select:
            if isinstance(item, Aggregate | Call):
                name = item.alias or f"expr{number}"
                number += item.alias is None
            elif isinstance(item, Named):
                name = item.alias
            elif isinstance(item, Path):
                name = self._scope.column(item).field.name
            else:
                raise at(self._query.text, self._query.source_start, "only fields and aggregates can be grouped")
            if name in found:
                raise at(self._scope.text, item.start, f"duplicate alias: {name}")
            found[name] = self._resolve(item.path if isinstance(item, Named) else item).read
        return list(found.items())

    def _resolve(self, item: Path | Call | Aggregate) -> Column:
        """Return how something is read of a group."""
        if isinstance(item, Aggregate):
            return self._aggregate(item)
        named = self._aliases.get(item.parts[0].lower()) if isinstance(item, Path) and len(item.parts) == 1 else None
        if named is not None:
            return self._resolve(named.path if isinstance(named, Named) else named)
        key = self._key(item)
        column = self._columns.get(key)
        if column is None:
            path = item if isinstance(item, Path) else item.path
            self._scope.column(path)
            raise at(self._scope.text, item.start, f"Field must be grouped or aggregated: {path.text}")
        return Column(column.field, cast("Any", lambda group: group.values[key]), column.links)

    def _aggregate(self, item: Aggregate) -> Column:
        name = item.function
        if item.path is None:
            return Column(Field("count", "int", "count"), cast("Any", lambda group: len(group.rows)))
        column = self._scope.column(item.path)
        if name == "grouping":
            key = self._key(item.path)
            return Column(Field(name, "int", name), cast("Any", lambda group: int(key in group.folded)))
        numeric = column.field.type in NUMBER_TYPES
        if (
            (name in ("sum", "avg") and not numeric)
            or column.field.type in ("address", "multipicklist")
            or (name in ("min", "max") and column.field.type == "boolean")
        ):
            words = f"field {item.path.parts[-1]} does not support aggregate operator {name.upper()}"
            raise at(self._scope.text, item.path.start, words)
        kind = "int" if name.startswith("count") else "double" if name in ("sum", "avg") else column.field.type
        fold = FOLDS[name]

        def read(group: _Group) -> Any:
            return fold([value for row in group.rows if (value := column.read(row)) is not None])

        return Column(Field(column.field.name, kind, column.field.label), cast("Any", read))


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


FOLDS: dict[str, Callable[[list[Any]], Any]] = {
    "count": len,
    "count_distinct": lambda values: len(set(values)),
    "sum": lambda values: sum(values) if values else None,
    "avg": lambda values: sum(values) / len(values) if values else None,
    "min": lambda values: min(values, key=_folded, default=None),
    "max": lambda values: max(values, key=_folded, default=None),
}
