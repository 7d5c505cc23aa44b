"""Nothing is lost while searches are walked: ties, changes during paging, kills, an index that lags."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.hubspot import search_walk
from adapters.hubspot.reading import BadRow, Record, Rows, from_ms
from adapters.hubspot.search_walk import SearchWalk
from connector.errors import AdapterFault

START = datetime(2026, 1, 1, tzinfo=UTC)
OVERLAP = timedelta(milliseconds=20)


@dataclass
class FakeSearch:
    """Rows of one type as the vendor's search shows them; what is in ``between`` happens after each answer."""

    page: int = 4
    rows: dict[int, int] = field(default_factory=dict)
    now: int = 1000
    between: list[list[int]] = field(default_factory=list)
    tie_key: int = 1
    asked: int = 0
    #: row → stamp until which the index does not show it
    hidden: dict[int, int] = field(default_factory=dict)
    room: int = 0

    def touch(self, ids):
        for id_ in ids:
            self.now += 1
            self.rows[id_] = self.now

    def ask(self, filters, sort):
        self.asked += 1
        assert self.asked < 3000, "the walk turns in a circle"
        found = [(stamp, id_) for id_, stamp in self.rows.items() if self.hidden.get(id_, 0) <= self.now]
        for rule in filters:
            of = 0 if rule["propertyName"] == "stamp" else 1
            if rule["operator"] == "NOT_IN":
                found = [row for row in found if str(row[of]) not in rule["values"]]
                continue
            value = int(rule["value"])
            keep = {"GTE": int.__ge__, "GT": int.__gt__, "EQ": int.__eq__}[rule["operator"]]
            found = [row for row in found if keep(row[of], value)]
        by_id = sort == "hs_object_id"
        found.sort(key=lambda row: row[1] if by_id else (row[0], row[1] * self.tie_key % 101))
        shown = [
            Record(str(id_), {"stamp": str(stamp)}, updated_at=from_ms(stamp)) for stamp, id_ in found[: self.page]
        ]
        answer = Rows(shown, [], len(found), None)
        if self.between:
            self.touch(self.between.pop())
        return answer

    def walk(self):
        return SearchWalk(
            self.ask,
            stamp_property="stamp",
            overlap=OVERLAP,
            clock=lambda: from_ms(self.now),
            at="hubspot",
            room=self.room,
        )


def seen(steps):
    return {(row.id, row.properties["stamp"]) for step in steps for row in step.rows}


def state_of(search):
    return {(str(id_), str(stamp)) for id_, stamp in search.rows.items()}


worlds = st.dictionaries(st.integers(1, 60), st.integers(1, 12), max_size=40)
changes = st.lists(st.lists(st.integers(1, 60), max_size=3), max_size=12)


@settings(max_examples=150, deadline=None)
@given(rows=worlds, between=changes, tie_key=st.sampled_from([1, 7, 55, 100]), room=st.integers(0, 24))
@example(rows=dict.fromkeys(range(1, 30), 5), between=[], tie_key=55, room=12)
def test_every_row_comes_in_its_last_state_while_rows_change(rows, between, tie_key, room):
    search = FakeSearch(rows=dict(rows), between=list(between), tie_key=tie_key, room=room)
    steps = list(search.walk().steps(None))
    assert [step.last for step in steps] == [False] * (len(steps) - 1) + [True]
    # what was announced was seen, and what moved to the end meanwhile once more
    counted = steps[-1].counted
    assert counted.expected == len(rows) <= counted.seen
    assert counted.seen == len(rows) or between
    search.between = []
    again = list(search.walk().steps(steps[-1].cursor))
    assert state_of(search) <= seen(steps) | seen(again)


@settings(max_examples=150, deadline=None)
@given(
    rows=worlds,
    between=changes,
    kill=st.integers(0, 30),
    later=st.lists(st.integers(1, 60), max_size=4),
    room=st.integers(0, 24),
)
def test_a_walk_killed_behind_any_page_goes_on(rows, between, kill, later, room):
    search = FakeSearch(rows=dict(rows), between=list(between), room=room)
    taken = []
    for step in search.walk().steps(None):
        taken.append(step)
        if len(taken) > kill:
            break
    search.touch(later)
    rest = list(search.walk().steps(taken[-1].cursor))
    search.between = []
    again = list(search.walk().steps(rest[-1].cursor))
    assert state_of(search) <= seen(taken) | seen(rest) | seen(again)


@settings(max_examples=150, deadline=None)
@given(
    rounds=st.lists(
        st.tuples(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 19)), max_size=4), st.integers(0, 40)),
        max_size=10,
    )
)
def test_rows_that_the_index_shows_late_are_not_lost(rounds):
    search = FakeSearch(rows={1: 5, 2: 5})
    cursor, got = None, set()
    for touched, pause in rounds:
        for id_, lag in touched:
            search.touch([id_])
            search.hidden[id_] = search.now + lag
        steps = list(search.walk().steps(cursor))
        got |= seen(steps)
        cursor = steps[-1].cursor
        search.now += pause
    for _ in range(3):
        search.now += 30
        steps = list(search.walk().steps(cursor))
        got |= seen(steps)
        cursor = steps[-1].cursor
    assert state_of(search) <= got


def test_a_heap_on_one_stamp_larger_than_any_window_is_read_once_and_to_its_end():
    search = FakeSearch(page=200, rows=dict.fromkeys(range(1, 25_001), 77), room=2000)
    steps = list(search.walk().steps(None))
    assert len(seen(steps)) == 25_000
    assert search.asked == 126  # one more than the pages: whether something lies behind the heap


@pytest.mark.parametrize(("room", "calls"), [(2000, 5), (0, 6)])
def test_a_heap_costs_a_page_more_only_where_its_rows_cannot_be_left_out_by_name(room, calls):
    search = FakeSearch(page=200, rows=dict.fromkeys(range(1, 1001), 77), tie_key=55, room=room)
    assert len(seen(search.walk().steps(None))) == 1000
    assert search.asked == calls


@pytest.mark.parametrize(("count", "calls"), [(0, 1), (199, 1), (200, 1), (201, 2), (10_000, 51)])
def test_no_page_too_many_is_asked_for(count, calls):
    # 10,000 rows on 200 pages of 199 new ones each and the first of 200: 51, of which the ledger excuses one.
    search = FakeSearch(page=200, rows={n: n for n in range(1, count + 1)})
    list(search.walk().steps(None))
    assert search.asked == calls


def test_a_quiet_stream_costs_one_call_and_brings_nothing_twice():
    search = FakeSearch(page=200, rows={n: n for n in range(900, 951)})
    cursor = list(search.walk().steps(None))[-1].cursor
    for _ in range(4):
        search.asked = 0
        steps = list(search.walk().steps(cursor))
        assert (search.asked, seen(steps)) == (1, set())
        cursor = steps[-1].cursor
        search.now += 100


def test_a_settled_heap_is_not_read_again():
    search = FakeSearch(page=200, rows=dict.fromkeys(range(1, 1001), 990))
    cursor = list(search.walk().steps(None))[-1].cursor
    for _ in range(2):
        search.now += 100
        cursor = list(search.walk().steps(cursor))[-1].cursor
    search.asked = 0
    search.touch([5])
    assert seen(search.walk().steps(cursor)) == {("5", str(search.rows[5]))}
    assert search.asked == 1


@pytest.mark.parametrize(("lost", "moved_on"), [(2, 0), (13, 0), (7, 7)])
def test_what_was_announced_and_does_not_come_is_counted(lost, moved_on):
    search = FakeSearch(rows={n: 5 if moved_on else n for n in range(1, 20)})

    def ask(filters, sort):
        page = search.ask(filters, sort)
        return Rows([row for row in page.rows if row.id != str(lost)], [], page.total, None)

    walk = SearchWalk(ask, stamp_property="stamp", overlap=OVERLAP, clock=lambda: START, at="hubspot")
    counted = list(walk.steps(None))[-1].counted
    assert counted == (19, 18)


def test_a_row_changed_twice_within_a_millisecond_comes_again():
    search = FakeSearch(page=200, rows={1: 10})
    cursor = list(search.walk().steps(None))[-1].cursor

    def changed(_filters, _sort):
        return Rows([Record("1", {"stamp": "10", "email": "new"})], [], 1, None)

    walk = SearchWalk(changed, stamp_property="stamp", overlap=OVERLAP, clock=lambda: START, at="hubspot")
    assert [row.properties["email"] for step in walk.steps(cursor) for row in step.rows] == ["new"]


def test_unreadable_rows_do_not_stop_the_walk():
    search = FakeSearch(rows={n: n for n in range(1, 30)})

    def ask(filters, sort):
        page = search.ask(filters, sort)
        bad = [BadRow(row.id, "bad") for row in page.rows if row.id == "4"]
        return Rows([row for row in page.rows if row.id != "4"], bad, page.total, None)

    walk = SearchWalk(ask, stamp_property="stamp", overlap=OVERLAP, clock=lambda: START, at="hubspot")
    steps = list(walk.steps(None))
    assert {bad.id for step in steps for bad in step.bad} == {"4"}
    assert {row for row, _ in seen(steps)} == {str(n) for n in range(1, 30)} - {"4"}


def test_an_order_that_was_not_asked_for_is_a_fault():
    def ask(_filters, _sort):
        rows = [Record(str(n), {"stamp": str(10 - n)}) for n in range(4)]
        return Rows(rows, [], 9, None)

    walk = SearchWalk(ask, stamp_property="stamp", overlap=OVERLAP, clock=lambda: START, at="hubspot")
    with pytest.raises(AdapterFault, match="order"):
        list(walk.steps(None))


def test_the_window_is_never_paged_into():
    assert search_walk.PAGE * 50 == search_walk.WINDOW
