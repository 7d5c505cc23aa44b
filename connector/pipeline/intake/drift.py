"""Fields, picklist values and users of both systems that are not what they were, what uses them, and what that stops.

Only what uses them stops. In the CRM such a field is left alone: writes of it wait (held by ``drift``), their record's
other fields go on. A rule that asks for one cannot be answered: it is unknown, for whomever it could concern
(``connector.mapping.lost``, ``connector.pipeline.people.unsure``). All is fine again once it is described as before, or
once somebody has changed the mappings: then it is taken as it is now.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from connector.domain.rests import has_rested
from connector.domain.writes import Cause, RowState
from connector.mapping.bundle import Mappings
from connector.mapping.lost import Lost
from connector.pipeline.engine import Engine
from connector.pipeline.intake.drift_users import GONE_USER, workers_listed, workers_of
from connector.pipeline.intake.drift_uses import Field, Use, uses_of
from connector.ports.knowledge import Decisions
from connector.ports.outbox import OutboxRow
from connector.ports.store import Store
from connector.ports.traits import FieldInfo

HELD_BY = "drift"
#: describing a source costs calls; the CRM is described for deciding anyway
REST = timedelta(hours=1)
_SETTING = "schema_seen"
_GONE = "gone, or hidden from our user"
_NEVER = "never seen"


@dataclass(frozen=True, slots=True)
class Drift:
    """One field that is not what it was, or one user.

    Attributes:
        was: its description when last seen in order, in words; ``now`` the one of today.
        uses: the places that need it.
        facts: what conditions cannot ask for any more; ``values`` those of its values that they cannot.
        stops: causes of writes that wait for it as a whole.
    """

    system: str
    object: str
    field: str
    was: str
    now: str
    uses: tuple[str, ...]
    cure: str
    facts: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()

    def words(self) -> str:
        """Say it in a sentence."""
        places = ", ".join(self.uses)
        return f"{self.system} {self.object}.{self.field} was {self.was}, now {self.now}; used by {places}: {self.cure}"


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
    due = not keep or fresh or bool(kept["drift"]) or has_rested(kept["at"], REST, now=now)
    found: list[Drift] = []
    for adapter in engine.adapters:
        system = adapter.traits().system
        if system != crm and not due:
            continue
        here: dict[str, dict[str, FieldInfo]] = {}
        for object_ in sorted({object_ for of, object_, _ in uses if of == system}):
            here[object_] = {info.name: info for info in adapter.fields(object_)}
        for field, needed in uses.items():
            if field[0] != system:
                continue
            key, info = " ".join(field), here[field[1]].get(field[2])
            if key in seen:
                drift = _drift(field, seen[key], info, needed)
            else:
                drift = _missing(engine, field, uses, here) if system == crm else _never(field, needed, here)
            if drift is not None:
                found.append(drift)
            elif info is not None:
                seen[key] = _shape(info)
    listed = workers_listed(engine)
    if fresh or kept.get("workers") != listed:
        found += _users(engine, seen, now=now)
    else:
        found += [one for one in drifted(store) if one.system == crm and one.object in GONE_USER]
    told = {
        "workers": listed,
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
    names = {one.name for one in fields(Drift)}
    lists = ("uses", "facts", "values", "stops")
    rows: list[dict[str, Any]] = [
        {name: tuple(value) if name in lists else value for name, value in row.items() if name in names}
        for row in _kept(store).get("drift", ())
    ]
    return [Drift(**row) for row in rows]


def lost_by(found: Sequence[Drift]) -> Lost:
    """Say what conditions cannot ask for any more."""
    facts = {fact for one in found if not one.values for fact in one.facts}
    values: dict[str, set[str]] = defaultdict(set)
    for one in found:
        for fact in one.facts if one.values else ():
            values[fact] |= {value.casefold() for value in one.values}
    return Lost(frozenset(facts), {fact: frozenset(gone) for fact, gone in sorted(values.items())})


def hold_drifted(decisions: Decisions, found: Sequence[Drift], crm: str) -> Decisions:
    """Hold back what depends on drifted fields: those fields of each write by themselves, else the write as a whole."""
    if not found:
        return decisions
    causes, written = _stopped(found, crm)
    return replace(decisions, rows=[part for row in decisions.rows for part in _held(row, written, causes)])


def release_drifted(store: Store, found: Sequence[Drift], crm: str, *, now: datetime) -> list[int]:
    """Let go what waited for a field that is in order again; give the rows."""
    causes, written = _stopped(found, crm)
    free = [
        row.id
        for row in store.outbox.each_unsettled()
        if row.held_by == HELD_BY
        and row.cause not in causes
        and not any((row.write.object, name) in written for name in row.write.fields)
    ]
    if not free:
        return []
    store.outbox.retry(free, now=now)
    return sorted(set(free).intersection(store.outbox.ids([RowState.TODO])))


def _stopped(found: Sequence[Drift], crm: str) -> tuple[set[Cause], set[tuple[str, str]]]:
    causes = {Cause(cause) for one in found for cause in one.stops}
    return causes, {(one.object, one.field) for one in found if one.system == crm and one.object != "user"}


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


def _never(field: Field, uses: Sequence[Use], here: Mapping[str, Mapping[str, FieldInfo]]) -> Drift | None:
    """Tell of a property of marketing that is read and that no object of it has, when it is first looked for."""
    system, object_, name = field
    read = [use for use in uses if use.fact]
    if not read or not any(here.values()) or any(name in described for described in here.values()):
        return None
    facts = tuple(sorted({use.fact for use in read}))
    cure = f"{name} is no field of {system}: correct its name in the mappings, or create it there"
    return Drift(system, object_, name, _NEVER, _GONE, _places(read), cure, facts)


def _missing(
    engine: Engine, field: Field, uses: Mapping[Field, Sequence[Use]], here: Mapping[str, Mapping[str, FieldInfo]]
) -> Drift | None:
    """Tell of a CRM field that the mappings name and no kind of record has, when it is first looked for.

    Nothing stops for it: it has no value anywhere. Asked of CRMs that describe all they have, which are those in which
    fields are made. What `provision` creates is told of once that has been done, and for each kind of record; an org
    may do without the fields that say who has opted out.
    """
    system, object_, name = field
    traits, ours = engine.crm.traits(), _provisioned(engine.mappings)
    custom, key = traits.custom_suffix, traits.native.get("lead", {}).get("key", "")
    needed = [use for use in uses[field] if not use.stops]
    if not custom or "." in name or not needed or name in here.get(object_, {}):
        return None
    cure = f"{name} is no field there: correct its name in the mappings, or create it"
    if name in ours and name.endswith(custom):
        cure = "run `handoff provision`"
        if key not in here.get("lead", {}):
            return None
    elif min(of for at, of, called in uses if (at, called) == (system, name)) != object_ or any(
        name in here.get(of, {}) for at, of, called in uses if (at, called) == (system, name)
    ):
        return None
    return Drift(system, object_, name, _NEVER, _GONE, _places(needed), cure)


def _provisioned(mappings: Mappings) -> frozenset[str]:
    """Name the fields of the mappings that `provision` creates."""
    names = {*mappings.fields.crm.person, *mappings.fields.crm.account}
    return frozenset(
        {*names, *mappings.scoring.dimensions.qualification.bants.values(), mappings.lifecycle.rejection.field}
    )


def _drift(field: Field, was: Mapping[str, Any], info: FieldInfo | None, uses: Sequence[Use]) -> Drift | None:
    system, object_, name = field
    facts = tuple(sorted({use.fact for use in uses if use.fact}))
    stops = tuple(sorted({cause.value for use in uses for cause in use.stops}))
    places = _places(uses)
    if info is None:
        cure = f"bring {name} back or give our user the right to see it, or take it out of the mappings"
        return Drift(system, object_, name, _in_words(was), _GONE, places, cure, facts, stops=stops)
    shape, change_back = _shape(info), "change it back, or correct the mappings: saving them takes it as it is now"
    if was["type"] != shape["type"]:
        return Drift(system, object_, name, _in_words(was), _in_words(shape), places, change_back, facts, stops=stops)
    writes = [use for use in uses if not use.fact]
    if writes and was["length"] and shape["length"] and shape["length"] < was["length"]:
        only = _places(writes)
        return Drift(system, object_, name, _in_words(was), _in_words(shape), only, change_back)
    if writes and was["updateable"] and not shape["updateable"]:
        only, cure = _places(writes), "give our user the right to edit it"
        return Drift(system, object_, name, _in_words(was), "read-only for our user", only, cure)
    return _without_values(field, was, shape, uses)


def _without_values(
    field: Field, was: Mapping[str, Any], shape: Mapping[str, Any], uses: Sequence[Use]
) -> Drift | None:
    """Tell of a picklist that has lost values that are written there, or asked for."""
    gone = {value.casefold(): value for value in set(was["values"]) - set(shape["values"])} if shape["values"] else {}
    hurt = [
        use
        for use in uses
        if any(value.casefold() in gone for value in use.values) and (use.fact or shape["restricted"])
    ]
    if not hurt:
        return None
    lost = sorted({gone[value.casefold()] for use in hurt for value in use.values if value.casefold() in gone})
    facts = tuple(sorted({use.fact for use in hurt if use.fact}))
    now, cure = f"without the value {', '.join(lost)}", "put the value back, or map it to another"
    return Drift(*field, _in_words(was), now, _places(hurt), cure, facts, tuple(lost))


def _places(uses: Sequence[Use]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(use.place for use in uses))


def _users(engine: Engine, seen: dict[str, Any], *, now: datetime) -> list[Drift]:
    """Tell of users and queues that routing names, that worked when last seen and do not any more."""
    crm, found = engine.crm.traits(), []
    for kind, name, places, active in workers_of(engine, now=now):
        key = f"{crm.system} {kind} {name}"
        if active:
            seen[key] = {"active": True}
        elif key in seen:
            uses, cure = tuple(places), GONE_USER[kind]
            found.append(Drift(crm.system, kind, name, "at work", "inactive or gone", uses, cure))
    return found


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
