"""What a comparison of both sides found, and how it is told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.pipeline.both_sides.events_told import EventStream, days_of, missing_by_kind
from connector.pipeline.both_sides.two_sides import Difference, Sides

#: differences named per cause and kind of record
EXAMPLES = 10
#: what people do about a difference
CURES: Mapping[str, str] = {
    "missed_change": "`handoff reconcile --repair` pulls these records",
    "missed_deletion": "`handoff reconcile --repair` lands the deletions",
    "missed_event": "`handoff reconcile --repair` reads the days anew that differ",
    "unseen": "share these records with our user, or delete them for good; until then they stay as they were last seen",
    "lost_write": "the next run writes it again; `--repair` first, where the record is older in the lake",
    "overwritten": "somebody else writes into our field: find the automation; the next run writes it again",
    "doubled_key": "two records carry one creation key: merge or delete one in the CRM",
}


@dataclass(slots=True)
class Reconciled:
    """What was found.

    Attributes:
        not_compared: (system, stream, why).
        repaired: rows landed by ``missed_change``, ``missed_deletion`` and ``missed_event``.
        after: what a second look found in all that differed, once it was repaired.
    """

    as_of: datetime
    sides: list[Sides] = field(default_factory=list)
    events: list[EventStream] = field(default_factory=list)
    not_compared: list[tuple[str, str, str]] = field(default_factory=list)
    forecast: dict[str, int] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    own_fields: int = 0
    creations: int = 0
    foreign_keys: int = 0
    repaired: dict[str, int] = field(default_factory=dict)
    left_alone: list[str] = field(default_factory=list)
    after: Reconciled | None = None

    @property
    def differences(self) -> list[Difference]:
        """All differences, in the order of comparing."""
        missed = missing_by_kind(self.events).items()
        events = [Difference("missed_event", system, kind, id_) for (system, kind), ids in missed for id_ in ids]
        return [one for sides in self.sides for one in sides.differences] + events

    @property
    def equal(self) -> bool:
        """Whether both sides agree, after a repair where there was one."""
        return not (self if self.after is None else self.after).differences

    def concerns(self, system: str, name: str) -> bool:
        """Say whether a kind of record or a stream of events differs."""
        records = any(one.differences for one in self.sides if (one.system, one.object) == (system, name))
        return records or any(one.missing for one in self.events if (one.system, one.stream) == (system, name))

    def document(self) -> dict[str, Any]:
        """Give what ``reconcile --json`` prints."""
        left = None if self.after is None else _groups(self.after.differences)
        systems = sorted({*self.forecast, *self.used})
        return {
            "as_of": self.as_of.isoformat().replace("+00:00", "Z"),
            "equal": self.equal,
            "streams": [_told(sides) for sides in self.sides],
            "not_compared": [
                {"system": system, "stream": stream, "why": why} for system, stream, why in self.not_compared
            ],
            "own_fields": self.own_fields,
            "creations": self.creations,
            "foreign_keys": self.foreign_keys,
            "events": [one.document() for one in days_of(self.events)],
            "differences": _groups(self.differences),
            "repaired": self.repaired,
            "left": left,
            "left_alone": self.left_alone,
            "api_calls": {
                name: {"forecast": self.forecast.get(name, 0), "used": self.used.get(name, 0)} for name in systems
            },
        }


def _groups(found: Sequence[Difference]) -> list[dict[str, Any]]:
    grouped: dict[tuple[str, str, str], list[Difference]] = defaultdict(list)
    for one in found:
        grouped[one.cause, one.system, one.object].append(one)
    return [_group(*key, some) for key, some in grouped.items()]


def _group(cause: str, system: str, object_: str, found: Sequence[Difference]) -> dict[str, Any]:
    examples = [{"id": one.id} | ({"field": one.field} if one.field else {}) for one in found[:EXAMPLES]]
    return {
        "cause": cause,
        "system": system,
        "object": object_,
        "count": len(found),
        "examples": examples,
        "cure": CURES[cause],
    }


def _told(sides: Sides) -> dict[str, Any]:
    return {
        "system": sides.system,
        "object": sides.object,
        "streams": list(sides.streams),
        "theirs": sides.theirs,
        "ours": sides.ours,
        "sampled": sides.sampled,
        "changed_since": sides.since,
        "erased": sides.erased,
        "differences": len(sides.differences),
    }
