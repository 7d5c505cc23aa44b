"""Events compared: how many of each kind and day a system tells of, beside those that have landed.

A log has no list that costs less than reading it anew, so the last days are read again and held against the lake, event
by event. Only what is there and not here is a difference: systems forget old events, and what was landed stays true.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connector.domain.records import Activity, Page
from connector.domain.refs import Ref
from connector.domain.sql_text import literal
from connector.lake.reading import Lake
from connector.ports.listing import EventReader

_Key = tuple[str, str]


@dataclass(slots=True)
class EventDay:
    """One kind of event on one local day."""

    system: str
    stream: str
    kind: str
    day: date
    theirs: int = 0
    ours: int = 0
    missing: int = 0

    def document(self) -> dict[str, Any]:
        """Give it as JSON."""
        told = {name: getattr(self, name) for name in ("system", "stream", "kind", "theirs", "ours", "missing")}
        return told | {"day": self.day.isoformat()}


@dataclass(slots=True)
class EventStream:
    """One stream of events, compared.

    Attributes:
        since: the instant from which it was compared.
        missing: (kind, id) → local day of the events that have not landed.
        late: events that came after the last pull, or just before: no difference.
    """

    system: str
    stream: str
    since: datetime
    theirs: int = 0
    late: int = 0
    days: dict[tuple[str, date], EventDay] = field(default_factory=dict)
    missing: dict[_Key, date] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventComparer:
    """Compares one stream of events after the other.

    Attributes:
        days: how many local days back.
        erased: says of a reference whether its person was erased.
    """

    lake: Lake
    now: datetime
    zone: ZoneInfo
    days: int
    erased: Callable[[Ref], bool]

    def since(self) -> datetime:
        """Give the midnight from which events are compared."""
        first = self.now.astimezone(self.zone).date() - timedelta(days=self.days - 1)
        return datetime(first.year, first.month, first.day, tzinfo=self.zone).astimezone(self.now.tzinfo)

    def count(self, system: str) -> int:
        """Count the landed events of one system in those days; with them the calls are forecast."""
        table = self.lake.ask_activities(
            f"SELECT count(*) AS n FROM activities WHERE occurred_at >= {self._first()}", [system], as_of=self.now
        )
        return int(table.column("n")[0].as_py())

    def compare(self, reader: EventReader, system: str, stream: str, *, last_read: datetime) -> EventStream:
        """Read the days anew and hold them against the lake.

        Raises:
            AccessError, RateLimited, TransientError: the system could not be asked; nothing is known then.
        """
        found = EventStream(system, stream, self.since())
        mark = last_read - reader.event_streams()[stream]
        told: dict[_Key, tuple[date, datetime]] = {}
        for page in reader.events_since(stream, found.since, now=self.now):
            for one in page.activities:
                if self._counts(one, found.since):
                    told[one.ref.object, one.ref.id] = (self._day(one.occurred_at), one.occurred_at)
        ours = self._landed(system, {kind for kind, _ in told})
        found.theirs = len(told)
        for key, (day, at) in sorted(told.items()):
            line = found.days.setdefault((key[0], day), EventDay(system, stream, key[0], day))
            line.theirs += 1
            if key in ours:
                continue
            if at > mark:
                found.late += 1
            else:
                line.missing += 1
                found.missing[key] = day
        for (kind, _), day in ours.items():
            if (kind, day) in found.days:
                found.days[kind, day].ours += 1
        return found

    def missed(self, reader: EventReader, found: EventStream) -> Iterator[Page]:
        """Read again the days that differ and give, page by page, the events that have not landed."""
        first = min(found.missing.values())
        since = datetime(first.year, first.month, first.day, tzinfo=self.zone).astimezone(self.now.tzinfo)
        for page in reader.events_since(found.stream, since, now=self.now):
            some = [one for one in page.activities if (one.ref.object, one.ref.id) in found.missing]
            if some:
                yield Page([], some)

    def _counts(self, one: Activity, since: datetime) -> bool:
        return since <= one.occurred_at <= self.now and not one.deleted and not self.erased(one.person)

    def _day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def _first(self) -> str:
        return f"{literal(self.since().isoformat())}::TIMESTAMPTZ"

    def _landed(self, system: str, kinds: set[str]) -> dict[_Key, date]:
        """Give the events of some kinds that have landed: (kind, id) → local day."""
        if not kinds:
            return {}
        listed = ", ".join(map(literal, sorted(kinds)))
        query = (
            f"SELECT kind, id, occurred_at FROM activities WHERE kind IN ({listed}) AND occurred_at >= {self._first()}"
        )
        table = self.lake.ask_activities(query, [system], as_of=self.now)
        names = zip(*(table.column(name).to_pylist() for name in ("kind", "id", "occurred_at")), strict=True)
        return {(kind, id_): self._day(at) for kind, id_, at in names}


def missing_by_kind(streams: list[EventStream]) -> dict[tuple[str, str], list[str]]:
    """Group what has not landed: (system, kind) → ids."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for stream in streams:
        for kind, id_ in stream.missing:
            found[stream.system, kind].append(id_)
    return found


def days_of(streams: list[EventStream]) -> list[EventDay]:
    """List every day of every kind, in order."""
    days = [line for stream in streams for line in stream.days.values()]
    return sorted(days, key=lambda line: (line.system, line.stream, line.kind, line.day))
