"""Rows on their way into a fresh org: ids by the world's keys, defaults of the fields, all of an object at once."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox.core.record import Record
from sandbox.salesforce.ids import make_id

if TYPE_CHECKING:
    from sandbox.people.world import World
    from sandbox.salesforce.state import OrgState


class SeedRows:
    """Gather the rows of one world, by the world's keys, and put them into the org at once."""

    def __init__(self, state: OrgState, world: World, ids: dict[str, str]) -> None:
        """Take the org, the world, and the ids that are already known by the world's keys."""
        self.state, self.world, self.ids = state, world, ids
        self.now = world.at
        self.ops = ids.get("u_ops") or state.admin
        self._rows: dict[str, list[Record]] = {}
        self._defaults: dict[str, dict[str, Any]] = {}
        self._numbers: dict[str, int] = {}

    def fill(self) -> None:
        """Put everything that was gathered into the org."""
        for obj, rows in self._rows.items():
            self.state.records.fill(obj, rows)
        self._rows.clear()

    def next_id(self, obj: str, key: str) -> str:
        """Give the row with a key of the world its id, before or when it is stored."""
        known = self.ids.get(key)
        if known is None:
            number = self._numbers.get(obj, self.state.records.count(obj)) + 1
            self._numbers[obj] = number
            known = self.ids[key] = make_id(self.state.schema.objects[obj.lower()].prefix, number)
        return known

    def _default(self, obj: str) -> dict[str, Any]:
        known = self._defaults.get(obj)
        if known is None:
            fields = self.state.schema.objects[obj.lower()].fields.values()
            known = self._defaults[obj] = {
                field.name: field.default
                for field in fields
                if field.defaulted and field.createable and field.default is not None
            }
        return known

    def store(
        self,
        obj: str,
        key: str,
        values: dict[str, Any],
        *,
        created: datetime,
        by: str,
        changed: datetime,
        changed_by: str,
        gone: tuple[datetime, str | None] | None = None,
        held: dict[str, list[Any]] | None = None,
    ) -> str:
        """Gather a row; ``gone``: when it went to the recycle bin, and the key of the row it was merged into."""
        row_id = self.next_id(obj, key)
        first = whole_second(created)
        last = max(first, min(whole_second(changed), self.now))
        if gone is not None:
            last, changed_by = min(whole_second(gone[0]), self.now), self.ops
            values["MasterRecordId"] = None if gone[1] is None else self.next_id(obj, gone[1])
        kept = {name: value for name, value in (self._default(obj) | values).items() if value is not None}
        row = Record(obj, row_id, kept, first, by, last, changed_by, gone is not None, held or {})
        self._rows.setdefault(obj, []).append(row)
        return row_id

    def user(self, key: str | None) -> str:
        """Return the id of a user or queue; operations for nobody."""
        return self.ids.get(key or "", self.ops)

    def editor(self, owner: str) -> str:
        """Return who last edited: the owner, or operations when a queue owns the row."""
        user = self.user(owner)
        return user if user.startswith("005") else self.ops


def whole_second(moment: datetime) -> datetime:
    """Cut a time to the seconds the org keeps."""
    return moment.replace(microsecond=0)
