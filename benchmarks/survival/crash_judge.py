"""Whether the CRM ended as it would have had nothing gone wrong, and whether the outbox accounts for every row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.survival.frail_crm import FrailCrm
from connector.domain.records import Value
from connector.domain.writes import RowState, Write
from connector.ports.store import Store

#: who wrote last is told by which of two lawful writes came last; a task's body tells the reasons of the moment at
#: which it was last refreshed, and that may have waited for the task to show
_NOT_COMPARED = frozenset({"changed_by", "body"})
#: which of a task's fields say whether it is open
_OPENNESS = frozenset({"status", "closed"})
_OBJECTS = ("lead", "contact", "account", "task")
#: one record, named alike in both worlds
Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Ending:
    """One org and what its outbox says of it, at the end."""

    #: (object, name) → fields, once for each record of that name
    records: dict[Name, list[dict[str, Value]]]
    by_hand: dict[tuple[str, str, str], Value]
    #: (email, field) → what was decided to fill a blank with, one after the other
    fills: dict[tuple[str, str], list[Value]]
    #: (email, field) → what we wrote there, one after the other
    put: dict[tuple[str, str], list[Value]]
    #: what people changed before the engine could know of it
    unseen_by_hand: set[Name]
    #: how many records each creation key made
    made: Counter[str]
    #: those whose record is still there
    living: set[str]
    #: creation keys whose row is done
    done: Counter[str]
    #: rows that are neither done nor replaced, in words
    open: list[str]
    rows: dict[str, int]


def ending_of(crm: FrailCrm, store: Store, fills: dict[tuple[str, str], list[Value]]) -> Ending:
    """Read an org and its outbox; ``fills``: what was decided to fill blanks with."""
    named = {id_: key for _, id_, key in crm.made}
    records: dict[Name, list[dict[str, Value]]] = {}
    for object_ in _OBJECTS:
        for id_, record in sorted(crm.records(object_).items()):
            if record.merged_into is not None:
                # nothing is written there any more; what stood there at the time is the vendor's
                records.setdefault((object_, named.get(id_, id_)), []).append({"merged": record.merged_into.id})
                continue
            fields = {n: v for n, v in record.fields.items() if n not in _NOT_COMPARED and v not in (None, "")}
            if "who" in fields:
                fields["who"] = named.get(str(fields["who"]), fields["who"])
            records.setdefault((object_, named.get(id_, id_)), []).append(fields)
    by_hand = {(object_, named.get(id_, id_), name): value for (object_, id_, name), value in crm.by_hand.items()}
    unseen = {(ref.object, named.get(ref.id, ref.id)) for ref in crm.unseen_by_hand}
    done: Counter[str] = Counter()
    for object_ in ("lead", "contact", "task"):
        done.update(row.write.key for row in store.outbox.each_done("create", object_))
    made = Counter(key for _, _, key in crm.made)
    living = {key for object_, id_, key in crm.made if _stands(crm, object_, id_)}
    return Ending(
        records,
        by_hand,
        fills,
        crm.put,
        unseen,
        made,
        living,
        done,
        list(_open_rows(crm, store)),
        store.outbox.counts(),
    )


def _open_rows(crm: FrailCrm, store: Store) -> Iterable[str]:
    for row in store.outbox.each_unsettled():
        if row.state is RowState.DEAD and not _can_be_written(crm, row.write):
            continue  # its record is gone: nobody can do anything about it
        yield f"{row.state}:{row.held_by or row.code} {row.write.kind} {row.write.object} {row.group}"


def _can_be_written(crm: FrailCrm, write: Write) -> bool:
    """Say whether the record of an update, or that of a task to be made, is there and takes writes."""
    if write.kind == "update":
        return _stands(crm, write.object, str(write.id))
    asked = {str(write.fields.get("who") or ""), *write.references.values()}
    whose = {id_ for _, id_, key in crm.made if key in asked} | asked
    return any(_stands(crm, object_, crm.survivor(id_)) for id_ in whose for object_ in ("lead", "contact"))


def _stands(crm: FrailCrm, object_: str, id_: str) -> bool:
    record = crm.records(object_).get(id_)
    return record is not None and record.merged_into is None


def complaints(disturbed: Ending, twin: Ending) -> list[str]:
    """Say what is lost, doubled, overwritten or not accounted for; nothing where the two ends are one."""
    return [*_doubled(disturbed), *_against(disturbed, twin), *_accounts(disturbed)]


def _doubled(ending: Ending) -> Iterable[str]:
    for key, count in sorted(ending.made.items()):
        if count > 1:
            yield f"doubled: {count} records of key {key}"


def _against(disturbed: Ending, twin: Ending) -> Iterable[str]:
    for name in sorted(twin.records.keys() | disturbed.records.keys()):
        here, there = disturbed.records.get(name, []), twin.records.get(name, [])
        if not here:
            yield f"lost: {_say(name, there)}"
        elif not there:
            yield f"doubled: {_say(name, here)}, which the twin never made"
        else:
            yield from _fields(name, here[0], there[0], disturbed, twin)


def _say(name: Name, records: list[dict[str, Value]]) -> str:
    return f"{name[0]} {name[1]} {records[0].get('subject') or ''}"


def _fields(
    name: Name, here: dict[str, Value], there: dict[str, Value], disturbed: Ending, twin: Ending
) -> Iterable[str]:
    for field in sorted(here.keys() | there.keys()):
        if here.get(field) == there.get(field) or (field == "due_at" and _done_by_hand(name, disturbed, twin)):
            continue
        if field in _OPENNESS and _kept_by_hand(name, here, disturbed, twin):
            continue
        if _filled_with_newer(name, field, here, there, disturbed, twin):
            continue
        place = (*name, field)
        hand = disturbed.by_hand.get(place)
        word = "overwritten" if hand is not None and twin.by_hand.get(place) == hand == there.get(field) else "lost"
        yield f"{word}: {name[0]} {name[1]} {field}: {here.get(field)!r}, the twin has {there.get(field)!r}"


def _done_by_hand(name: Name, disturbed: Ending, twin: Ending) -> bool:
    """Say whether people closed a task in both worlds: news that came before no longer moves when it is due."""
    return all(ending.by_hand.get((*name, "status")) == "Completed" for ending in (disturbed, twin))


def _kept_by_hand(name: Name, here: dict[str, Value], disturbed: Ending, twin: Ending) -> bool:
    """Say whether a task that came late was changed by people before we knew of it: then it is theirs, and stays.

    The twin, whose task did not come late, had closed it before they came.
    """
    closed = any((*name, "status") in ending.by_hand for ending in (disturbed, twin))
    return name[0] == "task" and name in disturbed.unseen_by_hand and here.get("status") == "open" and not closed


def _filled_with_newer(
    name: Name, field: str, here: dict[str, Value], there: dict[str, Value], disturbed: Ending, twin: Ending
) -> bool:
    """Say whether a blank was still blank when what fills it changed: the newer wish replaces one that waits.

    The twin had filled it before, and what stands is not touched. Only where the waiting wish was for the twin's value
    and was never sent, a later one was for what stands here and was sent, and no person wrote there.
    """
    place, key = (*name, field), (str(here.get("email")), field)
    if here.get("email") != there.get("email") or any(place in ending.by_hand for ending in (disturbed, twin)):
        return False
    mine, theirs, wishes = here.get(field), there.get(field), disturbed.fills.get(key, [])
    if theirs not in wishes or mine not in wishes[wishes.index(theirs) :]:
        return False
    put = disturbed.put.get(key, [])
    return theirs not in put and put[-1:] == [mine] and theirs in twin.put.get(key, [])


def _accounts(ending: Ending) -> Iterable[str]:
    for words in ending.open:
        yield f"unaccounted: a row is left {words}"
    for key in sorted(ending.done.keys() - ending.made.keys()):
        yield f"lost: the outbox says that {key} was made, the CRM has never seen it"
    # What was deleted before its answer was looked up can neither be found nor be made again.
    for key in sorted(ending.living - ending.done.keys()):
        yield f"unaccounted: {key} was made, the outbox does not say so"
