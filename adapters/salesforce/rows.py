"""Rows of queries as versions of records and as activities."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple

import msgspec

from adapters.salesforce.schema import ObjectShape
from adapters.salesforce.streams import STAMPS, StreamSpec
from adapters.salesforce.values import instant, port_value
from connector.domain.records import Activity, RecordVersion, RefusedRow, Value
from connector.domain.refs import Ref

#: first three characters of an id → our word for a person (section 15)
PERSON_PREFIXES: Mapping[str, str] = {"00Q": "lead", "003": "contact"}
#: A field longer than this is no field of the vendor's: long text ends at 131,072 characters (section 15).
LONGEST_TEXT = 131_072

#: So many rows of a stream are kept to be known again, some three kibibytes each.
MOST_BEFORE = 3_000

_ID = re.compile(r"(?=.*[0-9])[a-zA-Z0-9]{15}(?:[a-zA-Z0-9]{3})?")
_CALL = frozenset({"call"})
_MAIL = frozenset({"email", "listemail", "mail"})
_MEETING = frozenset({"meeting", "visit", "demo", "event"})


class ReadRow(NamedTuple):
    """What one row gave."""

    stamp: datetime
    record: RecordVersion
    activity: Activity | None


class RowsBefore:
    """What the last rows of one stream gave: reads overlap, so most that a look brings were read by the one before.

    A row counts as read before where it is the same to the letter, its fields being of the same kinds. What a
    read does not bring again is let go of with the next: whoever is erased does not stay in memory.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._kinds: Sequence[tuple[str, str]] = ()
        self._rows: dict[str, tuple[bytes, ReadRow]] = {}
        self._older: dict[str, tuple[bytes, ReadRow]] = {}

    def of(self, kinds: Sequence[tuple[str, str]]) -> RowsBefore:
        """Begin a read; without rows, where these are not the kinds that they were read by."""
        self._older, self._rows = self._rows if kinds == self._kinds else {}, {}
        self._kinds = kinds
        return self

    def read(self, row: Mapping[str, Any], read: Callable[[Mapping[str, Any]], ReadRow]) -> ReadRow:
        """Give what a row gave before, or what it gives; raises as ``read``."""
        id_ = row["Id"]
        try:
            said = hashlib.blake2b(msgspec.json.encode(row), digest_size=16).digest()
        except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
            # half a character, say: it can be read, and not told again
            return read(row)
        before = self._rows.pop(id_, None) or self._older.get(id_)
        if before is None or before[0] != said:
            before = (said, read(row))
        self._rows[id_] = before
        if len(self._rows) > MOST_BEFORE:
            del self._rows[next(iter(self._rows))]
        return before[1]


class RowReader:
    """Reads the rows of one stream in one shape."""

    def __init__(
        self,
        spec: StreamSpec,
        shape: ObjectShape,
        selected: Sequence[str],
        *,
        system: str,
        before: RowsBefore | None = None,
    ) -> None:
        """Prepare for rows that hold the ``selected`` fields; ``before``: what the last ones gave."""
        self._spec = spec
        self._system = system
        self._stamp = next(name for name in STAMPS if shape.has(name))
        self._kinds = [(name, shape.kind(name)) for name in selected if name != "Id"]
        self._before = None if before is None else before.of(self._kinds)

    def read_all(self, rows: Iterable[Any]) -> tuple[list[ReadRow], list[RefusedRow]]:
        """Read a page; a row that cannot be read is refused, and the rest goes on."""
        good: list[ReadRow] = []
        refused: list[RefusedRow] = []
        for index, row in enumerate(rows):
            try:
                good.append(self._read(row) if self._before is None else self._before.read(row, self._read))
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                code = "too_large" if isinstance(error, _TooLarge) else "malformed"
                refused.append(RefusedRow(self._spec.name, _row_name(row, index), code, "the row cannot be read"))
        return good, refused

    def _read(self, row: Mapping[str, Any]) -> ReadRow:
        fields = {name: self._value(row, name, kind) for name, kind in self._kinds}
        stamp = instant(row[self._stamp])
        record_id = row["Id"]
        if not isinstance(record_id, str) or len(record_id) not in (15, 18) or not record_id.isalnum():
            raise ValueError("no id")
        ref = Ref(self._system, self._spec.word, record_id)
        links = {word: value for word, name in self._spec.links.items() if (value := _text(fields.get(name)))}
        person = PERSON_PREFIXES.get(links.get("who", "")[:3])
        if person:
            links[person] = links["who"]
        created = row.get("CreatedDate")
        record = RecordVersion(
            ref=ref,
            modified_at=stamp,
            created_at=instant(created) if created else None,
            fields=fields,
            links=links,
            deleted=fields.get("IsDeleted") is True,
            merged_into=self._survivor(fields),
        )
        return ReadRow(stamp, record, self._activity(record))

    def _value(self, row: Mapping[str, Any], name: str, kind: str) -> Value:
        value: Any = row
        for step in name.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        if isinstance(value, str) and len(value) > LONGEST_TEXT:
            raise _TooLarge
        return port_value(value, kind)

    def _survivor(self, fields: Mapping[str, Value]) -> Ref | None:
        master = _text(fields.get("MasterRecordId"))
        if master:
            return Ref(self._system, self._spec.word, master)
        contact = _text(fields.get("ConvertedContactId"))
        return Ref(self._system, "contact", contact) if contact and fields.get("IsConverted") is True else None

    def _activity(self, record: RecordVersion) -> Activity | None:
        if self._spec.word == "task":
            return self._task(record)
        if self._spec.word == "event":
            return self._meeting(record)
        if self._spec.word == "campaign_member":
            return self._response(record)
        return None

    def _person(self, record: RecordVersion) -> Ref | None:
        for word in ("contact", "lead"):
            if word in record.links:
                return Ref(self._system, word, record.links[word])
        return None

    def _task(self, record: RecordVersion) -> Activity | None:
        """A task is something done once it is closed; one that is still to be done says nothing yet."""
        fields = record.fields
        person = self._person(record)
        if person is None or fields.get("IsClosed") is not True:
            return None
        done = fields.get("CompletedDateTime") or fields.get("LastModifiedDate")
        return Activity(
            ref=record.ref,
            type=_task_type(fields),
            person=person,
            occurred_at=instant(done) if done else record.modified_at,
            subject=_text(fields.get("Subject")) or None,
            by_user=_who_did_it(fields),
            modified_at=record.modified_at,
            deleted=record.deleted,
        )

    def _meeting(self, record: RecordVersion) -> Activity | None:
        fields = record.fields
        person = self._person(record)
        starts = fields.get("StartDateTime") or fields.get("ActivityDateTime")
        day = _text(fields.get("ActivityDate"))
        if person is None or not (starts or day):
            return None
        return Activity(
            ref=record.ref,
            type="meeting",
            person=person,
            # An event of a whole day has a date only.
            occurred_at=instant(starts) if starts else datetime.combine(date.fromisoformat(day), time(), UTC),
            subject=_text(fields.get("Subject")) or None,
            by_user=_who_did_it(fields),
            modified_at=record.modified_at,
            deleted=record.deleted,
        )

    def _response(self, record: RecordVersion) -> Activity | None:
        fields = record.fields
        person = self._person(record)
        if person is None or fields.get("HasResponded") is not True:
            return None
        day = _text(fields.get("FirstRespondedDate"))
        return Activity(
            ref=record.ref,
            type="campaign_response",
            person=person,
            occurred_at=datetime.combine(date.fromisoformat(day[:10]), time(), UTC) if day else record.modified_at,
            campaign=_text(fields.get("Campaign.Name")) or record.links.get("campaign"),
            value=_text(fields.get("Status")) or None,
            modified_at=record.modified_at,
            deleted=record.deleted,
        )


class _TooLarge(ValueError):
    """A field is longer than any field of the vendor's."""


def _task_type(fields: Mapping[str, Value]) -> str:
    if fields.get("CallType"):
        return "call"
    for name in ("TaskSubtype", "Type"):
        word = str(fields.get(name) or "").casefold()
        if word in _CALL:
            return "call"
        if word in _MAIL:
            return "email_reply"
        if word in _MEETING:
            return "meeting"
    return "other"


def _who_did_it(fields: Mapping[str, Value]) -> str | None:
    """Name the user who made it what it is: tasks that automation closes keep their owner, a person."""
    for name in ("LastModifiedById", "OwnerId", "CreatedById"):
        user = _text(fields.get(name))
        if user.startswith("005"):
            return user
    return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _row_name(row: Any, index: int) -> str:
    """Name a row by its id; anything else in that place could be what somebody wrote."""
    given = row.get("Id") if isinstance(row, dict) else None
    return given if isinstance(given, str) and _ID.fullmatch(given) else f"row {index + 1}"
