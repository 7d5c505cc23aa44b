"""How far a stream has been read, as text that outlives us."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.salesforce.values import instant, soql_instant
from connector.errors import ConfigError

#: Rows can become visible this long after their stamp: a request may run ten minutes (salesforce.md section 14), and
#: some more for clocks. Only what is older than this is taken as settled when a stream is quiet.
SETTLED_AFTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Mark:
    """The high-water mark of a stream; None before anything was read."""

    high: datetime | None = None

    def text(self) -> str:
        """Write the cursor."""
        return json.dumps({"high": soql_instant(self.high) if self.high else None})

    def passed(self, stamp: datetime) -> Mark:
        """Give the mark after a row with this stamp."""
        return self if self.high and self.high >= stamp else Mark(stamp)

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
        high = json.loads(cursor)["high"]
        return Mark(instant(high)) if high else Mark()
    except (ValueError, KeyError, TypeError):
        raise ConfigError("salesforce.cursor", "the stored cursor cannot be read", at=at) from None
