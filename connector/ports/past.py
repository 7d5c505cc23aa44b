"""What was remembered at an earlier instant; part of the store. Erased people are in no past."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from connector.ports.knowledge import Review


class Past(Protocol):
    """Memory as it stood at ``at``, what was committed at that very instant included."""

    def identities(self, at: datetime) -> pa.Table:
        """Give all references known by then and whose they were (schema ``IDENTITIES``).

        Where nobody noted since when a reference is known it counts as known ever since.
        """
        ...

    def retired(self, at: datetime) -> list[str]:
        """List persons who had references before, and none then; in order."""
        ...

    def reviews(self, at: datetime, state: str | None = None) -> list[Review]:
        """List the questions asked by then with the answers given by then, oldest first; states as in ``Knowledge``."""
        ...

    def persons(self, ids: Sequence[str], at: datetime) -> pa.Table:
        """Give what is still known of some people's memory at the time (schema ``PERSONS``).

        Stage with instant and number of entry, account, and in ``shown`` ``total``, ``grade`` and ``verdict`` as last
        written by then; the rest is null. Whoever had neither stage nor number has no row.
        """
        ...

    def references_of(self, person_id: str) -> list[str]:
        """List the references (``system:object:id``) that once belonged to somebody and went to others; in order."""
        ...

    def moves_at_account(self, account_id: str, at: datetime) -> pa.Table:
        """Give who came to an account and who left it by then, in time order (schema ``ACCOUNT_MOVES``)."""
        ...
