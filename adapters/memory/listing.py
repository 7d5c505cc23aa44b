"""Records of memory, named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from connector.domain.records import RecordVersion
from connector.ports.listing import Listed


def listed(records: Iterable[RecordVersion], fields: Sequence[str], page: int) -> Iterator[list[Listed]]:
    """Name living records in pages."""
    living = [record for record in records if not record.deleted and record.merged_into is None]
    for start in range(0, len(living), page):
        yield [
            Listed(record.ref.id, record.modified_at, {name: record.fields.get(name) for name in fields})
            for record in living[start : start + page]
        ]


def latest(items: Iterable[object], ids: Sequence[str]) -> list[RecordVersion]:
    """Give the last version of each of these records out of a log."""
    wanted = set(ids)
    found = {item.ref.id: item for item in items if isinstance(item, RecordVersion) and item.ref.id in wanted}
    return list(found.values())
