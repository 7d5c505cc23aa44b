"""Reading single records: their properties, and whether an earlier write is there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from adapters.hubspot.associations import associated
from adapters.hubspot.reading import PageReader, Record
from adapters.hubspot.schema import Schema
from adapters.hubspot.values import same
from adapters.hubspot.wire import Wire
from adapters.hubspot.words import ASSOCIATIONS, KEY, PATHS
from connector.domain.records import Value
from connector.domain.writes import Write
from connector.errors import TransientError

#: Largest batch (hubspot.md section 4).
READ_BATCH = 100


_RECORDS = PageReader(Record)


class Lookup:
    """Reads records by id and by creation key; never through a search, whose index lags."""

    def __init__(self, wire: Wire, schema: Schema, *, system: str) -> None:
        """Prepare; sends nothing."""
        self._wire = wire
        self._schema = schema
        self._system = system

    def read_fields(self, word: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Value]]:
        """Read properties of living records by id; the gone and merged are left out.

        Raises:
            AccessError, RateLimited, TransientError: the account cannot be asked, or shows a record unreadably.
        """
        names = [name for name in dict.fromkeys(fields) if name not in ASSOCIATIONS]
        distinct = [id_ for id_ in dict.fromkeys(ids) if id_.isdecimal()] if word in PATHS else []
        rows = self._read(PATHS[word], distinct, names) if distinct else []
        wanted = set(distinct)
        # A merged record is shown under the id of its survivor, for which nobody asked.
        return {row.id: {name: row.properties.get(name) for name in names} for row in rows if row.id in wanted}

    def find_applied(self, writes: Sequence[Write]) -> dict[str, str | None]:
        """Say which earlier sent writes are there; promises as in the port."""
        found: dict[str, str | None] = {write.key: None for write in writes}
        for word, some in _by_object(writes, "create").items():
            found |= self.by_key(word, some)
        for word, some in _by_object(writes, "update").items():
            names = [name for write in some for name in write.fields]
            held = self.read_fields(word, [write.id or "" for write in some], names)
            for write in some:
                values = held.get(write.id or "")
                if values is not None and all(same(value, values.get(name)) for name, value in write.fields.items()):
                    found[write.key] = write.id
        return found

    def by_key(self, word: str, writes: Sequence[Write]) -> dict[str, str]:
        """Find living records by their creation keys: key → id.

        Where the account keeps keys unique it is asked by key. Elsewhere a task is found by walking from its contact.
        """
        keys = list(dict.fromkeys(write.key for write in writes))
        if not keys or not self._schema.keeps_keys(word):
            return {}
        if self._schema.key_is_unique(word):
            rows = self._read(PATHS[word], keys, [KEY], idProperty=KEY)
        elif word == "task":
            rows = self._read(PATHS[word], self._tasks_of(writes), [KEY])
        else:
            return {}
        found: dict[str, str] = {}
        for row in rows:
            key = row.properties.get(KEY)
            if key in keys:
                found.setdefault(str(key), row.id)
        return found

    def _tasks_of(self, writes: Sequence[Write]) -> list[str]:
        found: dict[str, None] = {}
        for name, (path, _) in ASSOCIATIONS.items():
            ends = dict.fromkeys(str(write.fields[name]) for write in writes if write.fields.get(name))
            for tasks in associated(self._wire, path, "tasks", ends).values():
                found |= dict.fromkeys(tasks)
        return list(found)

    def _read(self, path: str, ids: Sequence[str], names: Sequence[str], **more: str) -> list[Record]:
        found: list[Record] = []
        for start in range(0, len(ids), READ_BATCH):
            inputs = [{"id": id_} for id_ in ids[start : start + READ_BATCH]]
            body = {"inputs": inputs, "properties": list(names), **more}
            page = self._wire.post(self._wire.paths.batch_read(path), body, _RECORDS)
            if page.bad:
                # Left out it would pass for a record that is gone.
                raise TransientError("hubspot.malformed", "a record could not be read", at=self._system)
            found += page.rows
        return found


def _by_object(writes: Sequence[Write], kind: str) -> Mapping[str, list[Write]]:
    found: dict[str, list[Write]] = defaultdict(list)
    for write in writes:
        if write.kind == kind and write.object in PATHS:
            found[write.object].append(write)
    return found
