"""An append-only list of versions and activities, read page by page from a position."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from connector.domain.records import Activity, Page, RecordVersion, RefusedRow
from connector.errors import AdapterFault

Item = RecordVersion | Activity | RefusedRow


@dataclass(slots=True)
class Log:
    """What one stream holds, in the order in which it came to be. The cursor is a position in it.

    A position is the simplest sound cursor: nothing is ever inserted before it, so that ties cannot be lost and no
    overlap is needed. Systems that tell only times need both (``connector.ports.source.Source.pull``).
    """

    items: list[Item] = field(default_factory=list)

    def pages(self, cursor: str | None, size: int, *, at: str) -> Iterator[Page]:
        """Read from a position to the end as it is now.

        Raises:
            AdapterFault: the cursor is not ours.
        """
        if cursor is not None and not cursor.isdecimal():
            raise AdapterFault("memory.cursor", "a stored cursor cannot be read", at=at)
        position, end = int(cursor or 0), len(self.items)
        while True:
            upto = min(position + size, end)
            page = Page(cursor=str(upto), last=upto >= end)
            for item in self.items[position:upto]:
                if isinstance(item, RecordVersion):
                    page.records.append(item)
                elif isinstance(item, Activity):
                    page.activities.append(item)
                else:
                    page.refused.append(item)
            yield page
            position = upto
            if page.last:
                return
