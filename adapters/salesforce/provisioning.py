"""Making the org ready: our fields, the right to use them, and nothing more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from simple_salesforce.format import quote_soql_value

from adapters.salesforce.connection import Connection
from adapters.salesforce.schema import OBJECTS, ObjectShape, Schema
from adapters.salesforce.vendor_errors import ApiError, read_errors
from connector.errors import AccessError, AdapterFault
from connector.ports.crm import FieldSpec, ProvisionStep

PERMISSION_SET = "Handoff_Connector"
_LABEL = "Handoff Connector"
#: Custom fields of tasks are defined on Activity, and appear on Task (salesforce.md section 11).
_DEFINED_ON: Mapping[str, str] = {"task": "Activity", "event": "Activity"}
#: Custom text ends here; longer text is another type (section 15).
_LONGEST_TEXT = 255
_LONGEST_LONG_TEXT = 131_072
_ROWS_PER_CALL = 200
#: The platform says in several ways that a field of that name is there, only not for our eyes.
_EXISTS = frozenset({"DUPLICATE_DEVELOPER_NAME", "DUPLICATE_CUSTOM_FIELD", "DUPLICATE_VALUE"})
_MAY_NOT = ("INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS_OR_READONLY", "FORBIDDEN")

#: what an operator must know of an org that cannot keep our key unique; `status` says it as well
_NOT_UNIQUE = (
    "the org refuses Unique here: created as external id only. After a lost answer a creation waits ten minutes before "
    "it is looked up and repeated, and a request that the network doubles makes two records"
)


class FieldProvisioner:
    """Creates what is missing; run twice it finds everything present."""

    def __init__(self, connection: Connection, schema: Schema, *, system: str) -> None:
        """Prepare; sends nothing."""
        self._connection = connection
        self._schema = schema
        self._system = system

    def provision(
        self, fields: Sequence[FieldSpec], readable: Sequence[tuple[str, str]], *, dry_run: bool
    ) -> list[ProvisionStep]:
        """Create missing fields, the permission set and its assignment to our user; promises as in the port.

        Raises:
            AccessError: our user may not do this; the message names the right.
        """
        self._schema.forget()
        self._schema.load({spec.object for spec in fields} | {word for word, _ in readable if word in OBJECTS})
        steps = [self._field(spec, dry_run=dry_run) for spec in fields]
        usable = [spec for spec, step in zip(fields, steps, strict=True) if step.state != "failed"]
        steps += self._rights(usable, readable, dry_run=dry_run)
        if not dry_run:
            self._schema.forget()
        return steps

    def _field(self, spec: FieldSpec, *, dry_run: bool) -> ProvisionStep:
        what = f"field {_defined_on(spec)}.{spec.name}"
        shape = self._schema.get(spec.object)
        if shape.has(spec.name):
            return ProvisionStep(what, "present", _difference(spec, shape))
        if dry_run:
            return ProvisionStep(what, "would")
        try:
            self._create_field(spec)
        except ApiError as error:
            return self._field_refused(spec, what, error)
        return ProvisionStep(what, "done")

    def _create_field(self, spec: FieldSpec, *, unique: bool = True) -> None:
        body = {"FullName": f"{_defined_on(spec)}.{spec.name}", "Metadata": metadata(spec, unique=unique)}
        self._connection.call("POST", "tooling/sobjects/CustomField", body=body)

    def _field_refused(self, spec: FieldSpec, what: str, error: ApiError) -> ProvisionStep:
        words = "; ".join(known.message for known in error.errors)
        if _is_there(error):
            return ProvisionStep(what, "present", "exists; our user could not see it yet")
        self._stop_without_right(error, "Customize Application")
        if spec.unique and "unique" in words.lower():
            try:
                self._create_field(spec, unique=False)
            except ApiError as again:
                return ProvisionStep(what, "failed", "; ".join(known.message for known in again.errors))
            return ProvisionStep(what, "done", _NOT_UNIQUE)
        return ProvisionStep(what, "failed", words or error.code)

    def _rights(
        self, fields: Sequence[FieldSpec], readable: Sequence[tuple[str, str]], *, dry_run: bool
    ) -> list[ProvisionStep]:
        wanted = self._wanted_rights(fields, readable)
        set_id = self._one_id("PermissionSet", f"Name = {quote_soql_value(PERMISSION_SET)}")
        what = f"permission set {PERMISSION_SET}"
        steps: list[ProvisionStep] = []
        if set_id:
            steps.append(ProvisionStep(what, "present"))
        elif dry_run:
            steps.append(ProvisionStep(what, "would"))
        else:
            set_id = self._create("PermissionSet", {"Name": PERMISSION_SET, "Label": _LABEL})
            steps.append(ProvisionStep(what, "done"))
        steps += self._field_rights(set_id, wanted, dry_run=dry_run)
        steps.append(self._assignment(set_id, dry_run=dry_run))
        return steps

    def _wanted_rights(
        self, fields: Sequence[FieldSpec], readable: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], bool]:
        """Say which rights are needed: (object, ``Object.Field``) → whether editing too.

        Fields that cannot be withheld (required ones, ids, names) take no row and need none.
        """
        wanted: dict[tuple[str, str], bool] = {}
        for word, name in readable:
            shape = self._schema.find(word) if word in OBJECTS else None
            if shape is not None and shape.fields.get(name, {}).get("permissionable", not shape.has(name)):
                wanted[shape.name, f"{shape.name}.{name}"] = False
        for spec in fields:
            shape = self._schema.get(spec.object)
            wanted[shape.name, f"{shape.name}.{spec.name}"] = True
        return wanted

    def _field_rights(
        self, set_id: str | None, wanted: Mapping[tuple[str, str], bool], *, dry_run: bool
    ) -> list[ProvisionStep]:
        given = self._given_rights(set_id) if set_id else {}
        create: list[dict[str, Any]] = []
        change: list[dict[str, Any]] = []
        steps: list[ProvisionStep] = []
        for (sobject, name), edit in sorted(wanted.items()):
            row_id, may_read, may_edit = given.get(name, ("", False, False))
            rights = {"PermissionsRead": True, "PermissionsEdit": edit or may_edit}
            if may_read and (may_edit or not edit):
                steps.append(ProvisionStep(_right(name, edit), "present"))
            elif dry_run:
                steps.append(ProvisionStep(_right(name, edit), "would"))
            elif row_id:
                change.append({"attributes": {"type": "FieldPermissions"}, "id": row_id, **rights})
                steps.append(ProvisionStep(_right(name, edit), "done"))
            else:
                about = {"ParentId": set_id, "SobjectType": sobject, "Field": name}
                create.append({"attributes": {"type": "FieldPermissions"}, **about, **rights})
                steps.append(ProvisionStep(_right(name, edit), "done"))
        refused = self._send_rights("POST", create) | self._send_rights("PATCH", change)
        edits = {name: edit for (_, name), edit in wanted.items()}
        by_what = {_right(name, edits[name]): words for name, words in refused.items() if name in edits}
        readable = {
            _right(name, edit=False) for (sobject, name), edit in wanted.items() if self._visible(sobject, name)
        }
        return [_refused_right(step, by_what, readable) for step in steps]

    def _visible(self, sobject: str, name: str) -> bool:
        """Say whether our user reads a field already, by whatever right."""
        word = next(word for word, known in OBJECTS.items() if known == sobject)
        return self._schema.get(word).has(name.partition(".")[2])

    def _given_rights(self, set_id: str) -> dict[str, tuple[str, bool, bool]]:
        rows = self._select(
            "SELECT Id, Field, PermissionsRead, PermissionsEdit FROM FieldPermissions"
            f" WHERE ParentId = {quote_soql_value(set_id)}"
        )
        return {
            str(row["Field"]): (str(row["Id"]), bool(row["PermissionsRead"]), bool(row["PermissionsEdit"]))
            for row in rows
        }

    def _send_rights(self, method: str, records: list[dict[str, Any]]) -> dict[str, str]:
        """Send rows of rights; give the refused ones: field → the org's words."""
        refused: dict[str, str] = {}
        for start in range(0, len(records), _ROWS_PER_CALL):
            some = records[start : start + _ROWS_PER_CALL]
            results = self._guarded(
                lambda some=some: self._connection.call(  # type: ignore[misc]
                    method, "composite/sobjects", body={"allOrNone": False, "records": some}
                )
            )
            for record, result in zip(some, results or (), strict=False):
                if isinstance(result, dict) and result.get("success") is not True:
                    errors = read_errors(result.get("errors"))
                    refused[str(record.get("Field", ""))] = "; ".join(error.message for error in errors) or "refused"
        return refused

    def _assignment(self, set_id: str | None, *, dry_run: bool) -> ProvisionStep:
        user = self._guarded(self._connection.user_id)
        what = f"assignment of {PERMISSION_SET} to user {user}"
        if set_id:
            found = self._one_id(
                "PermissionSetAssignment",
                f"AssigneeId = {quote_soql_value(user)} AND PermissionSetId = {quote_soql_value(set_id)}",
            )
            if found:
                return ProvisionStep(what, "present")
        if dry_run:
            return ProvisionStep(what, "would")
        self._create("PermissionSetAssignment", {"AssigneeId": user, "PermissionSetId": set_id})
        return ProvisionStep(what, "done")

    def _one_id(self, sobject: str, where: str) -> str | None:
        rows = self._select(f"SELECT Id FROM {sobject} WHERE {where} LIMIT 1")
        return str(rows[0]["Id"]) if rows else None

    def _select(self, soql: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._guarded(lambda: self._connection.query_all(soql))
        return rows

    def _create(self, sobject: str, fields: Mapping[str, Any]) -> str:
        answer = self._guarded(lambda: self._connection.call("POST", f"sobjects/{sobject}", body=dict(fields)))
        return str(answer["id"])

    def _guarded(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except ApiError as error:
            self._stop_without_right(error, "Manage Profiles and Permission Sets")
            raise AdapterFault(
                f"{self._system}.{error.code.lower()}", "the org refused a step of provisioning", at=self._system
            ) from None

    def _stop_without_right(self, error: ApiError, right: str) -> None:
        if error.status == 403 or error.has(*_MAY_NOT):
            raise AccessError(
                f"{self._system}.{error.code.lower()}",
                f"our user may not do this; it needs the right: {right}",
                cure="let an admin run this step, or give our user the right while it runs",
                at=self._system,
            ) from None


def metadata(spec: FieldSpec, *, unique: bool = True) -> dict[str, Any]:
    """Describe a field in the words of the Tooling API."""
    made: dict[str, Any] = {"label": spec.label, "required": False}
    if spec.description:
        made["description"] = spec.description
    if spec.type == "text":
        made |= {"type": "Text", "length": min(spec.length, _LONGEST_TEXT)}
        if spec.external_id or spec.unique:
            made |= {"externalId": spec.external_id, "unique": spec.unique and unique}
        if spec.unique and unique:
            made["caseSensitive"] = False
    elif spec.type == "long_text":
        made |= {"type": "LongTextArea", "length": min(max(spec.length, 256), _LONGEST_LONG_TEXT), "visibleLines": 5}
    elif spec.type == "number":
        made |= {"type": "Number", "precision": 18, "scale": 2}
    elif spec.type == "picklist":
        values = [{"fullName": value, "label": value, "default": False} for value in spec.values]
        made |= {
            "type": "Picklist",
            "valueSet": {"restricted": False, "valueSetDefinition": {"sorted": False, "value": values}},
        }
    else:
        made["type"] = "Date" if spec.type == "date" else "DateTime"
    return made


def _defined_on(spec: FieldSpec) -> str:
    return _DEFINED_ON.get(spec.object, OBJECTS.get(spec.object, spec.object))


def _difference(spec: FieldSpec, shape: ObjectShape) -> str:
    """Say where a present field falls short of what is wanted; empty when it does not."""
    entry = shape.fields[spec.name]
    short = []
    if spec.external_id and not entry.get("externalId"):
        short.append("is no external id")
    if spec.unique and not entry.get("unique"):
        short.append("is not unique")
    if not entry.get("updateable", True):
        short.append("is read-only for our user")
    return ", ".join(short)


def _is_there(error: ApiError) -> bool:
    if error.has(*_EXISTS):
        return True
    return any("already" in known.message.lower() and "field" in known.message.lower() for known in error.errors)


def _refused_right(step: ProvisionStep, refused: Mapping[str, str], readable: set[str]) -> ProvisionStep:
    """Tell a right that is missing from one that the org will not list because the field is open to us anyway."""
    if step.what not in refused:
        return step
    if step.what in readable:
        return ProvisionStep(step.what, "present", "readable already; the org lists no right for this field")
    return ProvisionStep(step.what, "failed", refused[step.what])


def _right(name: str, edit: bool) -> str:
    return f"right to {'read and edit' if edit else 'read'} {name}"
