"""What a decision stands on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from connector.delivery.pending import Pending
from connector.delivery.undone import held_back
from connector.domain.records import Value
from connector.domain.writes import Cause, Write
from connector.mapping.bundle import Mappings
from connector.ports.store import OutboxRow
from connector.ports.traits import AdapterTraits, FieldInfo
from connector.routing.pools import Desk

#: One person as the deciding code sees one: a row of the people table as a dictionary.
Person = dict[str, Any]


@dataclass
class Ground:
    """One cycle's facts, memory and rules, read by every part of the decision.

    Attributes:
        people: one row per living person, of all or of some; see ``connector.pipeline.people.passes``.
        accounts: one row per CRM account with ``account_id``, results and mirrored fields (``crm.FIELD``).
        tasks: open tasks of ours in the CRM, as dictionaries by our words (``id person_id key rule subject …``).
        fast_events: rows of ``Signals.fast_lane`` that nobody has acted on, in order of time.
        info: object → CRM field → description, for lengths and picklists.
        pending: rows of the outbox that are todo, doing, unknown, held or dead.
        mark: the baseline mark, or None while the first live cycle has not been committed.
        on_the_way: creation keys of people's records that are being made, or are made and not yet seen in a pull.
        unseen: creation keys of tasks that are made and not yet seen in a pull.
        finished: creation keys of tasks that were to be told of a further request and are closed or gone → when the CRM
            last saw them change.
    """

    now: datetime
    install: str
    run_id: str
    plan_id: str
    mappings: Mappings
    crm: AdapterTraits
    info: Mapping[str, Mapping[str, FieldInfo]]
    people: pa.Table
    accounts: pa.Table
    tasks: Sequence[Mapping[str, Any]]
    fast_events: Sequence[Mapping[str, Any]]
    pending: Pending
    desk: Desk
    user_id: str | None
    mark: datetime | None
    known_keys: set[str] = field(default_factory=set)
    on_the_way: Collection[str] = frozenset()
    unseen: Collection[str] = frozenset()
    finished: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def baseline(self) -> bool:
        """Whether this is the first live cycle, which writes nothing but our own score and stage fields."""
        return self.mark is None

    def held_back(self, rows: pa.Table) -> pa.Array:
        """Say for people or accounts what an undo holds back; null where it is nothing."""
        mappings = self.mappings
        step, digest, asking = mappings.scoring.write_step, mappings.digest, self.fast_events
        return held_back(rows, self.pending.undone, system=self.crm.system, mappings=digest, step=step, asking=asking)

    def native(self, object_: str, word: str) -> str:
        """Give the CRM's field for one of our words, or an empty string."""
        return self.crm.native.get(object_, {}).get(word, "")

    def native_value(self, object_: str, word: str, value: Value) -> Value:
        """Give the CRM's value for one of ours."""
        return self.crm.native_values.get(f"{object_}.{word}", {}).get(str(value), value)

    def fit_value(self, object_: str, name: str, value: Value) -> Value:
        """Give a value as the field takes it, or None: half a name or address is worse than none.

        Only the words of our tasks are cut to the field's length; what a restricted picklist would refuse is left out.
        """
        described = self.info.get(object_, {}).get(name)
        if described is None or value is None:
            return value
        if described.restricted and described.values and str(value) not in described.values:
            return None
        if isinstance(value, str) and described.length and len(value) > described.length:
            return value[: described.length] if object_ == "task" else None
        return value

    def row(
        self,
        write: Write,
        *,
        lane: str,
        group: str,
        cause: Cause,
        rule: str,
        person_id: str,
        reason: str,
        priority: int,
        depends_on: tuple[str, ...] = (),
    ) -> OutboxRow:
        """Build an outbox row of this cycle."""
        return OutboxRow(
            id=0,
            write=write,
            lane=lane,
            group=group,
            cause=cause,
            rule=rule,
            person_id=person_id,
            reason=reason,
            run_id=self.run_id,
            plan_id=self.plan_id,
            priority=priority,
            decided_at=self.now,
            depends_on=depends_on,
        )

    def update(
        self,
        object_: str,
        id_: str,
        fields: dict[str, Value],
        *,
        expected: dict[str, Value] | None = None,
        ours: frozenset[str] = frozenset(),
        if_blank: frozenset[str] = frozenset(),
        group: str,
        cause: Cause,
        rule: str,
        person_id: str,
        reason: str,
        priority: int,
    ) -> OutboxRow:
        """Build an outbox row of this cycle that changes a record by id, in the record's own lane."""
        write = Write(
            key="",
            kind="update",
            object=object_,
            id=id_,
            fields=fields,
            expected=expected or {},
            ours=ours,
            if_blank=if_blank,
        )
        return self.row(
            write,
            lane=self.lane(object_, id_),
            group=group,
            cause=cause,
            rule=rule,
            person_id=person_id,
            reason=reason,
            priority=priority,
        )

    def lane(self, object_: str, id_: str) -> str:
        """Name the lane of one CRM record."""
        return f"{self.crm.system}:{object_}:{id_}"
