"""Manifest, ledger, runs, switches."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import HandoffError, LocalFault
from connector.ports.store import Run, Segment
from state import open_store
from state.bulk import all_values_json, as_json, values_json
from state.instants import to_us

DAY = timedelta(days=1)


def _segment(words, path, stream="activities", **changes):
    values = {"rows": 3, "low": words.NOW - DAY, "high": words.NOW, "landed_at": words.NOW, "sha256": "ab"}
    return Segment(path=path, stream=stream, size_bytes=10, **{**values, **changes})


def test_segments_and_cursors_go_together(store, words):
    one, two = _segment(words, "b"), _segment(words, "a", "people")
    store.manifest.commit_segments([one, two], [], {("hubspot", "people"): "c1"})
    assert store.manifest.segments() == [one, two]
    assert store.manifest.segments("people") == [two]
    assert store.manifest.cursor("hubspot", "people") == "c1"
    assert store.manifest.cursor("hubspot", "activities") is None
    with pytest.raises(HandoffError, match="other content"):
        store.manifest.commit_segments([replace(one, sha256="cd")], [], {("hubspot", "people"): "c2"})
    assert store.manifest.cursor("hubspot", "people") == "c1"
    assert store.manifest.version() == 1


def test_repeated_commit_of_segments_adds_nothing(store, words):
    one = _segment(words, "a")
    for _ in range(2):
        store.manifest.commit_segments([one, one], [], {})
    assert store.manifest.segments() == [one]
    store.manifest.commit_segments([], [], {("s", "t"): "c"})
    assert store.manifest.version() == 1


def test_retired_segments_wait_for_their_grace(state_url, words):
    clock = [words.NOW]
    store = open_store(state_url, now=lambda: clock[0])
    store.manifest.commit_segments([_segment(words, "a"), _segment(words, "b"), _segment(words, "c")], [], {})
    store.manifest.commit_segments([_segment(words, "ab")], ["a"], {})
    clock[0] += DAY
    store.manifest.commit_segments([], ["b"], {})
    assert [s.path for s in store.manifest.segments()] == ["c", "ab"]
    assert store.manifest.retired_before(words.NOW) == []
    assert store.manifest.retired_before(words.NOW + DAY) == ["a"]
    store.manifest.forget_retired(["a", "c"])
    assert store.manifest.retired_before(words.NOW + 2 * DAY) == ["b"]
    assert [s.path for s in store.manifest.segments()] == ["c", "ab"]
    store.close()


def test_what_is_no_longer_live_cannot_be_replaced(store, words):
    """A merge that read an older list than the one that holds now would bring rows back, or list them twice."""
    store.manifest.commit_segments([_segment(words, name) for name in "abc"], [], {("s", "t"): "before"})
    store.manifest.commit_segments([_segment(words, "ab")], ["a", "b"], {})
    for added, retired in ((["bc"], ["b", "c"]), ([], ["a", "c"]), (["x"], ["never"])):
        with pytest.raises(LocalFault, match="not listed any more") as raised:
            store.manifest.commit_segments([_segment(words, name) for name in added], retired, {("s", "t"): "after"})
        assert raised.value.code == "lake.no_longer_live"
        assert "run again" in raised.value.cure
    assert [s.path for s in store.manifest.segments()] == ["c", "ab"]
    assert store.manifest.cursor("s", "t") == "before"
    assert store.manifest.version() == 2
    # the very same commit once more: its answer was lost
    store.manifest.commit_segments([_segment(words, "ab")], ["a", "b"], {})
    assert [s.path for s in store.manifest.segments()] == ["c", "ab"]
    assert store.manifest.version() == 2


def test_calls_are_counted_from_an_instant_on(store, words):
    ledger = store.ledger
    for at in (words.NOW - timedelta(microseconds=1), words.NOW, words.NOW, words.NOW + DAY):
        ledger.spend("salesforce", 2, cause="write", at=at)
    ledger.spend("salesforce", 1, cause="pull", at=words.NOW)
    ledger.spend("hubspot", 50, cause="pull", at=words.NOW)
    assert ledger.spent("salesforce", words.NOW) == 7
    assert ledger.spent("marketo", words.NOW) == 0


def test_runs_are_listed_newest_first(store, words):
    for name in ("b", "a", "c"):
        store.runs.begin(Run(name, "plan-" + name, "run", "live", words.NOW, words.NOW))
    store.runs.finish("a", verdict="green", report="{}", at=words.NOW + DAY)
    assert [run.id for run in store.runs.last()] == ["c", "a", "b"]
    assert store.runs.last(2)[1] == Run(
        "a", "plan-a", "run", "live", words.NOW, words.NOW, words.NOW + DAY, "green", "{}"
    )
    with pytest.raises(HandoffError, match="had not begun"):
        store.runs.finish("x", verdict="green", report="{}", at=words.NOW)


def test_plan_is_kept(store, words):
    store.runs.save_plan("p", made_at=words.NOW, body='{"a":1}')
    store.runs.save_plan("p", made_at=words.NOW, body='{"a":2}')
    assert store.runs.plan("p") == '{"a":2}'
    assert store.runs.plan("q") is None


def test_pause_is_seen_by_every_process(store, state_url, words):
    other = open_store(state_url)
    assert other.switches.paused() is None
    store.switches.pause("ann", words.NOW)
    store.switches.pause("bob", words.NOW + DAY)
    assert other.switches.paused() == ("ann", words.NOW)
    other.switches.resume("bob", words.NOW + DAY)
    assert store.switches.paused() is None
    assert [(who, what) for _, who, what, _ in store.switches.audited(2)] == [("bob", "resume"), ("bob", "pause")]
    other.close()


def test_lease_belongs_to_one_owner_until_it_runs_out(state_url, words):
    clock = [words.NOW]
    store = open_store(state_url, now=lambda: clock[0])
    take = store.switches.acquire
    assert take("engine", "a", timedelta(seconds=10))
    assert not take("engine", "b", timedelta(seconds=10))
    assert take("delivery", "b", timedelta(seconds=10))
    clock[0] += timedelta(seconds=9)
    assert take("engine", "a", timedelta(seconds=10)), "renewed"
    clock[0] += timedelta(seconds=10) - timedelta(microseconds=1)
    assert not take("engine", "b", timedelta(seconds=10))
    clock[0] += timedelta(microseconds=1)
    assert take("engine", "b", timedelta(seconds=10))
    store.switches.release("engine", "a")
    assert not take("engine", "a", timedelta(seconds=10))
    store.switches.release("engine", "b")
    assert take("engine", "a", timedelta(seconds=10))
    store.close()


def test_database_has_a_clock_of_its_own(store):
    with store.database.read() as connection:
        first = store.database.clock_us(connection)
        second = store.database.clock_us(connection)
    assert abs(first - to_us(datetime.now(UTC))) < 60_000_000
    assert second >= first


def test_settings_and_audit_are_kept(store, words):
    assert store.switches.setting("install") is None
    store.switches.put_setting("install", "main")
    store.switches.put_setting("install", "other")
    assert store.switches.setting("install") == "other"
    store.switches.audit("ann", "approve", words.NOW, {"plan": "p", "rows": 3})
    store.switches.audit("bob", "undo", words.NOW)
    assert store.switches.audited() == [
        (words.NOW, "bob", "undo", {}),
        (words.NOW, "ann", "approve", {"plan": "p", "rows": 3}),
    ]


def test_instant_without_zone_is_refused(store, words):
    with pytest.raises(ValueError, match="time zone"):
        store.switches.pause("ann", words.NOW.replace(tzinfo=None))


_VALUES = st.dictionaries(
    st.text(max_size=5),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=9),
    max_size=4,
)


@given(_VALUES)
def test_both_ways_to_write_values_say_the_same(values):
    quick, slow = values_json(values), as_json(values)
    assert quick.isascii()
    assert "\x00" not in quick
    assert quick.replace("\x7f", "\\u007f") == slow


@given(st.lists(_VALUES, max_size=4))
def test_several_values_are_written_as_each_is(several):
    assert all_values_json(several) == [values_json(values) for values in several]
