"""Pull every stream to its end and land it: the one part of a cycle that may be repeated at will."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.delivery.budget import accounted
from connector.domain.records import Page, RecordVersion
from connector.domain.refs import Ref, digest
from connector.errors import AccessError, HandoffError, Stopped, TransientError
from connector.lake.landing import Landed, Landing
from connector.pipeline.steps import StreamRead
from connector.ports.source import Sharing, Source
from connector.ports.store import Ledger, Manifest
from connector.ports.traits import StreamTraits
from connector.ports.waits import Naming

#: rows that are gathered before they are made durable together
BATCH_ROWS = 10_000


@dataclass(slots=True)
class Pulled:
    """What was read, in rows, and which streams did not come to their end."""

    people: int = 0
    activities: int = 0
    crm_records: int = 0
    #: further records of sources (companies), which the report does not name
    accounts: int = 0
    repeated: int = 0
    refused: int = 0
    refusals: list[str] = field(default_factory=list)
    failures: list[HandoffError] = field(default_factory=list)
    #: what each stream brought, in the order of reading
    streams: list[StreamRead] = field(default_factory=list)
    #: whether it ended early, for something that cannot wait: cursors stand where it ended
    stood_aside: bool = False
    #: deletions that were news, by system and object
    deleted: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def news(self) -> bool:
        """Whether anything came that the lake did not hold."""
        return bool(self.people or self.activities or self.crm_records or self.accounts)

    def add(self, other: Pulled) -> None:
        """Count what a further pull of the same cycle read."""
        for name in ("people", "activities", "crm_records", "accounts", "repeated", "refused"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.refusals += other.refusals
        self.failures += other.failures
        self.streams += other.streams
        self.stood_aside = other.stood_aside
        self.deleted += other.deleted

    def counts(self) -> dict[str, int]:
        """Give the figures of the report."""
        return {
            "people": self.people,
            "activities": self.activities,
            "crm_records": self.crm_records,
            "repeated": self.repeated,
            "refused": self.refused,
        }


@dataclass(slots=True)
class Aside:
    """How a look that reads much makes room, by turns, for the fast lane.

    Attributes:
        asked: says whether room is to be made now; None where there is nobody to make it for.
        made: whether it has been made, so that the fast streams of marketing are read by others; asking for them once
            more would be calls for nothing.
        read: slow streams of marketing, by system and name, that an earlier turn of the look has read to their end: a
            later one goes on with the others.
    """

    asked: Callable[[], bool] | None = None
    made: bool = False
    read: set[tuple[str, str]] = field(default_factory=set)

    def wanted(self) -> bool:
        """Say whether room is to be made now."""
        return self.asked is not None and self.asked()

    def has_still(self, system: str, stream: StreamTraits) -> bool:
        """Say whether this turn is to read a stream of marketing."""
        return not self.made if stream.lane == "fast" else (system, stream.name) not in self.read


@dataclass(frozen=True, slots=True)
class Puller:
    """Reads adapters into the lake.

    Attributes:
        erased: says of a reference whether its person was erased; rows that tell of them are not landed.
        progress: told the system, the stream and the rows read so far.
        stop: asked between pages; a page in hand is landed before it is obeyed.
        aside: whether to make room for the fast lane; asked after each page of a slow stream of marketing.
        merges: whether small files are merged on the way: it may take a second or two, for which nobody need wait who
            is in a hurry.
    """

    landing: Landing
    manifest: Manifest
    ledger: Ledger
    erased: Callable[[Ref], bool] | None = None
    progress: Callable[[str, str, int], None] = lambda _system, _stream, _rows: None
    stop: Callable[[], bool] = lambda: False
    aside: Aside = field(default_factory=Aside)
    merges: bool = True

    def pull(
        self,
        adapters: Sequence[Source],
        crm: Source,
        wanted: Mapping[str, Sequence[tuple[str, str]]],
        *,
        now: datetime,
        lane: str | None = None,
    ) -> Pulled:
        """Pull all streams of the given adapters, or those of one lane; failures are collected, the rest goes on.

        Raises:
            LocalFault: the lake or the state cannot be written.
            Stopped: a signal came; what was read is landed.
        """
        pulled = Pulled()
        for source in adapters:
            system = source.traits().system
            source.want(wanted.get(system, ()))
            shapes = shapes_of(wanted.get(system, ()))
            with accounted([source], self.ledger, cause="pull", now=now), self._leaving_room(source):
                self._system(source, shapes, pulled, now=now, lane=lane, is_crm=source is crm)
            if pulled.stood_aside:
                break
        return pulled

    @contextmanager
    def _leaving_room(self, source: Source) -> Iterator[None]:
        """Let slow streams leave some of the vendor's rate to the fast lane, which comes between."""
        if not isinstance(source, Sharing):
            yield
            return
        source.leave_room(leave=self.aside.asked is not None)
        try:
            yield
        finally:
            source.leave_room(leave=False)

    def _system(
        self,
        source: Source,
        shapes: dict[str, str],
        pulled: Pulled,
        *,
        now: datetime,
        lane: str | None,
        is_crm: bool,
    ) -> None:
        traits = source.traits()
        streams = [stream for stream in traits.streams if lane is None or stream.lane == lane]
        if not is_crm:
            streams = [stream for stream in streams if self.aside.has_still(traits.system, stream)]
        cursors = {stream.name: self.manifest.cursor(traits.system, cursor_name(stream, shapes)) for stream in streams}
        begin: Any = getattr(source, "begin_cycle", None)
        if begin is not None:
            # An adapter that can read several streams in one call is told what will be asked of it.
            begin(cursors, now=now)
        # Forms and replies last: what came of them is decided on right after, and nothing slow lies between.
        for stream in sorted(streams, key=lambda one: one.lane == "fast"):
            try:
                self._stream(source, stream, cursors[stream.name], shapes, pulled, now=now, is_crm=is_crm)
            except (AccessError, TransientError) as error:
                error.at = error.at or f"{traits.system} {stream.name}"
                pulled.failures.append(error)
                if _is_shut(error):
                    return
            if pulled.stood_aside:
                return

    def _stream(
        self,
        source: Source,
        stream: StreamTraits,
        cursor: str | None,
        shapes: dict[str, str],
        pulled: Pulled,
        *,
        now: datetime,
        is_crm: bool,
    ) -> None:
        system = source.traits().system
        read = StreamRead(system, stream.name)
        pulled.streams.append(read)
        people = set(source.traits().people)
        batch: list[Page] = []
        size = 0
        pages = source.pull(stream.name, cursor, now=now)
        try:
            for page in pages:
                batch.append(page)
                size += len(page.records) + len(page.activities)
                read.rows += len(page.records) + len(page.activities) + len(page.refused)
                if page.counted is not None:
                    read.expected = (read.expected or 0) + page.counted.expected
                    read.seen += page.counted.seen
                self.progress(system, stream.name, read.rows)
                if not (is_crm or stream.lane == "fast"):
                    if page.last:
                        self.aside.read.add((system, stream.name))
                    pulled.stood_aside = self.aside.wanted()
                if size >= BATCH_ROWS or page.last or pulled.stood_aside or self.stop():
                    self._land(read, stream, batch, shapes, pulled, people, now=now, is_crm=is_crm)
                    batch, size = [], 0
                    read.ended = page.last
                    if page.last and isinstance(source, Naming):
                        read.unmatched = source.unmatched(stream.name)
                if self.stop() and not page.last:
                    raise Stopped("run.stopped", "a signal came; what was read is stored", at=f"{system} {stream.name}")
                if pulled.stood_aside:
                    return
        finally:
            if batch:
                # What came before a failure is kept: the cursor of its last page stands behind it.
                self._land(read, stream, batch, shapes, pulled, people, now=now, is_crm=is_crm)

    def _land(
        self,
        read: StreamRead,
        stream: StreamTraits,
        batch: list[Page],
        shapes: dict[str, str],
        pulled: Pulled,
        people: Iterable[str],
        *,
        now: datetime,
        is_crm: bool,
    ) -> None:
        system = read.system
        if self.erased is not None:
            left_out = [leave_out(page, self.erased) for page in batch]
            read.refused += sum(left_out)
            pulled.refused += sum(left_out)
        landed = self.landing.land(system, cursor_name(stream, shapes), batch, shapes=shapes, landed_at=now)
        if self.merges:
            self.landing.compact()
        refused = [row for page in batch for row in page.refused]
        read.landed += landed.activities + landed.records
        read.repeated += landed.repeated
        read.refused += len(refused)
        pulled.refused += len(refused)
        pulled.refusals += [f"{system} {row.stream} {row.row}: {row.code}: {row.message}" for row in refused[:100]]
        pulled.activities += landed.activities
        pulled.repeated += landed.repeated
        pulled.deleted += Counter({(system, object_): count for object_, count in landed.deleted.items()})
        if is_crm:
            pulled.crm_records += landed.records
        else:
            of_people = _people(landed, people)
            pulled.people += of_people
            pulled.accounts += landed.records - of_people


def leave_out(page: Page, erased: Callable[[Ref], bool]) -> int:
    """Leave out of a page what tells of erased people; give how many rows that were."""

    def tells(record: RecordVersion) -> bool:
        linked = (Ref(record.ref.system, word, id_) for word, id_ in record.links.items())
        return erased(record.ref) or any(map(erased, linked))

    before = len(page.records) + len(page.activities)
    page.records[:] = [record for record in page.records if not tells(record)]
    page.activities[:] = [activity for activity in page.activities if not erased(activity.person)]
    return before - len(page.records) - len(page.activities)


def _is_shut(error: AccessError | TransientError) -> bool:
    """Say whether the whole system is out of reach: the next stream would only wait in vain as long."""
    if isinstance(error, AccessError):
        return "authentication" in error.code
    return error.code.endswith(".unreachable")


def _people(landed: Landed, objects: Iterable[str]) -> int:
    return sum(landed.by_object.get(name, 0) for name in objects)


def cursor_name(stream: StreamTraits, shapes: Mapping[str, str]) -> str:
    """Name the cursor so that asking for further fields reads the stream from its beginning again."""
    shape = shapes.get(stream.object, "")
    return f"{stream.name}@{shape}" if shape else stream.name


def shapes_of(wanted: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Name, per object, the set of fields that is asked for."""
    by_object: dict[str, list[str]] = {}
    for object_, name in wanted:
        by_object.setdefault(object_, []).append(name)
    return {object_: digest(*sorted(set(names)), length=8) for object_, names in by_object.items()}
