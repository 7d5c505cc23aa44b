"""Dead letters come back by themselves once what they died of may be over: the record, the mappings or our rights.

What stood when a row died is kept as three digests, so that a later cycle can tell a change from none. A row is sent
again once per change; if it dies again, it waits for the next. Our own writes to a record are no change of it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import structlog

from connector.domain.refs import digest
from connector.domain.rests import has_rested
from connector.domain.writes import RowState
from connector.errors import AccessError
from connector.lake.layout import FIELD
from connector.lake.reading import Lake
from connector.pipeline.decisions.redeciding import ask_anew
from connector.pipeline.decisions.withdrawing import RECORD_DELETED, of_deleted_records, withdraw
from connector.pipeline.engine import Engine
from connector.ports.crm import Redescribing
from connector.ports.store import OutboxRow
from connector.ports.traits import AdapterTraits

#: describing the CRM costs calls: while a dead row waits for somebody, this lies between two looks at what was mended
REST: Final = timedelta(minutes=5)
_SETTING: Final = "dead_letters"
_DOUBTED: Final = "dead_letters_doubted"
_Place = tuple[str, str, str]


class Marks(NamedTuple):
    """What a dead row's fate may hang on, each as a digest."""

    record: str
    mappings: str
    rights: str


def release_changed(engine: Engine, *, now: datetime) -> list[int]:
    """Turn dead updates into todo whose record, mappings or rights have changed since they died; give their ids.

    A row of which nobody has kept what stood when it died, for the process ended with it, is let go as well: what it
    died of may have been put right since. Creations are left to be decided anew
    (``connector.pipeline.decisions.redeciding``).
    """
    store = engine.store
    kept = _kept(engine)
    if not kept and not _any_dead(engine):
        return []
    rows = _withdrawn(engine, _dead(engine), now=now)
    waits = any(row.fixer != "nobody" for row in rows)
    if waits and has_rested(store.switches.setting(_DOUBTED), REST, now=now):
        _doubt(engine, now)
    present = _marks(engine, rows, now=now)
    changed = {id_: _differs(kept.get(id_), marks) for id_, marks in present.items() if kept.get(id_) != marks}
    created = {row.id for row in rows if row.write.kind == "create"}.intersection(changed)
    ask_anew(store, created)
    store.outbox.retry(sorted(set(changed) - created), now=now)
    _keep(engine, {row.id: kept[row.id] for row in rows if row.id not in changed})
    todo = set(store.outbox.ids([RowState.TODO])) & set(changed) | created
    if todo:
        causes = sorted({word for id_ in todo for word in changed[id_]})
        structlog.get_logger().info("dead_letters.released", rows=len(todo), because=causes)
    return sorted(todo - created)


def _withdrawn(engine: Engine, rows: list[OutboxRow], *, now: datetime) -> list[OutboxRow]:
    """Take out what its record was deleted under; give the rest."""
    lake = Lake(engine.lake_root, engine.store.manifest)
    gone = of_deleted_records(lake, rows, engine.crm.traits().system, now=now)
    if not gone:
        return rows
    withdraw(engine.store.outbox, sorted(gone), now=now, who=RECORD_DELETED)
    structlog.get_logger().info("dead_letters.withdrawn", rows=len(gone), because=["deleted"])
    return [row for row in rows if row.id not in gone]


def remember_dead(engine: Engine, *, now: datetime) -> None:
    """Keep what stands now for rows that have died since last asked."""
    kept = _kept(engine)
    if not kept and not _any_dead(engine):
        return
    rows = _dead(engine)
    fresh = [row for row in rows if row.id not in kept]
    known = {row.id: kept[row.id] for row in rows if row.id in kept}
    if fresh:
        # What is known of the fields may be from before they changed: that may be what the row died of.
        _doubt(engine, now)
    if fresh or len(known) != len(kept):
        _keep(engine, known | _marks(engine, fresh, now=now))


def _any_dead(engine: Engine) -> bool:
    return bool(engine.store.outbox.unsettled_counts().get(RowState.DEAD, 0))


def _doubt(engine: Engine, now: datetime) -> None:
    if isinstance(engine.crm, Redescribing):
        engine.crm.doubt_fields()
        engine.store.switches.put_setting(_DOUBTED, now.isoformat())


def _dead(engine: Engine) -> list[OutboxRow]:
    return [row for row in engine.store.outbox.each_unsettled() if row.state is RowState.DEAD]


def _kept(engine: Engine) -> dict[int, Marks]:
    kept = json.loads(engine.store.switches.setting(_SETTING) or "{}")
    return {int(id_): Marks(*marks) for id_, marks in kept.items()}


def _keep(engine: Engine, marks: Mapping[int, Marks]) -> None:
    text = json.dumps({str(id_): list(mark) for id_, mark in sorted(marks.items())}, separators=(",", ":"))
    engine.store.switches.put_setting(_SETTING, text)


def _differs(before: Marks | None, now: Marks) -> list[str]:
    if before is None:
        return ["unknown"]
    return [word for word, old, new in zip(Marks._fields, before, now, strict=True) if old != new]


def _marks(engine: Engine, rows: Sequence[OutboxRow], *, now: datetime) -> dict[int, Marks]:
    places = _places(engine, rows)
    stamps = _stamps(engine, {place for found in places.values() for place in found}, now=now)
    described = _described(engine, {row.write.object for row in rows})
    found: dict[int, Marks] = {}
    for row in rows:
        moved = sorted(f"{place} {stamps[place]}" for place in places[row.id] if place in stamps)
        fields = described[row.write.object]
        rights = [f"{name} {fields.get(name, 'none')}" for name in sorted(row.write.fields)]
        found[row.id] = Marks(digest(*moved), digest(engine.mappings.digest), digest(row.write.object, *rights))
    return found


def _places(engine: Engine, rows: Sequence[OutboxRow]) -> dict[int, set[_Place]]:
    """Name the records each row's fate may hang on: its own, and every record of its person."""
    system = engine.crm.traits().system
    persons = sorted({row.person_id for row in rows if row.person_id})
    of_person: dict[str, set[_Place]] = defaultdict(set)
    if persons:
        columns = ["person_id", "system", "object", "id"]
        for known in engine.store.knowledge.identities(persons).select(columns).to_pylist():
            of_person[known["person_id"]].add((known["system"], known["object"], known["id"]))
    own = {row.id: {(system, row.write.object, row.write.id)} if row.write.id else set() for row in rows}
    return {row.id: own[row.id] | of_person[row.person_id] for row in rows}


def _stamps(engine: Engine, places: Iterable[_Place], *, now: datetime) -> dict[_Place, str]:
    """Give when somebody other than us last changed each record, as far as has been pulled."""
    ids: dict[tuple[str, str], list[str]] = defaultdict(list)
    for system, object_, id_ in sorted(places):
        ids[system, object_].append(id_)
    people = [{"system": s, "object": o, "id": id_} for (s, o), some in ids.items() for id_ in some]
    words = pa.schema([(name, pa.string()) for name in ("system", "object", "id")])
    lake = Lake(engine.lake_root, engine.store.manifest).of(pa.Table.from_pylist(people, words), list(ids))
    found: dict[_Place, str] = {}
    for (system, object_), some in ids.items():
        traits = next(traits for traits in engine.traits() if traits.system == system)
        for id_, at in _last_changes(engine, lake, traits, object_, some, now=now):
            found[system, object_, id_] = at
    return found


def _last_changes(
    engine: Engine, lake: Lake, traits: AdapterTraits, object_: str, ids: Sequence[str], *, now: datetime
) -> list[tuple[str, str]]:
    changed_by = FIELD + traits.native.get(object_, {}).get("changed_by", "")
    versions = lake.versions(traits.system, object_, as_of=now, columns={changed_by})
    versions = versions.filter(pc.is_in(versions.column("id"), pa.array(ids, pa.string())))
    ours = engine.crm.user_id() if traits.system == engine.crm.traits().system else None
    if ours and changed_by in versions.column_names:
        theirs = pc.not_equal(pc.fill_null(versions.column(changed_by), ""), ours)
        versions = versions.filter(theirs)
    last = versions.group_by("id").aggregate([("modified_at", "max")]).to_pylist()
    return [(row["id"], row["modified_at_max"].isoformat()) for row in last]


def _described(engine: Engine, objects: Iterable[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for object_ in objects:
        try:
            found[object_] = {info.name: str(asdict(info)) for info in engine.crm.fields(object_)}
        except AccessError:
            found[object_] = {}
    return found
