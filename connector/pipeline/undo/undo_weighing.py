"""What of a run can be put back: each field it wrote, beside what the CRM shows now and who wrote there since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from connector.delivery.undone import same_value
from connector.domain.outbox_states import UNDONE
from connector.domain.records import Value
from connector.domain.writes import RowState
from connector.ports.crm import Crm
from connector.ports.store import Change, Journalled, OutboxRow, Store
from connector.ports.traits import AdapterTraits

#: how groups of rows that put something back begin; what follows is the group they put back
UNDO = "undo-"
_ALREADY = "shows what stood there before"
_GONE = "the record is gone, or our user does not see it"
_PERSON = "a person changed it since"
_LEAVER = "who owned it before is no longer active, and cannot be given a record"
_LEFT = "left as it is: nothing is ever deleted; delete or merge it in the CRM, it is not created again"


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which part of a run is meant: records (``system:object:id``, ``object:id`` or the id) and fields; empty = all.

    With a person's record the tasks are meant that the run made about them.
    """

    records: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()

    def takes(self, object_: str, record: str, lane: str) -> bool:
        """Say whether a record is meant."""
        return not self.records or bool(self.records & {record, f"{object_}:{record}", lane})

    def takes_whole(self, row: OutboxRow) -> bool:
        """Say whether the record of a row is meant with all its fields."""
        return not self.fields and self.takes(row.write.object, row.write.id or "", row.lane)

    def of(self, changes: Iterable[Change]) -> tuple[Change, ...]:
        """Leave the fields that are meant."""
        return tuple(change for change in changes if not self.fields or change.field in self.fields)


@dataclass(slots=True)
class Weighed:
    """What goes back and what stays.

    Attributes:
        back: writes whose listed fields go back.
        closing: tasks the run made that no person touched, and their status.
        waiting: rows of the run that were not sent and shall not be.
        stays: (record, field, why) of what does not go back.
        created: people's records the run made, which stay, and what our fields there show now.
    """

    back: list[Journalled] = field(default_factory=list)
    closing: list[tuple[Journalled, Value]] = field(default_factory=list)
    waiting: list[OutboxRow] = field(default_factory=list)
    stays: list[tuple[str, str, str]] = field(default_factory=list)
    created: list[Journalled] = field(default_factory=list)

    def document(self, run_id: str, *, dry_run: bool, most: int = 1_000) -> dict[str, Any]:
        """Tell it as JSON; values are told only where nothing is stored (``dry_run``)."""
        back: list[dict[str, Value]] = []
        for one in self.back:
            for change in one.changes:
                values = {"shows": change.written, "goes_back_to": change.before} if dry_run else {}
                back.append({"record": f"{one.object}:{one.record}", "field": change.field, **values})
        stays = [{"record": record, "field": name, "why": why} for record, name, why in self.stays]
        lists: dict[str, list[Any]] = {
            "back": back,
            "closed": [f"task:{one.record}" for one, _ in self.closing],
            "not_sent": [row.lane for row in self.waiting],
            "stays": stays,
            "created": [{"record": f"{one.object}:{one.record}", "next": _LEFT} for one in self.created],
        }
        counts = {name: len(listed) for name, listed in lists.items()}
        cut = lists if dry_run else {name: listed[:most] for name, listed in lists.items()}
        return {"run": run_id, "dry_run": dry_run, "counts": counts, **cut}


def weigh(store: Store, crm: Crm, run_id: str, chosen: Chosen) -> Weighed:
    """Compare what a run wrote with what the CRM shows. Sends reads only.

    Raises:
        AccessError, TransientError: the CRM could not be asked.
    """
    return _Scale(store, crm, run_id, chosen).weighed()


class _Scale:
    def __init__(self, store: Store, crm: Crm, run_id: str, chosen: Chosen) -> None:
        self._store = store
        self._crm = crm
        self._traits: AdapterTraits = crm.traits()
        self._run_id = run_id
        self._chosen = chosen
        self._found = Weighed()

    def weighed(self) -> Weighed:
        rows = self._store.journal.of(self._run_id)
        updates = [one for one in net(rows) if self._meant(one)]
        updates = [_with(one, self._chosen.of(one.changes)) for one in updates]
        self._fields([one for one in updates if one.changes])
        persons = {one.person_id for one in rows if one.person_id and self._meant(one)}
        created = [one for one in rows if one.kind == "create"]
        self._creations([one for one in created if self._meant(one) or one.person_id in persons])
        self._unsent()
        return self._found

    def _meant(self, one: Journalled) -> bool:
        return self._chosen.takes(one.object, one.record, f"{self._traits.system}:{one.object}:{one.record}")

    def _fields(self, updates: Sequence[Journalled]) -> None:
        shown = self._shown((one.object, one.record, [change.field for change in one.changes]) for one in updates)
        since = self._since(updates)
        leavers = self._leavers(updates)
        for one in updates:
            here, back = shown.get((one.object, one.record)), []
            for change in one.changes:
                later = [(row, run) for row, run in since.get((one.lane, change.field), ()) if row > one.row]
                why = _why_it_stays(change, here, later)
                if not why and change.before in leavers and self._is_owner(one.object, change.field):
                    why = _LEAVER
                if why:
                    self._found.stays.append((f"{one.object}:{one.record}", change.field, why))
                else:
                    back.append(change)
            if back:
                self._found.back.append(_with(one, tuple(back)))

    def _is_owner(self, object_: str, name: str) -> bool:
        return name == self._traits.native.get(object_, {}).get("owner")

    def _leavers(self, updates: Sequence[Journalled]) -> set[Value]:
        """Name the former owners who are inactive now: the CRM would refuse them."""
        active = self._traits.native.get("user", {}).get("active")
        changes = [change for one in updates for change in one.changes if self._is_owner(one.object, change.field)]
        owners = dict.fromkeys(str(change.before) for change in changes if change.before)
        if not owners or active is None:
            return set()
        shown = self._shown(("user", id_, [active]) for id_ in owners)
        return {id_ for (_, id_), values in shown.items() if same_value(values.get(active), False)}

    def _since(self, updates: Sequence[Journalled]) -> dict[tuple[str, str], list[tuple[int, str]]]:
        """List who wrote the same fields later: (lane, field) → (row, run); what undoing wrote does not count."""
        if not updates:
            return {}
        found: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
        first = min(one.row for one in updates)
        undoing: dict[str, bool] = {self._run_id: True}
        for one in self._store.journal.since(sorted({each.lane for each in updates}), first):
            if one.run_id not in undoing:
                run = self._store.runs.find(one.run_id)
                undoing[one.run_id] = run is not None and run.kind == "undo"
            if undoing[one.run_id] or one.group.startswith(UNDO):
                continue
            for change in one.changes:
                found[one.lane, change.field].append((one.row, one.run_id))
        return found

    def _creations(self, creations: Sequence[Journalled]) -> None:
        tasks = [one for one in creations if one.object == "task"]
        others = [one for one in creations if one.object != "task"]
        self._made([] if self._chosen.fields else others)
        native = self._traits.native.get("task", {})
        status, names = native.get("status", ""), [native.get(word, "") for word in ("status", "closed", "changed_by")]
        if not tasks or not status or (self._chosen.fields and status not in self._chosen.fields):
            return
        shown = self._shown(("task", one.record, [name for name in names if name]) for one in tasks)
        closed = self._traits.native_values.get("task.status", {}).get("closed", "closed")
        user = self._crm.user_id()
        for one in tasks:
            here = shown.get(("task", one.record))
            if here is None:
                self._found.stays.append((f"task:{one.record}", status, _GONE))
            elif same_value(here.get(status), closed) or same_value(here.get(names[1]), True):
                self._found.stays.append((f"task:{one.record}", status, "the task is closed"))
            elif user is not None and here.get(names[2]) not in {None, user}:
                self._found.stays.append((f"task:{one.record}", status, "a person has worked on the task"))
            else:
                self._found.closing.append((one, here.get(status)))

    def _made(self, creations: Sequence[Journalled]) -> None:
        """Look what people's records show that the run made."""
        shown = self._shown((one.object, one.record, one.ours) for one in creations)
        for one in creations:
            here = shown.get((one.object, one.record))
            if here is None:
                self._found.stays.append((f"{one.object}:{one.record}", "*", _GONE))
            else:
                changes = [Change(name, None, here[name]) for name in sorted(one.ours) if here.get(name) is not None]
                self._found.created.append(_with(one, tuple(changes)))

    def _unsent(self) -> None:
        """Take the run's rows that wait to be sent again; tell of those that something else keeps back."""
        if self._chosen.fields:
            return
        for row in self._store.outbox.each_unsettled():
            name = row.write.id or row.write.key
            if row.run_id != self._run_id or not self._chosen.takes(row.write.object, name, row.lane):
                continue
            if row.state is RowState.TODO:
                self._found.waiting.append(row)
            elif row.held_by != UNDONE:
                why = row.held_by if row.state is RowState.HELD else row.code or "no answer yet"
                self._found.stays.append((f"{row.write.object}:{name}", "", f"not written: {row.state.value} ({why})"))

    def _shown(self, wanted: Iterable[tuple[str, str, Collection[str]]]) -> dict[tuple[str, str], dict[str, Value]]:
        """Read fields of records as they stand, in batches per object."""
        fields: dict[str, set[str]] = defaultdict(set)
        ids: dict[str, dict[str, None]] = defaultdict(dict)
        for object_, id_, names in wanted:
            fields[object_] |= set(names)
            ids[object_][id_] = None
        found: dict[tuple[str, str], dict[str, Value]] = {}
        for object_, names in fields.items():
            for some in _batches(list(ids[object_]), self._traits.batch_size):
                read = self._crm.read_fields(object_, some, sorted(names))
                found |= {(object_, id_): values for id_, values in read.items()}
        return found


def _with(one: Journalled, changes: tuple[Change, ...]) -> Journalled:
    return replace(one, changes=changes)


def _batches(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for first in range(0, len(ids), size):
        yield ids[first : first + size]


def net(rows: Iterable[Journalled]) -> list[Journalled]:
    """Give what a run's updates came to: of a field it wrote twice the first before and the last value."""
    ways: dict[tuple[str, str], tuple[Change, Journalled]] = {}
    for one in rows:
        if one.kind == "update":
            for change in one.changes:
                first = ways.get((one.lane, change.field), (change, one))[0]
                ways[one.lane, change.field] = (change._replace(before=first.before), one)
    kept: dict[int, tuple[Journalled, list[Change]]] = {}
    for change, one in ways.values():
        if not same_value(change.before, change.written):
            kept.setdefault(one.row, (one, []))[1].append(change)
    return [_with(one, tuple(changes)) for _, (one, changes) in sorted(kept.items())]


def _why_it_stays(change: Change, here: Mapping[str, Value] | None, later: Sequence[tuple[int, str]]) -> str:
    if here is None:
        return _GONE
    value = here.get(change.field)
    if same_value(value, change.before):
        return _ALREADY
    if later:
        return f"run {later[-1][1]} wrote it since"
    return "" if same_value(value, change.written) else _PERSON
