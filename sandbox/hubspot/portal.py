"""The account's content and the request at work: what every room of it reads and writes through."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.core.calls import Call, Read, Stream, Version, Written
from sandbox.hubspot.answers import iso
from sandbox.hubspot.links import PRIMARY_TYPE
from sandbox.hubspot.objects import TYPES, ObjectType
from sandbox.hubspot.row_index import MERGED_INTO, RowIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sandbox.core.clock import OrgClock
    from sandbox.core.records import Record, Records

#: Who last wrote a row: the client's app, or nobody in particular (the seed, a workflow).
APP = "app"
SYSTEM = "system"
FIRST_ID = 10_000
PRIMARY = frozenset(PRIMARY_TYPE.values())
SEARCHES_KEPT = 16


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened to a record, for those who are subscribed to it."""

    obj: str
    #: creation, deletion, privacyDeletion, merge, restore, propertyChange or associationChange.
    what: str
    at: datetime
    by: str
    #: What the event says of it, ``objectId`` at least.
    members: dict[str, Any]


class Portal:
    """Hold the rows, ids and property values of one account, and the call that is being answered."""

    def __init__(self, records: Records, clock: OrgClock, *, unique_task_key: bool = True) -> None:
        """Take an opened store; it may be empty."""
        self.records, self.clock, self.unique_task_key = records, clock, unique_task_key
        self.author = APP
        self.call = Call("GET", "/")
        #: While a fault hides what is new, rows changed after this instant stay unseen by searches (and by lists).
        self.search_horizon: datetime | None = None
        self.read_horizon: datetime | None = None
        #: Who works out what is not stored; filled by the rooms that know.
        self.computed: dict[tuple[str, str], Callable[[Record], str | None]] = {}
        self.changes = 0
        #: Which edition of the API the call at work was made in: v1 to v4, 2026-03 or 2026-09.
        self.edition = "v3"
        #: What happened in the call at work; None while nobody is subscribed.
        self.news: list[News] | None = None
        #: Moves with every row added to or taken from the activity logs.
        self.activity_changes = 0
        self._indexes = {name: RowIndex(records, name) for name in TYPES}
        self.reload()

    def reload(self) -> None:
        """Start over from what the store holds, after it was filled, restored or rolled back."""
        self._last_id = int(self.records.kept("last_id", FIRST_ID))
        self._kept_id = self._last_id
        self._tickets = 0
        self.activity_changes += 1
        self.touch()

    def touch(self) -> None:
        """Note that rows changed, so that remembered searches are void."""
        self.changes += 1

    # -- time and names ------------------------------------------------------------------------

    def now(self) -> datetime:
        """Return the account's present, in whole milliseconds as it stores times."""
        moment = self.clock.now()
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def new_id(self) -> str:
        """Return an id that no row of any type has had."""
        self._last_id += 1
        return str(self._last_id)

    def keep_ids(self) -> None:
        """Remember the last id given, so that a restart gives none twice."""
        if self._last_id != self._kept_id:
            self.records.keep("last_id", self._last_id)
            self._kept_id = self._last_id

    def ticket(self) -> str:
        """Return a new correlation id."""
        self._tickets += 1
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.changes}/{self._tickets}"))

    # -- reading -------------------------------------------------------------------------------

    def find(self, kind: ObjectType, row_id: str) -> Record | None:
        """Return the living record an id stands for; ids of merged records stand for the merged one."""
        record = self.records.get(kind.name, row_id)
        while record is not None and MERGED_INTO in record.values:
            record = self.records.get(kind.name, record.values[MERGED_INTO])
        return None if record is None or record.deleted else record

    def row(self, obj: str, row_id: str, *, archived: bool = False) -> Record | None:
        """Return the row with that id if it stands, or with ``archived`` if it does not; mergers are not followed."""
        row = self.records.get(obj, row_id)
        return row if row is not None and row.deleted == archived else None

    def archived(self, kind: ObjectType, row_id: str) -> Record | None:
        """Return the archived record with that id."""
        record = self.records.get(kind.name, row_id)
        return record if record is not None and record.deleted and MERGED_INTO not in record.values else None

    def by_property(self, kind: ObjectType, name: str, value: str) -> Record | None:
        """Return the living record that holds a value of a unique property; secondary e-mails count for ``email``."""
        if name == "hs_object_id":
            return self.find(kind, value)
        found = self.records.find(kind.name, name, value.strip())
        if found:
            return found[0]
        if (kind.name, name) == ("contacts", "email"):
            for alias in self.records.find("identity", "email", value.strip()):
                return self.find(kind, alias.values["contact"])
        return None

    def living(self, kind: ObjectType) -> Iterable[Record]:
        """Return the records that stand, oldest id first."""
        return (record for record in self.records.rows(kind.name) if not record.deleted)

    def index(self, kind: ObjectType) -> RowIndex:
        """Return the orders in which clients walk the records of a type."""
        return self._indexes[kind.name]

    def value(self, kind: ObjectType, record: Record, name: str) -> str | None:
        """Return a property's value as text, whether stored or worked out."""
        if name in record.values:
            stored = record.values[name]
            return stored if isinstance(stored, str) else None
        if name == "hs_object_id":
            return record.id
        if name == kind.created:
            return iso(record.created_at)
        if name == kind.modified:
            return iso(record.modified_at)
        reckon = self.computed.get((kind.name, name))
        return reckon(record) if reckon is not None else None

    # -- definitions ---------------------------------------------------------------------------

    def property(self, kind: ObjectType, name: str) -> dict[str, Any] | None:
        """Return the definition of a living property, or None."""
        row = self.row("property", f"{kind.name}.{name}")
        return None if row is None else row.values

    def properties(self, kind: ObjectType, *, archived: bool = False) -> list[Record]:
        """Return the rows of all properties of a type."""
        return [
            row
            for row in self.records.rows("property")
            if row.values["objectType"] == kind.name and row.deleted == archived
        ]

    # -- writing -------------------------------------------------------------------------------

    def insert(self, obj: str, row_id: str, values: Mapping[str, Any], *, at: datetime | None = None) -> Record:
        """Add a row by the present author."""
        self.touch()
        record = self.records.insert(obj, row_id, values, at=at or self.now(), by=self.author)
        if self.news is not None:
            self._tell_rise(record, "creation")
        return record

    def revive(self, record: Record, values: Mapping[str, Any] | None = None) -> Record:
        """Let an archived row live again, by the present author."""
        self.touch()
        alive = self.records.remove(record.obj, record.id, values, at=self.now(), by=self.author, deleted=False)
        if self.news is not None:
            self._tell_rise(alive, "restore")
        return alive

    def update(self, record: Record, values: Mapping[str, Any], *, at: datetime | None = None) -> Record:
        """Change a row by the present author and log what it was; a row that already holds the values is left as it is.

        ``at`` counts only where it lies after the last change: no stamp runs backwards.
        """
        was = {name: record.values.get(name) for name, value in values.items() if record.values.get(name) != value}
        if not was:
            return record
        moment = at if at is not None and at > record.modified_at else max(self.now(), record.modified_at)
        self.touch()
        self._log(record, was, moment)
        if self.news is not None and record.obj in TYPES:
            for name in was:
                change = {"propertyName": name, "propertyValue": values[name] or ""}
                self.tell(record.obj, "propertyChange", record.id, moment, **change)
        return self.records.update(record.obj, record.id, values, at=moment, by=self.author)

    def stamp(self, record: Record, *, at: datetime | None = None) -> Record:
        """Move the time of the last change up, as a form submission does."""
        moment = at if at is not None and at > record.modified_at else max(self.now(), record.modified_at)
        self.touch()
        self._log(record, {}, moment)
        return self.records.update(record.obj, record.id, {}, at=moment, by=self.author)

    def remove(self, record: Record, values: Mapping[str, Any] | None = None, *, at: datetime | None = None) -> Record:
        """Archive a row."""
        self.touch()
        if self.news is not None:
            if record.obj == "association":
                self._tell_link(record, at or self.now(), gone=True)
            elif record.obj in TYPES and MERGED_INTO not in (values or {}):
                self.tell(record.obj, "deletion", record.id, at)
        return self.records.remove(record.obj, record.id, values, at=at or self.now(), by=self.author)

    # -- news ----------------------------------------------------------------------------------

    def tell(self, obj: str, what: str, row_id: str, at: datetime | None = None, **members: Any) -> None:
        """Note what happened to a record, where somebody is subscribed to anything."""
        if self.news is not None:
            self.news.append(News(obj, what, at or self.now(), self.author, {"objectId": int(row_id), **members}))

    def _tell_rise(self, record: Record, what: str) -> None:
        if record.obj == "association":
            self._tell_link(record, record.modified_at, gone=False)
        elif record.obj in TYPES:
            self.tell(record.obj, what, record.id, record.modified_at)

    def _tell_link(self, row: Record, at: datetime, *, gone: bool) -> None:
        """Tell both ends of an association that it came or went."""
        for near, far in (("a", "b"), ("b", "a")):
            origin, to = TYPES[row.values[f"{near}_type"]], TYPES[row.values[f"{far}_type"]]
            start, end = row.values[near], row.values[far]
            members = {
                "associationType": f"{origin.singular}_to_{to.singular}".upper(),
                "fromObjectId": int(start),
                "toObjectId": int(end),
                "associationRemoved": gone,
                "isPrimaryAssociation": any(number in PRIMARY for _, number in row.values["types"]),
            }
            self.tell(origin.name, "associationChange", start, at, **members)

    def _log(self, record: Record, was: dict[str, Any], moment: datetime) -> None:
        if record.obj not in TYPES:
            return
        entry = {"at": iso(moment), "by": self.author, "was": was, "before": iso(record.modified_at)}
        self.records.keep(f"log/{record.id}", [*self.records.kept(f"log/{record.id}", ()), entry])

    def log(self, record: Record) -> list[dict[str, Any]]:
        """Return what the record was before each of its changes, oldest first."""
        return list(self.records.kept(f"log/{record.id}", ()))

    # -- the call ledger -----------------------------------------------------------------------

    def read(self, stream: Stream, rows: list[Version], *, page: int | None = None) -> None:
        """Report a page of a stream; it is full when it holds as many rows as were asked for."""
        self.call.reads.append(Read(stream, rows, full=page is not None and len(rows) >= page))

    def wrote(self, obj: str, kind: str, rows: int, largest_batch: int = 100) -> None:
        """Report rows written with effect."""
        if rows:
            self.call.writes.append(Written(obj, kind, rows, largest_batch))

    def apart(self, why: str) -> None:
        """Report that the call is none of those a pass is made of."""
        self.call.apart = why


def version(record: Record) -> Version:
    """Return what identifies this version of a row to the ledger."""
    return record.id, record.modified_at, record.modified_by == APP


def tick(moment: datetime) -> datetime:
    """Cut a time to the milliseconds the account stores."""
    return moment - timedelta(microseconds=moment.microsecond % 1000)
