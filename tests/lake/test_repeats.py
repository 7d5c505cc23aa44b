"""What the lake holds is known to be held, whoever landed it and however little is kept in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.domain.records import Activity
from connector.domain.refs import Ref
from connector.lake import repeats
from connector.lake.layout import activity_table
from connector.lake.repeats import ACTIVITY_KEY, KnownKeys
from connector.lake.segments import write_segment

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def event(number: int, kind: str) -> Activity:
    # when something happened follows from what it is
    at = T0 + timedelta(minutes=number * 7 % 11)
    return Activity(Ref("crm", kind, str(number)), "other", Ref("crm", "contact", "1"), at)


pages = st.lists(
    st.lists(st.builds(event, st.integers(0, 30), st.sampled_from(["a", "b"])), min_size=1, max_size=12), max_size=8
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pages=pages,
    most=st.sampled_from([0, 5, 20, 1000]),
    kept=st.sampled_from([0, 10, 1000]),
    small=st.sampled_from([0, 5]),
    restarts=st.sets(st.integers(0, 7)),
    rests=st.sets(st.integers(0, 7)),
)
def test_fresh_rows_are_those_that_a_set_does_not_hold(
    tmp_path_factory: pytest.TempPathFactory,
    pages: list[list[Activity]],
    most: int,
    kept: int,
    small: int,
    restarts: set[int],
    rests: set[int],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repeats, "_KEPT_KEYS", kept)
        patch.setattr(repeats, "_SMALL", small)
        _hold_against_a_set(tmp_path_factory, pages, most, restarts, rests)


def _hold_against_a_set(
    tmp_path_factory: pytest.TempPathFactory,
    pages: list[list[Activity]],
    most: int,
    restarts: set[int],
    rests: set[int],
) -> None:
    root = tmp_path_factory.mktemp("keys")
    known, segments, model = KnownKeys(root, most=most), [], set[tuple[str, str]]()
    for number, page in enumerate(pages):
        if number in restarts:
            known = KnownKeys(root, most=most)
        if number in rests:
            known.rest()
        table = activity_table(page, landed_at=T0)
        fresh, keys = known.fresh(table, ACTIVITY_KEY, "occurred_at", segments)
        wanted = []
        for activity in page:
            if activity.ref[1:] not in model:
                model.add(activity.ref[1:])
                wanted.append(activity.ref[1:])
        assert [(row["kind"], row["id"]) for row in fresh.to_pylist()] == wanted
        if wanted:
            segments.append(write_segment(root, "activities/crm", fresh, landed_at=T0 + timedelta(days=number)))
            known.landed(segments[-1], keys)


def test_hashes_that_fall_together_drop_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # equal first numbers for everything: only the second ones tell rows apart
    numbers = repeats._numbers
    monkeypatch.setattr(repeats, "_numbers", lambda *words: (numbers(*words)[0] * 0, numbers(*words)[1]))
    known = KnownKeys(tmp_path)
    table = activity_table([event(n, "a") for n in range(9)], landed_at=T0)
    fresh, keys = known.fresh(table, ACTIVITY_KEY, "occurred_at", [])
    assert fresh.num_rows == 9
    segment = write_segment(tmp_path, "activities/crm", fresh, landed_at=T0)
    known.landed(segment, keys)
    other = activity_table([event(n, "b") for n in range(9)], landed_at=T0)
    assert known.fresh(other, ACTIVITY_KEY, "occurred_at", [segment])[0].num_rows == 9


@pytest.mark.parametrize(("small", "reads"), [(0, 6), (5, 3)])
def test_a_file_is_read_twice_at_most_however_many_pages_touch_its_time_and_a_small_one_once(
    place: Any, say: Any, monkeypatch: pytest.MonkeyPatch, small: int, reads: int
) -> None:
    monkeypatch.setattr(repeats, "_SMALL", small)
    for number in range(3):
        place.land(*(say.activity(f"{number}.{n}", T0 + timedelta(minutes=n)) for n in range(5)))
    place.restart()
    read: list[str] = []
    for name in ("read_segment", "read_span"):
        inner = getattr(repeats, name)
        monkeypatch.setattr(
            repeats, name, lambda root, one, *more, inner=inner: read.append(one.path) or inner(root, one, *more)
        )
    for number in range(10):
        assert place.land(say.activity(f"x{number}", T0 + timedelta(minutes=2))).repeated == 0
    assert len(read) == reads
    assert place.landing.compact() == 13
    at = T0 + timedelta(minutes=2)
    assert place.land(say.activity("x3", at), say.activity("1.2", at), say.activity("new", at)).repeated == 2
    assert len(read) == reads


def test_other_times_are_not_read(place: Any, say: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    place.land(say.activity("1", T0))
    place.restart()
    monkeypatch.setattr(repeats, "read_span", lambda *_: pytest.fail("nothing of this time has landed"))
    place.land(say.activity("2", T0 + timedelta(seconds=1)))


@pytest.mark.parametrize("restart", [True, False])
def test_an_event_whose_time_was_corrected_lands_and_counts_once(place: Any, say: Any, restart: bool) -> None:
    place.land(say.activity("1", T0), say.activity("2", T0 + timedelta(hours=9)))
    if restart:
        place.restart()
    late = T0 + timedelta(hours=3)
    assert place.land(say.activity("1", late), at=T0 + timedelta(days=1)).activities == 1
    rows = place.lake.activities(["crm"], as_of=T0 + timedelta(days=2)).to_pylist()
    assert [(row["id"], row["occurred_at"]) for row in rows] == [("1", late), ("2", T0 + timedelta(hours=9))]
