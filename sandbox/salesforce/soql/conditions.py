"""Turn the conditions of a query into a function over rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.ids import full_id
from sandbox.salesforce.objects.schema import NUMBER_TYPES, Field
from sandbox.salesforce.soql.tree import Aggregate, Call, Compare, Literal, Logic, Path, Query
from sandbox.salesforce.soql.words import ESCAPES, at

if TYPE_CHECKING:
    from sandbox.core.records import Record
    from sandbox.salesforce.rows.view import Getter
    from sandbox.salesforce.soql.scope import Column, Scope

Test = Callable[["Record"], bool]
#: Answers an inner query with the set of its values.
Run = Callable[[Query], Iterable[Any]]
#: Resolves what stands on the left of a condition.
Resolve = Callable[[Path | Call | Aggregate], "Column"]
ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
#: Types that LIKE takes.
LIKED = frozenset({"string", "textarea", "picklist", "combobox", "email", "phone", "url", "multipicklist"})
#: ``>`` of these compares with their first day: they end with today, behind which nothing lies.
OPEN_ENDED = ("last_n_days:", "last_90_days")


def exact_stamp(instant: datetime) -> str:
    """Return an instant as kept datetimes are written, with its milliseconds, so that texts compare as instants do."""
    moment = instant.astimezone(UTC)
    return f"{moment.isoformat()[:19]}.{moment.microsecond // 1000:03d}+0000"


class Conditions:
    """Build tests for the rows of one query."""

    def __init__(self, scope: Scope, run: Run, resolve: Resolve | None = None) -> None:
        """Take what paths refer to; ``run`` answers inner queries, ``resolve`` reads the left sides."""
        self._scope, self._run = scope, run
        self._resolve: Resolve = scope.value_of if resolve is None else resolve

    # -- values --------------------------------------------------------------------------------

    def value(self, field: Field, literal: Literal) -> Any:
        """Return a literal in the form in which the field's values are kept.

        Raises: ApiError INVALID_FIELD when the kinds do not fit.
        """
        kind = literal.kind
        if kind == "null":
            return None
        if field.type in ("datetime", "date"):
            return self._moment(field, literal)
        if field.type == "boolean":
            wanted, fits = "boolean and should not be enclosed in quotes", kind == "boolean"
        elif field.type in NUMBER_TYPES:
            wanted, fits = f"{field.type} and should not be enclosed in quotes", kind == "number"
        elif field.type in ("id", "reference"):
            if kind == "string":
                return self._id(literal)
            wanted, fits = "string and should be enclosed in quotes", False
        else:
            wanted, fits = "string and should be enclosed in quotes", kind == "string"
        if not fits:
            words = f"value of filter criterion for field '{field.name}' must be of type {wanted}"
            raise at(self._scope.text, literal.start, words, "INVALID_FIELD")
        return literal.value or None if kind == "string" else literal.value

    def _id(self, literal: Literal) -> str | None:
        found = full_id(literal.value)
        if found is None and literal.value:
            words = f"invalid ID field: {literal.value}"
            raise at(self._scope.text, literal.start, words, "INVALID_QUERY_FILTER_OPERATOR")
        return found

    def _moment(self, field: Field, literal: Literal) -> Any:
        try:
            if literal.kind == "datetime" and field.type == "datetime":
                return exact_stamp(datetime.fromisoformat(literal.value.upper()))
            if literal.kind == "date" and field.type == "date":
                return date.fromisoformat(literal.value).isoformat()
        except ValueError as error:
            raise self._unexpected(literal) from error
        name = "dateTime" if field.type == "datetime" else "date"
        words = f"value of filter criterion for field '{field.name}' must be of type {name} and should not be enclosed"
        raise at(self._scope.text, literal.start, f"{words} in quotes", "INVALID_FIELD")

    def _unexpected(self, literal: Literal) -> Exception:
        return at(self._scope.text, literal.start, f"unexpected token: '{literal.value}'")

    def span(self, field: Field, literal: Literal) -> tuple[Any, Any]:
        """Return the first value of a date literal and the first one behind it, as the field's values are kept.

        Raises: ApiError MALFORMED_QUERY when it is no date literal.
        """
        calendar = self._scope.calendar()
        try:
            found = calendar.span(str(literal.value), calendar.today(self._scope.state.clock.now()))
            if found is None:
                raise self._unexpected(literal)
            if field.type == "date":
                return found[0].isoformat(), found[1].isoformat()
            return exact_stamp(calendar.midnight(found[0])), exact_stamp(calendar.midnight(found[1]))
        except (OverflowError, ValueError) as error:
            raise self._unexpected(literal) from error

    # -- tests ---------------------------------------------------------------------------------

    def test(self, node: Compare | Logic, *, top: bool = True) -> Test:
        """Return the function that tells whether a row fulfils a condition.

        Raises: ApiError.
        """
        if isinstance(node, Logic):
            parts = [self.test(part, top=top and node.op == "and") for part in node.parts]
            if node.op == "not":
                return lambda row: not parts[0](row)
            if node.op == "or":
                return lambda row: any(part(row) for part in parts)
            return lambda row: all(part(row) for part in parts)
        column = self._resolve(node.left)
        if not column.field.filterable:
            path = node.left if isinstance(node.left, Path) else node.left.path
            name = path.parts[-1] if path is not None else ""
            words = f"field '{name}' can not be filtered in a query call"
            raise at(self._scope.text, node.left.start, words, "INVALID_FIELD")
        if isinstance(node.value, Query) and not top:
            words = "Semi join sub-selects are only allowed at the top level of WHERE, joined by AND"
            raise at(self._scope.text, node.left.start, words)
        return self._compare(node, column)

    def _compare(self, node: Compare, column: Column) -> Test:
        field, read = column.field, column.read
        if isinstance(node.value, Query):
            inside = {plain(found) for found in self._run(node.value)}
            return _member_test(read, inside, wanted=node.op == "in")
        if isinstance(node.value, tuple):
            return self._listed(node.op, node.value, node, column)
        if node.op == "like":
            return self._like(node.value, field, read)
        if field.type in ("date", "datetime") and node.value.kind == "word":
            return self._dated(node.op, node.value, field, read)
        value = plain(self.value(field, node.value))
        if node.op == "=":
            return lambda row: plain(read(row)) == value
        if node.op == "!=":
            return lambda row: plain(read(row)) != value
        if field.type in ("boolean", "multipicklist"):
            raise self._no_operator(node.value, field)
        compare = ORDERED[node.op]
        if value is None:
            return lambda _row: False
        return lambda row: (found := plain(read(row))) is not None and compare(found, value)

    def _no_operator(self, literal: Literal, field: Field) -> Exception:
        return at(self._scope.text, literal.start, f"invalid operator on {field.type} field", "INVALID_FIELD")

    def _listed(self, op: str, literals: tuple[Literal, ...], node: Compare, column: Column) -> Test:
        field, read = column.field, column.read
        if op in ("includes", "excludes"):
            if field.type != "multipicklist":
                raise self._no_operator(literals[0], field)
            values = [str(self.value(field, literal)) for literal in literals]
            return _parts_test(read, values, wanted=op == "includes")
        if field.type in ("date", "datetime") and any(literal.kind == "word" for literal in literals):
            tests = [self._compare(Compare(node.left, "=", literal), column) for literal in literals]
            wanted = op == "in"
            return lambda row: any(test(row) for test in tests) is wanted
        return _member_test(read, {plain(self.value(field, literal)) for literal in literals}, wanted=op == "in")

    def _like(self, literal: Literal, field: Field, read: Getter) -> Test:
        if literal.kind != "string" or field.type not in LIKED:
            raise self._no_operator(literal, field)
        pattern = like(literal.raw)
        return lambda row: (found := read(row)) is not None and pattern.fullmatch(str(found)) is not None

    def _dated(self, op: str, literal: Literal, field: Field, read: Getter) -> Test:
        low, high = self.span(field, literal)
        if op == "=":
            return lambda row: (found := read(row)) is not None and low <= found < high
        if op == "!=":
            return lambda row: (found := read(row)) is None or not low <= found < high
        if op == ">" and str(literal.value).lower().startswith(OPEN_ENDED):
            return lambda row: (found := read(row)) is not None and found > low
        bound = {"<": low, ">=": low, "<=": high, ">": high}[op]
        if op in ("<", "<="):
            return lambda row: (found := read(row)) is not None and found < bound
        return lambda row: (found := read(row)) is not None and found >= bound


def plain(value: Any) -> Any:
    """Return a value as comparisons see it: text without regard to case, ids with."""
    return value.casefold() if isinstance(value, str) and not _is_id(value) else value


def _is_id(text: str) -> bool:
    return len(text) == 18 and text[3:6] == "Hf0"


def _member_test(read: Getter, values: set[Any], *, wanted: bool) -> Test:
    return lambda row: (plain(read(row)) in values) is wanted


def _parts_test(read: Getter, values: list[str], *, wanted: bool) -> Test:
    groups = [frozenset(value.casefold().split(";")) for value in values]

    def test(row: Record) -> bool:
        held = frozenset(str(read(row) or "").casefold().split(";"))
        return any(group <= held for group in groups) is wanted

    return test


def like(raw: str) -> re.Pattern[str]:
    """Return the pattern of a LIKE text as written between the quotes: % and _ are wild unless escaped."""
    found, place = "", 0
    while place < len(raw):
        char = raw[place]
        if char == "\\" and place + 1 < len(raw):
            place += 1
            found += re.escape(ESCAPES.get(raw[place], raw[place]))
        elif char == "%":
            found += ".*"
        elif char == "_":
            found += "."
        else:
            found += re.escape(char)
        place += 1
    return re.compile(found, re.IGNORECASE | re.DOTALL)
