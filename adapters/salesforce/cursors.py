"""How far a stream has been read, as text that outlives us."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.salesforce.values import instant, soql_instant
from connector.domain.second_look import MOST_LOOKS, rest_before
from connector.errors import ConfigError

#: Before this no org had a record.
DAWN = datetime(1999, 1, 1, tzinfo=UTC)

#: Rows can become visible this long after their stamp: a request may run ten minutes (salesforce.md section 14), and
#: some more for clocks. Only what is older than this is taken as settled when a stream is quiet.
SETTLED_AFTER = timedelta(minutes=15)

#: A stream is crowded where looking back an overlap brings more rows than this that were read before. Ours are most of
#: them: hundreds that one cycle has written are read again by each look of the next five minutes.
CROWD = 200
#: Of a crowded stream: parts of the overlap after which a pull looks back whole, and by which others look back.
_WHOLE, _BRIEF = 3, 15


@dataclass(frozen=True, slots=True)
class Mark:
    """The high-water mark of a stream, and what behind it could not be read.

    Attributes:
        high: the latest stamp; None before anything was read.
        unread: a row at or after this stamp could not be read; a later pull begins there anew.
        looks: how often one has begun there already.
        due: the vendor's clock from which on one begins there; None while the pull that found it is not at its end.
        swept: of a crowded stream: the vendor's clock when the last pull asked that looked back whole; None: each does.
    """

    high: datetime | None = None
    unread: datetime | None = None
    looks: int = 0
    due: datetime | None = None
    swept: datetime | None = None

    def text(self) -> str:
        """Write the cursor."""
        body: dict[str, Any] = {"high": soql_instant(self.high) if self.high else None}
        if self.unread is not None:
            body["unread"] = [soql_instant(self.unread), self.looks, soql_instant(self.due) if self.due else None]
        if self.swept is not None:
            body["swept"] = soql_instant(self.swept)
        return json.dumps(body)

    def _looks_back_whole(self, overlap: timedelta, now: datetime | None) -> bool:
        """Say whether a pull of now looks back an overlap: of a crowded stream one now and then does.

        So does each pull while the vendor's clock is behind where it was: it has been set.
        """
        return self.swept is None or now is None or not self.swept <= now < self.swept + overlap / _WHOLE

    def begins(self, overlap: timedelta, now: datetime | None) -> tuple[Mark, datetime | None]:
        """Give the mark to go on from, and the stamp to ask from: the unread place when its time has come.

        What has become visible since the last pull that looked back whole is no older than an overlap before it asked,
        and most of it no older than a part of that: so a burst that it has read is not brought again by each look
        after it, though no newer row comes.
        """
        low, swept = None, self.swept or self.high
        if self.high is not None and swept is not None:
            whole = self._looks_back_whole(overlap, now)
            low = min(self.high, swept) - overlap if whole else max(self.high, swept) - overlap / _BRIEF
        if self.unread is None or (self.due is not None and now is not None and now < self.due):
            return self, low
        return replace(self, unread=None, due=None), min(low, self.unread) if low else None

    def missed(self, since: datetime | None) -> Mark:
        """Note that a row at or after ``since`` (None: anywhere) could not be read."""
        since = since or DAWN
        return replace(self, unread=since if self.unread is None else min(self.unread, since))

    def rested(self, now: datetime | None) -> Mark:
        """Give the mark at the end of a pull: when to look again at what could not be read."""
        if self.due is not None:
            return self
        looks = self.looks + 1 if self.unread is not None else 0
        if self.unread is None or looks > MOST_LOOKS:
            return replace(self, unread=None, looks=0)
        return replace(self, looks=looks, due=(now or DAWN) + rest_before(looks))

    def looked_back(self, overlap: timedelta, began: datetime | None, again: int) -> Mark:
        """Give the mark at the end of a pull that began then, and brought so many rows again."""
        if not self._looks_back_whole(overlap, began):
            return self
        return replace(self, swept=began if again > CROWD else None)

    def passed(self, stamp: datetime) -> Mark:
        """Give the mark after a row with this stamp."""
        return self if self.high and self.high >= stamp else replace(self, high=stamp)

    def at_end(self, asked_at: datetime | None, edge: datetime | None) -> Mark:
        """Give the mark after everything up to ``edge`` (None: up to the present) was read, asked for at that time.

        A quiet stream moves on with the vendor's clock, at a safe distance, so that the overlap does not bring the
        last busy minutes again and again for ever.
        """
        if asked_at is None:
            return self
        settled = asked_at - SETTLED_AFTER
        return self.passed(min(settled, edge) if edge else settled)


def read_mark(cursor: str | None, *, at: str) -> Mark:
    """Read a stored cursor; None means that nothing was read yet.

    Raises:
        ConfigError: it is no cursor of ours.
    """
    if not cursor:
        return Mark()
    try:
        body = json.loads(cursor)
        mark = Mark(instant(body["high"])) if body["high"] else Mark()
        if body.get("unread"):
            since, looks, due = body["unread"]
            mark = replace(mark, unread=instant(since), looks=int(looks), due=instant(due) if due else None)
        if body.get("swept"):
            mark = replace(mark, swept=instant(body["swept"]))
    except (ValueError, KeyError, TypeError):
        raise ConfigError("salesforce.cursor", "the stored cursor cannot be read", at=at) from None
    return mark
