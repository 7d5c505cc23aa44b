"""Edits by people that our own write has covered: read from the org's field history.

A row tells only who changed it last. Where somebody edits a record between our pull and our write, the next pull shows
us as the last one, and the edit would count as ours. The history of its tracked fields (LeadHistory, ContactHistory)
keeps who changed what when: each such edit becomes a version of the record as it stood then. One look-up per page that
holds rows of ours; none for any other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from simple_salesforce.format import quote_soql_value

from adapters.salesforce.connection import Connection
from adapters.salesforce.rows import ReadRow
from adapters.salesforce.schema import ObjectShape
from adapters.salesforce.values import instant, port_value, soql_instant
from adapters.salesforce.vendor_errors import ApiError
from connector.domain.records import RecordVersion, Value

#: our word → (history object, its field that holds the record's id)
HISTORIES: Mapping[str, tuple[str, str]] = {
    "lead": ("LeadHistory", "LeadId"),
    "contact": ("ContactHistory", "ContactId"),
    "account": ("AccountHistory", "AccountId"),
    "opportunity": ("OpportunityFieldHistory", "OpportunityId"),
}
#: Above this the history is asked by time instead: a query of ids must stay short.
_MOST_IDS = 200
_NOT_KEPT = ("INVALID_TYPE", "INVALID_FIELD", "NOT_FOUND")
_MOMENT = timedelta(microseconds=1)


class MaskedEdits:
    """Finds people's edits under our own."""

    def __init__(self, connection: Connection) -> None:
        """Prepare; sends nothing."""
        self._connection = connection
        self._missing: set[str] = set()

    def missing(self) -> list[str]:
        """Name the histories that the org does not keep or does not show us, as far as asked. Sends nothing."""
        return sorted(self._missing)

    def look(self) -> None:
        """Ask each history for a row, to know whether it is kept."""
        for history, parent in HISTORIES.values():
            self._query(history, f"SELECT {parent} FROM {history} LIMIT 1")

    def under(
        self, word: str, shape: ObjectShape, rows: Sequence[ReadRow], since: datetime | None
    ) -> list[RecordVersion]:
        """Give versions of records that people made since, and that we have covered; oldest first per record.

        None at a first load (``since`` None): nobody waits for what happened before.
        """
        if word not in HISTORIES or since is None or HISTORIES[word][0] in self._missing:
            return []
        ours = None
        finals: dict[str, RecordVersion] = {}
        for row in rows:
            by = row.record.fields.get("LastModifiedById")
            if by is None or row.record.deleted or row.record.merged_into is not None:
                continue
            ours = ours or self._connection.user_id()
            if by == ours:
                finals[row.record.ref.id] = row.record
        if not finals:
            return []
        history, parent = HISTORIES[word]
        changes: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for entry in self._query(history, _soql(history, parent, finals, since)):
            if entry.get(parent) in finals:
                changes[str(entry[parent])].append(entry)
        return [
            version
            for id_, entries in changes.items()
            for version in _versions(finals[id_], entries, shape, ours or "")
        ]

    def _query(self, history: str, soql: str) -> list[dict[str, Any]]:
        try:
            return self._connection.query_all(soql)
        except ApiError as error:
            if not (error.has(*_NOT_KEPT) or error.status == 403 or error.code.startswith("INSUFFICIENT_ACCESS")):
                # What passes, or a strange answer: the pull goes on without, and the next one asks again.
                return []
            self._missing.add(history)
            return []


def _soql(history: str, parent: str, finals: Mapping[str, RecordVersion], since: datetime) -> str:
    among = f"{parent} IN {quote_soql_value(sorted(finals))} AND " if len(finals) <= _MOST_IDS else ""
    return (
        f"SELECT {parent}, Field, OldValue, NewValue, CreatedById, CreatedDate FROM {history} "
        f"WHERE {among}CreatedDate >= {soql_instant(since)} ORDER BY CreatedDate ASC, Id ASC"
    )


def _versions(
    final: RecordVersion, entries: Sequence[Mapping[str, Any]], shape: ObjectShape, ours: str
) -> Iterator[RecordVersion]:
    """Walk back from how the record stands, undoing change by change; give it as it stood after each of people's."""
    fields = dict(final.fields)
    found: list[RecordVersion] = []
    for (at, by), some in reversed([(key, list(group)) for key, group in groupby(entries, key=_when_and_who)]):
        changed = [_change(entry, shape) for entry in some if entry.get("Field") in fields]
        if by != ours and changed:
            stood = {**fields, "LastModifiedById": by}
            found.append(final._replace(modified_at=min(at, final.modified_at - _MOMENT), fields=stood))
        fields |= dict(changed)
    yield from reversed(found)


def _when_and_who(entry: Mapping[str, Any]) -> tuple[datetime, str]:
    return instant(entry["CreatedDate"]), str(entry.get("CreatedById") or "")


def _change(entry: Mapping[str, Any], shape: ObjectShape) -> tuple[str, Value]:
    name = str(entry["Field"])
    return name, port_value(entry.get("OldValue"), shape.kind(name))
