"""What the lake holds, written down instead of pulled."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from adapters.memory import MemoryCrm, MemorySource
from connector.lake.layout import FIELD, LINK, RECORD_COLUMNS
from connector.pipeline.people.gathering import Holdings

T0 = datetime(2026, 3, 1, tzinfo=UTC)
SOURCE = MemorySource(system="hubspot").traits()
CRM = MemoryCrm(system="crm").traits()


def records(*rows: dict[str, Any]) -> pa.Table:
    """Versions of one object; ``f_NAME`` are fields and ``l_NAME`` links."""
    plain = []
    for row in rows:
        named = {
            FIELD + key[2:] if key.startswith("f_") else LINK + key[2:] if key.startswith("l_") else key: value
            for key, value in row.items()
        }
        plain.append({"modified_at": T0, "created_at": T0, "deleted": False, "landed_at": T0, "shape": ""} | named)
    extra = sorted({name for row in plain for name in row} - set(RECORD_COLUMNS.names))
    schema = pa.schema([*RECORD_COLUMNS, *((name, pa.string()) for name in extra)])
    return pa.Table.from_pylist(plain, schema=schema)


def holdings(addresses: dict[str, datetime] | None = None, **tables: pa.Table) -> Holdings:
    """``hubspot_contact=…`` are the contacts of hubspot; ``addresses`` did something there first at that time."""
    named = {tuple(name.split("_", 1)): table for name, table in tables.items()}
    rows = [{"person_system": "hubspot", "person_id": name, "created_at": at} for name, at in (addresses or {}).items()]
    words = [("person_system", pa.string()), ("person_id", pa.string()), ("created_at", pa.timestamp("us", "UTC"))]
    known = pa.Table.from_pylist(rows, schema=pa.schema(words))
    return Holdings(T0, named, ["hubspot", "crm"], known)  # type: ignore[arg-type]


def identities(**persons: str) -> pa.Table:
    """``hubspot_contact_1="p1"``: that reference is that person's."""
    rows = [
        dict(zip(("system", "object", "id"), name.split("_", 2), strict=True)) | {"person_id": person}
        for name, person in persons.items()
    ]
    names = ("system", "object", "id", "person_id")
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, pa.string()) for name in names]))
