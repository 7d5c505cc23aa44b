"""Deleted contacts, which no search shows.

The list of archived records has neither a date filter nor an order by time (hubspot.md section 4), so that each look
means reading all of it. It is read at every pull while it fits one page; a longer list is read the more rarely the
longer it is: ten minutes' rest for each further page, one reading a day at the least.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from adapters.hubspot.reading import PageReader, Record, from_ms, to_ms
from adapters.hubspot.records import CONTACTS, deletions, refused
from adapters.hubspot.wire import Wire
from connector.domain.records import Page
from connector.errors import AdapterFault

PAGE = 100
REST_PER_PAGE = timedelta(minutes=10)
LONGEST_REST = timedelta(days=1)
_RECORDS = PageReader(Record)


class _Place(msgspec.Struct, omit_defaults=True):
    """Where the reading stands: ``after`` inside a reading; else its start and length in pages.

    ``known`` has the records of a list of one page, id → time of archiving: they are not handed out again.
    """

    started: int = 0
    pages: int = 0
    after: str = ""
    known: dict[str, int] = {}


def pull_archived(
    wire: Wire, cursor: str | None, *, properties: list[str], system: str, now: datetime
) -> Iterator[Page]:
    """Read all archived contacts as deletions, or nothing while the list rests. The clock of the rest is ``now``.

    Raises:
        AdapterFault: the cursor is not ours.
    """
    place = _read_place(cursor, system)
    known = place.known
    if not place.after:
        rest = min(LONGEST_REST, REST_PER_PAGE * max(0, place.pages - 1))
        if cursor is not None and now < from_ms(place.started) + rest:
            yield Page(cursor=cursor, last=True)
            return
        place = _Place(to_ms(now))
    while True:
        query: dict[str, object] = {"limit": PAGE, "archived": "true", "properties": ",".join(properties)}
        if place.after:
            query["after"] = place.after
        page = wire.get(wire.paths.objects(CONTACTS.path), query, _RECORDS)
        more = page.after is not None and page.count > 0
        found = deletions(CONTACTS, page.rows, system=system)
        place = _Place(place.started, place.pages + 1, page.after or "" if more else "")
        if place.pages == 1 and not more:
            place.known = {version.ref.id: to_ms(version.modified_at) for version in found}
        yield Page(
            [version for version in found if known.get(version.ref.id) != to_ms(version.modified_at)],
            [],
            refused("archived_contacts", page.bad),
            msgspec.json.encode(place).decode(),
            last=not more,
        )
        if not more:
            return


def _read_place(cursor: str | None, system: str) -> _Place:
    if cursor is None:
        return _Place()
    try:
        return msgspec.json.decode(cursor.encode(), type=_Place)
    except msgspec.MsgspecError:
        raise AdapterFault("hubspot.cursor", "a stored cursor cannot be read", at=system) from None
