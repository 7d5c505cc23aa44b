"""What the paths and functions of one query refer to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.objects.schema import Field, SObject
from sandbox.salesforce.rows.view import NAME_FIELDS, Getter, getter, name_getter
from sandbox.salesforce.soql.dates import FUNCTIONS, ON_DATETIME_ONLY, Calendar, applied
from sandbox.salesforce.soql.tree import Aggregate, Call, Path, Query
from sandbox.salesforce.soql.words import at

if TYPE_CHECKING:
    from sandbox.core.records import Record
    from sandbox.salesforce.errors import ApiError
    from sandbox.salesforce.state import OrgState

#: Steps from a row to a parent's parent.
MOST_PARENTS = 5
FIELD_HINT = (
    "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)


@dataclass(slots=True, frozen=True)
class Column:
    """A resolved path: how to read it and what it is."""

    field: Field
    read: Getter
    #: The reference fields on the way.
    links: tuple[Field, ...] = ()


class Scope:
    """One query's object, text and user, against which paths are resolved."""

    def __init__(self, state: OrgState, obj: SObject, query: Query, user: str) -> None:
        """Take what the paths of a query refer to."""
        self.state, self.obj, self.text, self.user = state, obj, query.text, user
        self._own_names = {obj.name.lower(), query.alias}

    def no_column(self, name: str, obj: str, start: int) -> ApiError:
        """Return the error about a field that is not there or not to be seen."""
        return at(self.text, start, f"No such column '{name}' on entity '{obj}'. {FIELD_HINT}", "INVALID_FIELD")

    def calendar(self) -> Calendar:
        """Return the calendar of the user who asks; what the user has not set is the org's."""
        user = self.state.row(self.user)
        org = next(iter(self.state.records.rows("Organization")), None)
        zone = user.get("TimeZoneSidKey") if user is not None else None
        locale = user.get("LocaleSidKey") if user is not None else None
        return Calendar.of(
            zone or (org.get("TimeZoneSidKey") if org is not None else None),
            locale,
            int(org.get("FiscalYearStartMonth") or 1) if org is not None else 1,
        )

    def parts(self, path: Path) -> tuple[str, ...]:
        """Return a path's parts without the object's own name or alias in front."""
        own = len(path.parts) > 1 and path.parts[0].lower() in self._own_names
        return path.parts[1:] if own and self.obj.relationship(path.parts[0]) is None else path.parts

    def links(self, names: tuple[str, ...], start: int) -> tuple[tuple[Field, ...], SObject | None]:
        """Follow relationships; return the references and the object reached, None for one of several kinds.

        Raises: ApiError INVALID_FIELD.
        """
        found: list[Field] = []
        obj: SObject | None = self.obj
        for name in names:
            link = obj.relationship(name) if obj is not None else None
            if link is None or obj is None or not self.state.visible(obj, link, self.user):
                words = f"Didn't understand relationship '{name}' in field path. {FIELD_HINT}"
                raise at(self.text, start, words, "INVALID_FIELD")
            if len(found) == MOST_PARENTS:
                words = f"Relationship path is longer than {MOST_PARENTS} levels"
                raise at(self.text, start, words, "INVALID_FIELD")
            found.append(link)
            obj = self.state.schema.object(link.refers_to[0]) if len(link.refers_to) == 1 else None
        return tuple(found), obj

    def column(self, path: Path) -> Column:
        """Resolve a path.

        Raises: ApiError INVALID_FIELD.
        """
        parts = self.parts(path)
        links, obj = self.links(parts[:-1], path.start)
        field, read = self.end(obj, parts[-1], path.start)
        return Column(field, self._walk(links, read), links)

    def _references(self, links: tuple[Field, ...]) -> list[Getter]:
        obj: SObject | None = self.obj
        found = []
        for link in links:
            assert obj is not None
            found.append(getter(self.state, obj.name, link))
            obj = self.state.schema.object(link.refers_to[0]) if len(link.refers_to) == 1 else None
        return found

    def end(self, obj: SObject | None, name: str, start: int) -> tuple[Field, Getter]:
        """Return the field a path ends in and its reader; without an object it is one of the pseudo-object Name.

        Raises: ApiError INVALID_FIELD.
        """
        if obj is None:
            if name.lower() not in NAME_FIELDS:
                raise self.no_column(name, "Name", start)
            spelled = next((word for word in SPELLED if word.lower() == name.lower()), name)
            return Field(spelled, "id" if spelled == "Id" else "string", spelled), name_getter(self.state, name)
        found = self.state.visible_field(obj, name, self.user)
        if found is None:
            raise self.no_column(name, obj.name, start)
        return found, getter(self.state, obj.name, found)

    def _walk(self, links: tuple[Field, ...], read: Getter) -> Getter:
        if not links:
            return read
        state, steps = self.state, self._references(links)

        def walk(row: Record) -> Any:
            here = row
            for step in steps:
                found = state.row(step(here))
                if found is None:
                    return None
                here = found
            return read(here)

        return walk

    # -- functions -----------------------------------------------------------------------------

    def value_of(self, left: Path | Call | Aggregate) -> Column:
        """Resolve what stands on the left of a condition, in a grouping or in an order over rows.

        Raises: ApiError.
        """
        if isinstance(left, Path):
            return self.column(left)
        if isinstance(left, Aggregate):
            raise at(self.text, left.start, "Aggregate functions are only allowed with GROUP BY and HAVING")
        column = self.column(left.path)
        if left.function == "tolabel":
            return column
        return self._dated(left, column)

    def _dated(self, call: Call, column: Column) -> Column:
        kind = column.field.type
        if kind != "datetime" and (kind != "date" or call.function in ON_DATETIME_ONLY or call.local):
            words = f"field {call.path.parts[-1]} does not support {call.function.upper()}"
            raise at(self.text, call.start, words, "INVALID_FIELD")
        calendar, read, name, local = self.calendar(), column.read, call.function, call.local

        def show(row: Record) -> Any:
            value = read(row)
            return None if value is None else applied(name, calendar, value, local=local)

        made = Field(call.path.parts[-1], "date" if name == "day_only" else "int", column.field.label)
        return Column(made, show, column.links)


#: The fields of the pseudo-object Name as the vendor spells them.
SPELLED = (
    *("Id", "Name", "Type", "FirstName", "LastName", "Email", "Username", "Alias", "IsActive", "Phone", "Title"),
)
DATE_FUNCTIONS = frozenset(FUNCTIONS)
Render = Callable[["Record"], dict[str, Any]]
