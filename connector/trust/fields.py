"""Which fields the CRM must have: those the mappings name and the fixed set that exactly-once rests on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from connector.mapping.bundle import Mappings
from connector.mapping.fields import CrmField
from connector.ports.crm import FieldSpec
from connector.ports.traits import AdapterTraits

_PEOPLE = ("lead", "contact")
_NUMBERS = frozenset(
    {
        *("score.total", "score.fit", "score.interest", "score.qualification", "stage_entry"),
        *("account.score", "account.engaged_people", "match.confidence"),
    }
)
_LONG = frozenset({"score.reasons", "account.roles", "match.reason", "too_hot_rules", "early_alert_rules"})
_DATES = frozenset(
    {"score.date", *(f"{of}{flag}_since" for of in ("", "account.") for flag in ("too_hot", "early_alert"))}
)
#: what a further model says in points, after its name
_POINTS = frozenset({"total", "fit", "interest", "qualification"})


def field_specs(mappings: Mappings, crm: AdapterTraits) -> list[FieldSpec]:
    """List the custom fields that must exist, each once, in a stable order; nothing for a CRM without custom fields."""
    custom = crm.custom_suffix
    if not custom:
        return []
    specs: dict[tuple[str, str], FieldSpec] = {}
    for spec in (*_fixed(mappings, crm), *_qualification(mappings, custom), *_mapped(mappings, custom)):
        specs.setdefault((spec.object, spec.name), spec)
    return [specs[key] for key in sorted(specs)]


def missing_keys(crm: AdapterTraits, described: Mapping[str, Collection[str]]) -> list[str]:
    """Name the key fields that exactly-once rests on and that the org does not show to our user (``lead.FIELD``)."""
    if not crm.custom_suffix:
        return []
    needed = [(object_, crm.native[object_]["key"]) for object_ in (*_PEOPLE, "task")]
    return [f"{object_}.{name}" for object_, name in needed if name not in described[object_]]


def _fixed(mappings: Mappings, crm: AdapterTraits) -> Iterator[FieldSpec]:
    key = crm.native["task"]["key"]
    for object_ in (*_PEOPLE, "task"):
        yield FieldSpec(
            object_,
            key,
            "Handoff Key",
            "text",
            length=64,
            unique=True,
            external_id=True,
            description="Names what Handoff created, so that it is never created twice. Do not edit.",
        )
    yield FieldSpec(
        "task",
        crm.native["task"]["rule"],
        "Handoff Rule",
        "text",
        length=80,
        description="The rule that asked for the task.",
    )
    yield FieldSpec(
        "task",
        crm.native["task"]["due_at"],
        "Handoff Due",
        "datetime",
        description="When the task is due, to the minute.",
    )
    rejection = mappings.lifecycle.rejection
    for object_ in _PEOPLE:
        yield FieldSpec(
            object_,
            crm.native[object_]["stage_entry"],
            "Handoff Stage Entry",
            "number",
            description="How many stages have been entered so far. Do not edit.",
        )
        yield FieldSpec(
            object_,
            rejection.field,
            "Handoff Rejection",
            "picklist",
            values=rejection.reasons,
            description="Why this lead was turned down; one click sends it back.",
        )


def _qualification(mappings: Mappings, custom: str) -> Iterator[FieldSpec]:
    for question, name in mappings.scoring.dimensions.qualification.bants.items():
        if name.endswith(custom):
            label = _label(name, custom)
            for object_ in _PEOPLE:
                yield FieldSpec(
                    object_,
                    name,
                    label,
                    "picklist",
                    values=("Yes", "No"),
                    description=f"{question.replace('_', ' ')}: yes, no, or blank while nobody knows.",
                )


def _mapped(mappings: Mappings, custom: str) -> Iterator[FieldSpec]:
    for name, field in mappings.fields.crm.person.items():
        if name.endswith(custom):
            for object_ in _PEOPLE if field.only is None else (field.only,):
                yield _spec(object_, name, field, _label(name, custom))
    for name, field in mappings.fields.crm.account.items():
        if name.endswith(custom):
            yield _spec("account", name, field, _label(name, custom))


def _label(name: str, custom: str) -> str:
    return name.removesuffix(custom).replace("_", " ")


def _spec(object_: str, name: str, field: CrmField, label: str) -> FieldSpec:
    description = f"Shows {field.source}; written by Handoff."
    if field.source in _NUMBERS or (field.source.startswith("score.") and field.source.rpartition(".")[2] in _POINTS):
        return FieldSpec(object_, name, label, "number", description=description)
    if field.source in _DATES:
        return FieldSpec(object_, name, label, "date", description=description)
    if field.source in _LONG:
        return FieldSpec(object_, name, label, "long_text", length=4000, description=description)
    return FieldSpec(object_, name, label, "text", length=80, description=description)
