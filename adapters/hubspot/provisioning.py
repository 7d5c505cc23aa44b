"""Creating our properties: one group per kind of record, then what is missing in it (hubspot.md section 7)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from adapters.hubspot.classify import read_error
from adapters.hubspot.schema import Schema
from adapters.hubspot.wire import Wire, Written
from adapters.hubspot.words import KEY, PATHS
from connector.ports.crm import FieldSpec, ProvisionStep
from connector.ports.traits import FieldInfo

GROUP, GROUP_LABEL = "handoff", "Handoff"
#: The vendor takes no others.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
#: Our type → the vendor's type and field type.
_TYPES: dict[str, tuple[str, str]] = {
    "text": ("string", "text"),
    "long_text": ("string", "textarea"),
    "number": ("number", "number"),
    "date": ("date", "date"),
    "datetime": ("datetime", "date"),
    "picklist": ("enumeration", "select"),
}
#: Said where the account refuses unique values, which is not documented for tasks (hubspot.md section 7).
NOT_UNIQUE = "not unique here: a request that the network doubles makes two records"


class PropertyProvisioner:
    """Creates groups and properties; rights are scopes of the private app, which no call can grant."""

    def __init__(self, wire: Wire, schema: Schema) -> None:
        """Prepare; sends nothing."""
        self._wire = wire
        self._schema = schema

    def provision(self, fields: Sequence[FieldSpec], *, dry_run: bool) -> list[ProvisionStep]:
        """Create what is missing, or say what would be created.

        Raises:
            AccessError: a scope is missing; the message names it.
            OutcomeUnknown: an answer was lost; run it again.
        """
        self._schema.forget()
        steps: list[ProvisionStep] = []
        for word in dict.fromkeys(spec.object for spec in fields):
            some = [spec for spec in fields if spec.object == word]
            if word not in PATHS:
                steps += [_step(spec, "failed", f"HubSpot keeps no {word} here") for spec in some]
                continue
            known = self._schema.get(word)
            if any(spec.name not in known for spec in some):
                steps.append(self._group(word, dry_run=dry_run))
            steps += [self._property(spec, known.get(spec.name), dry_run=dry_run) for spec in some]
        self._schema.forget()
        return steps

    def _group(self, word: str, *, dry_run: bool) -> ProvisionStep:
        what = f"group {word}.{GROUP}"
        if dry_run:
            return ProvisionStep(what, "would")
        body = {"name": GROUP, "label": GROUP_LABEL}
        answer = self._wire.write(f"{self._wire.paths.properties(PATHS[word])}/groups", body)
        if answer.status == 409:
            return ProvisionStep(what, "present")
        return ProvisionStep(what, "done") if answer.status < 300 else ProvisionStep(what, "failed", _why(answer))

    def _property(self, spec: FieldSpec, known: FieldInfo | None, *, dry_run: bool) -> ProvisionStep:
        if _NAME.fullmatch(spec.name) is None:
            return _step(spec, "failed", "names are lower-case letters, digits and underscores")
        if known is not None:
            told = NOT_UNIQUE if spec.name == KEY and not known.unique else ""
            return _step(spec, "present", told)
        if dry_run:
            return _step(spec, "would")
        answer = self._create(spec, unique=spec.unique)
        if spec.unique and answer.status == 400:
            answer = self._create(spec, unique=False)
            return _step(spec, "done", NOT_UNIQUE) if answer.status < 300 else _step(spec, "failed", _why(answer))
        if answer.status == 409:
            return _step(spec, "present")
        return _step(spec, "done") if answer.status < 300 else _step(spec, "failed", _why(answer))

    def _create(self, spec: FieldSpec, *, unique: bool) -> Written:
        type_, field_type = _TYPES[spec.type]
        body: dict[str, Any] = {
            "name": spec.name,
            "label": spec.label,
            "type": type_,
            "fieldType": field_type,
            "groupName": GROUP,
            "description": spec.description,
            "hasUniqueValue": unique,
        }
        if spec.values:
            body["options"] = [
                {"label": value, "value": value, "displayOrder": order, "hidden": False}
                for order, value in enumerate(spec.values)
            ]
        return self._wire.write(self._wire.paths.properties(PATHS[spec.object]), body)


def _step(spec: FieldSpec, state: Any, message: str = "") -> ProvisionStep:
    return ProvisionStep(f"field {spec.object}.{spec.name}", state, message)


def _why(answer: Written) -> str:
    return f"the account refused it ({read_error(answer.body).code})"
