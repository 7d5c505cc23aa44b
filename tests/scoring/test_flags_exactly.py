"""Too hot and the early alert, one case per sentence of docs/mapping/scoring-rules.md."""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa
import pytest
from scoring_cases import NOW, deeds, model_of, people_of, run

from connector.scoring.reasons import top_reasons

TODAY = NOW.date()
RULES = [
    {"id": "guide", "on": "asset_download", "points": 4, "stage": "awareness"},
    {"id": "story", "on": "chat", "points": 4, "stage": "consideration"},
    {"id": "pricing", "on": "page_view", "points": 8, "stage": "decision", "at_most": {"count": 3, "per": "7d"}},
    {"id": "trial", "on": "product_use", "points": 8, "stage": "decision"},
    {"id": "plain", "on": "social", "points": 8},
]
FIT = [{"id": "good", "when": {"employees": {"gte": 200}}, "points": 80}]


def flagged(*did, people=None, **more):
    model = model_of(fit=FIT, interest=RULES, **more)
    activities = pa.concat_tables([deeds(), *did])
    return run(model, people or people_of({"employees": 500}), activities)


def hot(*did, **more):
    row = flagged(*did, **more).scores.to_pylist()[0]
    return row["too_hot"], row["too_hot_since"], row["too_hot_count"], row["too_hot_rules"]


NOT = (False, None, None, None)


def ago(days):
    return TODAY - timedelta(days=days)


@pytest.mark.parametrize(
    ("pricing", "trial", "more", "expected"),
    [
        ((0, 1), (2,), {}, (True, ago(2), 3, "pricing 2x, trial 1x")),
        ((0, 1), (3,), {}, NOT),  # on four days, not three
        ((0, 1), (), {}, NOT),
        ((0, 1), (), {"too_hot": {"signals": 2}}, (True, ago(1), 2, "pricing 2x")),
        ((0, 0, 0), (), {"too_hot": {"within": "1d"}}, (True, ago(0), 3, "pricing 3x")),
        ((29, 29, 29), (), {}, (True, ago(29), 3, "pricing 3x")),
        ((30, 30, 30), (), {}, NOT),
        ((30, 30, 30), (), {"too_hot": {"lasts": "31d"}}, (True, ago(30), 3, "pricing 3x")),
        ((9, 0, 0, 0), (), {}, (True, ago(0), 3, "pricing 3x")),  # a late signal before is no history
        ((2, 1, 0), (0,), {}, (True, ago(2), 4, "pricing 3x, trial 1x")),
        ((20, 20, 20, 0, 0, 0), (), {}, (True, ago(20), 3, "pricing 3x")),  # the earliest that still stands
        ((40, 40, 40, 0, 0, 0), (), {}, (True, ago(0), 3, "pricing 3x")),
        ((0, 0, 0, 0, 0), (), {"too_hot": {"signals": 4}}, NOT),  # at_most keeps three of a week
        ((0, 1, 2), (), {"too_hot": "none"}, NOT),
    ],
)
def test_a_burst(pricing, trial, more, expected):
    assert hot(deeds(*pricing, kind="page_view"), deeds(*trial, kind="product_use"), **more) == expected


@pytest.mark.parametrize(
    ("early", "kind", "more", "is_hot"),
    [
        (3, "asset_download", {}, False),
        (400, "chat", {}, False),
        (2, "chat", {}, True),  # on the burst's first day: no history
        (1, "chat", {}, True),
        (3, "social", {}, True),  # carries no stage
        (182, "chat", {"too_hot": {"history": "180d"}}, False),
        (183, "chat", {"too_hot": {"history": "180d"}}, True),
    ],
)
def test_an_early_signal_before_it_is_a_history(early, kind, more, is_hot):
    burst = deeds(0, 1, 2, kind="page_view")
    assert hot(burst, deeds(early, kind=kind), **more)[0] is is_hot


def test_what_expired_is_a_history_and_points_do_not_matter():
    rules = [{**RULES[0], "expires_after": "5d"}, {**RULES[2], "points": -1}]
    model = model_of(interest=rules)
    burst = deeds(0, 1, 2, kind="page_view")
    assert run(model, activities=burst).scores["too_hot"].to_pylist() == [True]
    with_guide = pa.concat_tables([burst, deeds(9, kind="asset_download")])
    assert run(model, activities=with_guide).scores["too_hot"].to_pylist() == [False]


def alert(*did, **more):
    row = flagged(*did, **more).scores.to_pylist()[0]
    return row["early_alert"], row["early_alert_since"], row["early_alert_rules"]


@pytest.mark.parametrize(
    ("did", "more", "expected"),
    [
        ([deeds(0, kind="chat")], {}, (True, ago(0), "story 1x")),
        ([deeds(13, 13, kind="chat"), deeds(13, kind="asset_download")], {}, (True, ago(13), "guide 1x, story 2x")),
        ([deeds(14, kind="chat")], {}, (False, None, None)),
        ([deeds(14, 0, kind="chat")], {}, (False, None, None)),  # the first ever counts
        ([deeds(14, kind="chat")], {"early_alert": {"lasts": "15d"}}, (True, ago(14), "story 1x")),
        ([deeds(5, kind="chat"), deeds(5, kind="page_view")], {}, (False, None, None)),
        ([deeds(5, kind="chat"), deeds(4, kind="page_view")], {}, (True, ago(5), "story 1x")),
        ([deeds(5, kind="chat")], {"early_alert": "none"}, (False, None, None)),
        ([deeds(5, kind="social")], {}, (False, None, None)),
    ],
)
def test_the_early_alert(did, more, expected):
    assert alert(*did, **more) == expected


def test_the_early_alert_is_for_ideal_fit():
    people = people_of({"employees": 500}, {"person_id": "q", "employees": 5})
    activities = [deeds(0, kind="chat"), deeds(0, kind="chat", person="q")]
    assert flagged(*activities, people=people).scores["early_alert"].to_pylist() == [True, False]
    both = flagged(*activities, people=people, early_alert={"fit": ["A", "D"]})
    assert both.scores["early_alert"].to_pylist() == [True, True]


def test_whoever_is_disqualified_raises_no_alert():
    fit = [*FIT, {"id": "rival", "when": {"employees": 500}, "disqualify": "rival"}]
    scored = run(model_of(fit=fit, interest=RULES), people_of({"employees": 500}), deeds(0, kind="chat"))
    assert scored.scores["early_alert"].to_pylist() == [False]


def of_account(*did, people, **more):
    rows = [{"person_id": p, "account_id": "x", "employees": 500} for p in people]
    return flagged(*did, people=people_of(*rows), **more).accounts.to_pylist()[0]


def test_a_colleague_with_a_history_cools_the_account_but_not_the_person():
    burst, read = deeds(0, 1, 2, kind="page_view"), deeds(3, kind="chat", person="q")
    account = of_account(burst, read, people="pq")
    assert (account["too_hot"], account["too_hot_since"]) == (False, None)
    later = of_account(burst, deeds(2, kind="chat", person="q"), people="pq")
    assert (later["too_hot"], later["too_hot_since"]) == (True, ago(2))
    scored = flagged(burst, read, people=people_of(*({"person_id": p, "account_id": "x"} for p in "pq")))
    assert scored.scores["too_hot"].to_pylist() == [True, False]


def test_the_alert_of_an_account_looks_at_all_its_people():
    first, late = deeds(3, kind="chat"), deeds(3, kind="page_view", person="q")
    assert of_account(first, people="pq")["early_alert_since"] == ago(3)
    assert of_account(first, late, people="pq")["early_alert"] is False
    assert of_account(first, deeds(20, kind="chat", person="q"), people="pq")["early_alert"] is False


def test_flags_are_as_of_the_local_day():
    rules = model_of(interest=RULES)
    burst = deeds(0, 0, 0, kind="page_view")
    row = run(rules, activities=burst, time_zone="Pacific/Kiritimati").scores.to_pylist()[0]
    assert row["too_hot_since"] == date(2026, 4, 3)


def test_a_model_without_stages_has_no_flags():
    scored = run(model_of(interest=[RULES[-1]]), people_of({"account_id": "x"}), deeds(0, 0, 0, kind="social"))
    row, account = scored.scores.to_pylist()[0], scored.accounts.to_pylist()[0]
    assert (row["too_hot"], row["early_alert"], account["too_hot"], account["early_alert"]) == (False,) * 4


def test_reps_read_of_flags_among_the_reasons():
    model = model_of(fit=FIT, interest=RULES)
    people = people_of({"employees": 500, "declared.employees": 600}, {"person_id": "q", "employees": 500})
    burst, first = deeds(0, 1, 2, kind="page_view"), deeds(4, kind="chat", person="q")
    hot_one, alert_one = top_reasons(run(model, people, pa.concat_tables([burst, first])), model).to_pylist()
    said = "Too hot, perhaps only a benchmark: pricing 3x since 2026-03-31, nothing earlier"
    assert f". {said}. Said otherwise than found: employees" in hot_one["reasons"]
    assert "too_hot" in hot_one["reasons_key"].split("|")
    assert ". Early alert: story 1x on 2026-03-29, the first sign" in alert_one["reasons"]
    assert "early_alert" in alert_one["reasons_key"].split("|")
    short = top_reasons(run(model, people, burst), model, longest=80).to_pylist()[0]["reasons"]
    assert len(short) <= 80
    assert "Too hot" not in short
