"""Both sides compared: what every system holds against what the lake and the outbox say of it; repaired if asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import pyarrow as pa

from connector.delivery.budget import Budget, accounted
from connector.domain.records import Page, RecordVersion
from connector.domain.refs import Ref
from connector.errors import Refused
from connector.identity.tombstones import Graveyard
from connector.lake.landing import Landing
from connector.lake.layout import FIELD, LINK
from connector.lake.reading import Lake
from connector.pipeline.both_sides.events_told import EventComparer, EventStream
from connector.pipeline.both_sides.own_written import OwnWritten, own_names
from connector.pipeline.both_sides.reconciled import Reconciled
from connector.pipeline.both_sides.two_sides import Comparer, Sides
from connector.pipeline.engine import Engine
from connector.pipeline.intake.pulling import cursor_name, leave_out, shapes_of
from connector.pipeline.intake.streams_read import last_read
from connector.pipeline.intake.wanted import wanted_of
from connector.ports.listing import EventReader, Lister
from connector.ports.source import Source
from connector.ports.store import SETTING_PUT_BACK
from connector.ports.traits import AdapterTraits, StreamTraits

#: days of events that are compared unless somebody says otherwise
DAYS = 7
#: records read by id in one call, for the forecast: the fewest that an adapter takes
_IDS_PER_CALL = 100
#: a list that would bury more than this part of what lives is not believed
_MOST_GONE = 0.5
_FEW = 10


class Reconciler:
    """Compares both sides once. Reads only, but for ``repair``, for which the engine's turn must be ours."""

    def __init__(self, engine: Engine, *, now: datetime, sample: int = 100, seed: int = 0, days: int = DAYS) -> None:
        """Take an engine; ``sample`` records of each kind have their values compared, chosen by ``seed``.

        Events are compared of so many ``days``, today among them; 0: of none.
        """
        self._engine = engine
        self._now = now
        self._sample = sample
        self._seed = seed
        self._lake = Lake(engine.lake_root, engine.store.manifest)
        self._yard = Graveyard(engine.install, engine.store.knowledge.tombstones())
        zone = ZoneInfo(engine.time_zone)
        self._events = EventComparer(self._lake, now, zone, days, self._yard.holds) if days else None
        self._crm = engine.crm.traits().system
        self._wanted: dict[str, list[tuple[str, str]]] = {}
        for adapter in engine.adapters:
            traits = adapter.traits()
            wanted = wanted_of(engine.mappings, traits, is_crm=traits.system == self._crm)
            self._wanted[traits.system] = wanted
            adapter.want(wanted)

    def forecast(self) -> dict[str, int]:
        """Say how many calls comparing will take at each system, by what the lake holds. Sends nothing."""
        calls: dict[str, int] = {}
        for adapter, lister, objects in self._listers():
            system = adapter.traits().system
            for object_ in objects:
                known = self._lake.current(system, object_, as_of=self._now, columns=()).num_rows
                of_list = lister.listing_calls(object_, known)
                calls[system] = calls.get(system, 0) + of_list + (-(-self._sample // _IDS_PER_CALL) if of_list else 0)
        for system, reader, streams in self._event_readers():
            # how they fall to the streams nobody has counted: each is taken for its part of all
            known = -(-self._events.count(system) // len(streams)) if self._events else 0
            calls[system] = calls.get(system, 0) + sum(reader.event_calls(stream, known) for stream in streams)
        return calls

    def refuse_beyond_budget(self, forecast: Mapping[str, int]) -> None:
        """Hold the forecast against what each system may still be asked today.

        Raises:
            Refused: it is more.
        """
        engine = self._engine
        for adapter in engine.adapters:
            system = adapter.traits().system
            budget = Budget(system, engine.store.ledger, engine.calls_per_day.get(system), engine.left_to_others)
            left = budget.remaining(adapter.usage(), now=self._now)
            if left is not None and forecast.get(system, 0) > left:
                words = f"comparing takes about {forecast[system]} calls, and {left} are left today"
                cure = "raise limits.api_calls_per_day, or compare tomorrow"
                raise Refused("reconcile.budget", words, cure=cure, at=system)

    def compare(self, before: Reconciled | None = None) -> Reconciled:
        """Compare everything that can be listed, and the events of the last days; after a repair what differed before.

        Raises:
            AccessError, RateLimited, TransientError: a system could not be asked.
        """
        engine = self._engine
        found = Reconciled(self._now, forecast={} if before else self.forecast())
        self.refuse_beyond_budget(found.forecast)
        besides: dict[tuple[str, str], set[str]] = defaultdict(set)
        for one in before.differences if before else ():
            besides[one.system, one.object].add(one.id)
        yard = self._yard
        comparer = Comparer(self._lake, self._now, self._sample, self._seed, yard.holds, bool(yard), besides)
        listed: set[tuple[str, str]] = set()
        for adapter, lister, objects in self._listers():
            system = adapter.traits().system
            with self._spending(found, system, "check"):
                for object_, streams in objects.items():
                    names = tuple(stream.name for stream in streams)
                    listed |= {(system, name) for name in names}
                    if before is not None and not before.concerns(system, object_):
                        continue
                    read = last_read(engine.store, system, names)
                    if read is None:
                        found.not_compared += [
                            (system, name, "never read so far: `handoff run` first") for name in names
                        ]
                        continue
                    sides = Sides(system, object_, names)
                    found.sides.append(sides)
                    self._one(found, comparer, lister, sides, read)
        listed |= self._compare_events(found, before)
        for adapter in engine.adapters:
            traits = adapter.traits()
            why = "nothing lists them, and they are not read anew" if self._events else "left out: --days 0"
            found.not_compared += [
                (traits.system, stream.name, why)
                for stream in traits.streams
                if (traits.system, stream.name) not in listed
            ]
        return found

    def _compare_events(self, found: Reconciled, before: Reconciled | None) -> set[tuple[str, str]]:
        """Compare the events of the last days; give the (system, stream) that were."""
        compared: set[tuple[str, str]] = set()
        for system, reader, streams in self._event_readers():
            with self._spending(found, system, "check"):
                for stream in streams:
                    read = last_read(self._engine.store, system, (stream,))
                    if read is None or (before is not None and not before.concerns(system, stream)):
                        continue
                    assert self._events is not None
                    compared.add((system, stream))
                    found.events.append(self._events.compare(reader, system, stream, last_read=read))
        return compared

    def _event_readers(self) -> Iterator[tuple[str, EventReader, list[str]]]:
        """Give every system whose events can be read anew, with its streams of them."""
        for adapter in self._engine.adapters if self._events is not None else ():
            if isinstance(adapter, EventReader) and (streams := list(adapter.event_streams())):
                yield adapter.traits().system, adapter, streams

    @contextmanager
    def _spending(self, found: Reconciled, system: str, cause: str) -> Iterator[None]:
        """Note the calls of the block, for the report and the budget, however it ends."""
        adapter = next(one for one in self._engine.adapters if one.traits().system == system)
        before = adapter.calls()
        try:
            with accounted([adapter], self._engine.store.ledger, cause=cause, now=self._now):
                yield
        finally:
            found.used[system] = found.used.get(system, 0) + adapter.calls() - before

    def repair(self, found: Reconciled) -> None:
        """Land what was missed, as the systems give it now, and look again at all that differed (``after``).

        What follows from it is the next cycle's to decide.
        """
        landing = self._engine.landing()
        for adapter, lister, _ in self._listers():
            system = adapter.traits().system
            with self._spending(found, system, "pull"):
                for sides in found.sides:
                    if sides.system == system:
                        self._repair_one(found, landing, adapter, lister, sides)
        for system, reader, _ in self._event_readers():
            with self._spending(found, system, "pull"):
                for stream in found.events:
                    if stream.system == system and stream.missing:
                        self._repair_events(found, landing, reader, stream)
        landing.compact()
        found.after = self.compare(found)
        for system, used in found.after.used.items():
            found.used[system] = found.used.get(system, 0) + used

    def _one(self, found: Reconciled, comparer: Comparer, lister: Lister, sides: Sides, read: datetime) -> None:
        engine, object_ = self._engine, sides.object
        fields = self._fields(sides.system, object_)
        names = own_names(engine.mappings, engine.crm.traits()).get(object_) if sides.system == self._crm else None
        if not names:
            comparer.compare(lister, sides, fields, last_read=read)
            return
        put_back = engine.store.switches.setting(SETTING_PUT_BACK)
        instant = datetime.fromisoformat(put_back) if put_back else None
        own = OwnWritten(engine.crm, lister, engine.store.outbox, read, instant)
        own.read_outbox(object_)
        key = engine.crm.traits().native.get(object_, {}).get("key", "")
        watch = partial(own.watch, object_=object_, names=names, key=key)
        comparer.compare(lister, sides, fields, last_read=read, asked=names, listed=watch)
        own.compare(sides)
        found.own_fields += own.fields
        found.creations += len(own.created)
        found.foreign_keys += own.foreign

    def _listers(self) -> Iterator[tuple[Source, Lister, dict[str, list[StreamTraits]]]]:
        """Give every adapter that can list, with the objects it lists and the streams that bring them."""
        for adapter in self._engine.adapters:
            if not isinstance(adapter, Lister):
                continue
            objects: dict[str, list[StreamTraits]] = {}
            for stream in adapter.traits().streams:
                if stream.object in adapter.listed_objects():
                    objects.setdefault(stream.object, []).append(stream)
            yield adapter, adapter, objects

    def _fields(self, system: str, object_: str) -> list[str]:
        """Name the fields we map: those asked for, and what standard columns are read from."""
        traits = next(one for one in self._engine.traits() if one.system == system)
        names = {name for word, name in self._wanted[system] if word == object_}
        names |= set(_standard(traits, object_))
        return sorted(name for name in names if "." not in name)

    def _repair_one(self, found: Reconciled, landing: Landing, adapter: Source, lister: Lister, sides: Sides) -> None:
        ids = sorted({one.id for one in sides.differences if one.cause != "doubled_key"} - set(sides.gone))
        page = lister.read_records(sides.object, ids) if ids else Page()
        leave_out(page, self._yard.holds)
        living = [record for record in page.records if not record.deleted]
        gone = [record for record in page.records if record.deleted]
        if len(sides.gone) > max(_FEW, _MOST_GONE * sides.ours):
            found.left_alone.append(
                f"{sides.system} {sides.object}: a list that leaves out {len(sides.gone)} of {sides.ours} records"
                " is not believed; nothing of it was landed as deleted"
            )
        else:
            gone += self._buried(sides)
        if not living and not gone:
            return
        stream, cursor, shapes = self._place(adapter, sides.streams)
        whole = Page([*living, *gone], page.activities, cursor=cursor)
        landed = landing.land(sides.system, stream, [whole], shapes=shapes, landed_at=self._now)
        for name, count in (("changes", len(living)), ("deletions", len(gone)), ("landed", landed.records)):
            found.repaired[name] = found.repaired.get(name, 0) + count

    def _repair_events(self, found: Reconciled, landing: Landing, reader: EventReader, missed: EventStream) -> None:
        """Read the days anew that differ and land what is missing; the stream's own cursor stays where it is."""
        assert self._events is not None
        adapter = next(one for one in self._engine.adapters if one.traits().system == missed.system)
        stream, cursor, shapes = self._place(adapter, (missed.stream,))
        for page in self._events.missed(reader, missed):
            whole = Page([], page.activities, cursor=cursor)
            landed = landing.land(missed.system, stream, [whole], shapes=shapes, landed_at=self._now)
            found.repaired["events"] = found.repaired.get("events", 0) + landed.activities

    def _buried(self, sides: Sides) -> list[RecordVersion]:
        """Give the records that the list proves to be gone as they were last known, deleted now."""
        count = len(sides.gone)
        some = pa.table({"system": [sides.system] * count, "object": [sides.object] * count, "id": sides.gone})
        few = self._lake.of(some, [(sides.system, sides.object)])
        rows = few.current(sides.system, sides.object, as_of=self._now).to_pylist() if count else []
        return [
            RecordVersion(
                Ref(sides.system, sides.object, row["id"]),
                self._now,
                row["created_at"],
                {name.removeprefix(FIELD): value for name, value in row.items() if name.startswith(FIELD)},
                {name.removeprefix(LINK): value for name, value in row.items() if name.startswith(LINK) and value},
                deleted=True,
            )
            for row in rows
        ]

    def _place(self, adapter: Source, streams: Collection[str]) -> tuple[str, str, dict[str, str]]:
        """Give the name and the text of a cursor of one of the streams, which landing writes as it was."""
        system = adapter.traits().system
        shapes = shapes_of(self._wanted[system])
        for stream in adapter.traits().streams:
            if stream.name in streams:
                name = cursor_name(stream, shapes)
                cursor = self._engine.store.manifest.cursor(system, name)
                if cursor is not None:
                    return name, cursor, shapes
        words = "the mappings have changed since the last run: it reads all of this anew by itself"
        raise Refused("reconcile.stale", words, cure="`handoff run`, then reconcile", at=f"{system} {min(streams)}")


def _standard(traits: AdapterTraits, object_: str) -> Sequence[str]:
    return list({**traits.people, **traits.accounts}.get(object_, {}).values())
