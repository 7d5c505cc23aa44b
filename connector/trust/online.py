"""Check against the systems themselves: credentials, rights, fields, picklists, users and queues by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connector.mapping.bundle import Mappings
from connector.ports.crm import Crm
from connector.ports.source import Source
from connector.ports.traits import FieldInfo, Finding
from connector.trust.fields import field_specs

_PEOPLE = ("lead", "contact")


def check_online(mappings: Mappings, adapters: Sequence[Source], crm: Crm) -> list[Finding]:
    """Ask every system; each test is one finding.

    Raises:
        AccessError: not let in at all.
        TransientError: a system cannot be reached.
    """
    findings: list[Finding] = []
    for adapter in adapters:
        findings += adapter.check()
    described = {object_: {f.name: f for f in crm.fields(object_)} for object_ in (*_PEOPLE, "account", "task")}
    findings += _our_fields(mappings, crm, described)
    findings += _their_fields(mappings, crm, described)
    for adapter in adapters:
        if adapter is not crm:
            findings += _source_fields(mappings, adapter)
    return findings


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
