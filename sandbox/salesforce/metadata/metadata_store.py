"""Put metadata components into the org and take them out, by full name: custom fields and permission sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import ApiError, missing
from sandbox.salesforce.metadata.custom_fields import FieldBook
from sandbox.salesforce.metadata.metadata_xml import OBJECT_RIGHTS, field_element, field_json, grants, object_rights
from sandbox.salesforce.rows.dml import Author
from sandbox.salesforce.soap.envelopes import KIND, Plain, SoapFault, first

if TYPE_CHECKING:
    from sandbox.core.records import Record
    from sandbox.salesforce.api import Api
    from sandbox.salesforce.objects.schema import SObject

FIELD, SET = "CustomField", "PermissionSet"
BUILT = (FIELD, SET)


class MetadataStore:
    """The metadata of one org."""

    def __init__(self, api: Api) -> None:
        """Take the org's rooms."""
        self._api = api
        self._book = FieldBook(api.state, api.options)

    def check_kind(self, kind: Any) -> str:
        """Return the kind if it is built.

        Raises: SoapFault.
        """
        if kind not in BUILT:
            raise SoapFault("SANDBOX_NOT_BUILT", f"The sandbox does not have this: metadata of type {kind}", status=501)
        return str(kind)

    # -- by kind -------------------------------------------------------------------------------

    def exists(self, kind: str, full_name: str) -> bool:
        """Tell whether a component stands in the org."""
        return (self._book.named(full_name) if kind == FIELD else self._set(full_name)) is not None

    def create(self, kind: str, element: Plain) -> None:
        """Add a component.

        Raises: ApiError.
        """
        name = first(element, "fullName")
        if not name:
            raise missing(["fullName"])
        if kind == FIELD:
            self._book.create(name, field_json(element))
            return
        if self._set(str(name)) is not None:
            words = f"A permission set named {name} already exists."
            raise ApiError("DUPLICATE_DEVELOPER_NAME", words, ("fullName",))
        values = {"Name": name, "Label": first(element, "label"), "Description": first(element, "description") or None}
        self._dml_create("PermissionSet", values)
        self._grant(str(name), element)

    def update(self, kind: str, element: Plain) -> None:
        """Change a component; a permission set keeps the grants that are not named.

        Raises: ApiError.
        """
        name = str(first(element, "fullName"))
        if kind == FIELD:
            entry = self._book.named(name)
            if entry is None:
                raise ApiError("INVALID_CROSS_REFERENCE_KEY", f"In field: fullName - no CustomField named {name} found")
            self._book.change(entry, field_json(element))
            return
        row = self._set(name)
        if row is None:
            raise ApiError("INVALID_CROSS_REFERENCE_KEY", f"In field: fullName - no PermissionSet named {name} found")
        values = {"Label": first(element, "label"), "Description": first(element, "description")}
        given = {key: value for key, value in values.items() if value}
        if given:
            self._api.dml.update(self._object("PermissionSet"), row.id, given, self._author())
        self._grant(name, element)

    def delete(self, kind: str, full_name: str) -> None:
        """Take a component away.

        Raises: ApiError.
        """
        entry = self._book.named(full_name) if kind == FIELD else None
        row = self._set(full_name) if kind == SET else None
        if entry is not None:
            self._book.delete(entry)
        elif row is not None:
            self._api.dml.delete(self._object("PermissionSet"), row.id, self._author())
        else:
            raise ApiError("INVALID_CROSS_REFERENCE_KEY", f"In field: fullName - no {kind} named {full_name} found")

    def read(self, kind: str, full_name: str) -> dict[str, Any]:
        """Return a component as XML shows it; an absent one is an empty record."""
        if kind == FIELD:
            entry = self._book.named(full_name)
            return {} if entry is None else field_element(entry.full_name, entry.metadata)
        row = self._set(full_name)
        return {} if row is None else self._shown_set(row)

    def names(self, kind: str) -> list[tuple[str, str]]:
        """Return (full name, id) of all components of a kind."""
        if kind == FIELD:
            return [(entry.full_name, entry.id) for entry in self._book.all()]
        rows = [row for row in self._api.state.records.rows("PermissionSet") if not row.deleted]
        return [(str(row.get("Name")), row.id) for row in rows]

    # -- permission sets -----------------------------------------------------------------------

    def _object(self, name: str) -> SObject:
        return self._api.state.schema.objects[name.lower()]

    def _author(self) -> Author:
        return Author(self._api.user, auto_assign=False, system=True)

    def _dml_create(self, obj: str, values: dict[str, Any]) -> None:
        self._api.dml.create(self._object(obj), values, self._author())

    def _set(self, name: str) -> Record | None:
        found = self._api.state.records.find("PermissionSet", "Name", name)
        return found[0] if found else None

    def _grant(self, name: str, element: Plain) -> None:
        row = self._set(name)
        if row is None:
            return
        for field, read, edit in grants(element):
            key, rights = {"Field": field}, {"PermissionsRead": read, "PermissionsEdit": edit}
            self._put("FieldPermissions", row, {**key, "SobjectType": field.partition(".")[0]}, key, rights)
        for obj, rights in object_rights(element):
            key = {"SobjectType": obj}
            self._put("ObjectPermissions", row, key, key, rights)

    def _put(
        self, obj: str, parent: Record, fresh: dict[str, Any], key: dict[str, Any], rights: dict[str, bool]
    ) -> None:
        """Change the grant that a set already has on something, or add it."""
        for row in self._api.state.records.find(obj, "ParentId", parent.id):
            if all(str(row.get(name)).lower() == str(value).lower() for name, value in key.items()):
                self._api.dml.update(self._object(obj), row.id, rights, self._author())
                return
        self._dml_create(obj, {"ParentId": parent.id, **fresh, **rights})

    def _shown_set(self, row: Record) -> dict[str, Any]:
        records = self._api.state.records
        fields = [
            {
                "editable": grant.get("PermissionsEdit", False),
                "field": grant.get("Field"),
                "readable": grant.get("PermissionsRead", False),
            }
            for grant in records.find("FieldPermissions", "ParentId", row.id)
        ]
        objects = [
            {
                "object": grant.get("SobjectType"),
                **{name: grant.get(right, False) for name, right in OBJECT_RIGHTS.items()},
            }
            for grant in records.find("ObjectPermissions", "ParentId", row.id)
        ]
        shown = {KIND: SET, "fullName": row.get("Name"), "description": row.get("Description")}
        shown = {name: value for name, value in shown.items() if value is not None}
        return {
            **shown,
            "fieldPermissions": sorted(fields, key=lambda grant: str(grant["field"])),
            "hasActivationRequired": False,
            "label": row.get("Label"),
            "objectPermissions": sorted(objects, key=lambda grant: str(grant["object"])),
        }
