"""One case per sentence of the rules: what a person sees, worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest
from scoring_cases import INSTANT, NOW, deeds, line, model_of, people_of, run

from connector.errors import ConfigError
from connector.scoring.compile import compile_model, earned_micropoints
from connector.scoring.hits.match import match_hits
from connector.scoring.score import score_hits


def interest_of(rule, activities, *, zone="UTC", **more):
    model = model_of(interest=[{"id": "it", "on": "chat", **rule}], **more)
    found = line(run(model, activities=activities, time_zone=zone), "it")
    return None if found is None else (found["points"], found["count"])


def minutes(*values):
    return [timedelta(minutes=value) for value in values]


@pytest.mark.parametrize(
    ("rule", "activities", "wanted"),
    [
        pytest.param({"points": 5}, deeds(0, 1, 2), (15.0, 3), id="every one earns points"),
        pytest.param(
            {"points": [8, 4, 2, 0, -2]}, deeds(*range(7)), (8.0, 7), id="the last entry repeats: 8+4+2+0-2-2-2"
        ),
        pytest.param(
            {"points": 5, "at_most": {"count": 2, "per": "1d"}},
            deeds(0, *minutes(5, 10), 1),
            (15.0, 3),
            id="first n of a day",
        ),
        pytest.param(
            {"points": 5, "debounce": "30m"},
            deeds(*minutes(50, 40, 20, 0)),
            (10.0, 2),
            id="measured from the last kept",
        ),
        pytest.param(
            {"points": 5, "debounce": "30m"}, deeds(*minutes(60, 30, 0)), (15.0, 3), id="a whole span later counts"
        ),
        pytest.param({"points": 8, "half_life": "30d"}, deeds(30, 60), (6.0, 2), id="half after a half-life: 4+2"),
        pytest.param(
            {"points": [8, 4], "half_life": "30d"}, deeds(30, 0), (8.0, 2), id="the older has the first rank: 4+4"
        ),
        pytest.param({"points": 10, "half_life": "none"}, deeds(900), (10.0, 1), id="none never decays"),
        pytest.param(
            {"points": [8, 4, 2], "expires_after": "10d"},
            deeds(10, 11, 12),
            (2.0, 3),
            id="expiry drops points not rank",
        ),
        pytest.param({"points": 30, "cap": 40}, deeds(0, 1), (40.0, 2), id="cap above"),
        pytest.param({"points": -30, "cap": 40}, deeds(0, 1), (-40.0, 2), id="cap below"),
        pytest.param({"points": 100}, deeds(*[0] * 200), (10_000.0, 200), id="an uncapped line ends at ten thousand"),
        pytest.param({"points": 0.05}, deeds(0), (0.1, 1), id="half a tenth goes away from zero"),
        pytest.param({"points": -0.05}, deeds(0), (-0.1, 1), id="also below zero"),
        pytest.param({"points": 0.03}, deeds(0, 1), (0.1, 2), id="rounded after the sum, not before"),
        pytest.param({"points": 5}, deeds(-1), None, id="what has not happened yet does not count"),
        pytest.param(
            {"points": 5, "where": {"asset": {"in": ["\uff27\uff35\uff29\uff24\uff25"]}}},
            deeds(0, asset="guide"),
            (5.0, 1),
            id="text is folded",
        ),
        pytest.param(
            {"points": 5, "where": {"asset": {"is_not": "guide"}}}, deeds(0, asset=None), None, id="unknown is not no"
        ),
        pytest.param({"points": 5}, deeds(0, kind="social"), None, id="another type"),
    ],
)
def test_a_line_of_interest(rule, activities, wanted):
    assert interest_of(rule, activities) == wanted


def test_windows_are_counted_from_the_first_of_january_1970_in_local_days():
    rule = {"points": 1, "at_most": {"count": 1, "per": "7d"}}
    # 2026-04-02 is a Thursday, and so was 1970-01-01: the window opens today
    assert interest_of(rule, deeds(0, 1, 2, 6, 7)) == (2.0, 2)
    assert interest_of(rule, deeds(0, 1, 7, 8)) == (3.0, 3)


def test_age_counts_local_midnights_not_spans_of_24_hours():
    late = deeds(timedelta(hours=12, minutes=1))
    rule = {"points": 8, "half_life": "1d"}
    assert interest_of(rule, late) == (4.0, 1)
    assert interest_of(rule, late, zone="America/New_York") == (4.0, 1)
    assert interest_of(rule, deeds(timedelta(hours=11)), zone="Pacific/Kiritimati") == (4.0, 1)
    assert interest_of(rule, deeds(timedelta(hours=7)), zone="America/New_York") == (8.0, 1)


def test_a_day_of_23_hours_is_a_day():
    # clocks go forward in Berlin on 2026-03-29; both instants are just after local midnight, 23 hours apart
    first, second = datetime(2026, 3, 28, 23, 5, tzinfo=UTC), datetime(2026, 3, 29, 22, 5, tzinfo=UTC)
    hits = match_hits(
        compile_model(model_of(interest=[{"id": "it", "on": "chat", "points": 1}])),
        deeds(NOW - first, NOW - second),
        time_zone="Europe/Berlin",
        as_of=NOW,
    )
    assert hits.column("day").to_pylist() == [date(2026, 3, 29), date(2026, 3, 30)]


def test_clocks_that_go_back_at_midnight_make_nothing_younger_than_today():
    # in Asuncion 2024-03-24 00:00 became 2024-03-23 23:00 again
    before, after = datetime(2024, 3, 24, 2, 30, tzinfo=UTC), datetime(2024, 3, 24, 3, 30, tzinfo=UTC)
    model = model_of(interest=[{"id": "it", "on": "chat", "points": 8, "half_life": "1d"}])
    scored = run(model, activities=deeds(NOW - before, NOW - after), as_of=after, time_zone="America/Asuncion")
    assert line(scored, "it")["points"] == 16.0


def test_days_before_1970_have_windows_too():
    rule = {"points": 1, "at_most": {"count": 1, "per": "7d"}}
    start = datetime(1969, 12, 31, 12, tzinfo=UTC)
    assert interest_of(rule, deeds(NOW - start, NOW - start + timedelta(days=6), NOW - start - timedelta(days=1))) == (
        2.0,
        2,
    )


def test_debounce_is_per_identity_and_ranks_are_per_person():
    activities = deeds(*minutes(0, 10)).append_column("identity", pa.array(["cookie-1", "cookie-2"]))
    assert interest_of({"points": [8, 4], "debounce": "30m"}, activities) == (12.0, 2)
    assert interest_of({"points": [8, 4], "debounce": "30m"}, activities.drop_columns(["identity"])) == (8.0, 1)


def test_a_merge_scores_the_union_of_both_histories():
    model = model_of(interest=[{"id": "it", "on": "chat", "points": [8, 4, 2], "at_most": {"count": 2, "per": "1d"}}])
    compiled = compile_model(model)
    apart = pa.concat_tables([deeds(0, 1, person="a"), deeds(0, 0, 3, person="b")])
    hits = match_hits(compiled, apart, time_zone="UTC", as_of=NOW)
    merged = hits.set_column(0, "person_id", pa.array(["p"] * hits.num_rows))
    assert line(score_hits(compiled, people_of(), merged, as_of=NOW), "it")["points"] == 8 + 4 + 2 + 2


def test_what_landed_later_was_not_known():
    activities = deeds(1, 2).append_column("landed_at", pa.array([NOW, NOW + timedelta(seconds=1)], INSTANT))
    assert interest_of({"points": 5}, activities) == (5.0, 1)


def test_a_burst_of_any_length_is_debounced():
    activities = deeds(*[timedelta(minutes=10 * n) for n in range(1000)])
    assert interest_of({"points": 0, "debounce": "30m"}, activities) == (0.0, 334)


def grouped(lines, group):
    rules = [
        {"id": f"r{n}", "on": "chat", "where": {"asset": str(n)}, "points": p, "group": "g"}
        for n, p in enumerate(lines)
    ]
    model = model_of(interest=rules, interest_more={"groups": {"g": group}})
    activities = pa.concat_tables([deeds(0, asset=str(n), person="p") for n in range(len(lines))])
    return [line(run(model, activities=activities), f"r{n}")["points"] for n in range(len(lines))]


@pytest.mark.parametrize(
    ("lines", "group", "wanted"),
    [
        pytest.param([40, 20], {"cap": 30}, [20.0, 10.0], id="positive lines shrink together"),
        pytest.param([10, 20], {"cap": 30}, [10.0, 20.0], id="the bound itself is inside"),
        pytest.param([40, 20, -10], {"cap": 30}, [20.0, 10.0, -10.0], id="negatives are untouched"),
        pytest.param([-40, -20, 10], {"floor": -30}, [-20.0, -10.0, 10.0], id="the floor bounds negatives likewise"),
        pytest.param([20, 20, 20], {"cap": 10}, [3.4, 3.3, 3.3], id="the remainder goes to the first of the largest"),
        pytest.param([20, 30, 20], {"cap": 10}, [2.9, 4.2, 2.9], id="the remainder goes to the largest"),
        pytest.param([14.95, 15.05], {"cap": 30}, [15.0, 15.0], id="rounding never lifts a group over its cap"),
        pytest.param([40, 20], {"cap": 0}, [0.0, 0.0], id="a cap of nothing leaves nothing"),
    ],
)
def test_a_group_bounds_its_lines_together(lines, group, wanted):
    assert grouped(lines, group) == wanted


def test_decay_is_rounded_once_half_away_from_zero():
    assert earned_micropoints(1_000_001, timedelta(days=1), 1) == 500_001
    assert earned_micropoints(-1_000_001, timedelta(days=1), 1) == -500_001
    assert earned_micropoints(1, timedelta(days=1), 1) == 1
    assert earned_micropoints(1, timedelta(days=1), 2) == 0
    assert earned_micropoints(10_000_000, timedelta(days=30), 1) == 9_771_600
    assert earned_micropoints(100_000_000, timedelta(hours=12), 1) == 25_000_000


def test_decay_never_grows():
    worth = [earned_micropoints(12_345_000, timedelta(days=7), age) for age in range(200)]
    assert worth == sorted(worth, reverse=True)
    assert worth[-1] >= 0


def test_a_group_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match="group g is not there"):
        compile_model(model_of(interest=[{"id": "it", "on": "chat", "points": 1, "group": "g"}]))


def test_an_unknown_time_zone_is_refused():
    with pytest.raises(ConfigError, match="no time zone"):
        run(model_of(), time_zone="Mars/Olympus")
