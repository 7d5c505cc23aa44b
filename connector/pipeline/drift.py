"""Fields that both systems describe otherwise than when last seen, what uses them, and what that stops.

Only what uses a changed or missing field stops: in the CRM that field is left alone, and where a rule, a stage or an
owner depends on it, writes of that kind wait (held by ``drift``). All else goes on. A field is fine again once it is
described as before, or once somebody has changed the mappings: then it is taken as it is now.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from connector.domain.writes import Cause, RowState
from connector.mapping.bundle import Mappings
from connector.mapping.conditions import Condition, tests_of
from connector.pipeline.engine import Engine
from connector.pipeline.wanted import CRM_FACT
from connector.ports.knowledge import Decisions
from connector.ports.outbox import OutboxRow
from connector.ports.store import Store
from connector.ports.traits import AdapterTraits, FieldInfo

HELD_BY = "drift"
#: describing a source costs calls; the CRM is described for deciding anyway
REST = timedelta(hours=1)
_SETTING = "schema_seen"
_PEOPLE = ("lead", "contact")
_SCORES = frozenset({Cause.SCORE, Cause.STAGE_MOVE})
_Field = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Use:
    """One place in the mappings that needs a field.

    Attributes:
        place: ``fields.yaml:17 crm.person.Handoff_Score__c``.
        values: picklist values that are written there.
        stops: writes that depend on what is read from it; empty for a field that is only written.
    """

    place: str
    values: tuple[str, ...] = ()
    stops: frozenset[Cause] = frozenset()


@dataclass(frozen=True, slots=True)
class Drift:
    """One field that is not what it was.

    Attributes:
        was: its description when last seen in order, in words; ``now`` the one of today, ``gone`` when it is missing.
        uses: the places that need it; ``stops`` the causes of writes that wait for it.
    """

    system: str
    object: str
    field: str
    was: str
    now: str
    uses: tuple[str, ...]
    stops: tuple[str, ...]
    cure: str

    def words(self) -> str:
        """Say it in a sentence."""
        places = ", ".join(self.uses)
        return f"{self.system} {self.object}.{self.field} was {self.was}, now {self.now}; used by {places}: {self.cure}"


def uses_of(mappings: Mappings, traits: Sequence[AdapterTraits], crm: str) -> dict[_Field, list[Use]]:
    """List, by (system, object, native field), the places of the mappings that need a field."""
    found: dict[_Field, list[Use]] = {}
    for name, line in mappings.fields.crm.person.items():
        place = _place(mappings, "fields.yaml", name, f"crm.person.{name}")
        for object_ in _PEOPLE if line.only is None else (line.only,):
            found.setdefault((crm, object_, name), []).append(Use(place, tuple(line.values.values())))
    for name, line in mappings.fields.crm.account.items():
        place = _place(mappings, "fields.yaml", name, f"crm.account.{name}")
        found.setdefault((crm, "account", name), []).append(Use(place, tuple(line.values.values())))
    stops = _stopped_by(mappings)
    for fact, (file, causes) in stops.items():
        name = fact.removeprefix(CRM_FACT)
        if name != fact:
            use = Use(_place(mappings, file, name, fact), stops=causes)
            for object_ in _PEOPLE:
                found.setdefault((crm, object_, name), []).append(use)
    for one in traits:
        for object_, standard in one.people.items():
            for name, (native, use) in _facts(mappings, one.system, standard, stops).items():
                head, dot, tail = native.partition(".")
                linked = bool(dot) and head in {"company", "account"}
                known = found.setdefault((one.system, "account" if linked else object_, tail if linked else native), [])
                if name and use not in known:
                    known.append(use)
    return found


def _facts(
    mappings: Mappings, system: str, standard: Mapping[str, str], stops: Mapping[str, tuple[str, frozenset[Cause]]]
) -> dict[str, tuple[str, Use]]:
    """Give the facts of people that one system tells: those that are mapped, and standard ones that rules look at."""
    found = {}
    for name in dict.fromkeys([*mappings.fields.person, *standard]):
        line = mappings.fields.person.get(name)
        file, causes = stops.get(name, ("fields.yaml", frozenset[Cause]()))
        native = (line.sources.get(system) if line is not None else None) or standard.get(name, "")
        if native and (line is not None or causes):
            file, word = ("fields.yaml", native) if line is not None else (file, name)
            found[name] = (native, Use(_place(mappings, file, word, f"person.{name}"), stops=causes))
    return found


def look_for_drift(engine: Engine, *, now: datetime, keep: bool = True) -> list[Drift]:
    """Compare what the systems describe with what was seen last, and give what has drifted.

    With ``keep`` it is remembered for the next look and for `status`; without it every system is asked.

    Raises:
        AccessError, RateLimited, TransientError: a system could not be asked.
    """
    store, crm = engine.store, engine.crm.traits().system
    kept = _kept(store)
    uses = uses_of(engine.mappings, engine.traits(), crm)
    fresh = kept.get("mappings") != engine.mappings.digest
    seen: dict[str, Any] = {} if fresh else dict(kept["seen"])
    due = not keep or fresh or bool(kept["drift"]) or not timedelta() <= now - datetime.fromisoformat(kept["at"]) < REST
    found: list[Drift] = []
    for adapter in engine.adapters:
        system = adapter.traits().system
        if system != crm and not due:
            continue
        for object_ in sorted({object_ for of, object_, _ in uses if of == system}):
            described = {info.name: info for info in adapter.fields(object_)}
            for (of, word, name), needed in uses.items():
                if (of, word) != (system, object_):
                    continue
                key = f"{of} {word} {name}"
                drift = _drift((of, word, name), seen.get(key), described.get(name), needed)
                if drift is not None:
                    found.append(drift)
                elif name in described:
                    seen[key] = _shape(described[name])
    told = {
        "at": now.isoformat() if due else kept["at"],
        "mappings": engine.mappings.digest,
        "seen": seen,
        "drift": [asdict(one) for one in found],
    }
    if keep and told != kept:
        store.switches.put_setting(_SETTING, json.dumps(told))
    return found


def drifted(store: Store) -> list[Drift]:
    """Give what had drifted when last looked."""
    return [
        Drift(**{**row, "uses": tuple(row["uses"]), "stops": tuple(row["stops"])})
        for row in _kept(store).get("drift", ())
    ]


def hold_drifted(decisions: Decisions, found: Sequence[Drift], crm: str) -> Decisions:
    """Hold back what depends on drifted fields: those fields of each write by themselves, else the write as a whole."""
    if not found:
        return decisions
    causes = {Cause(cause) for one in found for cause in one.stops}
    written = {(one.object, one.field) for one in found if one.system == crm}
    return replace(decisions, rows=[part for row in decisions.rows for part in _held(row, written, causes)])


def release_drifted(store: Store, *, now: datetime) -> list[int]:
    """Let go what waited for a field that is in order again; give the rows."""
    waiting = {row.id for row in store.outbox.each_unsettled() if row.held_by == HELD_BY}
    if not waiting:
        return []
    store.outbox.release(plan_id=None, held_by=HELD_BY, now=now)
    return sorted(waiting.intersection(store.outbox.ids([RowState.TODO])))


def _held(row: OutboxRow, written: set[tuple[str, str]], causes: set[Cause]) -> Iterator[OutboxRow]:
    if row.state is not RowState.TODO:
        yield row
        return
    if row.cause in causes:
        yield replace(row, state=RowState.HELD, held_by=HELD_BY)
        return
    write = row.write
    stopped = {name for name in write.fields if (write.object, name) in written}
    if not stopped:
        yield row
        return
    left = {name: value for name, value in write.fields.items() if name not in stopped}
    if left or write.kind == "create":
        # a creation goes without the field; once that is in order, the record differs and is updated
        yield replace(row, write=replace(write, fields=left, ours=write.ours - stopped))
    if write.kind == "update":
        apart = {name: write.fields[name] for name in sorted(stopped)}
        held = replace(write, fields=apart, ours=write.ours & stopped)
        yield replace(row, write=held, group=f"{row.group}:drift", state=RowState.HELD, held_by=HELD_BY)


def _drift(field: _Field, was: Mapping[str, Any] | None, info: FieldInfo | None, uses: Sequence[Use]) -> Drift | None:
    if was is None:
        return None
    system, object_, name = field
    if info is None:
        now = "gone, or hidden from our user"
        cure = f"bring {name} back or give our user the right to see it, or take it out of the mappings"
    else:
        now, cure = _changed(was, _shape(info), {value for use in uses for value in use.values})
    if not now:
        return None
    stops = sorted({cause.value for use in uses for cause in use.stops})
    return Drift(system, object_, name, _in_words(was), now, tuple(use.place for use in uses), tuple(stops), cure)


def _changed(was: Mapping[str, Any], now: Mapping[str, Any], written: set[str]) -> tuple[str, str]:
    """Say what of a description hurts, and what cures it; two empty texts where nothing does."""
    change_back = "change it back, or correct the mappings: saving them takes it as it is now"
    if was["type"] != now["type"]:
        return _in_words(now), change_back
    if was["length"] and now["length"] and now["length"] < was["length"]:
        return _in_words(now), change_back
    if was["updateable"] and not now["updateable"]:
        return "read-only for our user", "give our user the right to edit it"
    lost = sorted((set(was["values"]) & written) - set(now["values"])) if now["restricted"] else []
    if lost:
        return f"without the value {', '.join(lost)}", "put the value back, or map it to another"
    return "", ""


def _shape(info: FieldInfo) -> dict[str, Any]:
    return {
        "type": info.type,
        "length": info.length,
        "updateable": info.updateable,
        "restricted": info.restricted,
        "values": list(info.values),
    }


def _in_words(shape: Mapping[str, Any]) -> str:
    return f"{shape['type']}({shape['length']})" if shape["length"] else str(shape["type"])


def _kept(store: Store) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(store.switches.setting(_SETTING) or "{}")
    return kept


def _stopped_by(mappings: Mappings) -> dict[str, tuple[str, frozenset[Cause]]]:
    """Say, for each fact that a condition looks at, in which file that is and which writes depend on it."""
    found: dict[str, tuple[str, frozenset[Cause]]] = {}

    def note(file: str, conditions: Iterable[Condition], causes: frozenset[Cause]) -> None:
        for condition in conditions:
            for test in tests_of(condition):
                before = found.get(test.field, (file, frozenset[Cause]()))
                found[test.field] = (before[0], before[1] | causes)

    model = mappings.scoring
    note("scoring.yaml", [model.for_, *(rule.when for rule in model.dimensions.fit.rules)], _SCORES)
    note("lifecycle.yaml", (one.when for one in mappings.lifecycle.transitions), frozenset({Cause.STAGE_MOVE}))
    routes = [*(one.when for one in mappings.routing.personas), *(one.when for one in mappings.routing.assign)]
    note("routing.yaml", routes, frozenset({Cause.OWNER_CHANGE}))
    if mappings.fields.create is not None:
        note("fields.yaml", [mappings.fields.create.when], frozenset({Cause.CREATION}))
    return found


def _place(mappings: Mappings, file: str, name: str, what: str) -> str:
    """Name the first line of a file that has a word."""
    word = re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w)")
    for number, line in enumerate(mappings.files.get(file, "").splitlines(), 1):
        if name and word.search(line.split("#")[0]):
            return f"{file}:{number} {what}"
    return f"{file} {what}"
