"""Make, change and delete custom fields, whoever asks: the Tooling API or the Metadata API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import ApiError, not_found
from sandbox.salesforce.ids import full_id, make_id
from sandbox.salesforce.metadata.field_metadata import CUSTOMIZABLE, build_field, split_name

if TYPE_CHECKING:
    from sandbox.core.org import OrgOptions
    from sandbox.salesforce.objects.schema import Field
    from sandbox.salesforce.state import OrgState


@dataclass(slots=True, frozen=True)
class Defined:
    """A custom field and where it stands; activity fields stand on ``Activity``."""

    id: str
    base: str
    field: Field
    metadata: dict[str, Any]

    @property
    def full_name(self) -> str:
        """Return object and field."""
        return f"{self.base}.{self.field.name}"


class FieldBook:
    """The custom fields of one org."""

    def __init__(self, state: OrgState, options: OrgOptions) -> None:
        """Take the org's rows and what it was started with."""
        self._state, self._options = state, options

    def all(self) -> list[Defined]:
        """Return every custom field once, in the order of their making."""
        found: dict[str, Defined] = {}
        for _obj, field, entry in self._state.custom_fields():
            found.setdefault(entry["id"], Defined(entry["id"], entry["base"], field, entry["metadata"]))
        return [found[key] for key in sorted(found)]

    def named(self, full_name: str) -> Defined | None:
        """Return the field of that name, whatever its case; None when there is none."""
        wanted = full_name.lower()
        return next((entry for entry in self.all() if entry.full_name.lower() == wanted), None)

    def by_id(self, row_id: str) -> Defined:
        """Return the field with an id.

        Raises: ApiError NOT_FOUND.
        """
        full = full_id(row_id)
        for entry in self.all():
            if entry.id == full:
                return entry
        raise not_found()

    def create(self, full_name: Any, metadata: dict[str, Any]) -> str:
        """Add a field to its object, or to both kinds of activity, and return its id; nobody sees it yet.

        Raises: ApiError.
        """
        state = self._state
        base, name = split_name(full_name)
        field = build_field(name, metadata)
        self._check_key(base, field)
        if any(state.schema.objects[obj.lower()].field_of(name) for obj in CUSTOMIZABLE[base]):
            words = f"There is already a field named {name.removesuffix('__c')} on {base}."
            raise ApiError("DUPLICATE_DEVELOPER_NAME", words, ("DeveloperName",))
        number = int(state.records.kept("field_number", 0)) + 1
        state.records.keep("field_number", number)
        row_id = make_id("00N", number)
        for obj in CUSTOMIZABLE[base]:
            state.add_field(obj, field, entry={"id": row_id, "base": base, "metadata": metadata})
        values = {
            "DeveloperName": field.name.removesuffix("__c"),
            "TableEnumOrId": base,
            "FullName": f"{base}.{field.name}",
            "ManageableState": "unmanaged",
        }
        state.records.insert("CustomField", row_id, values, at=state.stamp(), by=state.me)
        return row_id

    def change(self, entry: Defined, metadata: dict[str, Any]) -> None:
        """Put another definition in place of the present one.

        Raises: ApiError.
        """
        changed = build_field(entry.field.name, metadata)
        self._check_key(entry.base, changed)
        for obj in CUSTOMIZABLE[entry.base]:
            about = {"id": entry.id, "base": entry.base, "metadata": metadata}
            self._state.add_field(obj, changed, entry=about)

    def delete(self, entry: Defined) -> None:
        """Take a field away with its values and the grants on it."""
        state = self._state
        for obj in CUSTOMIZABLE[entry.base]:
            state.drop_field(obj, entry.field.name)
            for row in list(state.records.find("FieldPermissions", "Field", f"{obj}.{entry.field.name}")):
                state.records.remove("FieldPermissions", row.id, at=state.stamp(row), by=state.me)
        state.records.remove("CustomField", entry.id, at=state.stamp(), by=state.me)
        state.rights_changed()

    def _check_key(self, base: str, field: Field) -> None:
        if base == "Activity" and field.unique and not self._options.unique_task_key:
            words = "Can not specify 'unique' for a CustomField on Activity"
            raise ApiError("FIELD_INTEGRITY_EXCEPTION", words, ("Unique",))
