"""Which records the filters of a list choose: properties and other lists ("Lists" guide).

A filter of a kind that is not played here is answered as not emulated, by its name, when the list is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.answers import invalid, not_emulated
from sandbox.hubspot.body_members import entries_of, entry_of

if TYPE_CHECKING:
    from sandbox.core.records import Record
    from sandbox.hubspot.objects import ObjectType
    from sandbox.hubspot.portal import Portal

BRANCHES = frozenset({"OR", "AND"})
#: Whether a record is in a list.
Holds = Callable[[str, str], bool]
#: Operation type -> operators.
PLAYED: dict[str, frozenset[str]] = {
    "STRING": frozenset({"IS_EQUAL_TO", "IS_NOT_EQUAL_TO", "CONTAINS", "DOES_NOT_CONTAIN", "STARTS_WITH", "ENDS_WITH"}),
    "MULTISTRING": frozenset(
        {"IS_EQUAL_TO", "IS_NOT_EQUAL_TO", "CONTAINS", "DOES_NOT_CONTAIN", "STARTS_WITH", "ENDS_WITH"}
    ),
    "ENUMERATION": frozenset({"IS_ANY_OF", "IS_NONE_OF"}),
    "NUMBER": frozenset(
        {"IS_EQUAL_TO", "IS_NOT_EQUAL_TO", "IS_GREATER_THAN", "IS_GREATER_THAN_OR_EQUAL_TO", "IS_LESS_THAN",
         "IS_LESS_THAN_OR_EQUAL_TO"}
    ),
    "BOOL": frozenset({"IS_EQUAL_TO", "IS_NOT_EQUAL_TO"}),
    "ALL_PROPERTY": frozenset({"IS_KNOWN", "IS_UNKNOWN", "IS_NOT_BLANK", "IS_BLANK"}),
}  # fmt: skip
NEGATIVE = frozenset({"IS_NOT_EQUAL_TO", "DOES_NOT_CONTAIN", "IS_NONE_OF"})


def check_branch(portal: Portal, kind: ObjectType, given: Any) -> dict[str, Any]:
    """Return a filter branch that can be played.

    Raises:
        Refusal: 400 for a malformed one, 501 for a kind of filter that is not emulated.
    """
    branch = entry_of(given, "filterBranch")
    sort = str(branch.get("filterBranchType"))
    if sort not in BRANCHES:
        raise not_emulated(f"list filter branches of type {sort[:40]}")
    for inner in entries_of(branch.get("filterBranches"), "filterBranches"):
        check_branch(portal, kind, inner)
    for entry in entries_of(branch.get("filters"), "filters"):
        _check_filter(portal, kind, entry_of(entry, "filters"))
    return branch


def _check_filter(portal: Portal, kind: ObjectType, entry: dict[str, Any]) -> None:
    sort = str(entry.get("filterType"))
    if sort == "IN_LIST":
        return
    if sort != "PROPERTY":
        raise not_emulated(f"list filters of type {sort[:40]}")
    if portal.property(kind, str(entry.get("property"))) is None:
        raise invalid(f'Property "{str(entry.get("property"))[:60]}" does not exist')
    operation = entry_of(entry.get("operation"), "operation")
    word, operator = str(operation.get("operationType")), str(operation.get("operator"))
    if operator not in PLAYED.get(word, frozenset()):
        raise not_emulated(f"list filter operations {word[:40]} {operator[:40]}")


def passes(portal: Portal, holds: Holds, kind: ObjectType, record: Record, branch: dict[str, Any]) -> bool:
    """Tell whether a record passes a branch that has been checked."""
    inner = [passes(portal, holds, kind, record, entry) for entry in branch.get("filterBranches") or []]
    own = [_passes_one(portal, holds, kind, record, entry) for entry in branch.get("filters") or []]
    return any([*inner, *own]) if branch["filterBranchType"] == "OR" else all([*inner, *own])


def _passes_one(portal: Portal, holds: Holds, kind: ObjectType, record: Record, entry: dict[str, Any]) -> bool:
    if entry["filterType"] == "IN_LIST":
        inside = holds(str(entry.get("listId")), record.id)
        return not inside if entry.get("operator") == "NOT_IN_LIST" else inside
    value, operation = portal.value(kind, record, str(entry["property"])), entry["operation"]
    operator, word = operation["operator"], operation["operationType"]
    if word == "ALL_PROPERTY":
        return (value is not None) is (operator in {"IS_KNOWN", "IS_NOT_BLANK"})
    if value is None:
        return bool(operation.get("includeObjectsWithNoValueSet")) or operator in NEGATIVE
    if word == "NUMBER":
        return _compare(float(value), operator, float(operation.get("value") or 0))
    wanted = operation.get("values") if word in {"MULTISTRING", "ENUMERATION"} else [operation.get("value")]
    texts = [str(text).casefold() for text in wanted or []]
    return _matches(value, operator, texts)


def _matches(value: str, operator: str, texts: list[str]) -> bool:
    own = value.casefold()
    if operator in {"IS_ANY_OF", "IS_NONE_OF"}:
        found = any(part in texts for part in own.split(";"))
    elif operator in {"CONTAINS", "DOES_NOT_CONTAIN"}:
        found = any(text in own for text in texts)
    elif operator == "STARTS_WITH":
        found = any(own.startswith(text) for text in texts)
    elif operator == "ENDS_WITH":
        found = any(own.endswith(text) for text in texts)
    else:
        found = own in texts
    return found is not (operator in NEGATIVE)


def _compare(value: float, operator: str, other: float) -> bool:
    if operator == "IS_GREATER_THAN":
        return value > other
    if operator == "IS_GREATER_THAN_OR_EQUAL_TO":
        return value >= other
    if operator == "IS_LESS_THAN":
        return value < other
    if operator == "IS_LESS_THAN_OR_EQUAL_TO":
        return value <= other
    return (value == other) is (operator == "IS_EQUAL_TO")
