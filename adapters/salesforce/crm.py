"""Salesforce as a CRM: the port's promises, kept by the rooms beside this file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from adapters.salesforce.batches import ROWS_PER_CALL, Batches
from adapters.salesforce.bulk import MOST_ROWS, OBJECTS, BulkUpdates
from adapters.salesforce.checking import Checker, shortcomings
from adapters.salesforce.connection import QUERIES_PER_COMPOSITE, Connection
from adapters.salesforce.creating import Creator
from adapters.salesforce.listing import ROWS_PER_CALL as LISTED_PER_CALL
from adapters.salesforce.listing import Listing
from adapters.salesforce.lookup import Lookup
from adapters.salesforce.options import read_options
from adapters.salesforce.provisioning import FieldProvisioner
from adapters.salesforce.pulling import Puller
from adapters.salesforce.references import References, open_references
from adapters.salesforce.rows import PERSON_PREFIXES, RowReader
from adapters.salesforce.schema import Schema, field_infos
from adapters.salesforce.selecting import Selector
from adapters.salesforce.signin import certificate_end
from adapters.salesforce.streams import ACCOUNTS, OPT_OUTS, PEOPLE, STREAMS
from adapters.salesforce.updating import Updater, as_they_stand
from adapters.salesforce.vendor_errors import ApiError
from adapters.salesforce.words import CUSTOM, NATIVE, NATIVE_VALUES
from connector.domain.own_updates import AsAsked, OwnUpdates
from connector.domain.records import Page, RecordVersion, Value
from connector.domain.refs import Ref
from connector.domain.writes import OutcomeKind, Write, WriteOutcome, only_ours
from connector.errors import AccessError, HandoffError, OutcomeUnknown, TransientError
from connector.ports.crm import INACTIVE_OWNER, BatchShape, FieldSpec, ProvisionStep
from connector.ports.listing import Listed
from connector.ports.traits import AdapterTraits, FieldInfo, Finding, StreamTraits, Usage
from connector.ports.waits import Circuit, Waits

#: A request may run this long on the vendor's side (salesforce.md section 14).
SETTLE_AFTER = timedelta(minutes=10)
#: Objects that writes may concern.
WRITABLE = ("lead", "contact", "account", "task")
_IDS_PER_QUERY = 200
_MARGIN = timedelta(minutes=1)
_STALE = frozenset({"INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE"})
_SAME_TIME = timedelta(hours=6)
#: a record was to be given to a user who has been deactivated (section 13)
_INACTIVE = "INACTIVE_OWNER_OR_USER"


class SalesforceCrm:
    """One Salesforce org, as source and as CRM; for one process and one thread at a time."""

    def __init__(
        self,
        options: Mapping[str, Any],
        *,
        system: str = "salesforce",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Read the ``crm`` section of handoff.yaml; sends nothing.

        Raises:
            ConfigError: the options are incomplete or wrong.
        """
        read = read_options(options, at=f"crm ({system})")
        self._system = system
        self._connection = Connection(read, system=system, sleep=sleep)
        self._schema = Schema(self._connection, system=system)
        self._selector = Selector(self._schema)
        self._puller = Puller(self._connection, self._schema, self._selector, system=system, overlap=read.overlap)
        self._lookup = Lookup(self._connection, self._schema, system=system)
        self._listing = Listing(self._connection, self._selector, system=system)
        self._references = References(self._schema, self._lookup)
        self._creator = Creator(self._connection, self._schema, self._lookup)
        self._updater = Updater(self._connection, self._schema, self._lookup)
        self._bulk = BulkUpdates(self._connection, self._schema)
        self._bulk_from = read.bulk_from
        self._auth = read.auth

    def traits(self) -> AdapterTraits:
        """Say what the engine must know. Sends nothing: whether keys are unique is known after the first describe."""
        usage = self._connection.usage
        shapes = {word: self._schema.known(word) for word in ("task", "lead", "contact")}
        return AdapterTraits(
            system=self._system,
            people=PEOPLE,
            opt_outs=OPT_OUTS,
            accounts=ACCOUNTS,
            streams=tuple(StreamTraits(spec.name, spec.word, spec.lane) for spec in STREAMS.values()),
            streams_per_call=QUERIES_PER_COMPOSITE,
            batch_size=ROWS_PER_CALL,
            settle_after=SETTLE_AFTER,
            creation_key_unique={word: shape is not None and shape.key_is_unique() for word, shape in shapes.items()},
            daily_calls=usage.limit if usage else None,
            native=NATIVE,
            custom_suffix=CUSTOM,
            native_values=NATIVE_VALUES,
        )

    def want(self, fields: Sequence[tuple[str, str]]) -> None:
        """Ask that pulls carry these (object, native field) pairs besides the standard ones. Sends nothing."""
        self._selector.want(fields)

    def check(self) -> list[Finding]:
        """Test address, credentials and rights, each as one line. Reads only.

        Raises:
            TransientError: the org cannot be reached.
        """
        return Checker(self._connection, self._schema, self._puller.masked).check(self._selector.wishes())

    def fields(self, object: str) -> list[FieldInfo]:  # noqa: A002 - the port's own word
        """Describe the fields of one of our words as our user sees them.

        Raises:
            AccessError: not let in, or the object is not visible.
            TransientError: the org cannot be reached.
        """
        return field_infos(self._schema.get(object))

    def doubt_fields(self) -> None:
        """Describe objects anew at the next use. Sends nothing."""
        self._schema.forget()

    def begin_cycle(self, cursors: Mapping[str, str | None], now: datetime) -> None:
        """Announce the streams that will be pulled next, with their cursors, so that polls can share calls.

        Optional. Sends nothing; the first pull of each five asks for all five.
        """
        del now
        self._puller.begin_cycle(cursors)

    def pull(self, stream: str, cursor: str | None, *, now: datetime) -> Iterator[Page]:
        """Read what changed in one stream since ``cursor``; promises as in the port. The vendor's clock is used."""
        del now
        return self._puller.pull(stream, cursor)

    def fetch_people(self, refs: Sequence[Ref]) -> list[RecordVersion]:
        """Read these leads and contacts now; the gone, merged and converted away are left out."""
        found: list[RecordVersion] = []
        for spec in (STREAMS["leads"], STREAMS["contacts"]):
            ids = list(dict.fromkeys(ref.id for ref in refs if ref.object == spec.word and _is_person(ref)))
            selection = self._selector.selection(spec) if ids else None
            if selection is None:
                continue
            reader = RowReader(spec, selection.shape, selection.fields, system=self._system)
            for start in range(0, len(ids), _IDS_PER_QUERY):
                try:
                    rows = self._connection.query_all(selection.by_ids(ids[start : start + _IDS_PER_QUERY]))
                except ApiError as error:
                    raise self._refused(error) from None
                found += [row.record for row in reader.read_all(rows)[0]]
        return [record for record in found if not record.deleted and record.merged_into is None]

    def apply(self, writes: Sequence[Write], *, now: datetime) -> Sequence[WriteOutcome]:
        """Apply at most 200 writes; one outcome per write, in order; promises as in the port.

        Creations are one call for all objects, updates another; fields that people write too take a look before.
        Writes that refer to creations of the same batch go after them.
        """
        self._schema.load(WRITABLE)
        batches = Batches()
        if isinstance(writes, OwnUpdates) and as_they_stand(writes):
            return self._told(writes, self._updater.apply_own(writes, batches), now)
        distinct = list({write.key: write for write in writes}.values())
        waiting = [write for write in distinct if write.references and open_references(write)]
        ready = [write for write in distinct if not open_references(write)] if waiting else distinct
        outcomes = self._send(ready, batches)
        if waiting:
            ready, unready = self._references.resolve(waiting, outcomes, batches)
            outcomes |= unready | self._send(ready, batches)
        return self._told(writes, [outcomes[write.key] for write in writes], now)

    def _told(self, writes: Sequence[Write], told: Sequence[WriteOutcome], now: datetime) -> Sequence[WriteOutcome]:
        """Give outcomes with what only the whole batch tells, and see what they say of the org's fields."""
        if isinstance(told, AsAsked) or all(outcome.kind is OutcomeKind.WRITTEN for outcome in told):
            return told
        if any(outcome.code in _STALE for outcome in told if outcome.code):
            # A field went away or was closed to us: describe anew before the next batch.
            self._schema.forget()
        return [self._with_bound(write, outcome, now) for write, outcome in zip(writes, told, strict=True)]

    def _send(self, writes: Sequence[Write], batches: Batches) -> dict[str, WriteOutcome]:
        outcomes = self._creator.apply([write for write in writes if write.kind == "create"], batches)
        return outcomes | self._updater.apply([write for write in writes if write.kind == "update"], batches)

    def calls_of(self, batch: BatchShape) -> int:
        """Count one call for creations, one for updates, and one to look at what people write too."""
        updates = batch.own + batch.contested
        return bool(batch.creations) + bool(updates) + bool(batch.contested)

    def _with_bound(self, write: Write, outcome: WriteOutcome, now: datetime) -> WriteOutcome:
        """Say until when a lost write may still come true; a creation by unique key may be sent again at once."""
        if outcome.code == _INACTIVE:
            return outcome.but(code=INACTIVE_OWNER)
        if outcome.kind is not OutcomeKind.UNKNOWN:
            return outcome
        shape = self._schema.known(write.object)
        if write.kind == "create" and shape is not None and shape.key_is_unique():
            return outcome
        seen = self._connection.clock()
        # A cycle may run on another day's clock (``--as-of``); then the vendor's would tell the engine nothing.
        base = max(seen, now) if seen and abs(seen - now) < _SAME_TIME else now
        return outcome.but(not_before=base + SETTLE_AFTER + _MARGIN)

    def bulk_from(self) -> int:
        """Say from how many rows of one object on a Bulk job is cheaper in calls; 0: never."""
        return self._bulk_from

    def bulk_rows(self) -> int:
        """Say how many rows a job may have."""
        return MOST_ROWS

    def bulk_fits(self, write: Write) -> bool:
        """Say whether a write is an update of nothing but fields of ours."""
        return write.object in OBJECTS and only_ours(write)

    def bulk_begin(self, object: str) -> str:  # noqa: A002
        """Make a Bulk job and give its id; promises as in the port."""
        try:
            return self._bulk.begin(object)
        except ApiError as error:
            raise self._refused(error) from None

    def bulk_fill(self, job: str, writes: Sequence[Write]) -> None:
        """Upload the rows and close the job."""
        with suppress(ApiError, OutcomeUnknown, TransientError):
            self._bulk.fill(job, writes)

    def bulk_ended(self, job: str) -> bool:
        """Say whether a job has ended; promises as in the port."""
        return self._bulk.ended(job)

    def bulk_settle(self, job: str, writes: Sequence[Write]) -> Sequence[WriteOutcome] | None:
        """Give the outcomes of a job that has ended; promises as in the port."""
        return self._bulk.settle(job, writes)

    def find_applied(self, writes: Sequence[Write]) -> Mapping[str, str | None]:
        """Say which earlier sent writes are in the CRM: key → record id, or None; promises as in the port."""
        return self._lookup.find_applied(writes)

    def read_fields(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Value]]:  # noqa: A002
        """Read fields of records by id: id → values; records that are gone are left out."""
        return self._lookup.read_fields(object, ids, fields)

    def listed_objects(self) -> Mapping[str, bool]:
        """Give what can be listed: everything that is pulled, as far as sharing shows it to our user."""
        return self._listing.objects()

    def listing_calls(self, object: str, records: int) -> int:  # noqa: A002, ARG002 - the port's word
        """Count pages of the query."""
        return max(1, -(-records // LISTED_PER_CALL))

    def list_living(self, object: str, fields: Sequence[str] = ()) -> Iterator[list[Listed]]:  # noqa: A002
        """Name living records, archived tasks too; promises as in the port."""
        return self._listing.living(object, fields)

    def read_records(self, object: str, ids: Sequence[str]) -> Page:  # noqa: A002
        """Read records as a pull would, deleted ones too; promises as in the port."""
        return self._listing.read(object, ids)

    def provision(
        self, fields: Sequence[FieldSpec], readable: Sequence[tuple[str, str]], *, dry_run: bool
    ) -> list[ProvisionStep]:
        """Create missing fields, the permission set and its assignment; promises as in the port."""
        return FieldProvisioner(self._connection, self._schema, system=self._system).provision(
            fields, readable, dry_run=dry_run
        )

    def user_id(self) -> str | None:
        """Give the id of the user we sign in as; one call per process.

        Raises:
            AccessError, RateLimited, TransientError: as for pulls.
        """
        try:
            return self._connection.user_id()
        except ApiError as error:
            raise self._refused(error) from None

    def usage(self) -> Usage | None:
        """Give the org's own count of calls as last seen in an answer, or None before the first."""
        return self._connection.usage

    def calls(self) -> int:
        """Count the HTTP requests this object has sent, sign-in and look-ups included."""
        return self._connection.session.calls

    def fence(self, may_send: Callable[[], None]) -> None:
        """Ask before each request whether it may still go; see the port."""
        self._connection.session.may_send = may_send

    def meanwhile(self, work: Callable[[], None] | None) -> None:
        """Do something while an answer is awaited; see the port."""
        self._connection.session.meanwhile = work

    def expires(self) -> dict[str, datetime]:
        """Give the end of the certificate that a JWT is signed with, where the key file holds it."""
        end = certificate_end(self._auth)
        return {} if end is None else {"certificate": end}

    def lacks(self) -> list[str]:
        """Say what this org does not do for us, as far as has been asked. Sends nothing."""
        return shortcomings(self._schema, self._puller.masked.missing())

    def waits(self) -> Waits:
        """Count retries and waits since this object was made."""
        return self._connection.session.waits

    def circuit(self) -> Circuit:
        """Say whether the org is asked at present, or left alone because it did not answer."""
        return self._connection.session.circuit

    def clock(self) -> datetime | None:
        """Give the vendor's clock as last seen in an answer, or None before the first."""
        return self._connection.clock()

    def ahead(self) -> timedelta | None:
        """Give how far this machine's clock was ahead of the vendor's at the last answer; None before the first."""
        return self._connection.ahead()

    def close(self) -> None:
        """Give back connections. Safe to call twice."""
        self._connection.close()

    def _refused(self, error: ApiError) -> HandoffError:
        if error.status >= 500:
            code = f"{self._system}.{error.code.lower()}"
            return TransientError(code, "the org could not answer", at=self._system)
        return AccessError(
            f"{self._system}.{error.code.lower()}", "our user may not read what is needed", at=self._system
        )


def _is_person(ref: Ref) -> bool:
    """Say whether the id can be one of this object: the org refuses a whole query for one that cannot."""
    return PERSON_PREFIXES.get(ref.id[:3]) == ref.object and len(ref.id) in (15, 18) and ref.id.isalnum()
