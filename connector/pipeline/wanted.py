"""Which native fields the mapping files need from each system, so that pulls carry them and no more."""

from __future__ import annotations

from collections.abc import Iterator

from connector.mapping.bundle import Mappings
from connector.mapping.conditions import Condition, tests_of
from connector.pipeline.gathering import wanted_fields
from connector.ports.traits import AdapterTraits

CRM_FACT = "crm."
#: facts of the CRM that are worked out and are no fields
_WORKED_OUT = frozenset({"open_opportunity", "opportunity_won", "opportunity_lost"})
PEOPLE = ("lead", "contact")


def wanted_of(mappings: Mappings, traits: AdapterTraits, *, is_crm: bool) -> list[tuple[str, str]]:
    """List (object, native field) pairs to ask one system for, in a stable order."""
    wanted = wanted_fields(mappings.fields, traits)
    if is_crm:
        wanted += [(object_, name) for name in _person_fields(mappings) for object_ in PEOPLE]
        wanted += [("account", name) for name in mappings.fields.crm.account]
        wanted += [("task", name) for name in traits.native.get("task", {}).values()]
    return sorted(set(wanted))


def _person_fields(mappings: Mappings) -> Iterator[str]:
    yield from mappings.fields.crm.person
    yield from mappings.scoring.dimensions.qualification.bants.values()
    yield mappings.lifecycle.rejection.field
    for condition in conditions_of(mappings):
        for test in tests_of(condition):
            name = test.field.removeprefix(CRM_FACT)
            if name != test.field and name not in _WORKED_OUT:
                yield name


def conditions_of(mappings: Mappings) -> Iterator[Condition]:
    """Walk every condition that may look at CRM fields."""
    for transition in mappings.lifecycle.transitions:
        yield transition.when
    for persona in mappings.routing.personas:
        yield persona.when
    for line in mappings.routing.assign:
        yield line.when
    if mappings.fields.create is not None:
        yield mappings.fields.create.when
    yield from (rule.when for rule in mappings.scoring.dimensions.fit.rules)
    yield from mappings.scoring.roles.values()
