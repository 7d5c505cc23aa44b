"""Reading single records: their fields, and whether an earlier write is there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from simple_salesforce.format import quote_soql_value

from adapters.salesforce.connection import Connection
from adapters.salesforce.schema import KEY_FIELD, ObjectShape, Schema
from adapters.salesforce.values import port_value, same_fields
from adapters.salesforce.vendor_errors import ApiError
from connector.domain.records import Value
from connector.domain.writes import Write
from connector.errors import AccessError, AdapterFault

#: Most ids in one retrieve of a collection (REST62 sObject Collections, POST form).
MOST_IDS = 2000
#: Keys in one query: long enough to be cheap, short enough for every query limit.
_KEYS_PER_QUERY = 200
_NO_SUCH_ID = ("MALFORMED_ID", "INVALID_ID_FIELD", "NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY")


class Lookup:
    """Reads records by id and by creation key."""

    def __init__(self, connection: Connection, schema: Schema, *, system: str) -> None:
        """Prepare; sends nothing."""
        self._connection = connection
        self._schema = schema
        self._system = system

    def read_fields(self, word: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Value]]:
        """Read fields of records by id; records that are gone, and fields that are not visible, are left out."""
        shape = self._schema.get(word)
        names = shape.selectable(["Id", *fields])
        found: dict[str, dict[str, Value]] = {}
        distinct = list(dict.fromkeys(ids))
        for start in range(0, len(distinct), MOST_IDS):
            found |= self._retrieve(shape, distinct[start : start + MOST_IDS], names, fields)
        return found

    def _retrieve(
        self, shape: ObjectShape, ids: Sequence[str], names: Sequence[str], fields: Sequence[str]
    ) -> dict[str, dict[str, Value]]:
        body = {"ids": list(ids), "fields": list(names)}
        try:
            rows = self._connection.call("POST", f"composite/sobjects/{shape.name}", body=body, repeatable=True)
        except ApiError as error:
            if not error.has(*_NO_SUCH_ID):
                raise self._refused(error) from None
            if len(ids) == 1:
                return {}
            # One id that cannot be one spoils the call for all.
            middle = len(ids) // 2
            first = self._retrieve(shape, ids[:middle], names, fields)
            return first | self._retrieve(shape, ids[middle:], names, fields)
        return read_retrieved(rows, ids, shape, fields)

    def find_applied(self, writes: Sequence[Write]) -> dict[str, str | None]:
        """Say which earlier sent writes are there; promises as in the port."""
        found: dict[str, str | None] = {write.key: None for write in writes}
        try:
            found |= self.by_key([write for write in writes if write.kind == "create"])
        except ApiError as error:
            raise self._refused(error) from None
        by_word: dict[str, list[Write]] = defaultdict(list)
        for write in writes:
            if write.kind == "update" and write.id:
                by_word[write.object].append(write)
        for word, some in by_word.items():
            names = sorted({name for write in some for name in write.fields})
            held = self.read_fields(word, [write.id or "" for write in some], names)
            for write in some:
                values = held.get(write.id or "")
                if values is not None and same_fields(write.fields, values):
                    found[write.key] = write.id
        return found

    def by_key(self, writes: Sequence[Write]) -> dict[str, str]:
        """Find created records by their keys: key → id, of living ones first, then of deleted ones.

        Where the org keeps the key as a look-up field, it is asked by key. Elsewhere a task is found by walking from
        its person, for a filter on a field without an index may be refused in large orgs.
        """
        found: dict[str, str] = {}
        by_word: dict[str, list[Write]] = defaultdict(list)
        for write in writes:
            by_word[write.object].append(write)
        for word, some in by_word.items():
            shape = self._schema.get(word)
            if not shape.has(KEY_FIELD):
                continue
            indexed = bool(shape.fields[KEY_FIELD].get("externalId"))
            walk = [] if indexed else [write for write in some if write.fields.get("WhoId")]
            ask = [write for write in some if write not in walk]
            found |= self._ask(shape, KEY_FIELD, [write.key for write in ask], {write.key for write in ask})
            found |= self._ask(
                shape, "WhoId", [str(write.fields["WhoId"]) for write in walk], {write.key for write in walk}
            )
        return found

    def _ask(self, shape: ObjectShape, field: str, values: Iterable[str], keys: set[str]) -> dict[str, str]:
        found: dict[str, tuple[bool, str]] = {}
        distinct = list(dict.fromkeys(values))
        for start in range(0, len(distinct), _KEYS_PER_QUERY):
            some = quote_soql_value(distinct[start : start + _KEYS_PER_QUERY])
            soql = f"SELECT Id, {KEY_FIELD}, IsDeleted FROM {shape.name} WHERE {field} IN {some}"
            # Archived tasks, and records that people deleted since, were created all the same.
            for row in self._connection.query_all(soql, deleted_too=True):
                key = row.get(KEY_FIELD)
                if key in keys:
                    gone = bool(row.get("IsDeleted"))
                    if key not in found or (found[key][0] and not gone):
                        found[key] = (gone, str(row["Id"]))
        return {key: record_id for key, (_, record_id) in found.items()}

    def _refused(self, error: ApiError) -> AccessError | AdapterFault:
        code = f"{self._system}.{error.code.lower()}"
        if error.status == 403 or error.has("INVALID_FIELD", "INVALID_TYPE") or "INSUFFICIENT_ACCESS" in error.code:
            return AccessError(code, "our user may not read a record that was written", at=self._system)
        return AdapterFault(code, "the org refused a look-up", at=self._system)


def read_retrieved(
    rows: Any, ids: Sequence[str], shape: ObjectShape, fields: Iterable[str]
) -> dict[str, dict[str, Value]]:
    """Read the answer to a retrieve of a collection: positional, null for what is gone (REST62 Collections)."""
    names = list(fields)
    found: dict[str, dict[str, Value]] = {}
    for record_id, row in zip(ids, rows if isinstance(rows, list) else (), strict=False):
        if isinstance(row, Mapping):
            found[record_id] = {name: port_value(row.get(name), shape.kind(name)) for name in names}
    return found
