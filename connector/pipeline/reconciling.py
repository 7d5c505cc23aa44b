"""Both sides compared: what every system holds against what the lake and the outbox say of it; repaired if asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import pyarrow as pa

from connector.delivery.budget import Budget
from connector.domain.records import Page, RecordVersion
from connector.domain.refs import Ref
from connector.errors import Refused
from connector.identity.tombstones import Graveyard
from connector.lake.landing import Landing
from connector.lake.layout import FIELD, LINK
from connector.lake.reading import Lake
from connector.pipeline.engine import Engine
from connector.pipeline.own_written import OwnWritten, own_names
from connector.pipeline.pulling import cursor_name, shapes_of
from connector.pipeline.streams_read import last_read
from connector.pipeline.two_sides import Comparer, Difference, Sides
from connector.pipeline.wanted import wanted_of
from connector.ports.listing import Lister
from connector.ports.source import Source
from connector.ports.traits import AdapterTraits, StreamTraits

#: differences named per cause and kind of record
EXAMPLES = 10
#: records read by id in one call, for the forecast: the fewest that an adapter takes
_IDS_PER_CALL = 100
#: a list that would bury more than this part of what lives is not believed
_MOST_GONE = 0.5
_FEW = 10
#: what people do about a difference
CURES: Mapping[str, str] = {
    "missed_change": "`handoff reconcile --repair` pulls these records",
    "missed_deletion": "`handoff reconcile --repair` lands the deletions",
    "unseen": "share these records with our user, or delete them for good; until then they stay as they were last seen",
    "lost_write": "the next run writes it again; `--repair` first, where the record is older in the lake",
    "overwritten": "somebody else writes into our field: find the automation; the next run writes it again",
    "doubled_key": "two records carry one creation key: merge or delete one in the CRM",
}


@dataclass(slots=True)
class Reconciled:
    """What was found.

    Attributes:
        not_compared: (system, stream, why).
        repaired: rows landed by ``missed_change`` and ``missed_deletion``.
    """

    as_of: datetime
    sides: list[Sides] = field(default_factory=list)
    not_compared: list[tuple[str, str, str]] = field(default_factory=list)
    forecast: dict[str, int] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    own_fields: int = 0
    creations: int = 0
    foreign_keys: int = 0
    repaired: dict[str, int] = field(default_factory=dict)
    left_alone: list[str] = field(default_factory=list)

    @property
    def differences(self) -> list[Difference]:
        """All differences, in the order of comparing."""
        return [one for sides in self.sides for one in sides.differences]

    def document(self) -> dict[str, Any]:
        """Give what ``reconcile --json`` prints."""
        grouped: dict[tuple[str, str, str], list[Difference]] = defaultdict(list)
        for one in self.differences:
            grouped[one.cause, one.system, one.object].append(one)
        groups = [_group(*key, found) for key, found in grouped.items()]
        systems = sorted({*self.forecast, *self.used})
        return {
            "as_of": self.as_of.isoformat().replace("+00:00", "Z"),
            "equal": not groups,
            "streams": [_told(sides) for sides in self.sides],
            "not_compared": [
                {"system": system, "stream": stream, "why": why} for system, stream, why in self.not_compared
            ],
            "own_fields": self.own_fields,
            "creations": self.creations,
            "foreign_keys": self.foreign_keys,
            "differences": groups,
            "repaired": self.repaired,
            "left_alone": self.left_alone,
            "api_calls": {
                name: {"forecast": self.forecast.get(name, 0), "used": self.used.get(name, 0)} for name in systems
            },
        }


class Reconciler:
    """Compares both sides once. Reads only, but for ``repair``, for which the engine's turn must be ours."""

    def __init__(self, engine: Engine, *, now: datetime, sample: int = 100, seed: int = 0) -> None:
        """Take an engine; ``sample`` records of each kind have their values compared, chosen by ``seed``."""
        self._engine = engine
        self._now = now
        self._sample = sample
        self._seed = seed
        self._lake = Lake(engine.lake_root, engine.store.manifest)
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

    def compare(self) -> Reconciled:
        """Compare everything that can be listed.

        Raises:
            AccessError, RateLimited, TransientError: a system could not be asked.
        """
        engine = self._engine
        found = Reconciled(self._now, forecast=self.forecast())
        self.refuse_beyond_budget(found.forecast)
        yard = Graveyard(engine.install, engine.store.knowledge.tombstones())
        comparer = Comparer(self._lake, self._now, self._sample, self._seed, yard.holds)
        listed: set[tuple[str, str]] = set()
        for adapter, lister, objects in self._listers():
            system, before = adapter.traits().system, adapter.calls()
            try:
                for object_, streams in objects.items():
                    names = tuple(stream.name for stream in streams)
                    listed |= {(system, name) for name in names}
                    read = last_read(engine.store, system, names)
                    if read is None:
                        found.not_compared += [
                            (system, name, "never read so far: `handoff run` first") for name in names
                        ]
                        continue
                    sides = Sides(system, object_, names)
                    found.sides.append(sides)
                    self._one(found, comparer, lister, sides, read)
            finally:
                used = adapter.calls() - before
                found.used[system] = used
                if used:
                    engine.store.ledger.spend(system, used, cause="check", at=self._now)
        for adapter in engine.adapters:
            traits = adapter.traits()
            why = "events have no list that costs less than reading them anew"
            found.not_compared += [
                (traits.system, stream.name, why)
                for stream in traits.streams
                if (traits.system, stream.name) not in listed
            ]
        return found

    def repair(self, found: Reconciled) -> None:
        """Land what was missed, each record as the system gives it now; what follows is the next cycle's to decide."""
        landing = Landing(self._engine.lake_root, self._engine.store.manifest, clock=self._engine.clock)
        for adapter, lister, _ in self._listers():
            system, before = adapter.traits().system, adapter.calls()
            for sides in found.sides:
                if sides.system == system:
                    self._repair_one(found, landing, adapter, lister, sides)
            used = adapter.calls() - before
            found.used[system] = found.used.get(system, 0) + used
            if used:
                self._engine.store.ledger.spend(system, used, cause="pull", at=self._now)
        landing.compact()

    def _one(self, found: Reconciled, comparer: Comparer, lister: Lister, sides: Sides, read: datetime) -> None:
        engine, object_ = self._engine, sides.object
        fields = self._fields(sides.system, object_)
        names = own_names(engine.mappings, engine.crm.traits()).get(object_) if sides.system == self._crm else None
        if not names:
            comparer.compare(lister, sides, fields, last_read=read)
            return
        own = OwnWritten(engine.crm, lister, engine.store.outbox, read)
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
        stream, cursor, shapes = self._place(adapter, sides)
        whole = Page([*living, *gone], page.activities, cursor=cursor)
        landed = landing.land(sides.system, stream, [whole], shapes=shapes, landed_at=self._now)
        for name, count in (("changes", len(living)), ("deletions", len(gone)), ("landed", landed.records)):
            found.repaired[name] = found.repaired.get(name, 0) + count

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

    def _place(self, adapter: Source, sides: Sides) -> tuple[str, str, dict[str, str]]:
        """Give the name and the text of a cursor of the kind's streams, which landing writes as it was."""
        shapes = shapes_of(self._wanted[sides.system])
        for stream in adapter.traits().streams:
            if stream.name in sides.streams:
                name = cursor_name(stream, shapes)
                cursor = self._engine.store.manifest.cursor(sides.system, name)
                if cursor is not None:
                    return name, cursor, shapes
        words = "the mappings have changed since the last run: it reads all of this anew by itself"
        raise Refused(
            "reconcile.stale", words, cure="`handoff run`, then reconcile", at=f"{sides.system} {sides.object}"
        )


def _standard(traits: AdapterTraits, object_: str) -> Sequence[str]:
    return list({**traits.people, **traits.accounts}.get(object_, {}).values())


def _group(cause: str, system: str, object_: str, found: Sequence[Difference]) -> dict[str, Any]:
    examples = [{"id": one.id} | ({"field": one.field} if one.field else {}) for one in found[:EXAMPLES]]
    return {
        "cause": cause,
        "system": system,
        "object": object_,
        "count": len(found),
        "examples": examples,
        "cure": CURES[cause],
    }


def _told(sides: Sides) -> dict[str, Any]:
    return {
        "system": sides.system,
        "object": sides.object,
        "streams": list(sides.streams),
        "theirs": sides.theirs,
        "ours": sides.ours,
        "sampled": sides.sampled,
        "changed_since": sides.since,
        "erased": sides.erased,
        "differences": len(sides.differences),
    }
