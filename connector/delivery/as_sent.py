"""A wish of the outbox as it goes out: with ids where creation keys stand, and nothing believed for too long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from connector.domain.writes import Write, only_ours
from connector.ports.store import Taken

#: what a pull showed longer ago is read again before it goes into the journal
MIRROR_AGE = timedelta(hours=1)


def as_sent(row: Taken, seen_since: datetime) -> Write:
    """Give what is sent: what the mirror showed of fields of ours when this was decided is not believed for ever."""
    write = row.write
    if row.decided_at > seen_since or not write.expected or not only_ours(write):
        return write
    return replace(write, expected={})


def resolved(write: Write, ids: Mapping[str, str]) -> Write:
    """Put the ids of created records, by their creation keys, into the fields that wait for them."""
    fields = write.fields | {name: ids[key] for name, key in write.references.items() if key in ids}
    return replace(write, fields=fields)
