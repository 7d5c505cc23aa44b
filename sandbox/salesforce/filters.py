"""Turn the conditions of a query into a function over rows, and find the rows worth looking at."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.ids import full_id
from sandbox.salesforce.schema import NUMBER_TYPES, Field, SObject
from sandbox.salesforce.soql import Compare, Literal, Logic, Path, Query, at
from sandbox.salesforce.values import parse_datetime, stamp_text
from sandbox.salesforce.view import NAME_FIELDS, Getter, getter, name_getter

if TYPE_CHECKING:
    from sandbox.core.records import Record
    from sandbox.salesforce.state import OrgState

Test = Callable[["Record"], bool]
ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
WORD_DAYS = {"today": 0, "yesterday": -1, "tomorrow": 1}
SUFFIX_HINT = (
    "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)


@dataclass(slots=True, frozen=True)
class Column:
    """A resolved path: how to read it and what it is."""

    field: Field
    read: Getter
    #: Reached through a relationship.
    distant: bool


class Scope:
    """One query's object, text and user, against which paths are resolved."""

    def __init__(self, state: OrgState, obj: SObject, text: str, user: str) -> None:
        """Take what the paths of a query refer to."""
        self.state, self.obj, self.text, self.user = state, obj, text, user

    def no_column(self, name: str, obj: str, start: int) -> ApiError:
        return at(self.text, start, f"No such column '{name}' on entity '{obj}'. {SUFFIX_HINT}", "INVALID_FIELD")

    def column(self, path: Path) -> Column:
        """Resolve a path.

        Raises: ApiError INVALID_FIELD.
        """
        parts = list(path.parts)
        if len(parts) > 1 and parts[0].lower() == self.obj.name.lower() and self.obj.relationship(parts[0]) is None:
            parts = parts[1:]
        links: list[Field] = []
        obj: SObject | None = self.obj
        for part in parts[:-1]:
            link = obj.relationship(part) if obj is not None else None
            if link is None or len(links) == 5:
                words = f"Didn't understand relationship '{part}' in field path. {SUFFIX_HINT}"
                raise at(self.text, path.start, words, "INVALID_FIELD")
            links.append(link)
            obj = self.state.schema.object(link.refers_to[0]) if len(link.refers_to) == 1 else None
        return self._end(path, links, obj, parts[-1])

    def _end(self, path: Path, links: list[Field], obj: SObject | None, name: str) -> Column:
        state = self.state
        if obj is None:
            if name.lower() not in NAME_FIELDS:
                raise self.no_column(name, "Name", path.start)
            field = Field(name, "string", name)
            read = name_getter(state, name)
        else:
            found = state.visible_field(obj, name, self.user)
            if found is None:
                raise self.no_column(name, obj.name, path.start)
            field, read = found, getter(state, obj.name, found)
        if not links:
            return Column(field, read, distant=False)
        names = [link.name for link in links]

        def walk(row: Record) -> Any:
            here = row
            for link in names:
                found = state.row(here.values.get(link))
                if found is None:
                    return None
                here = found
            return read(here)

        return Column(field, walk, distant=True)

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
                found = full_id(literal.value)
                if found is None and literal.value:
                    raise at(
                        self.text, literal.start, f"invalid ID field: {literal.value}", "INVALID_QUERY_FILTER_OPERATOR"
                    )
                return found
            wanted, fits = "string and should be enclosed in quotes", False
        else:
            wanted, fits = "string and should be enclosed in quotes", kind == "string"
        if not fits:
            words = f"value of filter criterion for field '{field.name}' must be of type {wanted}"
            raise at(self.text, literal.start, words, "INVALID_FIELD")
        return literal.value or None if kind == "string" else literal.value

    def _moment(self, field: Field, literal: Literal) -> Any:
        if literal.kind == "datetime" and field.type == "datetime":
            try:
                return stamp_text(parse_datetime(literal.value))
            except ValueError as error:
                raise at(self.text, literal.start, f"unexpected token: '{literal.value}'") from error
        if literal.kind == "date" and field.type == "date":
            return literal.value
        if literal.kind == "word":
            day = self._day(literal)
            return day.date().isoformat() if field.type == "date" else stamp_text(day)
        name = "dateTime" if field.type == "datetime" else "date"
        kind = f"{name} and should not be enclosed in quotes"
        words = f"value of filter criterion for field '{field.name}' must be of type {kind}"
        raise at(self.text, literal.start, words, "INVALID_FIELD")

    def _day(self, literal: Literal) -> datetime:
        today = self.state.clock.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        word, _, number = str(literal.value).lower().partition(":")
        if word in WORD_DAYS:
            return today + timedelta(days=WORD_DAYS[word])
        if word in ("last_n_days", "next_n_days") and number:
            return today + timedelta(days=int(number) * (-1 if word.startswith("last") else 1))
        raise at(self.text, literal.start, f"unexpected token: '{literal.value}'")

    # -- tests ---------------------------------------------------------------------------------

    def test(self, node: Compare | Logic, run: Callable[[Query], Iterable[Any]]) -> Test:
        """Return the function that tells whether a row fulfils a condition; ``run`` answers inner queries.

        Raises: ApiError.
        """
        if isinstance(node, Logic):
            parts = [self.test(part, run) for part in node.parts]
            if node.op == "not":
                return lambda row: not parts[0](row)
            if node.op == "or":
                return lambda row: any(part(row) for part in parts)
            return lambda row: all(part(row) for part in parts)
        column = self.column(node.path)
        if not column.field.filterable:
            words = f"field '{node.path.parts[-1]}' can not be filtered in a query call"
            raise at(self.text, node.path.start, words, "INVALID_FIELD")
        return self._compare(node, column, run)

    def _compare(self, node: Compare, column: Column, run: Callable[[Query], Iterable[Any]]) -> Test:
        field, read = column.field, column.read
        if isinstance(node.value, Query):
            inside = {_plain(found) for found in run(node.value)}
            return _member_test(read, inside, wanted=node.op == "in")
        if isinstance(node.value, tuple):
            values = [self.value(field, literal) for literal in node.value]
            if node.op in ("includes", "excludes"):
                return _parts_test(read, values, wanted=node.op == "includes")
            return _member_test(read, {_plain(value) for value in values}, wanted=node.op == "in")
        if node.op == "like":
            if node.value.kind != "string":
                raise at(self.text, node.value.start, "invalid operator on string field", "INVALID_FIELD")
            pattern = like(node.value.raw)
            return lambda row: (found := read(row)) is not None and pattern.fullmatch(str(found)) is not None
        value = _plain(self.value(field, node.value))
        if node.op == "=":
            return lambda row: _plain(read(row)) == value
        if node.op == "!=":
            return lambda row: _plain(read(row)) != value
        compare = ORDERED[node.op]
        if value is None:
            return lambda _row: False
        return lambda row: (found := _plain(read(row))) is not None and compare(found, value)


def _plain(value: Any) -> Any:
    """Return a value as comparisons see it: text without regard to case."""
    return value.casefold() if isinstance(value, str) and not _is_id(value) else value


def _is_id(text: str) -> bool:
    return len(text) == 18 and text[3:6] == "Hf0"


def _member_test(read: Getter, values: set[Any], *, wanted: bool) -> Test:
    return lambda row: (_plain(read(row)) in values) is wanted


def _parts_test(read: Getter, values: list[Any], *, wanted: bool) -> Test:
    def test(row: Record) -> bool:
        held = set(str(read(row) or "").split(";"))
        return any(set(str(value).split(";")) <= held for value in values) is wanted

    return test


def like(raw: str) -> re.Pattern[str]:
    """Return the pattern of a LIKE text as written between the quotes: % and _ are wild unless escaped."""
    found, place = "", 0
    while place < len(raw):
        char = raw[place]
        if char == "\\" and place + 1 < len(raw):
            place += 1
            found += re.escape({"n": "\n", "r": "\r", "t": "\t"}.get(raw[place], raw[place]))
        elif char == "%":
            found += ".*"
        elif char == "_":
            found += "."
        else:
            found += re.escape(char)
        place += 1
    return re.compile(found, re.IGNORECASE | re.DOTALL)


def conjuncts(node: Compare | Logic | None) -> list[Compare]:
    """Return the single conditions of which every one must hold."""
    if isinstance(node, Compare):
        return [node]
    if isinstance(node, Logic) and node.op == "and":
        return [found for part in node.parts for found in conjuncts(part)]
    return []


STAMPS = frozenset({"systemmodstamp", "lastmodifieddate"})


def candidates(scope: Scope, query: Query, *, deleted: bool) -> tuple[Iterable[Record], bool]:
    """Return a superset of the rows a query wants and whether it comes in order of (stamp, id).

    The indexes hold living rows only; with ``deleted`` they are not used.
    """
    records, obj = scope.state.records, scope.obj
    since: datetime | None = None
    before: datetime | None = None
    for condition in conjuncts(query.where):
        if len(condition.path.parts) != 1 or isinstance(condition.value, Query):
            continue
        name = condition.path.parts[0].lower()
        field = obj.field_of(name)
        literals = condition.value if isinstance(condition.value, tuple) else (condition.value,)
        if field is None or any(literal.kind in ("null", "word") for literal in literals):
            continue
        if condition.op in ("=", "in") and (field.type in ("id", "reference") or field.id_lookup or field.unique):
            values = [scope.value(field, literal) for literal in literals]
            if field.name == "Id":
                return [
                    row for value in dict.fromkeys(values) if value and (row := records.get(obj.name, value))
                ], False
            if not deleted and field.name not in ("CreatedById", "LastModifiedById", "AccountId"):
                found = {row.id: row for value in values for row in records.find(obj.name, field.name, value)}
                return found.values(), False
        if name in STAMPS and condition.op in ORDERED:
            moment = parse_datetime(str(scope.value(field, literals[0])))
            if condition.op.startswith(">"):
                since = moment if since is None else max(since, moment)
            else:
                stop = moment + timedelta(seconds=1 if condition.op == "<=" else 0)
                before = stop if before is None else min(before, stop)
    return records.changed_since(obj.name, since, before=before), True
