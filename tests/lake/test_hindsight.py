"""What had happened by an instant, by all that is known now: the order in which it was told makes no difference."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest

from connector.domain.refs import Ref

DAY = timedelta(days=1)
T0 = datetime.fromisoformat("2026-03-01T00:00:00+00:00")


def then(place: Any, day: int) -> dict[str, dict[str, Any]]:
    lake = place.lake.in_hindsight()
    return {row["id"]: row for row in lake.current("crm", "contact", as_of=T0 + day * DAY).to_pylist()}


def test_a_record_is_as_it_was_whenever_that_was_told(place: Any, say: Any) -> None:
    place.land(say.version("1", T0 + 5 * DAY, fields={"title": "CEO"}), at=T0 + 5 * DAY)
    # told late, and nobody knew it when it was true
    place.land(say.version("1", T0 + DAY, fields={"title": "VP"}), at=T0 + 9 * DAY)
    assert [then(place, day)["1"]["f:title"] for day in (0, 1, 4, 5, 6)] == ["VP", "VP", "VP", "CEO", "CEO"]
    assert place.current(as_of=T0 + 2 * DAY) == {}


def test_who_was_created_later_was_not_there(place: Any, say: Any) -> None:
    place.land(say.version("1", T0 + 5 * DAY, created_at=T0 + 4 * DAY), at=T0 + 5 * DAY)
    assert [list(then(place, day)) for day in (3, 4)] == [[], ["1"]]


def test_mergers_are_told_as_of_now(place: Any, say: Any) -> None:
    place.land(say.version("1", T0, fields={"title": "VP"}), say.version("2", T0), at=T0)
    place.land(say.version("1", T0 + 5 * DAY, merged_into=Ref("crm", "contact", "2")), at=T0 + 5 * DAY)
    assert then(place, 1)["1"]["merged_into"] == "crm:contact:2"
    assert place.lake.in_hindsight().mergers("crm", "contact", as_of=T0 + DAY).num_rows == 0


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_late_and_corrected_activities_count_when_they_occurred(place: Any, say: Any, order: tuple[int, ...]) -> None:
    told = [
        say.activity("a", T0, path="/a"),
        say.activity("b", T0 + DAY, path="/b"),
        say.activity("b", T0 + 3 * DAY, path="/c", modified_at=T0 + 4 * DAY),
    ]
    for day, number in enumerate(order):
        place.land(told[number], at=T0 + (10 + day) * DAY)
    lake = place.lake.in_hindsight()

    def seen(day: int) -> list[tuple[str, str]]:
        rows = lake.activities(["crm"], as_of=T0 + day * DAY).to_pylist()
        assert all(row["landed_at"] <= T0 + day * DAY for row in rows)
        return [(row["id"], row["path"]) for row in rows]

    assert seen(1) == [("a", "/a")]
    assert seen(3) == [("a", "/a"), ("b", "/c")]
    assert place.lake.activities(["crm"], as_of=T0 + 9 * DAY).num_rows == 0
