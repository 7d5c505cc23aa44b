"""How the org's requests look in the call ledger: streams, look-ups, set-up work, writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.core.calls import Call, Read, Stream, Version, Written
from sandbox.salesforce.soql.answers import PAGE, Result
from sandbox.salesforce.soql.tree import Query, conjuncts

if TYPE_CHECKING:
    from sandbox.salesforce.rows.dml import Outcome
    from sandbox.salesforce.state import OrgState

#: Rows of a collections call.
LARGEST_BATCH = 200
#: Objects that describe the org rather than hold its people's data.
SETUP = frozenset(
    {
        "AssignmentRule",
        "CustomField",
        "FieldPermissions",
        "LeadStatus",
        "ObjectPermissions",
        "OpportunityStage",
        "Organization",
        "PermissionSet",
        "PermissionSetAssignment",
        "Profile",
        "RecordType",
        "TaskPriority",
        "TaskStatus",
        "UserRole",
    }
)


def _versions(state: OrgState, obj: str, *, deleted: bool) -> Iterator[Version]:
    me = state.me
    for row in state.records.rows(obj):
        if deleted or not row.deleted:
            yield row.id, row.modified_at, row.modified_by == me


@dataclass(slots=True)
class Trace:
    """What one request turned out to be; a request with parts gathers all of them."""

    reads: list[Read] = field(default_factory=list)
    written: dict[tuple[str, str], int] = field(default_factory=dict)
    #: Why each part stands apart, None where it counts.
    parts: list[str | None] = field(default_factory=list)
    violation: bool = False
    cost: int = 1

    def apart(self, why: str) -> None:
        """Note a part that stays outside ``used``."""
        self.parts.append(why)

    def counted(self) -> None:
        """Note a part that counts."""
        self.parts.append(None)

    def page(self, state: OrgState, result: Result, *, deleted: bool) -> None:
        """Note a page of a query: a stream, unless it asks for rows by id or key, or for a number."""
        if result.obj in SETUP:
            self.apart("describe")
        elif result.aggregate or is_look_up(state, result.query, result.obj):
            self.apart("look_up")
        else:
            obj, me = result.obj, state.me
            stream = Stream(obj, PAGE, lambda: _versions(state, obj, deleted=deleted))
            rows: list[Version] = [(row.id, row.modified_at, row.modified_by == me) for row in result.rows]
            self.reads.append(Read(stream, rows, full=result.full))
            self.counted()

    def ids(self, state: OrgState, name: str, obj: str, rows: list[Version], *, only_deleted: bool) -> None:
        """Note an answer of getUpdated or getDeleted: a stream of its own, in one page."""

        def due() -> Iterator[Version]:
            for version in _versions(state, obj, deleted=True):
                row = state.records.get(obj, version[0])
                if row is not None and row.deleted is only_deleted:
                    yield version

        self.reads.append(Read(Stream(name, 600_000, due), rows))
        self.counted()

    def wrote(self, obj: str, kind: str, outcome: Outcome | None) -> None:
        """Note a row written; one that changed nothing costs its call but raises no floor."""
        if obj in SETUP:
            self.apart("provision")
            return
        self.counted()
        if outcome is not None and outcome.effect:
            self.written[kind, obj] = self.written.get((kind, obj), 0) + 1

    def call(self, method: str, endpoint: str, status: int) -> Call:
        """Return the ledger's entry: apart only when every part is."""
        labels = [part for part in self.parts if part is not None]
        apart = labels[0] if labels and len(labels) == len(self.parts) else None
        writes = [Written(obj, kind, rows, LARGEST_BATCH) for (kind, obj), rows in self.written.items()]
        return Call(method, endpoint, status, apart, self.reads, writes, self.violation, self.cost)


def is_look_up(state: OrgState, query: Query, obj: str) -> bool:
    """Tell whether a query asks for rows by id, by a parent's id or by a key, rather than for what changed."""
    entry = state.schema.objects[obj.lower()]
    for condition in conjuncts(query.where):
        if condition.op in ("=", "in") and condition.name is not None:
            found = entry.field_of(condition.name)
            if found is not None and (
                found.type in ("id", "reference") or found.id_lookup or found.external_id or found.name == "Username"
            ):
                return True
    return False
