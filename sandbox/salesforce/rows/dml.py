"""Create, update, upsert and delete rows, with everything the org checks on the way."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.core.records import Duplicate
from sandbox.salesforce.errors import (
    ApiError,
    absent_row,
    deleted_row,
    duplicate_value,
    locked_row,
    missing,
    no_access,
    no_access_across,
    no_column,
    no_external_field,
    not_found,
    not_writable,
)
from sandbox.salesforce.ids import full_id
from sandbox.salesforce.objects.schema import Field, SObject
from sandbox.salesforce.objects.values import coerce
from sandbox.salesforce.rows.duplicates import NO_HEADER, DuplicateHeader, check_duplicates
from sandbox.salesforce.rows.history import History
from sandbox.salesforce.rows.recycle_bin import put_away, take_out
from sandbox.salesforce.rows.rules import RIGHTS_OBJECTS, RULES, Draft, check_validation

if TYPE_CHECKING:
    from sandbox.core.records import Record
    from sandbox.salesforce.state import OrgState


@dataclass(slots=True, frozen=True)
class Author:
    """Who writes, and under which header."""

    user: str
    #: ``Sforce-Auto-Assign`` is not FALSE: lead assignment rules run.
    auto_assign: bool = True
    #: Acts of people and of the org itself pass over field flags and field-level security.
    system: bool = False
    #: What ``Sforce-Duplicate-Rule-Header`` asks for.
    duplicates: DuplicateHeader = NO_HEADER


@dataclass(slots=True, frozen=True)
class Outcome:
    """What a write did."""

    id: str
    created: bool
    #: The row holds other values than before.
    effect: bool


class SeveralRows(Exception):
    """More than one row has the external id."""

    def __init__(self, ids: list[str]) -> None:
        """Take the ids of the rows."""
        super().__init__("several rows")
        self.ids = ids


class Dml:
    """Write rows of one org."""

    def __init__(self, state: OrgState) -> None:
        """Take the org's rows and rights."""
        self._state = state
        self.history = History(state)
        #: Decides which rows are locked by somebody else (a planted fault).
        self.locks: random.Random | None = None
        self._locked_once = False

    def lock(self, dice: random.Random | None) -> None:
        """Lock the next row written, and then every second one by the dice; None unlocks."""
        self.locks, self._locked_once = dice, False

    def object(self, name: str) -> SObject:
        """Return the object.

        Raises: ApiError NOT_FOUND.
        """
        found = self._state.schema.object(name)
        if found is None:
            raise not_found()
        return found

    # -- the writes ----------------------------------------------------------------------------

    def create(self, obj: SObject, body: Mapping[str, Any], by: Author) -> Outcome:
        """Store a new row.

        Raises: ApiError.
        """
        if "c" not in obj.flags:
            raise ApiError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type cannot be inserted: {obj.label}", ())
        self._access(obj, "create", by)
        self._lock("new")
        draft = Draft(obj.name, None, self._checked(obj, body, by, creating=True))
        for field in obj.fields.values():
            if (
                field.defaulted
                and field.default is not None
                and draft.values.get(field.name) is None
                and field.createable
            ):
                draft.values[field.name] = field.default
        if obj.field_of("OwnerId") is not None and obj.name != "Group":
            draft.values.setdefault("OwnerId", by.user)
        self._assign(draft, by)
        self._require(obj, draft)
        self._apply_rules(draft, by)
        row_id = self._state.next_id(obj.name)
        moment = self._state.stamp()
        try:
            made = self._state.records.insert(
                obj.name, row_id, draft.values, at=moment, by=by.user, created_at=self._state.backdated
            )
        except Duplicate as error:
            raise duplicate_value(error.field_name, error.holder) from error
        self.history.created(made, by.user)
        if obj.name == "Campaign":
            self._give_statuses(made, by)
        self._touched(obj.name)
        return Outcome(row_id, created=True, effect=True)

    def update(self, obj: SObject, row_id: str, body: Mapping[str, Any], by: Author) -> Outcome:
        """Set fields of a row.

        Raises: ApiError.
        """
        old = self.living(obj, row_id)
        if "u" not in obj.flags:
            raise ApiError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type cannot be updated: {obj.label}", ())
        self._access(obj, "edit", by)
        self._lock(old.id)
        draft = Draft(obj.name, old, self._checked(obj, body, by, creating=False))
        self._assign(draft, by)
        self._require(obj, draft)
        self._apply_rules(draft, by)
        try:
            new = self._state.records.update(obj.name, old.id, draft.values, at=self._state.stamp(old), by=by.user)
        except Duplicate as error:
            raise duplicate_value(error.field_name, error.holder) from error
        self.history.changed(old, new, by.user)
        self._touched(obj.name)
        return Outcome(old.id, created=False, effect=new.values != old.values)

    def _give_statuses(self, campaign: Record, by: Author) -> None:
        """Give a fresh campaign the two statuses that its members can have."""
        for place, (label, answered) in enumerate((("Sent", False), ("Responded", True)), 1):
            values = {"CampaignId": campaign.id, "Label": label, "SortOrder": place, "HasResponded": answered}
            values["IsDefault"] = not answered
            row_id = self._state.next_id("CampaignMemberStatus")
            self._state.records.insert(
                "CampaignMemberStatus",
                row_id,
                values,
                at=campaign.modified_at,
                by=by.user,
                created_at=campaign.created_at,
            )

    def put(self, row: Record, values: Mapping[str, Any], user: str) -> Record:
        """Store values past the rules, as the org does itself while it converts and merges."""
        now = self._state.records.get(row.obj, row.id) or row
        new = self._state.records.update(row.obj, row.id, values, at=self._state.stamp(now), by=user)
        self.history.changed(now, new, user)
        return new

    def upsert(
        self, obj: SObject, key: Field, value: Any, body: Mapping[str, Any], by: Author, *, only: bool = False
    ) -> Outcome:
        """Update the row with a key, or create it; ``only`` never creates.

        Raises: ApiError; SeveralRows.
        """
        found = self.by_key(obj, key, value)
        if len(found) > 1:
            raise SeveralRows([row.id for row in found])
        if found:
            return self.update(obj, found[0].id, body, by)
        if only:
            raise not_found()
        extra = {} if key.name == "Id" else {key.name: value}
        return self.create(obj, {**body, **extra}, by)

    def delete(self, obj: SObject, row_id: str, by: Author) -> Outcome:
        """Put a row, and what hangs on it, into the recycle bin.

        Raises: ApiError.
        """
        old = self.living(obj, row_id)
        if "d" not in obj.flags:
            words = f"entity type cannot be deleted: {obj.label}"
            raise ApiError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", words, (), status=405)
        self._access(obj, "delete", by)
        self._lock(old.id)
        put_away(self._state, old, by.user)
        self._touched(obj.name)
        return Outcome(old.id, created=False, effect=True)

    def undelete(self, row: Record, by: Author) -> None:
        """Take a row, and what went into the recycle bin with it, out again.

        Raises: ApiError DUPLICATE_VALUE when a unique value was taken meanwhile.
        """
        take_out(self._state, row, by.user)
        self._touched(row.obj)

    # -- finding -------------------------------------------------------------------------------

    def living(self, obj: SObject, row_id: str) -> Record:
        """Return the row to be written.

        Raises: ApiError NOT_FOUND, INVALID_CROSS_REFERENCE_KEY, ENTITY_IS_DELETED, MALFORMED_ID.
        """
        full = full_id(row_id)
        if full is None:
            raise no_external_field(row_id)
        if full[:3] != obj.prefix:
            words = f"{obj.label} ID: id value of incorrect type: {row_id}"
            raise ApiError("MALFORMED_ID", words, ("Id",))
        row = self._state.records.get(obj.name, full)
        if row is None:
            raise absent_row()
        if row.deleted:
            raise deleted_row()
        return row

    def key_field(self, obj: SObject, name: str, user: str) -> Field:
        """Return the field that can serve as key of an upsert: External ID or a standard look-up key.

        Raises: ApiError NOT_FOUND.
        """
        field = self._state.visible_field(obj, name, user)
        if field is None or not (field.external_id or field.id_lookup):
            raise no_external_field(name)
        return field

    def by_key(self, obj: SObject, key: Field, value: Any) -> list[Record]:
        """Return the living rows with a value in a key field.

        Raises: ApiError when the value cannot be one of the field.
        """
        if key.name == "Id":
            return [] if value in (None, "") else [self.living(obj, str(value))]
        wanted = coerce(key, value)
        if wanted is None:
            raise missing([key.name])
        return self._state.records.find(obj.name, key.name, wanted)

    # -- checks --------------------------------------------------------------------------------

    def _access(self, obj: SObject, what: str, by: Author) -> None:
        if not by.system and not self._state.may(obj.name, what, by.user):
            raise no_access()

    def _lock(self, row_id: str) -> None:
        if self.locks is not None and (not self._locked_once or self.locks.random() < 0.5):
            self._locked_once = True
            raise locked_row(row_id)

    def _checked(self, obj: SObject, body: Mapping[str, Any], by: Author, *, creating: bool) -> dict[str, Any]:
        values: dict[str, Any] = {}
        refused: list[str] = []
        for name, raw in body.items():
            if name == "attributes":
                continue
            if isinstance(raw, dict):
                link = obj.relationship(name)
                if link is None:
                    raise no_column(name, obj.name)
                field = link
                value: Any = self._by_relation(link, raw, by)
            else:
                found = obj.field_of(name) if by.system else self._state.visible_field(obj, name, by.user)
                if found is None:
                    raise no_column(name, obj.name)
                field = found
                value = self._reference(field, raw, by) if field.type == "reference" else coerce(field, raw)
            if field.name == "Id":
                words = (
                    "cannot specify Id in an insert call"
                    if creating
                    else "The Id field should not be specified in the sobject data."
                )
                raise ApiError("INVALID_FIELD_FOR_INSERT_UPDATE" if creating else "INVALID_FIELD", words, ("Id",))
            allowed = by.system or (
                (field.createable if creating else field.updateable) and self._state.writable(obj, field, by.user)
            )
            if not allowed:
                refused.append(field.name)
            values[field.name] = value
        if refused:
            raise not_writable(refused)
        return values

    def _by_relation(self, link: Field, raw: dict[str, Any], by: Author) -> str:
        """Return the id of the row that a nested object names by a key of its own: ``{"External_Id__c": "x"}``."""
        keys = [(name, value) for name, value in raw.items() if name != "attributes"]
        if len(keys) != 1:
            words = f"The {link.relationship} foreign key must be given by exactly one external ID field"
            raise ApiError("INVALID_FIELD", words, ())
        name, value = keys[0]
        entity = link.refers_to[0]
        for target_name in link.refers_to:
            target = self._state.schema.object(target_name)
            field = None if target is None else self._state.visible_field(target, name, by.user)
            if target is None or field is None:
                continue
            if not (field.external_id or field.id_lookup or field.name in ("Username", "Email")):
                raise ApiError("INVALID_FIELD", f"{name} is not an External ID or indexed field for {target.name}", ())
            entity = target.name
            if field.name == "Id":
                return str(self._reference(link, value, by))
            found = self._state.records.find(target.name, field.name, coerce(field, value))
            if len(found) > 1:
                shown = ", ".join(row.id for row in found)
                words = f"{name}: more than one record found for external id field: [{shown}]"
                raise ApiError("DUPLICATE_EXTERNAL_ID", words, ())
            if found:
                return str(self._reference(link, found[0].id, by))
        words = f"Foreign key external ID: {value} not found for field {name} in entity {entity}"
        raise ApiError("INVALID_FIELD", words, ())

    def _reference(self, field: Field, raw: Any, by: Author) -> str | None:
        if raw in (None, ""):
            return None
        full = full_id(raw)
        if full is None:
            raise ApiError("MALFORMED_ID", f"{field.label}: id value of incorrect type: {raw}", (field.name,))
        prefixes = {self._state.schema.objects[name.lower()].prefix for name in field.refers_to}
        if full[:3] not in prefixes:
            words = f"{field.label}: id value of incorrect type: {raw}"
            raise ApiError("FIELD_INTEGRITY_EXCEPTION", words, (field.name,))
        row = self._state.row(full)
        if row is None:
            raise ApiError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", (field.name,))
        if row.deleted:
            raise ApiError("ENTITY_IS_DELETED", "entity is deleted", (field.name,))
        if not by.system and not self._state.may(row.obj, "read", by.user):
            raise no_access_across(full)
        return full

    def _require(self, obj: SObject, draft: Draft) -> None:
        names = []
        for field in obj.fields.values():
            if draft.old is None:
                empty = field.required and draft.values.get(field.name) is None
            else:
                empty = field.name in draft.values and draft.values[field.name] is None and _must(field)
            if empty:
                names.append(field.name)
        if names:
            raise missing(names)

    def _assign(self, draft: Draft, by: Author) -> None:
        """Let the active lead assignment rule choose the owner, whatever the client said (reference: headers)."""
        if draft.obj != "Lead" or by.system or not by.auto_assign:
            return
        target = self._state.records.kept("assignment_queue")
        if target is not None and (draft.old is None or "OwnerId" in draft.values):
            draft.values["OwnerId"] = target

    def _apply_rules(self, draft: Draft, by: Author) -> None:
        for rule in RULES.get(draft.obj, ()):
            rule(self._state, draft)
        if not by.system:
            check_validation(self._state, draft)
            check_duplicates(self._state, draft, by.duplicates)

    def _touched(self, obj: str) -> None:
        if obj in RIGHTS_OBJECTS:
            self._state.rights_changed()
            self._state.description_changed()


def _must(field: Field) -> bool:
    return field.createable and not field.nillable and field.type != "boolean"
