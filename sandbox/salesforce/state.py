"""What the org's rooms share: its rows, fields, clock, users and what the integration user may see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.ids import make_id
from sandbox.salesforce.objects.schema import Field, Schema, SObject

if TYPE_CHECKING:
    from sandbox.core.clock import OrgClock
    from sandbox.core.records import Record, Records

INTEGRATION_USERNAME = "handoff@corp.example"
#: Daily calls of a Developer Edition org.
DAILY_CALLS = 15_000
SECOND = timedelta(seconds=1)


class OrgState:
    """Rows, fields and rights of one org."""

    def __init__(self, records: Records, clock: OrgClock) -> None:
        """Take what the org keeps; custom fields are found again."""
        self.records, self.clock = records, clock
        self.reload()

    def reload(self) -> None:
        """Read again everything that is derived from the rows."""
        self.schema = Schema()
        for obj, entries in self.records.kept("custom_fields", {}).items():
            for entry in entries:
                self._install(obj, entry["field"])
        self._grants: dict[str, tuple[bool, bool]] | None = None
        self._tracked: frozenset[str] | None = None
        self._as_of: datetime | None = None
        self._last_stamp = datetime(1970, 1, 1, tzinfo=UTC)

    # -- users ---------------------------------------------------------------------------------

    def user_id(self, username: str) -> str | None:
        """Return the id of the user with a username."""
        found = self.records.find("User", "Username", username)
        return found[0].id if found else None

    @property
    def me(self) -> str:
        """Return the id of the integration user: the one access tokens belong to."""
        return str(self.records.kept("integration_user"))

    @property
    def admin(self) -> str:
        """Return the id of the administrator, in whose name the org itself acts."""
        return str(self.records.kept("admin_user"))

    # -- time and ids --------------------------------------------------------------------------

    @contextmanager
    def standing_at(self, moment: datetime) -> Iterator[None]:
        """Let the block's acts happen at another time than now.

        A time to come moves the clock there. A time gone by dates what is done (creation, completion, day of an
        activity), but modification stamps stay those of now: no org changes a row behind who has read past it.
        """
        self.clock.reach(moment)
        self._as_of = moment
        try:
            yield
        finally:
            self._as_of = None

    @property
    def backdated(self) -> datetime | None:
        """Return the time at which the acts at work happen when it is not now."""
        return self._as_of

    def when(self) -> datetime:
        """Return the time at which things happen: now, unless acts stand at another time."""
        return self._as_of or self.clock.now()

    def stamp(self, old: Record | None = None) -> datetime:
        """Return the modification stamp of a write: whole seconds, never earlier than any before it.

        Rows written in one second share it, as the vendor's do; only a row written twice in a second gets the next one,
        and the org's clock is taken along so that no stamp lies in its future.
        """
        moment = max(self.clock.now().replace(microsecond=0), self._last_stamp)
        if old is not None and old.modified_at >= moment:
            moment = old.modified_at + SECOND
        self.clock.reach(moment)
        self._last_stamp = moment
        return moment

    def next_id(self, obj: str) -> str:
        """Return the id of the next row of an object."""
        entry = self.schema.objects[obj.lower()]
        purged = int(self.records.kept("purged", {}).get(obj, 0))
        return make_id(entry.prefix, self.records.count(obj) + purged + 1)

    def purge(self, obj: str, row_id: str) -> None:
        """Take a row out of the recycle bin for good; its id is never given again."""
        purged: dict[str, int] = dict(self.records.kept("purged", {}))
        purged[obj] = purged.get(obj, 0) + 1
        self.records.keep("purged", purged)
        self.records.erase(obj, row_id)

    def object_of(self, row_id: str) -> str | None:
        """Return the object that an id belongs to by its prefix."""
        return self.schema.prefixes.get(row_id[:3])

    def row(self, row_id: str | None) -> Record | None:
        """Return the row with an id, whatever its object, also a deleted one."""
        if not row_id:
            return None
        obj = self.object_of(row_id)
        return None if obj is None else self.records.get(obj, row_id)

    def described_at(self) -> datetime:
        """Return when describe answers last changed: with a field, a right or the org itself."""
        text = self.records.kept("described_at")
        if text is not None:
            return datetime.fromisoformat(text)
        own = next(iter(self.records.rows("Organization")), None)
        return own.created_at if own is not None else datetime(1970, 1, 1, tzinfo=UTC)

    def description_changed(self) -> None:
        """Date describe answers anew."""
        self._tracked = None
        self.records.keep("described_at", self.clock.now().replace(microsecond=0).isoformat())

    # -- custom fields -------------------------------------------------------------------------

    def custom_fields(self) -> Iterator[tuple[str, Field, dict[str, Any]]]:
        """Yield (object, field, entry) of every custom field; the entry holds its id and definition."""
        for obj, entries in self.records.kept("custom_fields", {}).items():
            for entry in entries:
                name = entry["field"]["name"]
                yield obj, self.schema.objects[obj.lower()].fields[name.lower()], entry

    def _install(self, obj: str, plain: dict[str, Any]) -> None:
        about = {**plain, "values": tuple(plain["values"]), "refers_to": tuple(plain["refers_to"])}
        new = Field(**about)
        self.schema.add(obj, new)
        if new.unique:
            self.records.unique(obj, new.name)
        else:
            self.records.not_unique(obj, new.name)

    def tracked_fields(self) -> frozenset[str]:
        """Return the custom fields whose definition asks for history: ``lead.score__c``, in lower case."""
        if self._tracked is None:
            self._tracked = frozenset(
                f"{obj}.{field.name}".lower()
                for obj, field, entry in self.custom_fields()
                if entry.get("metadata", {}).get("trackHistory") is True
            )
        return self._tracked

    def add_field(self, obj: str, new: Field, *, entry: dict[str, Any]) -> None:
        """Add a custom field for good, or put a changed definition in place of the present one."""
        kept = {name: list(entries) for name, entries in self.records.kept("custom_fields", {}).items()}
        others = [old for old in kept.get(obj, []) if old["field"]["name"].lower() != new.name.lower()]
        kept[obj] = [*others, {**entry, "field": asdict(new)}]
        self.records.keep("custom_fields", kept)
        self._install(obj, asdict(new))
        self.description_changed()

    def resync_fields(self) -> None:
        """Bring the fields in line with what is kept, after a transaction that changed both was rolled back."""
        kept: dict[str, list[dict[str, Any]]] = self.records.kept("custom_fields", {})
        for entry in self.schema.objects.values():
            known = {plain["field"]["name"].lower() for plain in kept.get(entry.name, ())}
            for field in [field for field in entry.fields.values() if field.custom]:
                if field.name.lower() not in known:
                    self.schema.drop(entry.name, field.name)
                    self.records.not_unique(entry.name, field.name)
        for obj, entries in kept.items():
            for plain in entries:
                self._install(obj, plain["field"])
        self._tracked = None
        self.rights_changed()

    def drop_field(self, obj: str, name: str) -> None:
        """Take a custom field away; its values stay in the history only."""
        kept = {key: list(entries) for key, entries in self.records.kept("custom_fields", {}).items()}
        kept[obj] = [entry for entry in kept.get(obj, []) if entry["field"]["name"].lower() != name.lower()]
        self.records.keep("custom_fields", kept)
        self.schema.drop(obj, name)
        self.records.not_unique(obj, name)
        self.description_changed()

    # -- rights --------------------------------------------------------------------------------

    def rights_changed(self) -> None:
        """Forget what was worked out of permission sets."""
        self._grants = None

    def _grant(self, obj: str, name: str) -> tuple[bool, bool]:
        if self._grants is None:
            mine = {
                row.get("PermissionSetId")
                for row in self.records.rows("PermissionSetAssignment")
                if row.get("AssigneeId") == self.me and not row.deleted
            }
            grants: dict[str, tuple[bool, bool]] = {}
            for row in self.records.rows("FieldPermissions"):
                if row.get("ParentId") in mine and not row.deleted:
                    key = str(row.get("Field")).lower()
                    read, edit = grants.get(key, (False, False))
                    grants[key] = (read or bool(row.get("PermissionsRead")), edit or bool(row.get("PermissionsEdit")))
            self._grants = grants
        return self._grants.get(f"{obj}.{name}".lower(), (False, False))

    def removed_rights(self) -> set[str]:
        """Return the rights taken from the integration user: ``Lead.edit``, ``Lead.Title`` …, in lower case."""
        return set(self.records.kept("removed_rights", []))

    def remove_right(self, right: str) -> None:
        """Take a right from the integration user."""
        self.records.keep("removed_rights", sorted(self.removed_rights() | {right.lower()}))
        self.description_changed()

    def give_right(self, right: str) -> None:
        """Give a right back to the integration user."""
        self.records.keep("removed_rights", sorted(self.removed_rights() - {right.lower()}))
        self.description_changed()

    def may(self, obj: str, what: str, user: str) -> bool:
        """Tell whether a user may read, create, edit or delete rows of an object; only ours was ever restricted."""
        if user != self.me:
            return True
        removed = self.removed_rights()
        return f"{obj}.{what}".lower() not in removed and f"{obj}.read".lower() not in removed

    def visible(self, obj: SObject, field: Field, user: str) -> bool:
        """Tell whether field-level security shows a field to a user; new custom fields are hidden until granted."""
        if user != self.me:
            return True
        if f"{obj.name}.{field.name}".lower() in self.removed_rights():
            return False
        return not field.custom or self._open(obj, field) or self._grant(obj.name, field.name)[0]

    def writable(self, obj: SObject, field: Field, user: str) -> bool:
        """Tell whether field-level security lets a user write a field."""
        if user != self.me:
            return True
        if f"{obj.name}.{field.name}.edit".lower() in self.removed_rights():
            return False
        if not field.custom or self._open(obj, field):
            return True
        return self._grant(obj.name, field.name)[1]

    def _open(self, obj: SObject, field: Field) -> bool:
        return f"{obj.name}.{field.name}" in self.records.kept("open_fields", [])

    def visible_field(self, obj: SObject, name: str, user: str) -> Field | None:
        """Return the field if it exists and the user may see it."""
        found = obj.field_of(name)
        return found if found is not None and self.visible(obj, found, user) else None
