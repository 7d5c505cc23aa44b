"""Reading what changed, stream by stream, with several streams' polls in one call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.salesforce.connection import QUERIES_PER_COMPOSITE, Connection, page_of, query_part
from adapters.salesforce.cursors import DAWN, Mark, read_mark
from adapters.salesforce.masked import MaskedEdits
from adapters.salesforce.rows import MOST_BEFORE, RowReader, RowsBefore
from adapters.salesforce.schema import Schema
from adapters.salesforce.selecting import Selection, Selector
from adapters.salesforce.streams import STREAMS
from adapters.salesforce.vendor_errors import ApiError
from connector.domain.records import Counted, Page
from connector.errors import AccessError, AdapterFault, ConfigError, HandoffError, TransientError

#: Refusals that a narrower window, or a fresh start of the same one, may overcome.
_TOO_SLOW = ("QUERY_TIMEOUT",)
_LOST_PLACE = ("INVALID_QUERY_LOCATOR",)
#: Refusals that tell that describe is out of date.
_STALE = ("INVALID_FIELD", "INVALID_TYPE")
_NARROWEST = timedelta(seconds=1)
_MOST_FRESH_STARTS = 5


@dataclass(slots=True)
class _Window:
    """The part of a stream that is being asked for."""

    #: behind what has been handed over, ever
    mark: Mark
    low: datetime | None
    high: datetime | None = None
    #: the latest stamp handed over by this pull
    reached: datetime | None = None
    #: the vendor's clock when the window was asked for: later changes are not in the answer, however long we read it
    asked_at: datetime | None = None
    #: the vendor's clock when the pull began, and the latest stamp that earlier pulls have seen
    began: datetime | None = None
    seen_to: datetime | None = None
    #: how many rows it has brought again
    again: int = 0
    fresh_starts: int = 0
    described_again: bool = False


class Puller:
    """Reads streams. Between ``begin_cycle`` and the pulls of that cycle, first pages are asked for five at a time."""

    def __init__(
        self, connection: Connection, schema: Schema, selector: Selector, *, system: str, overlap: timedelta
    ) -> None:
        """Prepare; sends nothing."""
        self._connection = connection
        self._schema = schema
        self._selector = selector
        self._system = system
        self._overlap = overlap
        self.masked = MaskedEdits(connection)
        self._before: dict[str, RowsBefore] = {}
        self._planned: dict[str, str | None] = {}
        self._ready: dict[str, tuple[str, dict[str, Any], datetime | None]] = {}
        #: the vendor's clock when the cycle began: a stream's question must not change while others are read
        self._at: datetime | None = None

    def begin_cycle(self, cursors: Mapping[str, str | None]) -> None:
        """Announce which streams will be pulled next and from where. Sends nothing; forgets the last cycle's."""
        self._planned = {name: cursors[name] for name in STREAMS if name in cursors}
        self._ready.clear()
        self._at = self._connection.clock()

    def pull(self, stream: str, cursor: str | None) -> Iterator[Page]:
        """Read one stream since its cursor; promises as in the port."""
        if stream not in STREAMS:
            raise ConfigError(f"{self._system}.no_such_stream", f"there is no stream {stream}", at=self._system)
        self._describe_for(stream)
        mark = read_mark(cursor, at=f"{self._system} {stream}")
        began, seen_to = self._clock(), mark.high
        mark, low = mark.begins(self._overlap, began)
        window = _Window(mark, low=low, began=began, seen_to=seen_to)
        while True:
            selection = self._selector.selection(STREAMS[stream])
            if selection is None:
                yield Page(cursor=cursor or mark.text(), last=True)
                return
            try:
                for page in self._pages(selection, window):
                    yield page
                    if page.last:
                        return
            except ApiError as error:
                self._adjust(window, error, stream)
            else:
                self._widen(window)

    def _describe_for(self, stream: str) -> None:
        """Describe everything that this cycle will need in one call."""
        self._schema.load([STREAMS[stream].word, *(STREAMS[name].word for name in self._planned)])

    def _pages(self, selection: Selection, window: _Window) -> Iterator[Page]:
        """Read one window to its end; the window's mark moves with each page."""
        answer = self._first_page(selection, window)
        total, seen = answer["totalSize"], 0
        few = isinstance(total, int) and total <= MOST_BEFORE
        before = self._before.setdefault(selection.spec.name, RowsBefore()) if few else None
        reader = RowReader(selection.spec, selection.shape, selection.fields, system=self._system, before=before)
        while True:
            rows, refused = reader.read_all(answer["records"])
            seen += len(answer["records"])
            mark = window.mark
            if refused:
                mark = mark.missed(window.reached or window.low)
            for row in rows:
                mark = mark.passed(row.stamp)
                window.again += window.seen_to is not None and row.stamp <= window.seen_to
            window.reached = rows[-1].stamp if rows else window.reached
            last = bool(answer["done"]) and window.high is None
            if answer["done"]:
                mark = mark.at_end(window.asked_at, window.high)
            if last:
                mark = mark.looked_back(self._overlap, window.began, window.again).rested(self._connection.clock())
            window.mark = mark
            covered = self.masked.under(selection.spec.word, selection.shape, rows, window.low)
            yield Page(
                records=[*covered, *(row.record for row in rows)],
                activities=[row.activity for row in rows if row.activity],
                refused=refused,
                cursor=mark.text(),
                last=last,
                counted=Counted(total, seen) if answer["done"] and isinstance(total, int) else None,
            )
            if answer["done"]:
                return
            answer = self._connection.more(answer["nextRecordsUrl"])

    def _first_page(self, selection: Selection, window: _Window) -> dict[str, Any]:
        soql = selection.window(window.low, window.high)
        name = selection.spec.name
        if name in self._planned and window.high is None:
            self._ask_together(name)
        asked, answer, window.asked_at = self._ready.pop(name, ("", {}, None))
        if asked != soql:
            answer = self._connection.query(soql, deleted_too=True)
            window.asked_at = self._connection.clock()
        return answer

    def _ask_together(self, first: str) -> None:
        """Ask for the first pages of this stream and the next four planned ones in one call.

        A part that is refused is left out: its own pull asks again and sees the refusal.
        """
        names = [first, *(name for name in self._planned if name != first)][:QUERIES_PER_COMPOSITE]
        asked: dict[str, str] = {}
        for name in names:
            soql = self._quiet_selection(name, self._planned.pop(name))
            if soql:
                asked[name] = soql
        if len(asked) < 2:
            return
        parts = [query_part(soql, deleted_too=True) for soql in asked.values()]
        for (name, soql), answer in zip(asked.items(), self._connection.composite(parts, repeatable=True), strict=True):
            if answer.status < 300:
                self._ready[name] = (soql, page_of(answer.body, self._system), self._connection.clock())

    def _quiet_selection(self, name: str, cursor: str | None) -> str | None:
        try:
            selection = self._selector.selection(STREAMS[name])
        except AccessError:
            return None
        _, low = read_mark(cursor, at=f"{self._system} {name}").begins(self._overlap, self._clock())
        return selection.window(low, None) if selection else None

    def _widen(self, window: _Window) -> None:
        """Go on behind a window that was read to its end, twice as wide."""
        if window.high is None:
            return
        span = window.high - (window.low or DAWN)
        window.low, reach = window.high, window.high + 2 * span
        window.high = reach if reach < self._now() else None
        window.fresh_starts = 0

    def _adjust(self, window: _Window, error: ApiError, stream: str) -> None:
        """Make the window such that asking again is worth it.

        Raises:
            HandoffError: it is not.
        """
        if error.has(*_STALE) and not window.described_again:
            window.described_again = True
            self._schema.forget(STREAMS[stream].word)
            return
        reached = window.reached
        if reached and (window.low is None or reached > window.low):
            # What stands before the mark has been handed over; its last instant is read again for its ties.
            window.low = reached
        window.fresh_starts += 1
        if error.has(*_LOST_PLACE) and window.fresh_starts <= _MOST_FRESH_STARTS:
            return
        if not error.has(*_TOO_SLOW):
            raise self._port_error(error) from None
        low = window.low or DAWN
        span = ((window.high or self._now()) - low) / 2
        if span < _NARROWEST:
            raise TransientError(
                f"{self._system}.query_timeout", "the org is too slow for the smallest of our queries", at=self._system
            ) from None
        window.high = low + span

    def _port_error(self, error: ApiError) -> HandoffError:
        code = f"{self._system}.{error.code.lower()}"
        if error.status == 403 or error.has(*_STALE) or error.code.startswith("INSUFFICIENT_ACCESS"):
            return AccessError(
                code, "our user may not read what pulls need", cure="see: check --online", at=self._system
            )
        if error.has(*_TOO_SLOW, *_LOST_PLACE) or error.status >= 500:
            return TransientError(code, "the org could not answer a query", at=self._system)
        return AdapterFault(code, "the org refused a query", at=self._system)

    def _clock(self) -> datetime | None:
        """Give the vendor's clock when the cycle began, or as last seen; None before anything was asked."""
        return self._at or self._connection.clock()

    def _now(self) -> datetime:
        return self._connection.clock() or datetime.now(UTC)
