"""Check against the systems themselves: credentials, rights, fields, picklists, users and queues by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from connector.errors import AccessError, TransientError
from connector.mapping.bundle import Mappings
from connector.ports.crm import Crm
from connector.ports.source import Source
from connector.ports.traits import FieldInfo, Finding
from connector.trust.fields import field_specs

_PEOPLE = ("lead", "contact")


def check_online(mappings: Mappings, adapters: Sequence[Source], crm: Crm) -> list[Finding]:
    """Ask every system; each test is one finding, with the system it belongs to.

    A system that cannot be reached or does not let us in is a finding too (``shut``), and the others are asked.
    """
    return [finding for adapter in adapters for finding in _system(mappings, adapter, crm)]


def _system(mappings: Mappings, adapter: Source, crm: Crm) -> Iterator[Finding]:
    system = adapter.traits().system
    try:
        for finding in _asked(mappings, adapter, crm):
            yield replace(finding, system=system)
            if finding.shut:
                return
    except (AccessError, TransientError) as error:
        yield Finding("connection", False, error.message, error.cure, error.code, system)


def _asked(mappings: Mappings, adapter: Source, crm: Crm) -> Iterator[Finding]:
    yield from adapter.check()
    if adapter is not crm:
        yield from _source_fields(mappings, adapter)
        return
    described = {object_: {f.name: f for f in crm.fields(object_)} for object_ in (*_PEOPLE, "account", "task")}
    yield from _our_fields(mappings, crm, described)
    yield from _their_fields(mappings, crm, described)
    yield from _opt_outs(crm, described)


def _our_fields(mappings: Mappings, crm: Crm, described: dict[str, dict[str, FieldInfo]]) -> Iterator[Finding]:
    missing = [s for s in field_specs(mappings, crm.traits()) if s.name not in described[s.object]]
    if missing:
        names = ", ".join(f"{spec.object}.{spec.name}" for spec in missing[:6])
        more = f" and {len(missing) - 6} more" if len(missing) > 6 else ""
        yield Finding(
            "fields of ours", False, f"{names}{more} do not exist or cannot be seen", "run `handoff provision`"
        )
    else:
        yield Finding("fields of ours", True, "all there")
    for object_, unique in crm.traits().creation_key_unique.items():
        if not unique and not missing:
            yield Finding(
                f"unique key on {object_}",
                True,
                "the org keeps no unique key here: lost answers are looked up and waited for instead",
            )


def _their_fields(mappings: Mappings, crm: Crm, described: dict[str, dict[str, FieldInfo]]) -> Iterator[Finding]:
    ours = {(spec.object, spec.name) for spec in field_specs(mappings, crm.traits())}
    for name, field in mappings.fields.crm.person.items():
        objects = _PEOPLE if field.only is None else (field.only,)
        known = [described[object_].get(name) for object_ in objects if (object_, name) not in ours]
        if known and not any(known):
            yield Finding(
                f"fields.yaml crm.person.{name}", False, "no such field on lead or contact", "correct the name"
            )
        for info in filter(None, known):
            wrong = [value for value in field.values.values() if info.restricted and value not in info.values]
            if wrong:
                yield Finding(
                    f"fields.yaml crm.person.{name}",
                    False,
                    f"the picklist refuses {', '.join(wrong)}",
                    f"use one of {', '.join(info.values[:12])}",
                )


def _opt_outs(crm: Crm, described: dict[str, dict[str, FieldInfo]]) -> Iterator[Finding]:
    """Say where the CRM does not show who must not be reached: an org may well do without, but nobody should wonder."""
    unseen = [
        f"{object_}.{name}"
        for object_, channels in crm.traits().opt_outs.items()
        for name in channels.values()
        if described.get(object_) and name not in described[object_]
    ]
    if unseen:
        names = ", ".join(unseen)
        message = f"{names} cannot be seen: whoever opted out there alone is not known to have"
        yield Finding("opt-outs", True, message, "give our user the right to read them")


def _source_fields(mappings: Mappings, source: Source) -> Iterator[Finding]:
    system = source.traits().system
    known = {object_: {f.name for f in source.fields(object_)} for object_ in ("contact", "account")}
    for name, line in mappings.fields.person.items():
        native = line.sources.get(system, "")
        head, dot, tail = native.partition(".")
        place = ("account", tail) if dot and head in {"company", "account"} else ("contact", native)
        if native and known[place[0]] and place[1] not in known[place[0]]:
            yield Finding(
                f"fields.yaml person.{name}", False, f"{system} has no {place[0]} field {place[1]}", "correct the name"
            )
