"""The streams of the call ledger: what a client reads in pages, and the largest page of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core.calls import Stream, Version
from sandbox.hubspot.portal import APP, Portal, version
from sandbox.hubspot.row_index import MERGED_INTO

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.core.records import Record
    from sandbox.hubspot.objects import ObjectType

SEARCH_PAGE = 200
LIST_PAGE = 100
SUBMISSION_PAGE = 50
EMAIL_EVENT_PAGE = 1000
WEB_EVENT_PAGE = 100
ASSOCIATION_PAGE = 1000
MEMBERSHIP_PAGE = 250


def record_stream(portal: Portal, kind: ObjectType) -> Stream:
    """Return the living records of a type; search has the largest page."""
    return Stream(kind.name, SEARCH_PAGE, lambda: [version(record) for record in portal.living(kind)])


def archived_stream(portal: Portal, kind: ObjectType) -> Stream:
    """Return the archived records of a type."""

    def rows() -> Iterable[Version]:
        return [
            version(record)
            for record in portal.records.rows(kind.name)
            if record.deleted and MERGED_INTO not in record.values
        ]

    return Stream(f"{kind.name} archived", LIST_PAGE, rows)


def log_stream(portal: Portal, name: str, obj: str, page: int, *, where: tuple[str, str] | None = None) -> Stream:
    """Return the rows of an activity log, all or those with one value in a field."""

    def rows() -> Iterable[Version]:
        found = portal.records.rows(obj) if where is None else portal.records.find(obj, *where)
        return [version(record) for record in found]

    return Stream(name, page, rows)


def association_version(record: Record, rows: list[Record]) -> Version:
    """Return what identifies a record's associations: they are due again when it or one of them changed."""
    last = max([record, *rows], key=lambda row: row.modified_at)
    own = record.modified_by == APP and all(row.modified_by == APP for row in rows)
    return record.id, (record.modified_at, last.modified_at, len(rows)), own


def association_stream(portal: Portal, kind: ObjectType, to: ObjectType) -> Stream:
    """Return one row per record of a type: whether it has associates of the other type is known only by asking."""

    def rows() -> Iterable[Version]:
        ends: dict[str, list[Record]] = {}
        for row in portal.records.rows("association"):
            values = row.values
            if row.deleted:
                continue
            if (values["a_type"], values["b_type"]) == (kind.name, to.name):
                ends.setdefault(values["a"], []).append(row)
            elif (values["b_type"], values["a_type"]) == (kind.name, to.name):
                ends.setdefault(values["b"], []).append(row)
        return [association_version(record, ends.get(record.id, [])) for record in portal.living(kind)]

    return Stream(f"{kind.name} -> {to.name}", ASSOCIATION_PAGE, rows)
