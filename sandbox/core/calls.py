"""The call ledger: what a client asked for, beside the least with which one pass could have done.

**What counts.** Every request that reaches an org is one call, whatever it carries; only resources of which the
vendor counts each part (Salesforce's composite batch) count several. A call is *apart*, outside ``used``, when the
vendor's room marks it so (``sign_in``, ``describe``, ``limits``, ``look_up``, ``bulk_poll``, ``provision``,
``fault``) or when its stream did not need it, see below. Everything else is *used*.

**Streams.** A stream is a set of rows that a client reads through pages, such as all leads. A row is *due* when it
is not the client's own echo (last written by the client's own user) and its present version had not been handed out
before the mark. At the first load everything is due; at a quiet poll nothing is.

**The floor of reads** is, for each stream that was read since the mark, ``max(1, ceil(due rows / largest page))``:
the poll that finds nothing is granted.

**Overlap, echo, re-anchored windows.** Rows handed out before the mark (overlap), the client's own echo, and rows
repeated on a page that also brings new ones (the inclusive edge of a window) may cost a client further pages. Of a
stream's calls, ``ceil(all of these and the new rows / largest page) - max(1, ceil(new rows / largest page))`` are
therefore set apart as ``overlap``. An empty page directly after a full one (the end of a window that happened to be
full) is set apart as ``re_anchored``. A page of which every row had already been handed out since the mark is never
excused: a client that asks twice has used twice.

**The floor of writes** is, per kind of write (create, update, upsert, delete) and object type, ``ceil(rows /
largest batch)``, where a row counts each time it had an effect. A vendor may let several types share one call; the
floor does not demand that, so that ``used`` may lie below it, as it may when several queries share one composite
call.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

#: A version of a row: its id, what changes with each modification (usually the stamp), and whether the client's own
#: user wrote it.
Version = tuple[str, object, bool]


@dataclass(slots=True, frozen=True)
class Stream:
    """A set of rows a client reads in pages."""

    name: str
    largest_page: int
    #: All rows of the stream in their present version.
    rows: Callable[[], Iterable[Version]]


@dataclass(slots=True)
class Read:
    """One page of a stream as it was handed out."""

    stream: Stream
    rows: list[Version]
    #: The page held as many rows as it could.
    full: bool = False


@dataclass(slots=True)
class Written:
    """Rows of one type that a request wrote with effect; rows refused or left as they were are not counted."""

    object: str
    kind: str
    rows: int
    largest_batch: int


@dataclass(slots=True)
class Call:
    """What an org reports about one request."""

    method: str
    #: The path's template, such as ``/services/data/{version}/query``.
    endpoint: str
    status: int = 0
    #: Why the call stays outside ``used``; None when it counts.
    apart: str | None = None
    reads: list[Read] = field(default_factory=list)
    writes: list[Written] = field(default_factory=list)
    #: The request broke a documented limit (batch too large, rate exceeded, address too long).
    violation: bool = False
    #: How many calls the vendor counts for it.
    cost: int = 1


@dataclass(slots=True)
class _StreamTally:
    stream: Stream
    #: Versions handed out before the mark, and since.
    before: dict[str, object] = field(default_factory=dict)
    since: dict[str, object] = field(default_factory=dict)
    #: Calls that read only this stream, and calls that it shared.
    alone: int = 0
    shared: int = 0
    fresh: int = 0
    excusable: int = 0
    re_anchored: int = 0
    last_full: bool = False

    def take(self, read: Read, *, alone: bool) -> None:
        if alone:
            self.alone += 1
        else:
            self.shared += 1
        fresh = excusable = repeated = 0
        for row_id, version, own in read.rows:
            if self.since.get(row_id) == version:
                repeated += 1
                continue
            self.since[row_id] = version
            if own or self.before.get(row_id) == version:
                excusable += 1
            else:
                fresh += 1
        if fresh or excusable:
            excusable += repeated
        if not read.rows and self.last_full and alone:
            self.re_anchored += 1
        self.last_full = read.full
        self.fresh += fresh
        self.excusable += excusable

    def excused(self) -> int:
        page = self.stream.largest_page
        allowance = max(1, _pages(self.fresh + self.excusable, page)) - max(1, _pages(self.fresh, page))
        spare = self.alone if self.shared else self.alone - 1
        return max(0, min(allowance, spare - self.re_anchored))

    def due(self) -> int:
        before = self.before
        return sum(1 for row_id, version, own in self.stream.rows() if not own and before.get(row_id) != version)

    def mark(self) -> None:
        self.before.update(self.since)
        self.since.clear()
        self.alone = self.shared = self.fresh = self.excusable = self.re_anchored = 0
        self.last_full = False


def _pages(rows: int, size: int) -> int:
    return -(-rows // size)


class CallLedger:
    """Keep the calls since the start, a reset or a mark. Not safe between threads: the door holds the org's lock."""

    def __init__(self) -> None:
        """Start with nothing handed out."""
        self.reset()

    def reset(self) -> None:
        """Forget everything, also what was handed out."""
        self._streams: dict[str, _StreamTally] = {}
        self._clear()

    def _clear(self) -> None:
        self._counted = 0
        self._violations = 0
        self._apart: Counter[str] = Counter()
        self._written: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 1, 0])
        self._calls: Counter[tuple[str, str, int]] = Counter()

    def mark(self) -> None:
        """Start a new pass: what was handed out so far is overlap from now on."""
        for tally in self._streams.values():
            tally.mark()
        self._clear()

    def record(self, call: Call) -> None:
        """Add one request."""
        self._calls[call.method, call.endpoint, call.status] += 1
        self._violations += call.violation
        counted = call.apart is None
        if counted:
            self._counted += call.cost
        else:
            self._apart[call.apart or ""] += call.cost
        alone = counted and len(call.reads) == 1 and not call.writes
        for read in call.reads:
            tally = self._streams.get(read.stream.name)
            if tally is None:
                tally = self._streams[read.stream.name] = _StreamTally(read.stream)
            tally.stream = read.stream
            tally.take(read, alone=alone)
        for written in call.writes:
            entry = self._written[written.kind, written.object]
            entry[0] += written.rows
            entry[1] = max(entry[1], written.largest_batch)
            entry[2] += 1

    def report(self) -> dict[str, Any]:
        """Return what ``GET /__sandbox__/calls`` shows."""
        streams: dict[str, dict[str, int]] = {}
        apart = Counter(self._apart)
        used, floor = self._counted, 0
        for name, tally in sorted(self._streams.items()):
            calls = tally.alone + tally.shared
            if not calls:
                continue
            excused = tally.excused()
            least = max(1, _pages(tally.due(), tally.stream.largest_page))
            streams[name] = {"used": calls - excused - tally.re_anchored, "floor": least}
            for why, number in (("overlap", excused), ("re_anchored", tally.re_anchored)):
                if number:
                    apart[why] += number
                    used -= number
            floor += least
        for (kind, obj), (rows, batch, calls) in sorted(self._written.items()):
            if rows:
                least = _pages(rows, batch)
                streams[f"{kind} {obj}"] = {"used": calls, "floor": least, "rows": rows}
                floor += least
        calls_shown = [
            {"method": method, "endpoint": endpoint, "status": status, "count": count}
            for (method, endpoint, status), count in sorted(self._calls.items())
        ]
        return {
            "used": used,
            "floor": floor,
            "violations": self._violations,
            "apart": dict(sorted(apart.items())),
            "streams": streams,
            "calls": calls_shown,
        }
