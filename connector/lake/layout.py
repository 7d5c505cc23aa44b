"""How rows of the lake are laid out in files.

A stream of the lake is a folder: ``records/SYSTEM/OBJECT`` holds versions of records, ``activities/SYSTEM`` what people
did. Native fields of records become columns named ``f:FIELD`` and links ``l:WORD``, all text, so that a field that
changes its type in the vendor's org never makes old files unreadable; readers give types.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa

from connector.domain.records import Activity, RecordVersion, Value

INSTANT = pa.timestamp("us", "UTC")
FIELD = "f:"
LINK = "l:"

#: columns every version of a record has, before its fields and links
RECORD_COLUMNS = pa.schema(
    [
        ("id", pa.string()),
        ("modified_at", INSTANT),
        ("created_at", INSTANT),
        ("deleted", pa.bool_()),
        ("merged_into", pa.string()),
        ("shape", pa.string()),
        ("content", pa.int64()),
        ("serial", pa.int64()),
        ("landed_at", INSTANT),
    ]
)
ACTIVITY_COLUMNS = pa.schema(
    [
        ("kind", pa.string()),
        ("id", pa.string()),
        ("type", pa.string()),
        ("person_system", pa.string()),
        ("person_object", pa.string()),
        ("person_id", pa.string()),
        ("occurred_at", INSTANT),
        ("url", pa.string()),
        ("path", pa.string()),
        ("asset", pa.string()),
        ("form", pa.string()),
        ("campaign", pa.string()),
        ("value", pa.string()),
        ("subject", pa.string()),
        ("by_user", pa.string()),
        ("modified_at", INSTANT),
        ("deleted", pa.bool_()),
        ("landed_at", INSTANT),
    ]
)


def records_stream(system: str, object_: str) -> str:
    """Name the stream of one kind of record."""
    return f"records/{system}/{object_}"


def activities_stream(system: str) -> str:
    """Name the stream of one system's activities."""
    return f"activities/{system}"


def as_text(value: Value) -> str | None:
    """Write a value as the lake keeps it: whole numbers without a point, truth as true/false, blank as nothing."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 2**53 else str(Decimal(repr(value)))
        case int():
            return str(value)
        case _:
            text = sound(value)
            return text if text.strip() else None


def sound(text: str) -> str:
    """Give the text as it can be stored: half a character (a lone surrogate) becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def named(word: str) -> str:
    """Give a field's name as a column can have it: the engine's names end at the first zero."""
    return sound(word).replace("\0", "?")


def record_table(versions: Sequence[RecordVersion], *, shape: str, landed_at: datetime) -> pa.Table:
    """Lay versions of one object out as columns.

    ``serial`` grows from landing to landing and from row to row: where a vendor shows two versions under one stamp, the
    one that was read later is the later one. It is this machine's clock in nanoseconds, and tells no time.
    """
    first = time.time_ns()
    count = len(versions)
    columns: dict[str, pa.Array] = {
        "id": text_column([v.ref.id for v in versions], sound),
        "modified_at": pa.array([v.modified_at for v in versions], INSTANT),
        "created_at": pa.array([v.created_at for v in versions], INSTANT),
        "deleted": pa.array([v.deleted for v in versions], pa.bool_()),
        "merged_into": pa.array([alias_of(v) for v in versions], pa.string()),
        "shape": pa.repeat(pa.scalar(shape, pa.string()), count),
        "content": pa.array([content_of(v) for v in versions], pa.int64()),
        "serial": pa.array(range(first, first + count), pa.int64()),
        "landed_at": pa.repeat(pa.scalar(landed_at, INSTANT), count),
    }
    names = dict.fromkeys(name for v in versions for name in v.fields)
    for name in names:
        columns[FIELD + named(name)] = text_column([v.fields.get(name) for v in versions], as_text)
    words = dict.fromkeys(word for v in versions for word in v.links)
    for word in words:
        columns[LINK + named(word)] = text_column([v.links.get(word) for v in versions], as_text)
    return pa.table(columns)


def content_of(version: RecordVersion) -> int:
    """Hash what a version says: vendors whose stamps have whole seconds show two changes under one stamp."""
    said = (version.fields, version.links)
    try:
        text = msgspec.json.encode(said, order="deterministic")
    except (UnicodeError, ValueError, TypeError):
        text = repr((sorted(version.fields.items()), sorted(version.links.items()))).encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big", signed=True)


def alias_of(version: RecordVersion) -> str | None:
    """Name the record that a version was merged into, as the lake keeps it."""
    return None if version.merged_into is None else sound(str(version.merged_into))


def activity_table(activities: Sequence[Activity], *, landed_at: datetime) -> pa.Table:
    """Lay activities out as columns."""
    if not activities:
        return ACTIVITY_COLUMNS.empty_table()
    refs, types, people, occurred_at, *texts, modified_at, deleted = zip(*activities, strict=True)
    _, kinds, ids = zip(*refs, strict=True)
    columns = [
        *(text_column(column, sound) for column in (kinds, ids, types, *zip(*people, strict=True))),
        pa.array(occurred_at, INSTANT),
        *(text_column(column, as_text) for column in texts),
        pa.array(modified_at, INSTANT),
        pa.array(deleted, pa.bool_()),
        pa.repeat(pa.scalar(landed_at, INSTANT), len(activities)),
    ]
    return pa.table(columns, schema=ACTIVITY_COLUMNS)


def text_column(values: Sequence[Any], write: Callable[[Any], str | None]) -> pa.Array:
    """Give what ``write`` makes of each value; where every value is plain text already, without asking it."""
    try:
        plain = pa.array(values, pa.string())
    except (pa.ArrowException, UnicodeEncodeError):
        return pa.array([write(value) for value in values], pa.string())
    if write is as_text and any(value is not None and (not value or value.isspace()) for value in set(values)):
        return pa.array([write(value) for value in values], pa.string())
    return plain
