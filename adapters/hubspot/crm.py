"""HubSpot as a CRM: what the source reads, with its tasks, and the port's promises about writing.

It is held to the port's contract. No cycle runs on it yet, so no entry point names it: as a CRM it comes later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from adapters.hubspot.associations import associated
from adapters.hubspot.batches import ROWS_PER_CALL, Batches, outcome
from adapters.hubspot.classify import OPS
from adapters.hubspot.creating import Creator
from adapters.hubspot.description import findings, read_properties
from adapters.hubspot.lookup import Lookup
from adapters.hubspot.provisioning import NOT_UNIQUE, PropertyProvisioner
from adapters.hubspot.records import Kind, refused, versions
from adapters.hubspot.references import open_references, resolve
from adapters.hubspot.schema import Schema
from adapters.hubspot.source import HubSpotSource
from adapters.hubspot.updating import Updater
from adapters.hubspot.words import KEY, NATIVE, NATIVE_VALUES, PATHS
from connector.domain.records import Page, Value
from connector.domain.writes import OutcomeKind, Write, WriteOutcome
from connector.ports.crm import FieldSpec, ProvisionStep
from connector.ports.traits import AdapterTraits, FieldInfo, Finding, StreamTraits

#: A request that is not answered within this has been given up on the vendor's side (hubspot.md section 3).
SETTLE_AFTER = timedelta(seconds=100)
_MARGIN = timedelta(seconds=20)
_SAME_TIME = timedelta(hours=6)
_STALE = "PROPERTY_DOESNT_EXIST"
#: The source's streams that a CRM is read for; what people do on the web comes from a source.
_STREAMS = ("email_replies", "companies", "contacts", "archived_contacts", "calls", "meetings", "notes")
TASKS = Kind(
    "task",
    "tasks",
    "hs_lastmodifieddate",
    ("hs_task_subject", "hs_task_body", "hs_task_status", "hs_task_priority", "hs_timestamp", "hubspot_owner_id"),
    (("owner", "hubspot_owner_id"),),
)


class HubSpotCrm(HubSpotSource):
    """One HubSpot account that is read and written; for one process and one thread at a time."""

    def __init__(
        self, options: Mapping[str, Any], *, system: str = "hubspot", sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Check the options, which are those of the source; sends nothing.

        Raises:
            ConfigError: an option is unknown, has the wrong form, or credentials are missing.
        """
        super().__init__(dict(options), system=system, sleep=sleep)
        self._pulls = {name: pull for name, pull in self._pulls.items() if name in _STREAMS}
        self._pulls["tasks"] = self._pull_tasks
        self._wanted["task"] = []
        self._schema = Schema(self._wire)
        self._lookup = Lookup(self._wire, self._schema, system=system)
        self._creator = Creator(self._wire, self._schema, self._lookup)
        self._updater = Updater(self._wire, self._schema, self._lookup)

    def traits(self) -> AdapterTraits:
        """Say what the engine must know. Sends nothing: whether keys are unique is known once properties are read."""
        read = super().traits()
        streams = tuple(
            StreamTraits(one.name, "task" if one.name == "tasks" else one.object, one.lane) for one in read.streams
        )
        return replace(
            read,
            streams=streams,
            batch_size=ROWS_PER_CALL,
            settle_after=SETTLE_AFTER,
            creation_key_unique={word: self._schema.key_is_unique(word) for word in PATHS},
            native=NATIVE,
            native_values=NATIVE_VALUES,
        )

    def check(self) -> list[Finding]:
        """Test address, credentials and the scope of every stream; what may be written shows when it is.

        Raises:
            TransientError: the account cannot be reached.
        """
        return findings(self._wire, TASKS.path, behaviour=False)

    def fields(self, object: str) -> list[FieldInfo]:  # noqa: A002 - the port's word
        """Describe the properties of ``contact``, ``account`` or ``task``; raises as for pulls."""
        return read_properties(self._wire, PATHS[object], object) if object in PATHS else []

    def doubt_fields(self) -> None:
        """Ask for properties anew at the next use. Sends nothing."""
        self._schema.forget()

    def apply(self, writes: Sequence[Write], *, now: datetime) -> Sequence[WriteOutcome]:
        """Apply a batch; one outcome per write, in order; promises as in the port.

        Each kind of record takes a call for its creations and one for its updates; properties that people write too
        take a look before. Writes that refer to creations of the same batch go after them.
        """
        batches = Batches(self._wire)
        distinct: dict[str, Write] = {}
        for write in writes:
            distinct.setdefault(write.key, write)
        outcomes = {
            write.key: outcome(write, OPS, "no_such_object", f"HubSpot keeps no {write.object} here")
            for write in distinct.values()
            if write.object not in PATHS
        }
        able = [write for write in distinct.values() if write.key not in outcomes]
        outcomes |= self._send([write for write in able if not open_references(write)], batches)
        waiting = [write for write in able if open_references(write)]
        if waiting:
            ready, unready = resolve(waiting, outcomes, self._lookup, batches)
            outcomes |= unready | self._send(ready, batches)
        if any(told.code == _STALE for told in outcomes.values()):
            # A property went away: ask anew before the next batch.
            self._schema.forget()
        return [self._with_bound(write, outcomes[write.key], now) for write in writes]

    def find_applied(self, writes: Sequence[Write]) -> Mapping[str, str | None]:
        """Say which earlier sent writes are in the account: key → record id, or None; promises as in the port."""
        return self._lookup.find_applied(writes)

    def read_fields(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Value]]:  # noqa: A002
        """Read properties of records by id: id → values; records that are gone are left out."""
        return self._lookup.read_fields(object, ids, fields)

    def provision(
        self, fields: Sequence[FieldSpec], readable: Sequence[tuple[str, str]], *, dry_run: bool
    ) -> list[ProvisionStep]:
        """Create missing properties; promises as in the port. Rights are scopes, which the app's owner grants."""
        del readable
        return PropertyProvisioner(self._wire, self._schema).provision(fields, dry_run=dry_run)

    def user_id(self) -> str | None:
        """Give nobody: what an app writes has no user behind it."""
        return None

    def clock(self) -> datetime | None:
        """Give the vendor's clock as last seen in an answer, or None before the first."""
        return self._wire.seen_clock

    def meanwhile(self, work: Callable[[], None] | None) -> None:
        """Do something while an answer is awaited; see the port."""
        self._wire.meanwhile(work)

    def fence(self, may_send: Callable[[], None]) -> None:
        """Ask before each request whether it may still go; see the port."""
        self._wire.fence(may_send)

    def lacks(self) -> list[str]:
        """Say what this account does not do for us, as far as has been asked. Sends nothing."""
        return [
            f"{PATHS[word]}: {KEY} is {NOT_UNIQUE}"
            for word in PATHS
            if self._schema.asked(word) and not self._schema.key_is_unique(word)
        ]

    def _send(self, writes: Sequence[Write], batches: Batches) -> dict[str, WriteOutcome]:
        """Send by kind of record, companies first: contacts refer to them, and tasks to both."""
        outcomes: dict[str, WriteOutcome] = {}
        for word in ("account", "contact", "task"):
            some = [write for write in writes if write.object == word]
            created = [write for write in some if write.kind == "create"]
            updated = [write for write in some if write.kind == "update"]
            if created:
                outcomes |= self._creator.apply(word, created, batches)
            if updated:
                outcomes |= self._updater.apply(word, updated, batches)
        return outcomes

    def _with_bound(self, write: Write, told: WriteOutcome, now: datetime) -> WriteOutcome:
        """Say until when a lost write may still come true; a creation by unique key may be sent again at once."""
        if told.kind is not OutcomeKind.UNKNOWN:
            return told
        if write.kind == "create" and self._schema.key_is_unique(write.object):
            return told
        seen = self.clock()
        # A cycle may run on another day's clock (``--as-of``); then the vendor's would tell the engine nothing.
        base = max(seen, now) if seen and abs(seen - now) < _SAME_TIME else now
        return told.but(not_before=base + SETTLE_AFTER + _MARGIN)

    def _pull_tasks(self, cursor: str | None, now: datetime) -> Iterator[Page]:
        """Read tasks with the contact each is about, which is an association and no property."""
        for step in self._walk(TASKS.path, TASKS.stamp, self._task_properties(), None, now).steps(cursor):
            about = associated(self._wire, TASKS.path, "contacts", [row.id for row in step.rows])
            records = [
                record._replace(links={**record.links, "who": ends[0]})
                if (ends := about.get(record.ref.id))
                else record
                for record in versions(TASKS, step.rows, system=self._system)
            ]
            yield Page(records, [], refused("tasks", step.bad), step.cursor, step.last, step.counted)

    def _task_properties(self) -> list[str]:
        return [*dict.fromkeys([TASKS.stamp, "hs_object_id", *TASKS.properties, KEY, *self._wanted["task"]])]
