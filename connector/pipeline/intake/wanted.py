"""Which native fields the mapping files need from each system, so that pulls and readings carry them and no more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from connector.domain.records import ACCOUNT_COLUMNS, PERSON_COLUMNS
from connector.lake.layout import FIELD, LINK
from connector.mapping.bundle import Mappings
from connector.mapping.conditions import Condition, tests_of
from connector.mapping.fields import CHANNELS
from connector.pipeline.people.gathering import IDENTITY_LINES, Asked, native_of, wanted_fields
from connector.ports.traits import AdapterTraits

CRM_FACT = "crm."
#: facts of the CRM that are worked out and are no fields
WORKED_OUT = frozenset({"open_opportunity", "opportunity_won", "opportunity_lost"})
PEOPLE = ("lead", "contact")
#: kinds of record that are read whole: there are few of them
_WHOLE = ("user", "queue", "opportunity", "contact_role")
#: what links a task, a person or an account to others
_LINKS = frozenset(LINK + word for word in ("owner", "account", "who"))


def wanted_of(mappings: Mappings, traits: AdapterTraits, *, is_crm: bool) -> list[tuple[str, str]]:
    """List (object, native field) pairs to ask one system for, in a stable order."""
    wanted = wanted_fields(mappings.fields, traits)
    wanted += [(object_, name) for object_ in traits.people for _, name in opt_out_fields(mappings, traits, object_)]
    if is_crm:
        wanted += [(object_, name) for name in _person_fields(mappings) for object_ in PEOPLE]
        wanted += [("account", name) for name in mappings.fields.crm.account]
        wanted += [("task", name) for name in traits.native.get("task", {}).values()]
    return sorted(set(wanted))


def opt_out_fields(mappings: Mappings, traits: AdapterTraits, object_: str) -> list[tuple[str, str]]:
    """List (channel, native field) pairs by which one kind of record says who must not be reached."""
    own = traits.opt_outs.get(object_, {})
    pairs = [(channel, own[channel]) for channel in CHANNELS if channel in own]
    further = mappings.fields.opt_out
    return pairs + [(channel, name) for channel in CHANNELS for name in further.of(channel, traits.system)]


def _person_fields(mappings: Mappings) -> Iterator[str]:
    yield from mappings.fields.crm.person
    yield from mappings.scoring.dimensions.qualification.bants.values()
    yield mappings.lifecycle.rejection.field
    for condition in conditions_of(mappings):
        for test in tests_of(condition):
            name = test.field.removeprefix(CRM_FACT)
            if name != test.field and name not in WORKED_OUT:
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
    for model in (mappings.scoring, *mappings.further):
        yield model.for_
        yield from (rule.when for rule in model.dimensions.fit.rules)
        yield from model.roles.values()


def asked_of(mappings: Mappings, traits: Sequence[AdapterTraits], crm: str) -> Asked:
    """Say which columns of the lake deciding looks at beside the facts of people; those come in parts (``told_by``).

    Of people it is what says who they are.
    """
    asked: Asked = {}
    for one in traits:
        for object_, standard in one.people.items():
            asked[one.system, object_] = _fields(mappings, one, standard, ("email", *IDENTITY_LINES)) | _LINKS
        asked[one.system, "account"] = frozenset(_account_fields(mappings, one, is_crm=one.system == crm)) | _LINKS
        if one.system == crm:
            asked |= {(crm, object_): None for object_ in _WHOLE}
            asked[crm, "task"] = frozenset(FIELD + name for name in one.native.get("task", {}).values()) | _LINKS
    return asked


def told_by(mappings: Mappings, traits: AdapterTraits, object_: str, *, is_crm: bool) -> frozenset[str]:
    """List the columns of people's records that facts come from, and in the CRM those compared or asked for."""
    names = (*PERSON_COLUMNS, *mappings.fields.person)
    told = _fields(mappings, traits, traits.people[object_], names) | _LINKS
    told |= {FIELD + name for _, name in opt_out_fields(mappings, traits, object_)}
    if is_crm:
        told |= {FIELD + name for name in _person_fields(mappings)}
        told |= {FIELD + name for name in traits.native.get(object_, {}).values()}
        told |= {FIELD + name for name in traits.native.get("lead", {}).values()}
    return told


def _fields(
    mappings: Mappings, traits: AdapterTraits, standard: Mapping[str, str], names: Iterable[str]
) -> frozenset[str]:
    natives = (native_of(mappings.fields.person.get(name), standard, name, traits.system) for name in names)
    return frozenset(FIELD + native for native in natives if native)


def _account_fields(mappings: Mappings, traits: AdapterTraits, *, is_crm: bool) -> Iterator[str]:
    """Name what people's facts take from the company they are linked to, and in the CRM what accounts tell and show."""
    for standard in traits.people.values():
        for column in _fields(mappings, traits, standard, (*PERSON_COLUMNS, *mappings.fields.person)):
            head, dot, tail = column.removeprefix(FIELD).partition(".")
            if dot and head in {"company", "account"}:
                yield FIELD + tail
    if not is_crm:
        return
    standard = traits.accounts.get("account", {})
    for name in (*ACCOUNT_COLUMNS, *mappings.fields.account):
        yield FIELD + (native_of(mappings.fields.account.get(name), standard, name, traits.system) or "")
        if name.endswith("_id"):
            yield LINK + name.removesuffix("_id")
    yield from (FIELD + name for name in mappings.fields.crm.account)
