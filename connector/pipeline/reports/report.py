"""What a cycle says of itself: counted from rows, never from intentions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connector.errors import HandoffError
from connector.pipeline.intake.streams_read import in_words, no_file
from connector.pipeline.reports.task_times import told_times
from connector.pipeline.steps import StreamRead
from connector.ports.task_times import TaskTime

DISPOSITIONS = ("fast_lane", "sales", "review", "nurture", "disqualified")
METHODS = ("link", "domain", "name", "review", "none")
HOLDS = ("budget", "limit", "retry", "unknown", "dependency", "mode", "undone", "drift")

#: tasks not opened, tasks closed, rows of the outbox withdrawn, people who asked though they have closed every channel
OPTED_OUT = ("tasks", "closed", "withdrawn", "asked")
#: of late first touches: work given to another, managers told; nobody to give it to or to tell, left with its owner
LATE_TOUCHES = ("reassigned", "managers_told", "nobody_free", "no_manager", "left_to_owner")


@dataclass
class Report:
    """The document of ``run`` and ``plan``; a failed cycle has the same shape as far as it got."""

    run_id: str
    plan_id: str
    as_of: datetime
    mode: str
    verdict: str = "red"
    pulled: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("people", "activities", "crm_records", "repeated", "refused"), 0)
    )
    identity: dict[str, int] = field(default_factory=lambda: {"persons": 0, "merged": 0, "review": 0})
    matched: dict[str, int] = field(default_factory=lambda: dict.fromkeys(METHODS, 0))
    scored: dict[str, int] = field(default_factory=lambda: {"persons": 0, "accounts": 0})
    dispositions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(DISPOSITIONS, 0))
    stages: dict[str, int] = field(default_factory=dict)
    moves: int = 0
    writes: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("planned", "written", "unchanged", "superseded", "held", "dead"), 0)
    )
    held_by: dict[str, int] = field(default_factory=lambda: dict.fromkeys(HOLDS, 0))
    settled: bool = True
    needs_person: int = 0
    created: dict[str, int] = field(default_factory=dict)
    updated: dict[str, int] = field(default_factory=dict)
    api_calls: dict[str, dict[str, int]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=lambda: {"pull": 0.0, "score": 0.0, "write": 0.0, "total": 0.0})
    #: system → stream → rows it said there were, and rows that came, for systems that tell
    streams: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    #: streams of which fewer rows came than announced, and patterns that no file matches, each in a sentence
    missing: list[str] = field(default_factory=list)
    #: what was not done, or taken back, because people do not want to be reached
    opted_out: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OPTED_OUT, 0))
    #: what was done about first touches that are late
    late_touches: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LATE_TOUCHES, 0))
    #: how long it took from what set off a task to the task in the CRM, for those confirmed in this cycle
    event_to_task: dict[str, Any] = field(default_factory=lambda: told_times([], target=None))
    #: the same one by one: what opened it → seconds
    task_seconds: dict[str, list[float]] = field(default_factory=dict)
    undo: dict[str, Any] | None = None
    #: streams and kinds of event that have fallen silent, each in a sentence
    silent: list[str] = field(default_factory=list)
    #: kinds of record of which many have been deleted, each in a sentence
    deleted: list[str] = field(default_factory=list)
    #: fields of the systems that are not what they were, each in a sentence
    drift: list[str] = field(default_factory=list)
    error: dict[str, str] | None = None

    def add_pulled(self, counts: dict[str, int], streams: Sequence[StreamRead]) -> None:
        """Tell what was pulled, and of each stream whose system tells it how much there was to see."""
        self.pulled = counts
        for read in streams:
            if read.expected is not None:
                one = self.streams.setdefault(read.system, {}).setdefault(read.stream, {"expected": 0, "seen": 0})
                one["expected"] += read.expected
                one["seen"] += read.seen
        self.missing = [
            in_words(read.system, read.stream, read.expected or 0, read.seen) for read in streams if read.missing
        ]
        self.missing += [no_file(read.system, read.stream, name) for read in streams for name in read.unmatched]

    def add_times(self, times: Sequence[TaskTime], *, target: timedelta | None) -> None:
        """Tell how long tasks took that have been confirmed; an event that took longer than ``target`` is missed."""
        self.event_to_task = told_times(times, target=target)
        for one in times:
            self.task_seconds.setdefault(one.opened_by, []).append(one.seconds)

    def add_writes(self, tally: Mapping[str, int], *, by_mode: int = 0) -> None:
        """Account for every row of the cycle.

        ``tally`` is the outbox's own count (``Outbox.tally``); ``by_mode`` rows were decided and dropped because the
        mode writes nothing.
        """
        writes = self.writes
        for name in ("written", "unchanged", "superseded", "dead"):
            writes[name] += tally.get(name, 0)
        held = Counter({"retry": tally.get("todo", 0), "unknown": tally.get("unknown", 0) + tally.get("doing", 0)})
        held["mode"] = by_mode
        for key, count in tally.items():
            head, _, reason = key.partition(":")
            if head == "held":
                held[reason] += count
        for reason, count in held.items():
            if count:
                self.held_by[reason] = self.held_by.get(reason, 0) + count
        writes["held"] += sum(held.values())
        writes["planned"] += sum(tally.values()) + by_mode
        self.settled = not (tally.get("todo") or tally.get("doing") or tally.get("unknown"))

    def add_kinds(self, by_kind: Mapping[tuple[str, str], int]) -> None:
        """Count what was written by kind of write and of record: ("create", "task") → rows."""
        for (kind, object_), count in by_kind.items():
            part = self.created if kind == "create" else self.updated
            part[object_] = part.get(object_, 0) + count

    def judge(self, *, dead_share: float) -> str:
        """Say green, amber or red from the rows and from what failed to appear."""
        writes = self.writes
        accounted = sum(writes[name] for name in ("written", "unchanged", "superseded", "held", "dead"))
        if (
            self.error is not None
            or self.silent
            or accounted != writes["planned"]
            or writes["dead"] > dead_share * max(1, writes["planned"])
        ):
            self.verdict = "red"
        elif any(
            (writes["held"], writes["dead"], self.event_to_task["missed"], self.drift, self.missing, self.deleted)
        ):
            self.verdict = "amber"
        else:
            self.verdict = "green"
        return self.verdict

    def fail(self, error: HandoffError) -> None:
        """Put an error into the document."""
        self.verdict = "red"
        self.error = {"code": error.code, "message": error.message, "cure": error.cure, "at": error.at}

    def document(self) -> dict[str, Any]:
        """Give the JSON document of interface.md."""
        body = {
            "run_id": self.run_id,
            "plan_id": self.plan_id,
            "as_of": self.as_of.isoformat().replace("+00:00", "Z"),
            "mode": self.mode,
            "verdict": self.verdict,
            "pulled": self.pulled,
            "streams": self.streams,
            "missing": self.missing,
            "identity": self.identity,
            "matched": self.matched,
            "scored": self.scored,
            "dispositions": self.dispositions,
            "stages": self.stages,
            "moves": self.moves,
            "writes": self.writes,
            "held_by": self.held_by,
            "settled": self.settled,
            "needs_person": self.needs_person,
            "created": self.created,
            "updated": self.updated,
            "opted_out": self.opted_out,
            "late_touches": self.late_touches,
            "event_to_task": self.event_to_task,
            "silent": self.silent,
            "drift": self.drift,
            "deleted": self.deleted,
            "api_calls": self.api_calls,
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }
        body |= {} if self.undo is None else {"undo": self.undo}
        return body if self.error is None else body | {"error": self.error}
