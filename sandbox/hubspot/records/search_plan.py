"""Which records a group of filters can leave over, found by an index instead of looking at everybody."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.objects import object_type
from sandbox.hubspot.records.search_filters import as_ms, as_number
from sandbox.hubspot.row_index import between

if TYPE_CHECKING:
    from sandbox.hubspot.objects import ObjectType
    from sandbox.hubspot.portal import Portal
    from sandbox.hubspot.records.association_book import AssociationBook

RANGES = frozenset({"EQ", "GT", "GTE", "LT", "LTE", "BETWEEN"})
Bounds = tuple[int | None, int | None]


@dataclass(slots=True)
class Candidates:
    """The ids among which a group's hits are, and what is still to be tested of them."""

    #: ``modified`` and ``created`` are windows of time, ``all`` is everybody; anything else stands for a set of ids.
    by: str
    size: int
    ids: Callable[[], Iterable[str]]
    #: Filters of the group that the choice of candidates does not settle.
    left: list[dict[str, Any]]
    low: int | None = None
    high: int | None = None


def candidates(
    portal: Portal, associations: AssociationBook, kind: ObjectType, group: list[dict[str, Any]]
) -> Candidates:
    """Return the narrowest choice an index offers for a group of filters."""
    index = portal.index(kind)
    found = [Candidates("all", len(index.living()), lambda: map(str, index.living()), list(group))]
    for by, name, order in (("modified", kind.modified, index.modified), ("created", kind.created, index.created)):
        bounds, left = _bounds(group, name, as_ms)
        if bounds is not None:
            start, stop = between(order(), *bounds)
            found.append(
                Candidates(by, stop - start, _window_ids(order(), start, stop), left, low=bounds[0], high=bounds[1])
            )
    bounds, left = _bounds(group, "hs_object_id", _as_whole)
    if bounds is not None:
        living = index.living()
        start = 0 if bounds[0] is None else bisect_left(living, bounds[0])
        stop = len(living) if bounds[1] is None else bisect_right(living, bounds[1])
        numbers = living[start:stop]
        found.append(Candidates("ids", len(numbers), lambda: map(str, numbers), left))
    for entry in group:
        chosen = _exact(portal, associations, kind, entry)
        if chosen is not None:
            found.append(Candidates("value", len(chosen), lambda chosen=chosen: chosen, list(group)))  # type: ignore[misc]
    return min(found, key=lambda choice: (choice.size, len(choice.left)))


def _window_ids(order: list[tuple[int, int]], start: int, stop: int) -> Callable[[], Iterable[str]]:
    return lambda: (str(number) for _, number in order[start:stop])


def _bounds(
    group: list[dict[str, Any]], name: str, read: Callable[[Any], int | None]
) -> tuple[Bounds | None, list[dict[str, Any]]]:
    """Return the range that a group sets to a whole number, both ends included, and the filters it does not settle."""
    low: int | None = None
    high: int | None = None
    left: list[dict[str, Any]] = []
    touched = False
    for entry in group:
        operator = entry.get("operator")
        value = read(entry.get("value")) if operator in RANGES and entry.get("propertyName") == name else None
        top = read(entry.get("highValue")) if operator == "BETWEEN" else None
        if value is None or (operator == "BETWEEN" and top is None):
            left.append(entry)
            continue
        touched = True
        if operator in {"EQ", "GT", "GTE", "BETWEEN"}:
            least = value + (operator == "GT")
            low = least if low is None else max(low, least)
        if operator in {"EQ", "LT", "LTE", "BETWEEN"}:
            most = top if operator == "BETWEEN" and top is not None else value - (operator == "LT")
            high = most if high is None else min(high, most)
    return ((low, high) if touched else None), left


def _as_whole(value: Any) -> int | None:
    number = as_number(value)
    return int(number) if number is not None and number == int(number) else None


def _exact(portal: Portal, associations: AssociationBook, kind: ObjectType, entry: dict[str, Any]) -> list[str] | None:
    """Return the ids that equality with a stored value, or an associate, leaves; None where no index says so."""
    operator, name = entry.get("operator"), str(entry.get("propertyName"))
    if operator not in {"EQ", "IN"}:
        return None
    many = entry.get("values") if operator == "IN" else [entry.get("value")]
    if not isinstance(many, list) or not all(isinstance(value, (str, int)) for value in many):
        return None
    if name == "hs_object_id":
        return [str(value) for value in many]
    if name.startswith("associations."):
        to = object_type(name.removeprefix("associations."))
        if to is None:
            return None
        return list(
            dict.fromkeys(other for value in many for other, _, _ in associations.of(to.name, str(value), kind.name))
        )
    definition = portal.property(kind, name)
    plain = definition is not None and definition["type"] in {"string", "enumeration", "phone_number"}
    if not plain or (kind.name, name) in portal.computed:
        return None
    found = (row.id for value in many for row in portal.records.find(kind.name, name, str(value)))
    return list(dict.fromkeys(found))
