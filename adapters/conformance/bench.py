"""What the contract suite needs to know of an adapter's world: a bench builds one small world per test."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from connector.domain.records import Value
from connector.ports.crm import Crm
from connector.ports.source import Source


class SourceBench(Protocol):
    """One small world with an adapter to it. Put rows that share one timestamp into it, more than fit one page."""

    #: the cycle's clock
    now: datetime

    def source(self) -> Source:
        """Give a fresh adapter to this same world, as after a restart."""
        ...

    def expected(self, stream: str) -> set[str]:
        """Give the ids of all rows that a first pull of the stream must bring (records and activities)."""
        ...

    def change(self, stream: str) -> set[str]:
        """Let rows change or appear now and give their ids; an empty set where the world cannot change."""
        ...

    def spoil(self, stream: str) -> str:
        """Make one expected row unreadable and give its id; an empty text where the world cannot."""
        ...

    def close(self) -> None:
        """Take the world down."""
        ...


class CrmBench(SourceBench, Protocol):
    """A world with a CRM adapter to it."""

    def crm(self) -> Crm:
        """Give a fresh adapter to this same world."""
        ...

    def creation(self, object: str) -> Mapping[str, Value]:  # noqa: A002
        """Give fields with which a record of the object can be created; empty where none can."""
        ...

    def existing(self, object: str) -> str:  # noqa: A002
        """Give the id of a record that stands from the start."""
        ...

    def field(self, object: str) -> str:  # noqa: A002
        """Give the name of a text field that the record has, writable, holding ``before`` in the existing record."""
        ...

    def edit(self, object: str, id: str, values: Mapping[str, Value]) -> None:  # noqa: A002
        """Change a record as a person would."""
        ...

    def lose_answer(self) -> bool:
        """Have the next batch written and its answer lost; False where the world cannot."""
        ...


#: What ``CrmBench.field`` holds in the existing record.
BEFORE = "before"
