"""Which contacts and companies live: the plain list, 100 a call, which no search index can be behind of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from adapters.hubspot.reading import PageReader, Record, instant
from adapters.hubspot.records import COMPANIES, CONTACTS, Kind, deletions, versions
from adapters.hubspot.wire import Wire
from connector.domain.records import RecordVersion, Value
from connector.ports.listing import Listed

#: most rows of a list, and of a batch read (hubspot.md section 4)
PAGE = 100
KINDS: Mapping[str, Kind] = {"contact": CONTACTS, "account": COMPANIES}
_RECORDS = PageReader(Record)


def list_living(wire: Wire, kind: Kind, fields: Sequence[str]) -> Iterator[list[Listed]]:
    """Name living records page by page."""
    names = list(dict.fromkeys([kind.stamp, *fields]))
    query: dict[str, object] = {"limit": PAGE, "archived": "false", "properties": ",".join(names)}
    while True:
        page = wire.get(wire.paths.objects(kind.path), query, _RECORDS)
        found = []
        for row in page.rows:
            values: dict[str, Value] = {name: row.properties.get(name) for name in fields}
            found.append(Listed(row.id, instant(row.properties.get(kind.stamp)) or row.updated_at, values))
        # a row that cannot be read lives all the same
        found += [Listed(bad.id, None) for bad in page.bad if bad.id]
        yield found
        if page.after is None or not page.count:
            return
        query = {**query, "after": page.after}


def read_records(
    wire: Wire, kind: Kind, ids: Sequence[str], *, properties: Sequence[str], system: str
) -> list[RecordVersion]:
    """Read records as they stand, then what is missing among the archived ones."""
    found: list[RecordVersion] = []
    left = list(dict.fromkeys(ids))
    for archived in (False, True):
        # a merged record answers under its survivor's id, which is nobody asked for
        answered: set[str] = set()
        for start in range(0, len(left), PAGE):
            body = {"inputs": [{"id": id_} for id_ in left[start : start + PAGE]], "properties": list(properties)}
            path = wire.paths.batch_read(kind.path) + ("?archived=true" if archived else "")
            page = wire.post(path, body, _RECORDS)
            make = deletions if archived else versions
            some = make(kind, page.rows, system=system)
            found += some
            answered |= {version.ref.id for version in some}
        left = [id_ for id_ in left if id_ not in answered]
    return found
