"""Reading logs that only grow: e-mail events and form submissions newest first, page views oldest first.

Newest first, the mark may move only when a walk has reached what the last one saw: until then the cursor keeps the
place inside the walk (the vendor's token) and the newest time seen, which becomes the mark at the end. What is added
meanwhile stands in front and is found by the next walk. Oldest first is read by the same rule.

Each pull begins an overlap before its mark, because events arrive late. When nothing new has come for longer than the
overlap it has done its work, and the pull begins at the mark itself. The newest rows are remembered by id and dropped
when they come again: events never change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import msgspec

from adapters.hubspot.reading import BadRow, Rows, to_ms
from connector.errors import AdapterFault

Row = TypeVar("Row")
#: Newest rows are remembered up to this number; more of them simply come again.
REMEMBERED = 200


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
    """

    at: int = 0
    reached: int = 0
    settled: bool = False
    edge: list[str] = []
    token: str = ""
    since: int = 0
    top: int = 0

    @property
    def walking(self) -> bool:
        """Whether a walk was left half-way."""
        return bool(self.token)


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
        if before.walking:
            since, token, top = before.since, before.token, before.top
        else:
            lag = 0 if before.settled else self.overlap // timedelta(milliseconds=1)
            since, token, top = max(0, before.at - lag), "", before.at
        overlap = self.overlap // timedelta(milliseconds=1)
        known = set(before.edge)
        edge: dict[str, int] = {}
        tokens = {token}
        first = True
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
            keys = [self.key(row) for row in page.rows]
            times = [when for _, when in keys]
            top = max([top, *times])
            edge.update(keys)
            edge = {id_: when for id_, when in edge.items() if when >= top - overlap}
            if len(edge) > REMEMBERED:
                edge = {}  # forgetting only repeats
            fresh = [
                row for row, (id_, when) in zip(page.rows, keys, strict=True) if id_ not in known and when >= since
            ]
            passed = self.cut and bool(times) and min(times) < since
            if page.after is None or page.count == 0 or passed:
                yield LogStep(fresh, page.bad, self._end(before, top, edge), last=True)
                return
            token = page.after
            if token in tokens:
                raise AdapterFault("hubspot.same_page", "the vendor hands out the same page twice")
            tokens.add(token)
            mark = LogMark(before.at, before.reached, before.settled, before.edge, token, since, top)
            yield LogStep(fresh, page.bad, mark, last=False)

    def _end(self, before: LogMark, top: int, edge: dict[str, int]) -> LogMark:
        clock = to_ms(self.clock())
        overlap = self.overlap // timedelta(milliseconds=1)
        same = top == before.at and before.reached > 0
        reached = before.reached if same else clock
        settled = same and not before.walking and (before.settled or clock - reached >= overlap)
        if same:
            edge.update(dict.fromkeys(before.edge, top))
        return LogMark(top, reached, settled, list(edge) if len(edge) <= REMEMBERED else [])
