"""Which records are associated with which, 1,000 ids a call (hubspot.md section 6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from adapters.hubspot.reading import PageReader
from adapters.hubspot.wire import Wire

#: Largest batch.
ASSOCIATION_BATCH = 1000


class _Link(msgspec.Struct, rename="camel"):
    to_object_id: int | str


class _End(msgspec.Struct):
    id: str


class _Links(msgspec.Struct, rename="camel"):
    """The associations of one record; ``paging`` is there when it has more than one answer holds."""

    from_: _End = msgspec.field(name="from")
    to: list[_Link] = []
    paging: dict[str, Any] | None = None


_LINKS = PageReader(_Links)


def associated(wire: Wire, of: str, to: str, ids: Iterable[str]) -> dict[str, list[str]]:
    """Give for records of the vendor's type ``of`` the ids of those of type ``to``, each once."""
    found: dict[str, list[str]] = {}
    inputs: list[dict[str, str]] = [{"id": id_} for id_ in dict.fromkeys(ids)]
    while inputs:
        batch, inputs = inputs[:ASSOCIATION_BATCH], inputs[ASSOCIATION_BATCH:]
        page = wire.post(wire.paths.associations(of, to), {"inputs": batch}, _LINKS)
        for row in page.rows:
            ends = found.setdefault(row.from_.id, [])
            ends += [end for link in row.to if (end := str(link.to_object_id)) not in ends]
            after = ((row.paging or {}).get("next") or {}).get("after")
            if after is not None:
                inputs.append({"id": row.from_.id, "after": str(after)})
    return found
