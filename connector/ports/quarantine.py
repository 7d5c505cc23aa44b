"""Events that machines made in people's names: kept apart with evidence, released and restored by people.

One row per event that looks like a machine's, or did: ``held`` counts for nothing, ``released`` counts again because
somebody said so, ``cleared`` counts because what is known now does not speak against it (any more).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

import pyarrow as pa

_INSTANT = pa.timestamp("us", "UTC")
QuarantineState = Literal["held", "released", "cleared"]
Scope = Literal["event", "person", "campaign"]
Word = Literal["release", "restore"]

#: What tells one event from every other.
EVENT = ("system", "kind", "id")
#: ``ref_…`` is the reference under which it was done. ``since``: the clock of the cycle that brought it into ``state``.
#: ``patterns``: words in order, separated by blanks. ``after_ms``: milliseconds from ``after`` (delivery, sending) to
#: the event, below zero where it came first. ``at_once``: different links, or page views, at the same time. ``version``
#: is that of the last commit by which the event came to count, or ceased to.
QUARANTINE = pa.schema(
    [
        ("system", pa.string()),
        ("kind", pa.string()),
        ("id", pa.string()),
        ("type", pa.string()),
        ("ref_system", pa.string()),
        ("ref_object", pa.string()),
        ("ref_id", pa.string()),
        ("campaign", pa.string()),
        ("occurred_at", _INSTANT),
        ("state", pa.string()),
        ("since", _INSTANT),
        ("patterns", pa.string()),
        ("after_ms", pa.int64()),
        ("after", pa.string()),
        ("at_once", pa.int64()),
        ("version", pa.int64()),
    ]
)
#: States that rows had before: from ``since``, included, up to ``until``, not included.
QUARANTINE_PAST = pa.schema(
    [
        ("system", pa.string()),
        ("kind", pa.string()),
        ("id", pa.string()),
        ("since", _INSTANT),
        ("state", pa.string()),
        ("until", _INSTANT),
    ]
)
#: Who did something: a reference as in identities.
REFERENCES = pa.schema([("system", pa.string()), ("object", pa.string()), ("id", pa.string())])


@dataclass(frozen=True, slots=True)
class QuarantineAnswer:
    """What somebody said of an event, a person or a campaign; of several that speak of one event the latest counts.

    ``name`` is ``system:kind:id`` of an event, ``system:object:id`` of one of a person's references, or
    ``system:campaign``. ``known_at``: the clock of the cycle that took it up; None until then.
    """

    number: int
    answer: Word
    scope: Scope
    name: str
    who: str
    at: datetime
    known_at: datetime | None


@dataclass(frozen=True, slots=True)
class CampaignShare:
    """How many events of one campaign are in which state."""

    system: str
    campaign: str
    held: int
    released: int


class Quarantine(Protocol):
    """The list of quarantined events; part of the store."""

    def commit(
        self, rows: pa.Table, past: pa.Table, *, answers: Sequence[int] = (), at: datetime, mark: str | None = None
    ) -> int:
        """Put rows (``QUARANTINE``) and what they were before, all or nothing.

        Rows whose ``version`` is below zero get a new one, the same for all of them; the version grows only for these.
        ``answers`` are taken up as of ``at``. ``mark`` replaces what ``mark()`` gives. Returns the version.
        """
        ...

    def mark(self) -> str | None:
        """Give the words of the last commit: what has been looked at."""
        ...

    def version(self) -> int:
        """Give the version of the latest change; 0 before the first."""
        ...

    def rows(self, *, low: datetime | None = None, high: datetime | None = None) -> pa.Table:
        """Give rows (``QUARANTINE``) that occurred between two instants, both included; all without them."""
        ...

    def held(self, *, as_of: datetime | None = None) -> pa.Table:
        """Give what counts for nothing (``EVENT``): now, or as it was known at ``as_of``; in order."""
        ...

    def rows_of(self, references: Sequence[str], *, as_of: datetime | None = None) -> pa.Table:
        """Give the rows of some references (``system:object:id``), latest event first.

        With ``as_of`` in the state they had then, without those that came onto the list later.
        """
        ...

    def references_of(self, id_: str) -> list[str]:
        """Give the references with this id (``system:object:id``) of whom anything is on the list, in order."""
        ...

    def find(self, id_: str) -> pa.Table:
        """Give the rows of events with this id, in whatever system."""
        ...

    def listed(
        self, states: Sequence[QuarantineState], *, campaign: str | None = None, limit: int
    ) -> tuple[pa.Table, int]:
        """Give at most ``limit`` rows in some states, latest event first, and how many there are."""
        ...

    def counts(self) -> dict[str, int]:
        """Count rows by state."""
        ...

    def by_campaign(self) -> list[CampaignShare]:
        """Count held and released events by campaign, most held first."""
        ...

    def changed_since(self, version: int) -> pa.Table:
        """Give the references (``REFERENCES``) of whom any row changed after a version: rebuild what they did."""
        ...

    def answer(self, answer: Word, scope: Scope, names: Sequence[str], *, who: str, at: datetime) -> int:
        """Note an answer for each name; the next cycle takes it up. Returns how many there were."""
        ...

    def answers(self) -> list[QuarantineAnswer]:
        """List all answers ever, oldest first."""
        ...
