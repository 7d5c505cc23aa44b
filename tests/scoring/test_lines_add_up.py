"""Whatever a reader sees as lines adds up to the number above them; what cools is computed, not guessed."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring_cases import NOW, deeds, model_of, people_of, run

from connector.scoring.accounts.shares import Member, account_lines
from connector.scoring.compile import compile_model
from connector.scoring.people.cooling import goes_cold, interest_ahead
from connector.scoring.people.shares import shares_of_total

_ROLES = {"decider": {"title": "CEO"}, "influencer": {"title": "Manager"}}
_POINTS = st.integers(0, 100).map(float)


@settings(max_examples=25, deadline=None)
@given(
    people=st.lists(st.tuples(st.sampled_from(["CEO", "Manager", "Clerk"]), _POINTS), max_size=40),
    cap=st.integers(1, 100),
    breadth=st.sampled_from([0, 3, 5.5, 40]),
    engaged=st.integers(1, 40),
)
def test_an_account_is_the_sum_of_its_people(
    people: list[tuple[str, float]], cap: int, breadth: float, engaged: int
) -> None:
    rule = {"id": "talk", "on": "chat", "points": 1}
    model = model_of(interest=[rule], roles=_ROLES, account={"cap": cap, "breadth": breadth, "engaged": engaged})
    rows = [{"person_id": f"p{n:02}", "account_id": "a", "title": title} for n, (title, _) in enumerate(people)]
    done = [deeds(*[0] * int(points), person=f"p{n:02}") for n, (_, points) in enumerate(people)]
    scored = run(model, people_of(*rows), pa.concat_tables([deeds(), *done])) if rows else None
    members = []
    if scored is not None:
        members = [
            Member(row["person_id"], row["role"] or "other", row["interest"]) for row in scored.scores.to_pylist()
        ]
    lines = account_lines(compile_model(model), members)
    number = 0.0 if scored is None else scored.accounts.to_pylist()[0]["score"]
    assert round(sum(line.points for line in lines), 1) == number
    assert [line.person_id for line in lines if line.kind == "person" and line.place == 1] == (
        [max(members, key=lambda one: (_gives(one, cap), _reversed(one.person_id))).person_id] if members else []
    )


def _gives(one: Member, cap: int) -> float:
    return min(one.interest, cap) * {"decider": 4, "influencer": 3}.get(one.role, 2)


def _reversed(text: str) -> tuple[int, ...]:
    return tuple(-ord(letter) for letter in text)


def test_subsidiaries_give_by_their_factor() -> None:
    model = model_of(account={"cap": 60, "hierarchy": {"factor": 0.5}})
    lines = account_lines(compile_model(model), [Member("a", "decider", 40.0, own=False), Member("b", "decider", 30.0)])
    assert [(line.person_id, line.given, line.points) for line in lines] == [("b", 30.0, 30.0), ("a", 20.0, 10.0)]


def test_a_crowd_meets_the_limit() -> None:
    model = model_of(account={"cap": 100, "breadth": 20, "engaged": 10})
    lines = account_lines(compile_model(model), [Member(str(n), "decider", 80.0) for n in range(5)])
    assert [line.kind for line in lines] == ["person"] * 5 + ["breadth", "limit"]
    assert round(sum(line.points for line in lines), 1) == 100


def test_a_limit_takes_what_rounding_leaves_over_and_people_keep_their_shares() -> None:
    model = model_of(account={"cap": 60, "breadth": 20, "engaged": 10})
    interests = (60.0, 33.3, 33.3, 33.3, 11.1)
    lines = account_lines(compile_model(model), [Member(str(n), "decider", i) for n, i in enumerate(interests)])
    assert lines[-1].kind == "limit"
    assert lines[0].points == 60.0
    assert round(sum(line.points for line in lines), 1) == 100


@settings(max_examples=60, deadline=None)
@given(
    weights=st.tuples(*[st.integers(1, 7)] * 3),
    lines=st.lists(
        st.tuples(st.sampled_from(["fit", "interest", "qualification"]), st.integers(-400, 400)), max_size=12
    ),
    off=st.integers(-3, 3),
)
def test_shares_add_up_to_the_parts(weights: tuple[int, int, int], lines: list[tuple[str, int]], off: int) -> None:
    told = [{"dimension": name, "points": tenths / 10} for name, tenths in lines]
    parts = {}
    for name, weight in zip(("fit", "interest", "qualification"), weights, strict=True):
        tenths = sum(t for n, t in lines if n == name)
        present = any(n == name for n, _ in lines)
        parts[name] = (round(tenths * weight / sum(weights)) + off) / 10 if present else 0.0
    shares = shares_of_total(weights, told, parts)
    for name, part in parts.items():
        mine = [share for share, line in zip(shares, told, strict=True) if line["dimension"] == name]
        assert round(sum(mine), 1) == part


_RULES = [
    {"id": "talk", "on": "chat", "points": [40, 20, -5], "half_life": "10d", "at_most": {"count": 2, "per": "7d"}},
    {"id": "seen", "on": "event_attended", "points": 30, "expires_after": "20d", "half_life": "none"},
    {"id": "left", "on": "email_unsubscribe", "points": -20, "half_life": "5d"},
]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
@pytest.mark.parametrize(
    "ago", [((0, 1, 2), (3,), ()), ((1,), (), (0,)), ((0, 6, 7, 8, 20), (15, 2), (4,)), ((), (0,), (0, 0))]
)
def test_every_day_ahead_is_what_that_day_will_say(zone: str, ago: tuple[tuple[int, ...], ...]) -> None:
    model = model_of(interest=_RULES)
    kinds = ("chat", "event_attended", "email_unsubscribe")
    done = pa.concat_tables([deeds(*days, kind=kind, identity=kind) for kind, days in zip(kinds, ago, strict=True)])
    ahead = interest_ahead(compile_model(model), done, as_of=NOW, time_zone=zone, horizon=40)
    assert len(ahead) == 41
    for day in (0, 1, 2, 5, 11, 19, 20, 21, 40):
        later = run(model, people_of(), done, as_of=NOW + timedelta(days=day), time_zone=zone)
        assert ahead[day][1] == later.scores.to_pylist()[0]["interest"], day


def test_going_cold_is_the_first_day_of_a_lower_band_and_verdict() -> None:
    model = model_of(fit=[{"id": "ceo", "when": {"title": "CEO"}, "points": 80}], interest=_RULES)
    done = pa.concat_tables([deeds(0, 1, kind="chat"), deeds(0, kind="event_attended")])
    people = people_of({"title": "CEO"})
    cold = goes_cold(compile_model(model), done, letter="A", as_of=NOW)
    assert cold is not None
    assert cold.band_on is not None
    assert cold.verdict_on is not None

    def on(day: int) -> dict[str, str]:
        row: dict[str, str] = run(model, people, done, as_of=NOW + timedelta(days=day)).scores.to_pylist()[0]
        return row

    today = NOW.date()
    for day, name, way in ((cold.band_on, "grade", cold.band), (cold.verdict_on, "verdict", cold.verdict)):
        ahead = (day - today).days
        before, then = on(ahead - 1), on(ahead)
        assert before[name] == on(0)[name] != then[name]
        assert way is not None
        assert str(way[1]) in then[name]


def test_who_has_done_nothing_cannot_cool() -> None:
    assert goes_cold(compile_model(model_of(interest=_RULES)), deeds(), letter="D", as_of=NOW) is None
    assert interest_ahead(compile_model(model_of(interest=_RULES)), deeds(), as_of=NOW) == []


def test_who_never_decays_stays() -> None:
    model = model_of(interest=[{"id": "talk", "on": "chat", "points": 60, "half_life": "none"}])
    cold = goes_cold(compile_model(model), deeds(0), letter="A", as_of=NOW)
    assert cold is not None
    assert (cold.band_on, cold.verdict_on) == (None, None)
