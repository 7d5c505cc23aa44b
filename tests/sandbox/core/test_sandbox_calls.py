"""The arithmetic of the call ledger: an honest client stays within the floor, a wasteful one does not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sandbox.core.calls import Call, CallLedger, Read, Stream, Written

PAGE = 2000


class Org:
    """A stream of rows that change, and a client that reads it in windows."""

    def __init__(self, rows: int) -> None:
        self.rows = {f"r{n}": (n, False) for n in range(rows)}
        self.stamp = rows
        self.ledger = CallLedger()
        self.stream = Stream("Lead", PAGE, lambda: [(key, *value) for key, value in self.rows.items()])

    def touch(self, keys, *, own: bool = False) -> None:
        for key in keys:
            self.stamp += 1
            self.rows[key] = (self.stamp, own)

    def read(self, since: int = 0, page: int = PAGE, times: int = 1) -> None:
        found = sorted((stamp, key, own) for key, (stamp, own) in self.rows.items() if stamp >= since)
        chunks = [found[at : at + page] for at in range(0, len(found), page)] or [[]]
        for chunk in chunks:
            for _ in range(times):
                rows = [(key, stamp, own) for stamp, key, own in chunk]
                read = Read(self.stream, rows, full=len(rows) == page)
                self.ledger.record(Call("GET", "/query", 200, reads=[read]))

    def report(self) -> tuple[int, int]:
        shown = self.ledger.report()
        return shown["used"], shown["floor"]


def test_a_first_load_of_ten_thousand_people_is_five_pages():
    org = Org(10_000)
    org.read()
    assert org.report() == (5, 5)


def test_a_first_load_after_a_mark_counts_like_one_before():
    org = Org(10_000)
    org.ledger.mark()
    org.read()
    assert org.report() == (5, 5)


def test_asking_each_page_twice_is_seen_at_the_first_load_and_on_a_quiet_cycle():
    org = Org(10_000)
    org.read(times=2)
    assert org.report() == (10, 5)
    org.ledger.mark()
    org.read(since=9_990, times=2)
    assert org.report() == (2, 1)


def test_a_quiet_poll_with_overlap_is_within_the_floor():
    org = Org(5_000)
    org.read()
    org.ledger.mark()
    org.read(since=4_900)
    assert org.report() == (1, 1)


def test_echo_and_overlap_cost_no_used_calls_however_many_pages_they_take():
    org = Org(10_000)
    org.read()
    org.touch(list(org.rows), own=True)
    org.ledger.mark()
    org.read(since=9_000)
    shown = org.ledger.report()
    assert (shown["used"], shown["floor"]) == (1, 1)
    assert shown["apart"] == {"overlap": 4}


def test_smaller_pages_than_the_largest_are_more_than_the_floor():
    org = Org(10_000)
    org.read(page=500)
    assert org.report() == (20, 5)


def test_the_empty_page_after_a_full_one_stands_apart_but_a_second_empty_poll_counts():
    org = Org(PAGE)
    org.read()
    org.ledger.record(Call("GET", "/query", 200, reads=[Read(org.stream, [])]))
    assert org.report() == (1, 1)
    org.ledger.record(Call("GET", "/query", 200, reads=[Read(org.stream, [])]))
    assert org.report() == (2, 1)


def test_a_change_between_marks_is_due_and_read_once():
    org = Org(3_000)
    org.read()
    org.ledger.mark()
    before = org.stamp
    org.touch([f"r{n}" for n in range(2_500)])
    org.read(since=before - 100)
    assert org.report() == (2, 2)


def test_several_queries_in_one_call_may_lie_below_the_floor():
    one, other = Org(10), Org(10)
    other.stream = Stream("Contact", PAGE, other.stream.rows)
    reads = [Read(org.stream, [(key, *value) for key, value in org.rows.items()]) for org in (one, other)]
    one.ledger.record(Call("POST", "/composite", 200, reads=reads))
    assert one.report() == (1, 2)


def test_writes_are_floored_by_the_largest_batch_per_type_and_kind():
    ledger = CallLedger()
    for obj, kind, rows in (
        ("Lead", "update", 200),
        ("Lead", "update", 200),
        ("Lead", "update", 1),
        ("Task", "upsert", 7),
    ):
        ledger.record(Call("PATCH", "/composite/sobjects", 200, writes=[Written(obj, kind, rows, 200)]))
    assert (ledger.report()["used"], ledger.report()["floor"]) == (4, 4)
    single = CallLedger()
    for _ in range(400):
        single.record(Call("PATCH", "/sobjects/Lead/{id}", 204, writes=[Written("Lead", "update", 1, 200)]))
    assert (single.report()["used"], single.report()["floor"]) == (400, 2)


def test_what_stands_apart_is_named_and_not_used():
    ledger = CallLedger()
    for why in ("sign_in", "describe", "describe", "look_up"):
        ledger.record(Call("GET", "/x", 200, apart=why))
    ledger.record(Call("GET", "/x", 400, violation=True))
    shown = ledger.report()
    assert shown["apart"] == {"describe": 2, "look_up": 1, "sign_in": 1}
    assert (shown["used"], shown["violations"]) == (1, 1)
    assert shown["calls"] == [
        {"method": "GET", "endpoint": "/x", "status": 200, "count": 4},
        {"method": "GET", "endpoint": "/x", "status": 400, "count": 1},
    ]


@given(
    st.integers(0, 5000),
    st.lists(st.tuples(st.sets(st.integers(0, 4999), max_size=40), st.booleans(), st.integers(0, 300)), max_size=4),
)
def test_one_pass_in_the_largest_pages_never_exceeds_the_floor(rows, cycles):
    org = Org(rows)
    org.read()
    used, floor = org.report()
    assert used <= floor
    for touched, own, overlap in cycles:
        org.ledger.mark()
        edge = org.stamp
        org.touch([f"r{n}" for n in touched if n < rows], own=own)
        org.read(since=edge - overlap)
        used, floor = org.report()
        assert used <= floor
