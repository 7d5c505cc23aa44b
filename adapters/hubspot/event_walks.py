"""Reading logs that only grow: e-mail events and form submissions newest first, page views oldest first.

Newest first, the mark may move only when a walk has reached what the last one saw: until then the cursor keeps the
place inside the walk (the vendor's token) and the newest time seen, which becomes the mark at the end. What is added
meanwhile stands in front and is found by the next walk. Oldest first is read by the same rule.

Each pull begins an overlap before its mark, because events arrive late. When nothing new has come for longer than the
overlap it has done its work, and the pull begins at the mark itself. The newest rows are remembered by id and dropped
when they come again: events never change.

Where an overlap holds more rows than are remembered, reading it with every pull would cost many times what is new: 50
page views a second and a pull a minute would make 480 calls of each, 30 of them for news. There a pull begins a
fifteenth of the overlap before its mark, and a third of the overlap later one looks back whole: an overlap before the
moment at which the last such look began, for whatever has arrived since is no older.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import msgspec

from adapters.hubspot.reading import BadRow, Rows, to_ms
from connector.domain.second_look import MOST_LOOKS, rest_before
from connector.errors import AdapterFault

Row = TypeVar("Row")
#: Newest rows are remembered up to this number; more of them simply come again.
REMEMBERED = 200
#: of a crowded log: parts of the overlap after which a pull looks back whole, and by which others look back
_WHOLE, _BRIEF = 3, 15


class LogMark(msgspec.Struct, omit_defaults=True):
    """Where a log has been read to; times are epoch milliseconds.

    Attributes:
        at: the newest time read to the end.
        reached: vendor's clock when ``at`` became the newest.
        settled: nothing can turn up before ``at`` any more.
        edge: ids of the newest rows.
        token: inside a walk: the vendor's place of the next page.
        since: inside a walk: the time it began from, which belongs to ``token``.
        top: inside a walk: the newest time seen.
        again: a later walk begins at this time anew, because a row behind it could not be read; None: all were read.
        looks: how often it has begun there already.
        due: vendor's clock from which on it begins there.
        swept: of a crowded log: vendor's clock when the last pull began that looked back whole; 0: each does.
        began: inside a walk that looks back whole: vendor's clock when it began.
    """

    at: int = 0
    reached: int = 0
    settled: bool = False
    edge: list[str] = []
    token: str = ""
    since: int = 0
    top: int = 0
    again: int | None = None
    looks: int = 0
    due: int = 0
    swept: int = 0
    began: int = 0

    @property
    def walking(self) -> bool:
        """Whether a walk was left half-way."""
        return bool(self.token)


@dataclass(slots=True)
class _Unread:
    """What a walk could not read: see the members of ``LogMark``."""

    again: int | None
    looks: int
    due: int

    def end(self, clock: int) -> None:
        """Say at the end of a walk when the next one begins anew; a place that waits already keeps its time."""
        if self.due:
            return
        self.looks = self.looks + 1 if self.again is not None else 0
        if self.looks > MOST_LOOKS:
            self.again, self.looks = None, 0
        if self.again is not None:
            self.due = clock + rest_before(self.looks) // timedelta(milliseconds=1)


def _with(mark: LogMark, unread: _Unread) -> LogMark:
    return msgspec.structs.replace(mark, again=unread.again, looks=unread.looks, due=unread.due)


@dataclass(frozen=True, slots=True)
class LogStep(Generic[Row]):
    """Rows not yet seen, and the mark behind them."""

    rows: list[Row]
    bad: list[BadRow]
    mark: LogMark
    last: bool


@dataclass(frozen=True, slots=True)
class LogWalk(Generic[Row]):
    """How one log is read.

    Attributes:
        ask: gives one page, from (time, token); the time is inclusive.
        key: (id, time in epoch milliseconds) of a row.
        overlap: how late events may arrive.
        clock: the vendor's clock once a page has come.
        cut: the vendor has no time filter; the walk stops at the first row older than its beginning.
    """

    ask: Callable[[int, str], Rows[Row]]
    key: Callable[[Row], tuple[str, int]]
    overlap: timedelta
    clock: Callable[[], datetime]
    cut: bool = False

    def steps(self, before: LogMark) -> Iterator[LogStep[Row]]:
        """Read from a mark to the end.

        Raises:
            AdapterFault: the vendor hands out the same place twice.
        """
        seen = _Unread(before.again, before.looks, before.due)
        if before.walking:
            since, token, top, began = before.since, before.token, before.top, before.began
        elif before.again is not None and to_ms(self.clock()) >= before.due:
            since, token, top, began = before.again, "", before.at, 0
            seen = _Unread(None, before.looks, 0)
        else:
            since, began = self._beginning(before)
            token, top = "", before.at
        overlap = self.overlap // timedelta(milliseconds=1)
        known = set(before.edge)
        edge: dict[str, int] = {}
        tokens = {token}
        first, crowded = True, False
        while True:
            try:
                page = self.ask(since, token)
            except AdapterFault:
                if not (first and token):
                    raise
                # The stored place is no longer known: from the beginning of this walk.
                token, tokens, first = "", {""}, False
                continue
            first = False
            if page.bad:
                seen.again = since if seen.again is None else min(seen.again, since)
            keys = [self.key(row) for row in page.rows]
            times = [when for _, when in keys]
            top = max([top, *times])
            # what is not handed out, for it lies before the beginning, must not count as known
            edge.update((id_, when) for id_, when in keys if when >= since)
            edge = {id_: when for id_, when in edge.items() if when >= top - overlap}
            if len(edge) > REMEMBERED:
                edge, crowded = {}, True  # forgetting only repeats
            fresh = [
                row for row, (id_, when) in zip(page.rows, keys, strict=True) if id_ not in known and when >= since
            ]
            passed = self.cut and bool(times) and min(times) < since
            if page.after is None or page.count == 0 or passed:
                end = self._end(before, top, edge, began=began, crowded=crowded)
                seen.end(to_ms(self.clock()))
                yield LogStep(fresh, page.bad, _with(end, seen), last=True)
                return
            token = page.after
            if token in tokens:
                raise AdapterFault("hubspot.same_page", "the vendor hands out the same page twice")
            tokens.add(token)
            mark = LogMark(before.at, before.reached, before.settled, before.edge, token, since, top)
            mark.swept, mark.began = before.swept, began
            yield LogStep(fresh, page.bad, _with(mark, seen), last=False)

    def _beginning(self, before: LogMark) -> tuple[int, int]:
        """Give the time from which a pull reads, and, where that looks back whole, the vendor's clock."""
        if before.settled:
            return before.at, 0
        overlap = self.overlap // timedelta(milliseconds=1)
        clock = to_ms(self.clock())
        if before.swept and clock - before.swept < overlap // _WHOLE:
            return max(0, before.at - overlap // _BRIEF), 0
        behind = min(before.at, before.swept) if before.swept else before.at
        return max(0, behind - overlap), clock

    def _end(self, before: LogMark, top: int, edge: dict[str, int], *, began: int, crowded: bool) -> LogMark:
        clock = to_ms(self.clock())
        overlap = self.overlap // timedelta(milliseconds=1)
        same = top == before.at and before.reached > 0
        reached = before.reached if same else clock
        over = bool(began) and clock - reached >= overlap
        settled = same and not before.walking and (before.settled or over)
        if same:
            edge.update(dict.fromkeys(before.edge, top))
        swept = (began if crowded else 0) if began else before.swept
        return LogMark(top, reached, settled, list(edge) if len(edge) <= REMEMBERED else [], swept=swept)
