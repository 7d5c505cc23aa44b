"""Write down what tracked fields held: the rows of LeadHistory, ContactHistory, AccountHistory and their kin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.salesforce.ids import make_id
from sandbox.salesforce.objects.history_tables import HISTORIES, PICTURED, TRACKED
from sandbox.salesforce.objects.schema import NUMBER_TYPES
from sandbox.salesforce.rows.view import getter, name_of

if TYPE_CHECKING:
    from sandbox.core.records import Record
    from sandbox.salesforce.objects.schema import Field, SObject
    from sandbox.salesforce.state import OrgState

#: Longer texts are noted as changed, without their words.
LONGEST_NOTED = 255


class History:
    """The org's memory of tracked fields."""

    def __init__(self, state: OrgState) -> None:
        """Take the org's rows."""
        self._state = state

    def created(self, row: Record, by: str) -> None:
        """Keep the first picture of an opportunity."""
        if row.obj == "Opportunity":
            self._picture(row, by)

    def changed(self, old: Record, new: Record, by: str) -> None:
        """Write down every tracked field that holds something else than before."""
        entry = TRACKED.get(old.obj)
        if entry is None or old.values == new.values:
            return
        obj = self._state.schema.objects[old.obj.lower()]
        for name in sorted({*old.values, *new.values}):
            field = obj.field_of(name)
            if field is None or old.get(name) == new.get(name) or not self._tracked(obj, field):
                continue
            if field.type == "reference":
                shown = name.removesuffix("Id") if not field.custom else name
                names = [name_of(row) if row else None for row in map(self._state.row, (old.get(name), new.get(name)))]
                self._note(new, shown, "Text", names[0], names[1], by)
                self._note(new, shown, "EntityId", old.get(name), new.get(name), by)
            else:
                self._note(new, name, _kind(field), _short(old.get(name)), _short(new.get(name)), by)
        if old.obj == "Opportunity" and any(old.get(name) != new.get(name) for name in PICTURED):
            self._picture(new, by)

    def event(self, row: Record, what: str, by: str) -> None:
        """Write down that something happened to a row: ``leadConverted``, ``contactMerged`` and the like."""
        if row.obj in TRACKED:
            self._note(row, what, "Text", None, None, by)

    def _tracked(self, obj: SObject, field: Field) -> bool:
        if not field.custom:
            return field.name in TRACKED[obj.name].fields
        return f"{obj.name}.{field.name}".lower() in self._state.tracked_fields()

    def _note(self, row: Record, field: str, kind: str, old: Any, new: Any, by: str) -> None:
        entry = TRACKED[row.obj]
        values = {entry.parent_field: row.id, "Field": field, "DataType": kind, "OldValue": old, "NewValue": new}
        number = 1 + sum(self._state.records.count(name) for name in HISTORIES)
        self._state.records.insert(entry.history, make_id("017", number), values, at=row.modified_at, by=by)

    def _picture(self, row: Record, by: str) -> None:
        obj = self._state.schema.objects["opportunity"]
        values: dict[str, Any] = {"OpportunityId": row.id}
        for name in PICTURED:
            values[name] = getter(self._state, "Opportunity", obj.fields[name.lower()])(row)
        row_id = make_id("008", self._state.records.count("OpportunityHistory") + 1)
        self._state.records.insert("OpportunityHistory", row_id, values, at=row.modified_at, by=by)


def _short(value: Any) -> Any:
    return None if isinstance(value, str) and len(value) > LONGEST_NOTED else value


def _kind(field: Field) -> str:
    if field.type in NUMBER_TYPES:
        return "Double"
    return {"boolean": "Boolean", "date": "DateOnly", "datetime": "DateTime", "picklist": "DynamicEnum"}.get(
        field.type, "Text"
    )
