"""Says what stands otherwise in an org than it would have stood undisturbed: lost, doubled, overwritten, or different.

It compares the sandbox's snapshots: every record and every writable field, by what people would call the record, and
beside each field the multiset of all values that it has ever held, so that a double that was deleted again shows too.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

#: (object, who or what by its e-mail or name, field)
Edited = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is not as it should be."""

    #: lost, doubled, overwritten (a person's value is gone) or different
    kind: str
    record: str
    field: str = ""
    wanted: Any = None
    found: Any = None

    def __str__(self) -> str:
        """Say it in a line."""
        return f"{self.kind}: {self.record} {self.field} {self.wanted!r} -> {self.found!r}"


def complaints(
    undisturbed: Mapping[str, bytes], found: Mapping[str, bytes], *, edited: Collection[Edited] = ()
) -> list[Complaint]:
    """Compare the orgs, by vendor, with what they would hold had nothing happened.

    ``edited`` are fields in which people wrote while something was going on. Theirs must stand; which values the field
    held before depends on who came first, and is not compared.
    """
    every: list[Complaint] = []
    for vendor, wanted in undisturbed.items():
        if wanted != found[vendor]:
            every += _compare(_records(wanted), _records(found[vendor]), frozenset(edited))
    return every


def _records(snapshot: bytes) -> dict[str, dict[str, Any]]:
    return {json.dumps(record["key"]): record for record in json.loads(snapshot)["records"]}


def _compare(
    wanted: dict[str, dict[str, Any]], found: dict[str, dict[str, Any]], edited: frozenset[Edited]
) -> list[Complaint]:
    every = [Complaint("lost", key) for key in wanted if key not in found]
    every += [Complaint("doubled" if _twin(key, wanted) else "different", key) for key in found if key not in wanted]
    for key in wanted.keys() & found.keys():
        one, other = wanted[key], found[key]
        if one["deleted"] != other["deleted"]:
            kind = "lost" if other["deleted"] else "doubled"
            every.append(Complaint(kind, key, "deleted", one["deleted"], other["deleted"]))
        for name in sorted(one["fields"].keys() | other["fields"].keys()):
            ours = _is_edited(one, name, edited)
            if one["fields"].get(name) != other["fields"].get(name):
                kind = "overwritten" if ours else "different"
                every.append(Complaint(kind, key, name, one["fields"].get(name), other["fields"].get(name)))
            elif one["held"].get(name) != other["held"].get(name) and not ours:
                every.append(
                    Complaint("different", key, f"held {name}", one["held"].get(name), other["held"].get(name))
                )
    return sorted(every, key=str)


def _twin(key: str, wanted: dict[str, dict[str, Any]]) -> bool:
    """Say whether what was not wanted is of a kind with what was: the same record but for its number or key."""
    path = json.loads(key)
    alike = [json.loads(other) for other in wanted]
    return any(other[: len(path) - 1] == path[:-1] or path[: len(other)] == other for other in alike)


def _is_edited(record: Mapping[str, Any], name: str, edited: frozenset[Edited]) -> bool:
    fields = record["fields"]
    names = {fields.get("Email"), fields.get("email"), fields.get("Subject"), fields.get("Name")}
    return any((record["object"], who, name) in edited for who in names if who)
