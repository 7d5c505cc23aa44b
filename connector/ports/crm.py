"""What we ask of the system in which sales lives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from connector.domain.records import Value
from connector.domain.writes import Write, WriteOutcome
from connector.ports.source import Source


@runtime_checkable
class Crm(Source, Protocol):
    """A CRM is a source that can also be written to. Objects: ``lead``, ``contact``, ``account``, ``task``."""

    def apply(self, writes: Sequence[Write], *, now: datetime) -> Sequence[WriteOutcome]:
        """Apply at most ``batch_size`` writes in as few calls as the vendor allows; one outcome per write, in order.

        A refused record is an outcome, not an exception. After a lost answer the outcome is ``UNKNOWN``, never
        ``RETRY``. Creations go by key, so that a repeat finds the record where the org can store a unique key.
        Values of fields that are not in ``ours`` are read and patched in one call where the vendor has one; a value
        that is not the expected one stays, or is put back (``HUMAN_WON``).
        Most batches are ``OwnUpdates``: who can send them as they stand may, and give ``AsAsked`` where all came true.
        Raise only when nothing in the batch was attempted.

        Raises:
            AccessError: not let in; nothing was sent.
            RateLimited: quota spent; nothing was sent.
            TransientError: unreachable; certainly nothing was sent.
        """
        ...

    def find_applied(self, writes: Sequence[Write]) -> Mapping[str, str | None]:
        """Say which earlier sent writes are in the CRM: key → record id, or None where nothing is seen (yet).

        Creations are looked up by walking record → its tasks → our key, or by the key field of leads and contacts,
        never by a search index. An update counts as applied when every wanted value stands in the record.

        Raises:
            AccessError, RateLimited, TransientError: as for pulls.
        """
        ...

    def read_fields(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Value]]:  # noqa: A002
        """Read fields of records by id: id → values; records that are gone are left out."""
        ...

    def user_id(self) -> str | None:
        """Give the CRM's id of the user we sign in as, or None where there are no users. May send one request."""
        ...

    def clock(self) -> datetime | None:
        """Give the vendor's clock as last seen in an answer (its Date header), or None before the first call."""
        ...


@dataclass(frozen=True, slots=True)
class BatchShape:
    """What is in one batch of writes, in numbers.

    Attributes:
        own: updates of nothing but fields that only we write.
        contested: other updates.
    """

    creations: int
    own: int
    contested: int


@runtime_checkable
class Estimating(Protocol):
    """The extra ability of CRMs whose batches take other than one call each."""

    def calls_of(self, batch: BatchShape) -> int:
        """Say how many calls ``apply`` takes for such a batch at most, when nothing goes wrong. Sends nothing."""
        ...


#: the code of rows that the CRM refused because the user they give a record to is not active any more
INACTIVE_OWNER = "inactive_owner"
#: the code of rows that came back because the CRM refused their job as a whole; as a job they would be refused again
JOB_REFUSED = "bulk_job_refused"


@runtime_checkable
class Bulky(Protocol):
    """The extra ability of CRMs that take many updates as one job, worked on while we do something else."""

    def bulk_from(self) -> int:
        """Say from how many rows of one object on a job is cheaper in calls; 0: never. Sends nothing."""
        ...

    def bulk_rows(self) -> int:
        """Say how many rows a job may have. Sends nothing."""
        ...

    def bulk_fits(self, write: Write) -> bool:
        """Say whether a write may go this way: an update of nothing but fields of ours. Sends nothing."""
        ...

    def bulk_begin(self, object: str) -> str:  # noqa: A002
        """Make a job and give its id. Nothing is written by a job that is not filled.

        Raises:
            AccessError, RateLimited, TransientError: there is no job.
            OutcomeUnknown: perhaps there is one, of which nothing will come.
        """
        ...

    def bulk_fill(self, job: str, writes: Sequence[Write]) -> None:
        """Hand over the rows and let the CRM begin. Whatever goes wrong, ``bulk_settle`` tells what became of it."""
        ...

    def bulk_ended(self, job: str) -> bool:
        """Say whether a job has ended, or is not there; False while it is at work or cannot be asked.

        A job that was made and never handed over is given up, which ends it.
        """
        ...

    def bulk_settle(self, job: str, writes: Sequence[Write]) -> Sequence[WriteOutcome] | None:
        """Give one outcome per write, in order, of a job that has ended; None where the CRM cannot tell now.

        Rows of a job that was given up, or is not there, are ``RETRY``: then, and only then, may they go again. Where
        the CRM refused the job as a whole their code is ``JOB_REFUSED``.
        """
        ...


@runtime_checkable
class Redescribing(Protocol):
    """The extra ability of CRMs that keep what they know of fields and rights."""

    def doubt_fields(self) -> None:
        """Ask the CRM anew for its fields at the next use. Sends nothing."""
        ...


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A CRM field that must exist. ``object`` is our word; ``task`` stands for the vendor's activity."""

    object: str
    name: str
    label: str
    type: Literal["text", "long_text", "number", "date", "datetime", "picklist"]
    #: characters for text
    length: int = 255
    unique: bool = False
    external_id: bool = False
    #: for picklists
    values: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class ProvisionStep:
    """One thing provisioning would do, did, found done, or could not do."""

    what: str
    state: Literal["would", "done", "present", "failed"]
    message: str = ""


@runtime_checkable
class Provisioner(Protocol):
    """The extra ability of CRMs in which we may create fields and rights."""

    def provision(
        self, fields: Sequence[FieldSpec], readable: Sequence[tuple[str, str]], *, dry_run: bool
    ) -> list[ProvisionStep]:
        """Create missing fields, the least-privilege permission set over ``fields`` and ``readable`` pairs
        (object, field), and its assignment to our user. Repeatable. With ``dry_run`` nothing is sent but reads.

        Raises:
            AccessError: our user may not do this; the message names the right.
        """  # noqa: D205
        ...
