"""What we wrote against what the CRM shows of it: our own fields, and the records that carry our keys."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from connector.delivery.records import own_mapping
from connector.domain.sql_text import literal
from connector.domain.writes import Write
from connector.lake.engine import querying
from connector.lake.layout import INSTANT, as_text
from connector.mapping.bundle import Mappings
from connector.pipeline.both_sides.two_sides import CLOCKS_APART, Cause, Difference, Sides, listed_table
from connector.ports.crm import Crm
from connector.ports.listing import Listed, Lister
from connector.ports.outbox import DoneRow, Outbox
from connector.ports.traits import AdapterTraits

#: rows gathered before they become a table
_AT_ONCE = 50_000
_WRITTEN = pa.schema(
    [
        *(("row", pa.int64()), ("object", pa.string()), ("id", pa.string()), ("field", pa.string())),
        *(("value", pa.string()), ("before", pa.string()), ("told_before", pa.bool_()), ("settled_at", INSTANT)),
        #: the value as JSON, with its type
        ("wish", pa.string()),
    ]
)
_SHOWN = pa.schema([("id", pa.string()), ("modified_at", INSTANT), ("field", pa.string()), ("value", pa.string())])
_NEWEST = """
    SELECT w.id, w.field, w.wish, w.told_before AND w.before IS NOT DISTINCT FROM s.value AS as_before,
           w.settled_at, s.modified_at
    FROM shown s JOIN (
        SELECT * FROM written WHERE object = {object}
        QUALIFY row_number() OVER (PARTITION BY id, field ORDER BY "row" DESC) = 1
    ) w ON w.id = s.id AND w.field = s.field
    WHERE coalesce(w.value, '') <> coalesce(s.value, '') ORDER BY 1, 2
"""


def own_names(mappings: Mappings, crm: AdapterTraits) -> dict[str, list[str]]:
    """Name our own fields and the key by object; the key comes last."""
    people = list(own_mapping(mappings.fields, crm))
    names: dict[str, list[str]] = {"lead": people, "contact": people, "account": [], "task": []}
    names["account"] = [name for name, line in mappings.fields.crm.account.items() if line.write == "always"]
    keys = {object_: crm.native.get(object_, {}).get("key", "") for object_ in names}
    return {object_: [*own, *filter(None, [keys[object_]])] for object_, own in names.items()}


@dataclass(slots=True)
class OwnWritten:
    """What the outbox has done, read before the CRM is: what is written meanwhile is no difference."""

    crm: Crm
    lister: Lister
    outbox: Outbox
    last_read: datetime
    #: when the state was last put back: what the CRM has held since an older one was written is nowhere in it, and was
    #: right by the cycles that have looked since
    put_back: datetime | None = None
    #: key → record, of creations that are done
    created: dict[str, DoneRow] = field(default_factory=dict)
    #: records of keys that no creation in the outbox has: of an older state, or of another install
    foreign: int = 0
    #: fields of ours that were compared
    fields: int = 0
    _written: list[pa.Table] = field(default_factory=list)
    _shown: list[pa.Table] = field(default_factory=list)
    _keys: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _ids: set[str] = field(default_factory=set)

    def read_outbox(self, object_: str) -> None:
        """Read all done creations and updates of one kind of record."""
        self.created = {row.write.key: row for row in self.outbox.each_done("create", object_)}
        rows: list[tuple[object, ...]] = []
        for done in self.outbox.each_done("update", object_):
            if self.put_back is not None and done.settled_at is not None and done.settled_at < self.put_back:
                continue
            rows += _told(done)
            if len(rows) >= _AT_ONCE:
                self._written.append(_table(rows, _WRITTEN))
                rows = []
        self._written.append(_table(rows, _WRITTEN))

    def watch(self, pages: Iterator[list[Listed]], *, object_: str, names: Sequence[str], key: str) -> pa.Table:
        """Look at a list while it passes by: our fields and keys are kept until ``compare``."""
        self._shown, self._keys, self._ids = [], defaultdict(list), set()
        wanted = {row.record_id for row in self.created.values() if row.write.object == object_}
        own = [name for name in names if name != key]

        def passing() -> Iterator[list[Listed]]:
            for page in pages:
                rows = [
                    (row.id, row.modified_at, name, as_text(row.fields[name]))
                    for row in page
                    for name in own
                    if name in row.fields
                ]
                self._shown.append(_table(rows, _SHOWN))
                for row in page:
                    if row.id in wanted:
                        self._ids.add(row.id)
                    if key and row.fields.get(key):
                        self._keys[str(row.fields[key])].append(row.id)
                yield page

        return listed_table(passing())

    def compare(self, sides: Sides) -> None:
        """Add to ``sides`` what the list that was watched shows of our writes."""
        self._by_fields(sides)
        self._by_keys(sides)

    def _by_fields(self, sides: Sides) -> None:
        shown = pa.concat_tables([_SHOWN.empty_table(), *self._shown])
        self.fields += shown.num_rows
        with querying() as connection:
            connection.register("written", pa.concat_tables(self._written))
            connection.register("shown", shown)
            table: pa.Table = connection.sql(_NEWEST.format(object=literal(sides.object))).to_arrow_table()
        found = [tuple(row.values()) for row in table.to_pylist()]
        if not found:
            return
        asked = [
            Write(f"{id_}:{name}", "update", sides.object, id_, {name: json.loads(wish)})
            for id_, name, wish, *_ in found
        ]
        stands = self.crm.find_applied(asked)
        for id_, name, _, as_before, settled_at, stamp in found:
            if stands.get(f"{id_}:{name}") is not None:
                continue  # the CRM writes the same value in other words, or it came meanwhile
            if stamp is not None and stamp > self.last_read - CLOCKS_APART:
                sides.since += 1
                continue
            untouched = stamp is not None and settled_at is not None and stamp < settled_at - CLOCKS_APART
            cause: Cause = "lost_write" if as_before or untouched else "overwritten"
            sides.differences.append(Difference(cause, sides.system, sides.object, id_, name))

    def _by_keys(self, sides: Sides) -> None:
        for key, ids in sorted(self._keys.items()):
            if len(ids) > 1:
                sides.differences += [Difference("doubled_key", sides.system, sides.object, id_) for id_ in ids]
            self.foreign += key not in self.created
        made = {row.record_id for row in self.created.values() if row.write.object == sides.object and row.record_id}
        missing = sorted(str(id_) for id_ in made - self._ids)
        if not missing:
            return
        # people may delete, merge or convert what we created; only what nobody ever had was lost
        known = {record.ref.id for record in self.lister.read_records(sides.object, missing).records}
        told = {one.id for one in sides.differences}
        sides.differences += [
            Difference("lost_write", sides.system, sides.object, id_)
            for id_ in missing
            if id_ not in known and id_ not in told
        ]


def _told(done: DoneRow) -> Iterator[tuple[object, ...]]:
    """Give a row per field of ours that a write has set; nobody looked at what was only taken as it is.

    An undo asks of each field whether a person was there, and names none as ours: all of its fields are given, and
    only those of ours are compared.
    """
    if done.code == "put_back":
        return
    write = done.write
    for name in sorted((write.ours or write.fields.keys()) & write.fields.keys()):
        before = as_text(write.expected.get(name))
        yield (
            *(done.id, write.object, write.id, name, as_text(write.fields[name])),
            *(before, name in write.expected, done.settled_at, json.dumps(write.fields[name])),
        )


def _table(rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    return pa.table([pa.array(column, kind.type) for column, kind in zip(columns, schema, strict=True)], schema=schema)
