"""A wish of the outbox as it goes out: with ids where creation keys stand, and nothing believed for too long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from connector.domain.writes import Write, only_ours
from connector.ports.store import OwnRows, Taken

#: what a pull showed longer ago is read again before it goes into the journal
MIRROR_AGE = timedelta(hours=1)


def as_sent(row: Taken, seen_since: datetime) -> Write:
    """Give what is sent: what the mirror showed of fields of ours when this was decided is not believed for ever."""
    write = row.write
    if row.decided_at > seen_since or not write.expected or not only_ours(write):
        return write
    return replace(write, expected={})


def all_as_sent(rows: Sequence[Taken], seen_since: datetime) -> Sequence[Write]:
    """Give what is sent for rows, in order; nobody looks at each of those that were decided lately and are alike."""
    if isinstance(rows, OwnRows) and rows.decided_at > seen_since:
        return rows.updates
    return [as_sent(row, seen_since) for row in rows]


def resolved(write: Write, ids: Mapping[str, str]) -> Write:
    """Put the ids of created records, by their creation keys, into the fields that wait for them."""
    fields = write.fields | {name: ids[key] for name, key in write.references.items() if key in ids}
    return replace(write, fields=fields)
