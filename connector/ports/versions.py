"""Which models and mappings were in use when; part of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

#: ``scoring``: scoring.yaml and the models beside it; ``mappings``: every file of the folder
VersionKind = Literal["scoring", "mappings"]


@dataclass(frozen=True, slots=True)
class Version:
    """Files as they were when a cycle first met them. The same files are the same version, whenever they come back.

    Attributes:
        number: 1, 2, 3 … by kind, in order of first use.
        digest: hash of the files; for ``mappings`` the one that plans name.
        files: name → text.
        by: who changed them, in their own words; empty where nobody said.
        because: why, likewise.
        first_used: the clock of the first cycle that used them.
    """

    kind: VersionKind
    number: int
    digest: str
    files: Mapping[str, str]
    by: str
    because: str
    first_used: datetime


@dataclass(frozen=True, slots=True)
class VersionUse:
    """One span in which a version was in use: from its first cycle to the first of the next span.

    Attributes:
        run_id: the cycle that began it.
        results: JSON values: ``first`` and ``last`` are what the first and the last cycle of the span said of all.
    """

    kind: VersionKind
    number: int
    since: datetime
    run_id: str
    results: Mapping[str, Any]


class Versions(Protocol):
    """The history of models and mappings."""

    def meet(self, version: Version, *, run_id: str, at: datetime) -> int:
        """Note that a cycle uses these files from ``at`` on; return their number.

        Files of a known digest are that version, whose words stay as they were; others get the next number, whatever
        ``version.number`` says. Where the version in use is another, a span of use begins. May be repeated.
        """
        ...

    def tell(self, kind: VersionKind, results: Mapping[str, Any]) -> None:
        """Keep what a cycle said of everybody with the span in use, as its last word; the first one stays beside it."""
        ...

    def versions(self, kind: VersionKind) -> list[Version]:
        """List all versions in order of number."""
        ...

    def uses(self, kind: VersionKind) -> list[VersionUse]:
        """List the spans in order of time."""
        ...


def in_use(uses: Sequence[VersionUse], at: datetime) -> VersionUse | None:
    """Say which span an instant lies in; None before the first."""
    begun = [use for use in uses if use.since <= at]
    return begun[-1] if begun else None
