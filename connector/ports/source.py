"""What we ask of a system that knows people and what they did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from connector.domain.records import Page, RecordVersion
from connector.domain.refs import Ref
from connector.ports.traits import AdapterTraits, FieldInfo, Finding, Usage


@runtime_checkable
class Source(Protocol):
    """A source of people and activities. One object serves one process and one thread at a time."""

    def traits(self) -> AdapterTraits:
        """Say what the engine must know before it uses this adapter. Sends nothing."""
        ...

    def want(self, fields: Sequence[tuple[str, str]]) -> None:
        """Ask that pulls carry these (object, native field) pairs besides the standard ones. Sends nothing."""
        ...

    def check(self) -> list[Finding]:
        """Test address, credentials and every right the pulls need, each as one line. Reads only.

        Raises:
            TransientError: the system cannot be reached.
        """
        ...

    def fields(self, object: str) -> list[FieldInfo]:  # noqa: A002 - the field's own word
        """Describe the fields of one of our words (``contact``, ``account``) as our user sees them.

        Raises:
            AccessError: not let in.
            TransientError: the system cannot be reached.
        """
        ...

    def pull(self, stream: str, cursor: str | None, *, now: datetime) -> Iterator[Page]:
        """Read what changed in one stream since ``cursor`` (None: everything), page by page.

        Every page carries the cursor that stands behind it; the page with ``last`` ends the stream. A stream pulled
        again from any stored cursor yields every row that changed since, ties on the boundary included; rows may
        repeat. Reads overlap, because vendors index late. Deletions, merges and conversions come as versions with
        ``deleted`` or ``merged_into``. A malformed row is a ``RefusedRow``; it never ends the page.
        ``now`` is the cycle's clock; the adapter trusts the vendor's clock over it.

        Raises:
            AccessError: not let in, or a right is missing.
            RateLimited: rate or quota spent beyond the adapter's patience.
            TransientError: unreachable or talking nonsense (HTML, cut bodies) after bounded retries.
        """
        ...

    def fetch_people(self, refs: Sequence[Ref]) -> list[RecordVersion]:
        """Read these people now; people that are gone are left out. Order is free."""
        ...

    def usage(self) -> Usage | None:
        """Give the vendor's own counter as last seen in an answer, or None before the first call."""
        ...

    def calls(self) -> int:
        """Count the HTTP requests this object has sent, sign-in and look-ups included; 0 for files."""
        ...

    def close(self) -> None:
        """Give back connections. Safe to call twice."""
        ...


@runtime_checkable
class Sharing(Protocol):
    """A source that keeps below the vendor's rate by itself, and can leave some of it to its fast streams."""

    def leave_room(self, *, leave: bool) -> None:
        """Let pulls of slow streams, from now on, leave to the fast ones what these need; or not."""
        ...
