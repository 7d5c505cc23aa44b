"""Create, change, archive and merge records by the account's rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.hubspot.answers import Refusal, iso, ms, not_found
from sandbox.hubspot.definitions import LIFECYCLE, PIPELINES
from sandbox.hubspot.objects import STAGED, ObjectType
from sandbox.hubspot.portal import Portal
from sandbox.hubspot.records.validation_rules import check_rules
from sandbox.hubspot.records.values import clean, refused
from sandbox.hubspot.row_index import MERGED_INTO

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sandbox.core.records import Record
    from sandbox.hubspot.records.association_book import AssociationBook

MOST_IDENTITIES = 250


class Writing:
    """Write records; every method obeys what the API lets a client do, unless it says otherwise."""

    def __init__(self, portal: Portal, associations: AssociationBook) -> None:
        """Write into a portal."""
        self._portal, self._associations = portal, associations

    def create(self, kind: ObjectType, wished: Any, *, at: datetime | None = None) -> Record:
        """Create a record.

        Raises:
            Refusal: 400 for missing or bad values, 409 for a contact's e-mail that somebody has.
        """
        values = clean(self._portal, kind, wished)
        missing = [name for name in kind.required if values.get(name) is None]
        if missing or (kind.one_of and not any(values.get(name) for name in kind.one_of)):
            wanting = missing or list(kind.one_of)
            raise refused([("REQUIRED_PROPERTY", name, f"{name} is required") for name in wanting])
        if kind.name in STAGED:
            values.setdefault(STAGED[kind.name][0], PIPELINES[kind.name][0])
        if kind.name == "contacts":
            values.setdefault("lifecyclestage", "lead")
        check_rules(self._portal, kind, values, values, creating=True)
        self._check_unique(kind, values, None)
        company = values.pop("associatedcompanyid", None)
        record = self._portal.insert(kind.name, self._portal.new_id(), values, at=at)
        if company is not None:
            self._associations.set_primary_company(record.id, company)
        return record

    def change(self, kind: ObjectType, record: Record, wished: Any, *, at: datetime | None = None) -> Record:
        """Change a record; the lifecycle stage moves forward only, a backward wish is ignored.

        Raises:
            Refusal: as for ``create``.
        """
        values = clean(self._portal, kind, wished, record)
        stage = values.get("lifecyclestage")
        if stage is not None and _backward(record.get("lifecyclestage"), stage):
            del values["lifecyclestage"]
        check_rules(self._portal, kind, values, {**record.values, **values}, creating=False)
        self._check_unique(kind, values, record)
        company = values.pop("associatedcompanyid", None)
        if company is not None:
            self._associations.set_primary_company(record.id, company)
        return self._portal.update(record, values, at=at)

    def _check_unique(self, kind: ObjectType, values: Mapping[str, str | None], record: Record | None) -> None:
        own = record.id if record else None
        for name, value in values.items():
            if value is None:
                continue
            is_email = (kind.name, name) == ("contacts", "email")
            definition = self._portal.property(kind, name)
            if not is_email and not (definition and definition["hasUniqueValue"]):
                continue
            holder = self._portal.by_property(kind, name, value)
            if holder is None or holder.id == own:
                continue
            if is_email:
                raise Refusal(409, f"Contact already exists. Existing ID: {holder.id}", "CONFLICT")
            message = f"{name} already holds this value on another record"
            context = {"propertyName": [name], "id": [holder.id]}
            error = {"message": message, "code": "CONFLICTING_UNIQUE_VALUE", "context": context}
            raise Refusal(400, message, "VALIDATION_ERROR", errors=[error])

    def archive(self, kind: ObjectType, row_id: str, *, at: datetime | None = None) -> bool:
        """Archive the record an id stands for; return whether there was one."""
        record = self._portal.find(kind, row_id)
        if record is None:
            return False
        self._associations.drop_all(record.id)
        self._portal.remove(record, at=at)
        return True

    def erase(self, kind: ObjectType, row_id: str) -> None:
        """Take a record away for good (GDPR delete), with the rows that name it.

        Raises:
            Refusal: 404.
        """
        record = self._portal.find(kind, row_id)
        if record is None:
            raise not_found()
        self._associations.drop_all(record.id)
        portal = self._portal
        portal.tell(kind.name, "privacyDeletion", record.id)
        for alias in portal.records.find("identity", "contact", record.id):
            portal.records.erase("identity", alias.id)
        for obj in ("web_event", "submission", "email_event", "membership"):
            for row in portal.records.find(obj, "contact", record.id):
                portal.records.erase(obj, row.id)
        before = [old for old in str(record.get("hs_merged_object_ids", "")).split(";") if old]
        for known in (record.id, *before):
            portal.records.keep(f"log/{known}", [])
            if portal.records.get(kind.name, known) is not None:
                portal.records.erase(kind.name, known)
        portal.activity_changes += 1
        portal.touch()

    def merge(self, kind: ObjectType, primary_id: str, other_id: str, *, at: datetime | None = None) -> Record:
        """Merge two records into a new one with a new id; both old ids keep standing for it.

        The primary's values win, its blanks are filled from the other; associations, activity and addresses move over.

        Raises:
            Refusal: 404 for an unknown id, 400 for twice the same, 414 beyond 250 identities.
        """
        portal = self._portal
        primary, other = portal.find(kind, primary_id), portal.find(kind, other_id)
        if primary is None or other is None:
            raise not_found()
        if primary.id == other.id:
            raise Refusal(400, "Cannot merge a record with itself", "VALIDATION_ERROR")
        moment = at or portal.now()
        values: dict[str, Any] = {**other.values, **primary.values}
        values["hs_merged_object_ids"] = _joined(primary, other, "hs_merged_object_ids", primary.id, other.id)
        if kind.name == "contacts":
            emails = _addresses(primary, other)
            if len(emails) > MOST_IDENTITIES:
                raise Refusal(414, "Cannot have more than 250 identities on a profile")
            values["hs_additional_emails"] = ";".join(emails[1:]) or None
            pairs = [f"{old.id}:{ms(moment)}" for old in (primary, other)]
            values["hs_calculated_merged_vids"] = _joined(primary, other, "hs_calculated_merged_vids", *pairs)
        merged_id = portal.new_id()
        created = min(primary.created_at, other.created_at)
        for old in (primary, other):
            portal.remove(old, {MERGED_INTO: merged_id}, at=moment)
        portal.touch()
        portal.records.insert(kind.name, merged_id, values, at=created, by=portal.author)
        moved = sum(primary.values.get(name) != value for name, value in values.items())
        members = {"primaryObjectId": int(primary.id), "mergedObjectIds": [int(other.id)]}
        portal.tell(
            kind.name, "merge", merged_id, moment, **members, newObjectId=int(merged_id), numberOfPropertiesMoved=moved
        )
        merged = portal.records.update(kind.name, merged_id, {}, at=max(moment, created), by=portal.author)
        self._move(kind, (primary.id, other.id), merged)
        return merged

    def _move(self, kind: ObjectType, old_ids: tuple[str, str], merged: Record) -> None:
        portal = self._portal
        for old in old_ids:
            self._associations.move(old, merged.id)
        if kind.name != "contacts":
            return
        for old in old_ids:
            for obj in ("web_event", "submission", "email_event", "membership", "identity"):
                for row in portal.records.find(obj, "contact", old):
                    portal.records.update(obj, row.id, {"contact": merged.id}, at=row.modified_at, by=row.modified_by)
        portal.activity_changes += 1
        for address in filter(None, str(merged.get("hs_additional_emails", "")).split(";")):
            self.note_identity(address, merged.id, merged.modified_at)
        portal.touch()

    def note_identity(self, address: str, contact_id: str, at: datetime) -> None:
        """Remember whose secondary e-mail an address is."""
        row_id = f"identity:{address}"
        if self._portal.records.get("identity", row_id) is None:
            self._portal.insert("identity", row_id, {"email": address, "contact": contact_id}, at=at)
        else:
            self._portal.records.update("identity", row_id, {"contact": contact_id}, at=at, by=self._portal.author)

    def history(self, kind: ObjectType, record: Record, name: str) -> list[dict[str, Any]]:
        """Return the values a property has had, newest first, as ``propertiesWithHistory`` shows them."""
        current, since, by = self._portal.value(kind, record, name), iso(record.created_at), record.created_by
        steps: list[tuple[Any, str, str]] = []
        value: Any = None
        log = self._portal.log(record)
        past = [(entry["was"][name], entry["at"], entry["by"]) for entry in log if name in entry["was"]]
        for was, at, author in past:
            value = was
            steps.append((value, since, by))
            since, by = at, author
        steps.append((current, since, by))
        return [
            {
                "value": shown or "",
                "timestamp": stamp,
                "sourceType": "INTEGRATION" if author == "app" else "CRM_UI",
                "sourceId": author,
            }
            for shown, stamp, author in reversed(steps)
            if shown is not None or len(steps) > 1
        ]


def _backward(current: Any, wished: str) -> bool:
    """Tell whether a stage lies before the present one; stages of the account's own lie nowhere."""
    return current in LIFECYCLE and wished in LIFECYCLE and LIFECYCLE.index(wished) < LIFECYCLE.index(current)


def _joined(primary: Record, other: Record, name: str, *more: str) -> str:
    parts = [part for record in (primary, other) for part in str(record.get(name, "")).split(";") if part]
    return ";".join(dict.fromkeys([*parts, *more]))


def _addresses(primary: Record, other: Record) -> list[str]:
    known = [
        address
        for record in (primary, other)
        for address in (record.get("email"), *str(record.get("hs_additional_emails", "")).split(";"))
        if address
    ]
    return list(dict.fromkeys(known))
