"""Reading everything that changed, through a search that shows 10,000 rows at most and offers one sort rule.

The search is never paged by offset. A row that changes while we read moves to the end of the order and pulls every
later row one place forward, so that the next offset skips one; and 10,000 rows are the end of any offset. Instead each
page asks again from the last stamp seen, inclusive, sorted by stamp: rows below that stamp have all been read, rows
on it are repeated. Where one stamp fills a whole page, asking again would turn in a circle; its rows are then read by
id (``stamp = S and id > last``, sorted by id), and the walk goes on behind the stamp. How a search orders rows with
one stamp is nowhere promised (an index split into parts may show each part in order), so that the page already read
says nothing about the ids below its last; but its rows can be left out by name, as many as fit the question.

Between pulls the walk begins ``overlap`` before its newest stamp, because the index lags. When the newest stamp has not
moved for longer than the overlap, everything up to it has been indexed and re-read: the mark is *settled*, and a quiet
pull asks from the stamp itself, or behind it when a heap of rows lies there.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from adapters.hubspot.reading import BadRow, Record, Rows, instant, to_ms
from connector.domain.records import Counted
from connector.domain.second_look import MOST_LOOKS, rest_before
from connector.errors import AdapterFault

PAGE = 200
#: A search shows no row behind this one (hubspot.md section 5).
WINDOW = 10_000
Filter = dict[str, Any]
#: Asks for one page: filters (all of which must hold) and the property to sort by.
Ask = Callable[[list[Filter], str], Rows[Record]]


class Mark(msgspec.Struct, omit_defaults=True, frozen=True):
    """Where a walk stands, as stored in the cursor.

    Attributes:
        mode: ``done``: the stream was read to its end; ``from``: the next page starts at ``stamp``; ``after``: behind
            it; ``tie``: among the rows on ``stamp``, behind ``id``.
        stamp: epoch milliseconds.
        id: of the last row read in ``tie``.
        total: in ``tie``: rows at or after the heap that were not yet read when it was found; once ``counted``, only
            those behind it.
        counted: see ``total``.
        newest: the newest stamp seen before this walk; the end of the walk never falls behind it.
        reached: vendor's clock, epoch milliseconds, when ``stamp`` was first the newest.
        settled: nothing can turn up at or before ``stamp`` any more.
        heap: so many rows lie on ``stamp`` that it is not read again once settled.
        edge: id → checksum of the newest rows, which are dropped when they come again unchanged.
        again: a later walk begins at this stamp anew, because a row behind it could not be read; None: all were read.
        looks: how often it has begun there already.
        due: vendor's clock, epoch milliseconds, from which on it begins there.
    """

    mode: Literal["done", "from", "after", "tie"]
    stamp: int = 0
    id: int = 0
    total: int = -1
    counted: bool = False
    newest: int = 0
    reached: int = 0
    settled: bool = False
    heap: bool = False
    edge: dict[str, int] = {}
    again: int | None = None
    looks: int = 0
    due: int = 0


def cursor_at(since: datetime) -> str:
    """Write the cursor from which a walk reads all that changed from an instant on."""
    return msgspec.json.encode(Mark("from", stamp=to_ms(since))).decode()


@dataclass(frozen=True, slots=True)
class Step:
    """Some rows and the cursor that stands behind them."""

    rows: list[Record]
    bad: list[BadRow]
    cursor: str
    last: bool
    #: on the last step: the rows that the search said there were when the walk began, and those that came
    counted: Counted | None = None


class SearchWalk:
    """One pull of one stream."""

    def __init__(
        self,
        ask: Ask,
        *,
        stamp_property: str,
        overlap: timedelta,
        clock: Callable[[], datetime],
        at: str,
        room: int = 0,
    ) -> None:
        """Prepare; ``clock`` gives the vendor's clock once the first page has come.

        ``room`` is how many characters a question may grow by when rows are to be left out by name.
        """
        self._ask = ask
        self._property = stamp_property
        self._overlap = overlap // timedelta(milliseconds=1)
        self._clock = clock
        self._at = at
        self._room = room
        self._read_already: list[str] = []

    def steps(self, cursor: str | None) -> Iterator[Step]:
        """Read page by page from ``cursor`` to the end.

        Raises:
            AdapterFault: the cursor is not ours, or the vendor's order is not what was asked for.
        """
        before = self._read_cursor(cursor)
        mark = self._start(before)
        expected, seen, first = None, 0, True
        while mark.mode != "done":
            page = self._ask(*self._question(mark))
            expected, first = page.total if first else expected, False
            mark = self._noting(mark, page, self._next(mark, page, before))
            seen += self._passed(page, mark)
            rows = page.rows
            if before.edge:
                rows = [row for row in rows if before.edge.get(row.id) != checksum(row)]
            counted = Counted(expected, seen) if mark.mode == "done" and expected is not None else None
            yield Step(rows, page.bad, msgspec.json.encode(mark).decode(), last=mark.mode == "done", counted=counted)

    def _passed(self, page: Rows[Record], mark: Mark) -> int:
        """Count the rows of a page that do not come again with the next one."""
        if mark.mode == "from":
            return page.count - sum(self._stamp(row) == mark.stamp for row in page.rows)
        if mark.mode == "tie" and not mark.counted:
            return len(self._read_already)
        return page.count

    def _read_cursor(self, cursor: str | None) -> Mark:
        if cursor is None:
            return Mark("done")
        try:
            return msgspec.json.decode(cursor.encode(), type=Mark)
        except msgspec.MsgspecError:
            raise AdapterFault("hubspot.cursor", "a stored cursor cannot be read", at=self._at) from None

    def _noting(self, asked: Mark, page: Rows[Record], mark: Mark) -> Mark:
        """Carry on what could not be read: where a later walk begins again, and when."""
        again, looks, due = asked.again, asked.looks, asked.due
        if page.bad:
            again = asked.stamp if again is None else min(again, asked.stamp)
        if mark.mode == "done" and due == 0:
            looks = looks + 1 if again is not None else 0
            if looks > MOST_LOOKS:
                again, looks = None, 0
            # A place that waits has a time; one that was found only now has none before its walk has ended.
            due = 0 if again is None else to_ms(self._clock()) + rest_before(looks) // timedelta(milliseconds=1)
        return msgspec.structs.replace(mark, again=again, looks=looks, due=due)

    def _start(self, before: Mark) -> Mark:
        if before.mode == "done" and before.again is not None and to_ms(self._clock()) >= before.due:
            return Mark("from", before.again, newest=max(before.stamp, before.newest), looks=before.looks)
        start = self._usual_start(before)
        return msgspec.structs.replace(start, again=before.again, looks=before.looks, due=before.due)

    def _usual_start(self, before: Mark) -> Mark:
        if before.mode == "after" or (before.mode == "tie" and before.counted):
            return before  # going back would read a whole heap again
        if before.mode == "tie":
            # What was left out by name is no longer known, so that only a look can tell what lies behind the heap.
            return Mark("tie", before.stamp, total=sys.maxsize, newest=before.newest)
        newest = max(before.stamp, before.newest)
        if before.mode == "done" and before.settled:
            return Mark("after" if before.heap else "from", before.stamp, newest=newest)
        return Mark("from", max(0, before.stamp - self._overlap), newest=newest)

    def _question(self, mark: Mark) -> tuple[list[Filter], str]:
        stamp = str(mark.stamp)
        if mark.mode == "tie":
            filters: list[Filter] = [
                {"propertyName": self._property, "operator": "EQ", "value": stamp},
                {"propertyName": "hs_object_id", "operator": "GT", "value": str(mark.id)},
            ]
            if self._read_already:
                filters.append({"propertyName": "hs_object_id", "operator": "NOT_IN", "values": self._read_already})
            return filters, "hs_object_id"
        operator = "GT" if mark.mode == "after" else "GTE"
        return [{"propertyName": self._property, "operator": operator, "value": stamp}], self._property

    def _next(self, mark: Mark, page: Rows[Record], before: Mark) -> Mark:
        total = page.total if page.total is not None else page.count + (page.after is not None)
        more = total > page.count > 0
        if mark.mode == "tie":
            return self._next_in_heap(mark, page, total, before, more=more)
        stamps = [when for row in page.rows if (when := self._stamp(row)) is not None]
        newest = max(mark.newest, *stamps) if stamps else mark.newest
        if not more:
            heap = before.heap if newest == before.stamp else mark.mode == "after" and newest == mark.stamp
            return self._done(newest, before, page, heap=heap)
        if not stamps:
            raise AdapterFault("hubspot.unreadable_page", "not one row of a full page could be read", at=self._at)
        first, last = stamps[0], stamps[-1]
        if last < mark.stamp or first > last:
            raise AdapterFault("hubspot.unsorted", "a search came back in another order than asked for", at=self._at)
        if first == last:
            self._read_already = self._fitting(row.id for row in page.rows)
            return Mark("tie", last, total=total - len(self._read_already), newest=newest)
        return Mark("from", last, newest=newest)

    def _next_in_heap(self, mark: Mark, page: Rows[Record], total: int, before: Mark, *, more: bool) -> Mark:
        # Rows behind the heap when it was found; what came later is for the next pull.
        beyond = mark.total if mark.counted else mark.total - total
        if total >= WINDOW:
            beyond = max(beyond, 1)  # whether a total counts on past the window is nowhere promised: look
        if not more:
            newest = max(mark.newest, mark.stamp)
            self._read_already = []
            if beyond > 0:
                return Mark("after", mark.stamp, newest=newest)
            return self._done(newest, before, page, heap=newest == mark.stamp)
        last = max((int(row.id) for row in page.rows if row.id.isdecimal()), default=0)
        if last <= mark.id:
            raise AdapterFault("hubspot.unsorted", "a search by id made no progress", at=self._at)
        return Mark("tie", mark.stamp, id=last, total=beyond, counted=True, newest=mark.newest)

    def _fitting(self, ids: Iterable[str]) -> list[str]:
        taken: list[str] = []
        room = self._room
        for id_ in ids:
            room -= len(id_) + len('"",')
            if room < 0:
                break
            taken.append(id_)
        return taken

    def _done(self, newest: int, before: Mark, page: Rows[Record], *, heap: bool) -> Mark:
        clock = to_ms(self._clock())
        same = before.mode == "done" and before.stamp == newest and before.reached > 0
        reached = before.reached if same else clock
        edge = {
            row.id: checksum(row)
            for row in page.rows
            if (stamp := self._stamp(row)) is not None and stamp >= newest - self._overlap
        }
        if not edge and same:
            edge = before.edge
        settled = same and (before.settled or clock - reached >= self._overlap)
        return Mark("done", newest, reached=reached, settled=settled, heap=heap, edge=edge)

    def _stamp(self, row: Record) -> int | None:
        when = instant(row.properties.get(self._property)) or row.updated_at
        return to_ms(when) if when is not None else None


def checksum(row: Record) -> int:
    """Tell one state of a record from another."""
    return zlib.crc32(repr((row.archived, sorted(row.properties.items()))).encode("utf-8", "replace"))
