"""One case per sentence about fit, totals, grades, stages and accounts, worked out by hand."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest
from scoring_cases import deeds, model_of, people_of, run

FIT = [
    {"id": "title", "when": {"title": "vp"}, "points": 40},
    {"id": "size", "when": {"employees": {"gte": 200}}, "points": 40},
    {"id": "tiny", "when": {"employees": {"lt": 5}}, "points": -20},
    {"id": "rival", "when": {"domain": "rival.example"}, "disqualify": "competitor"},
]
VERY_INTERESTED = [{"id": "it", "on": "chat", "points": 90}]


def test_unknown_facts_give_a_range_and_the_one_that_would_decide():
    people = people_of(
        {"person_id": "a", "title": "vp", "employees": None, "domain": "x"},
        {"person_id": "b", "title": "vp", "employees": 300, "domain": "x"},
        {"person_id": "c", "title": None, "employees": None, "domain": None},
        {"person_id": "d", "title": "vp", "employees": 300, "domain": None},
        {"person_id": "e", "title": "clerk", "employees": 20, "domain": "rival.example"},
    )
    activities = pa.concat_tables([deeds(0, person=one) for one in "abcde"])
    scored = run(model_of(fit=FIT, interest=VERY_INTERESTED), people, activities).scores.to_pylist()
    assert [(row["fit"], row["fit_low"], row["fit_high"]) for row in scored] == [
        (40.0, 20.0, 80.0),
        (80.0, 80.0, 80.0),
        (0.0, 0.0, 80.0),
        (80.0, 80.0, 80.0),
        (0.0, 0.0, 0.0),
    ]
    assert [row["verdict"] for row in scored] == ["review", "sales", "nurture", "sales", "disqualified"]
    assert [row["deciding_fact"] for row in scored] == ["employees", None, "employees", "domain", None]
    assert scored[4]["disqualified_because"] == "competitor"


def test_where_two_facts_are_needed_together_the_weightier_is_named():
    fit = [
        {"id": "title", "when": {"title": "vp"}, "points": 12},
        {"id": "size", "when": {"employees": {"gte": 200}}, "points": 13},
    ]
    people = people_of({"title": None, "employees": None})
    scored = run(model_of(fit=fit, interest=VERY_INTERESTED), people, deeds(0)).scores.to_pylist()
    assert (scored[0]["verdict"], scored[0]["deciding_fact"]) == ("nurture", "employees")


def test_fit_sees_the_account_and_the_answers():
    fit = [
        {"id": "big", "when": {"account.employees": {"gte": 200}}, "points": 10},
        {"id": "need", "when": {"bants.need": "yes"}, "points": 5},
    ]
    people = people_of(
        {"account_id": "x", "bants.need": "yes"}, {"person_id": "q", "account_id": "gone", "bants.need": None}
    )
    accounts = pa.table({"account_id": ["y", "x"], "employees": [1, 500]})
    scored = run(model_of(fit=fit), people, accounts=accounts).scores.to_pylist()
    assert [(row["fit"], row["fit_high"]) for row in scored] == [(15.0, 15.0), (0.0, 15.0)]


def test_qualification_is_twenty_per_yes_and_no_is_told_from_unknown():
    people = people_of({"bants.budget": "Yes", "bants.need": "no", "bants.timeframe": None, "bants.authority": " YES "})
    scored = run(model_of(), people)
    assert scored.scores.column("qualification").to_pylist() == [40.0]
    assert [(row["rule"], row["points"]) for row in scored.lines.to_pylist()] == [
        ("budget", 20.0),
        ("authority", 20.0),
        ("need", 0.0),
    ]


def test_clamping_a_dimension_is_a_line_of_its_own():
    fit = [{"id": "a", "when": {"employees": 1}, "points": 80}, {"id": "b", "when": {"employees": 1}, "points": 70}]
    minus = [{"id": "it", "on": "chat", "points": -7.5}]
    scored = run(model_of(fit=fit, interest=minus), people_of({"employees": 1}), deeds(0))
    assert [(row["dimension"], row["rule"], row["points"]) for row in scored.lines.to_pylist()] == [
        ("fit", "a", 80.0),
        ("fit", "b", 70.0),
        ("fit", "limit", -50.0),
        ("interest", "it", -7.5),
        ("interest", "limit", 7.5),
    ]
    assert (scored.scores["fit"].to_pylist(), scored.scores["interest"].to_pylist()) == ([100.0], [0.0])


@pytest.mark.parametrize(
    ("weights", "total", "parts"),
    [
        ((1, 1, 1), 66.7, (33.4, 33.3, 0.0)),
        ((2, 1, 1), 75.0, (50.0, 25.0, 0.0)),
        ((0.1, 0.3, 0.6), 40.0, (10.0, 30.0, 0.0)),
    ],
)
def test_the_total_is_a_weighted_mean_shown_in_parts_that_add_up(weights, total, parts):
    fit = [{"id": "a", "when": {"employees": 1}, "points": 100}]
    model = model_of(fit=fit, interest=[{"id": "it", "on": "chat", "points": 100}], weights=weights)
    row = run(model, people_of({"employees": 1}), deeds(0)).scores.to_pylist()[0]
    assert row["total"] == total
    assert (row["fit_part"], row["interest_part"], row["qualification_part"]) == parts
    assert sum(Decimal(str(part)) for part in parts) == Decimal(str(total))


def test_grade_and_verdict_change_exactly_at_the_band():
    people = people_of(*({"person_id": p, "employees": n} for p, n in (("a", 1), ("b", 2), ("c", 3))))
    fit = [{"id": f"f{n}", "when": {"employees": n}, "points": p} for n, p in ((1, 75), (2, 74.94), (3, 74.95))]
    activities = pa.concat_tables([deeds(0, person=one) for one in "abc"])
    scored = run(model_of(fit=fit, interest=[{"id": "it", "on": "chat", "points": 50}]), people, activities).scores
    # 74.95 is shown as 75.0, and the grade is that of the number shown
    assert scored.column("grade").to_pylist() == ["A2", "B2", "A2"]
    assert scored.column("verdict").to_pylist() == ["sales", "review", "sales"]


def test_the_buying_stage_is_the_latest_with_enough_points():
    rules = [
        {"id": "early", "on": "chat", "points": 3, "stage": "awareness"},
        {"id": "late", "on": "page_view", "points": 4, "stage": "decision"},
    ]
    people = people_of(*({"person_id": p} for p in "abc"))
    activities = pa.concat_tables(
        [
            deeds(0, person="a"),
            deeds(0, person="b"),
            deeds(0, person="b", kind="page_view"),
            deeds(0, 1, person="c", kind="page_view"),
        ]
    )
    model = model_of(interest=rules, interest_more={"stages": {"decision": 5}})
    assert run(model, people, activities).scores.column("buying_stage").to_pylist() == [
        "awareness",
        "awareness",
        "decision",
    ]


ROLES = {"decider": {"title": {"contains": "vp"}}, "influencer": {"title": {"contains": "manager"}}}


def account_rows(crowd, **account):
    """Score one account 'x' whose people are (title, interest) pairs."""
    rules = [
        {"id": f"r{n}", "on": "chat", "where": {"asset": str(n)}, "points": n}
        for _, n in dict.fromkeys((0, n) for _, n in crowd)
    ]
    people = people_of(
        *({"person_id": f"p{i}", "account_id": "x", "title": title} for i, (title, _) in enumerate(crowd))
    )
    activities = pa.concat_tables([deeds(0, person=f"p{i}", asset=str(n)) for i, (_, n) in enumerate(crowd)])
    model = model_of(interest=rules, roles=ROLES, account=account)
    return run(model, people, activities, pa.table({"account_id": ["x"], "employees": [300]})).accounts.to_pylist()


@pytest.mark.parametrize(
    ("crowd", "account", "score_"),
    [
        ([("vp", 90)], {}, 60.0),
        ([("manager", 90)], {}, 45.0),
        ([("clerk", 90)], {}, 30.0),
        ([(None, 90)], {}, 30.0),
        ([("vp", 40), ("vp", 20), ("vp", 20)], {}, 55.0),
        ([("clerk", 40)] * 3, {}, 35.0),
        ([("vp", 40), ("clerk", 10), ("clerk", 0)], {"breadth": 7}, 49.5),
        ([("vp", 90)] * 8, {"cap": 80}, 100.0),
        ([("clerk", 1)] * 40, {}, 1.0),
    ],
)
def test_people_roll_up_capped_by_role_and_halved_by_rank(crowd, account, score_):
    assert account_rows(crowd, **account)[0]["score"] == score_


def test_three_moderate_people_outrank_one_very_active_junior():
    assert account_rows([("clerk", 40)] * 3)[0]["score"] > account_rows([("clerk", 100)])[0]["score"]


@pytest.mark.parametrize(
    ("crowd", "ready", "roles"),
    [
        ([("vp", 90)], True, '{"decider": "engaged", "influencer": "missing"}'),
        ([("vp", 0), ("clerk", 90), ("clerk", 90)], False, '{"decider": "known", "influencer": "missing"}'),
        ([("manager", 90)], True, '{"decider": "missing", "influencer": "engaged"}'),
        ([("vp", 10)], False, '{"decider": "engaged", "influencer": "missing"}'),
    ],
)
def test_ready_needs_an_engaged_decider_or_influencer(crowd, ready, roles):
    row = account_rows(crowd, ready_when={"score": {"gte": 40}})[0]
    assert (row["ready"], row["roles"]) == (ready, roles)


def test_account_fit_is_its_own_rules_or_the_best_among_its_people():
    own = {"fit": {"rules": [{"id": "big", "when": {"account.employees": {"gte": 200}}, "points": 60}]}}
    assert [(row["fit"], row["grade"]) for row in account_rows([("vp", 90)], **own)] == [(60.0, "B2")]
    people = people_of(
        {"person_id": "a", "account_id": "x", "employees": 1}, {"person_id": "b", "account_id": "x", "employees": 2}
    )
    fit = [{"id": "one", "when": {"employees": 1}, "points": 30}, {"id": "two", "when": {"employees": 2}, "points": 50}]
    rows = run(model_of(fit=fit), people).accounts.to_pylist()
    assert [(row["account_id"], row["fit"]) for row in rows] == [("x", 50.0)]


def test_an_account_without_people_is_listed_with_all_roles_missing():
    rows = run(model_of(roles=ROLES), people_of(), accounts=pa.table({"account_id": ["lonely"]})).accounts.to_pylist()
    assert [(row["score"], row["engaged_people"], row["grade"], row["ready"]) for row in rows] == [
        (0.0, 0, "D4", False)
    ]
    assert rows[0]["roles"] == '{"decider": "missing", "influencer": "missing"}'


def test_nobody_and_nothing_can_be_scored():
    empty = pa.table({"person_id": pa.array([], pa.string()), "account_id": pa.array([], pa.string())})
    scored = run(model_of(fit=FIT, interest=VERY_INTERESTED), empty, deeds())
    assert (scored.scores.num_rows, scored.lines.num_rows, scored.accounts.num_rows) == (0, 0, 0)


def test_trading_places_trades_scores():
    model = model_of(fit=FIT, interest=[{"id": "it", "on": "chat", "points": [9, 4], "half_life": "7d"}])
    facts = [{"title": "vp", "employees": None, "domain": "x"}, {"title": None, "employees": 300, "domain": "y"}]
    histories = [(0, 3), (1, 9, 30)]
    found = []
    for first, second in (("a", "b"), ("b", "a")):
        people = people_of({"person_id": first, **facts[0]}, {"person_id": second, **facts[1]})
        activities = pa.concat_tables([deeds(*histories[0], person=first), deeds(*histories[1], person=second)])
        rows = {row.pop("person_id"): row for row in run(model, people, activities).scores.to_pylist()}
        found.append((rows[first], rows[second]))
    assert found[0] == found[1]
