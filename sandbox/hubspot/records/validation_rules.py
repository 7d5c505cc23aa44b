"""What an administrator demands of records; the API obeys it from the 2026-09 tree on (hubspot.md section 1).

A rule is set by the act ``require_property``: always, or only where other properties hold certain values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.hubspot.answers import invalid
from sandbox.hubspot.records.values import refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.hubspot.objects import ObjectType
    from sandbox.hubspot.portal import Portal

#: Editions whose writes obey the rules; the older ones are spared.
OBEYING = frozenset({"2026-09"})


def set_rule(portal: Portal, kind: ObjectType, name: str, when: dict[str, Any]) -> str:
    """Demand a property from now on; ``when`` maps property names to the values that make it needed.

    Raises:
        Refusal: 400 for a property there is not.
    """
    for known in (name, *when):
        if portal.property(kind, known) is None:
            raise invalid(f'Property "{known}" does not exist')
    rules = {**portal.records.kept("rules", {})}
    rules[f"{kind.name}.{name}"] = {key: [str(value) for value in values] for key, values in when.items()}
    portal.records.keep("rules", rules)
    return f"{kind.name}.{name}"


def check_rules(
    portal: Portal,
    kind: ObjectType,
    given: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    creating: bool,
) -> None:
    """Refuse a write that leaves a demanded property empty; an update answers only for what it touches.

    Raises:
        Refusal: 400 with MISSING_REQUIRED_PROPERTY or MISSING_CONDITIONAL_REQUIRED_PROPERTY.
    """
    if portal.edition not in OBEYING or portal.author != "app":
        return
    problems = []
    for place, when in portal.records.kept("rules", {}).items():
        obj, _, name = place.partition(".")
        if obj != kind.name or after.get(name):
            continue
        met = all(after.get(key) in values for key, values in when.items())
        if when and met and (creating or name in given or any(key in given for key in when)):
            problems.append(("MISSING_CONDITIONAL_REQUIRED_PROPERTY", name, f"{name} is required here"))
        elif not when and creating:
            problems.append(("MISSING_REQUIRED_PROPERTY", name, f"{name} is required"))
    if problems:
        raise refused(problems)
