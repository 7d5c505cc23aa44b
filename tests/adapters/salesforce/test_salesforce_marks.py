"""Cursors: what could not be read is looked at again, ever more rarely; a crowd is read whole now and then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from adapters.salesforce.cursors import CROWD, Mark, read_mark
from connector.domain.second_look import MOST_LOOKS

NOW = datetime(2026, 11, 17, 9, tzinfo=UTC)
_OVERLAP = timedelta(minutes=5)
_OLD = NOW - timedelta(days=30)


def test_an_unread_row_is_begun_from_when_its_time_has_come_and_the_mark_never_falls_back():
    mark = Mark(NOW).missed(_OLD).rested(NOW)
    for looks in range(1, MOST_LOOKS + 1):
        mark = read_mark(mark.text(), at="here")
        assert (mark.high, mark.unread, mark.looks) == (NOW, _OLD, looks)
        assert mark.due is not None
        wait = mark.due - NOW
        assert wait == timedelta(hours=2 ** (looks - 2)) if looks > 1 else wait == timedelta()
        if wait:
            assert mark.begins(_OVERLAP, NOW) == (mark, NOW - _OVERLAP)
        going, low = mark.begins(_OVERLAP, mark.due)
        assert (low, going.unread, going.high) == (_OLD, None, NOW)
        mark = going.missed(_OLD).rested(NOW)
    assert (mark.unread, mark.looks) == (None, 0)


def test_once_it_can_be_read_it_is_forgotten():
    mark, low = Mark(NOW).missed(_OLD).rested(NOW).begins(_OVERLAP, NOW)
    assert low == _OLD
    assert mark.rested(NOW) == Mark(NOW)
    assert Mark(NOW).missed(None).begins(_OVERLAP, NOW)[1] is not None


def test_a_cursor_of_before_is_still_read():
    assert read_mark('{"high": "2026-11-17T09:00:00.000Z"}', at="here") == Mark(NOW)


class _Stream:
    """Rows as (stamp, instant from which they can be seen), and a reader that asks by its mark."""

    def __init__(self, rows: list[tuple[datetime, datetime]]) -> None:
        self._rows = sorted(rows)
        self.mark = Mark()
        self.seen: set[int] = set()
        #: rows that each pull brought
        self.brought: list[int] = []

    def pull(self, at: datetime) -> None:
        before = read_mark(self.mark.text(), at="here")
        mark, low = before.begins(_OVERLAP, at)
        found = [
            (number, stamp)
            for number, (stamp, visible) in enumerate(self._rows)
            if visible <= at and (low is None or stamp >= low)
        ]
        for number, stamp in found:
            self.seen.add(number)
            mark = mark.passed(stamp)
        self.brought.append(len(found))
        again = sum(before.high is not None and stamp <= before.high for _, stamp in found)
        self.mark = mark.at_end(at, None).looked_back(_OVERLAP, at, again).rested(at)


_LATE = st.tuples(st.integers(0, 600), st.integers(0, int(_OVERLAP.total_seconds())))


@given(
    late=st.lists(_LATE, max_size=20),
    spans=st.lists(st.integers(1, 90), min_size=1, max_size=30),
    crowd=st.integers(0, 1),
)
def test_whatever_can_be_seen_an_overlap_late_is_read_however_crowded_the_stream(late, spans, crowd):
    def at(seconds: float) -> datetime:
        return NOW + timedelta(seconds=seconds)

    steady = [(at(second), at(second)) for second in range(600) for _ in range(crowd)]
    stream = _Stream([*steady, *((at(second), at(second + after)) for second, after in late)])
    clock = 0
    for span in spans:
        clock += span
        stream.pull(at(clock))
    # After everything can be seen, the next pull that looks back whole has read it.
    rest = max(clock, 600) + _OVERLAP.total_seconds()
    behind = [stamp for stamp, _ in steady[: crowd * clock]] + [at(second) for second, _ in late if second < clock]
    while clock < rest:
        clock += 60
        stream.pull(at(clock))
    assert not behind or len(stream.seen) == len(steady) + len(late)


def test_of_a_crowd_most_pulls_bring_what_is_new_and_some_all_of_the_overlap():
    stream = _Stream([(NOW + timedelta(seconds=n), NOW + timedelta(seconds=n)) for n in range(3600)])
    for second in range(0, 3600, 5):
        stream.pull(NOW + timedelta(seconds=second))
    whole = [rows for rows in stream.brought[100:] if rows > CROWD]
    assert all(300 <= rows <= 420 for rows in whole)
    assert len(whole) == len(stream.brought[100:]) // 20
    assert max(rows for rows in stream.brought[100:] if rows <= CROWD) <= 26


def test_a_burst_that_was_read_whole_is_brought_again_by_whole_looks_alone():
    stream = _Stream([(NOW, NOW)] * (CROWD + 1))
    looks = [30, 35, *range(40, 400, 10)]
    for second in looks:
        stream.pull(NOW + timedelta(seconds=second))
    # the first, the one that finds that it brings a crowd, and those that look back whole
    assert [second for second, rows in zip(looks, stream.brought, strict=True) if rows] == [30, 35, 140, 240, 340]


@given(
    late=st.lists(st.tuples(st.integers(0, 200), st.integers(15, 20)), min_size=5, max_size=30),
    spans=st.lists(st.integers(1, 30), min_size=10, max_size=20),
    burst=st.sampled_from([0, CROWD + 1]),
)
def test_what_shows_soon_after_its_stamp_comes_with_the_next_pull_however_quiet_the_stream(late, spans, burst):
    def at(seconds: float) -> datetime:
        return NOW + timedelta(seconds=seconds)

    rows = [*[(at(0), at(0))] * burst, *((at(second), at(second + after)) for second, after in late)]
    stream = _Stream(rows)
    clock = 0
    for span in spans:
        clock += span
        stream.pull(at(clock))
        assert len(stream.seen) == sum(visible <= at(clock) for _, visible in rows)


def test_while_the_vendors_clock_is_behind_where_it_was_each_pull_looks_back_whole():
    mark = Mark(NOW, swept=NOW)
    assert mark.begins(_OVERLAP, NOW + timedelta(seconds=30))[1] == NOW - timedelta(seconds=20)
    assert mark.begins(_OVERLAP, NOW - timedelta(hours=1))[1] == NOW - _OVERLAP
