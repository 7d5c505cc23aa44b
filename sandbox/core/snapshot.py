"""Canonical content of an org: no ids, no order of creation, equal bytes for equal content.

Each record is shown by a *key path* in place of its id, for example a lead by its e-mail, company and name and a task
by its person's key path and its subject. Records whose key paths are equal are numbered by their content, so that
the same content gives the same bytes whatever ids it was given and in whatever order it was made.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.core.ties import Link, order_alike

if TYPE_CHECKING:
    from sandbox.core.records import Record

#: A key path: the object's name and then what people would call the record.
Path = tuple[Any, ...]
#: Gives the key path of the record an id stands for, or None when no record has it.
Resolve = Callable[[Any], "Path | None"]
#: Gives what follows the object's name in a record's key path.
Key = Callable[["Record", Resolve], Iterable[Any]]


@dataclass(slots=True, frozen=True)
class Shape:
    """How the records of one object are shown."""

    #: Every writable field, also those that are null.
    fields: Iterable[str]
    key: Key
    #: Fields that hold ids of other records.
    references: frozenset[str] = field(default_factory=frozenset)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class _Namer:
    """Name records by key path, numbered where several share one."""

    def __init__(self, records: Mapping[str, Record], shapes: Mapping[str, Shape]) -> None:
        self._records, self._shapes = records, shapes
        self._paths: dict[str, Path] = {}
        self._numbers: dict[str, int] = {}

    def path(self, row_id: Any) -> Path | None:
        """Return the path without number; a record that is named by itself through others ends there."""
        if not isinstance(row_id, str) or row_id not in self._records:
            return None
        known = self._paths.get(row_id)
        if known is not None:
            return known
        record = self._records[row_id]
        self._paths[row_id] = (record.obj,)
        path = (record.obj, *self._shapes[record.obj].key(record, self.path))
        self._paths[row_id] = path
        return path

    def shown(self, row_id: Any) -> Any:
        """Return what stands in place of an id."""
        path = self.path(row_id)
        if path is None:
            return row_id
        number = self._numbers.get(row_id)
        return list(path) if number is None else [*path, f"#{number}"]

    def content(self, record: Record) -> dict[str, Any]:
        """Return a record's fields and history with ids replaced."""
        shape = self._shapes[record.obj]
        fields: dict[str, Any] = {}
        held: dict[str, list[Any]] = {}
        for name in shape.fields:
            show = self.shown if name in shape.references else _same
            fields[name] = show(record.values.get(name))
            ever = record.ever(name)
            if ever:
                held[name] = (
                    sorted((show(value) for value in ever), key=_canonical) if len(ever) > 1 else [show(ever[0])]
                )
        return {"deleted": record.deleted, "fields": fields, "held": held}

    def number(self) -> None:
        """Number the records that share a path: by content, then by what refers to them."""
        groups: defaultdict[Path, list[str]] = defaultdict(list)
        for row_id in self._records:
            groups[self.path(row_id) or ()].append(row_id)
        tied = {row_id for ids in groups.values() if len(ids) > 1 for row_id in ids}
        if not tied:
            return
        marks = {row_id: _canonical(self.content(self._records[row_id])) for row_id in tied}
        callers: defaultdict[str, list[str]] = defaultdict(list)
        links: list[Link] = []
        for record in self._records.values():
            for name in self._shapes[record.obj].references:
                target = record.values.get(name)
                if target not in tied:
                    continue
                if record.id in tied:
                    links.append((name, record.id, target))
                else:
                    callers[target].append(f"{name} {self.path(record.id)}")
        known = {row_id: f"{mark} {sorted(callers[row_id])}" for row_id, mark in marks.items()}
        keys = order_alike(known, links)
        for ids in groups.values():
            if len(ids) > 1:
                for number, row_id in enumerate(sorted(ids, key=keys.__getitem__), 1):
                    self._numbers[row_id] = number


def _same(value: Any) -> Any:
    return value


def snapshot(
    vendor: str, records: Iterable[Record], shapes: Mapping[str, Shape], *, more: Mapping[str, Any] | None = None
) -> bytes:
    """Return the content as canonical JSON; ``more`` is shown beside the records (field definitions, settings).

    Records of objects without a shape are left out.
    """
    known = {record.id: record for record in records if record.obj in shapes}
    namer = _Namer(known, shapes)
    namer.number()
    entries = [
        (
            record.obj,
            _canonical(namer.shown(row_id)),
            {"object": record.obj, "key": namer.shown(row_id), **namer.content(record)},
        )
        for row_id, record in known.items()
    ]
    entries.sort(key=lambda entry: entry[:2])
    document = {"vendor": vendor, **(more or {}), "records": [entry for _, _, entry in entries]}
    return (json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n").encode()
