"""Accounts: hierarchy, stages, open deals and customers, what is not known of fit: one case per sentence."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from scoring_cases import deeds, model_of, people_of, run

INTEREST = [
    {"id": "one", "on": "chat", "points": 1},
    {"id": "early", "on": "asset_download", "points": 5, "stage": "awareness"},
    {"id": "late", "on": "page_view", "points": 5, "stage": "decision"},
]
ROLES = {"decider": {"title": {"contains": "vp"}}}


def accounts_of(*rows):
    return pa.Table.from_pylist([{"parent_id": None} | row for row in rows or [{"account_id": "x"}]])


def rolled(people, did, rows, **account):
    model = model_of(interest=INTEREST, roles=ROLES, account=account)
    scored = run(model, people_of(*people), pa.concat_tables([deeds(), *did]), accounts_of(*rows))
    return {row["account_id"]: row for row in scored.accounts.to_pylist()}


def person(id_, account, title="vp"):
    return {"person_id": id_, "account_id": account, "title": title}


def did(person, times):
    return deeds(*[0] * times, person=person)


FAMILY = [{"account_id": "top"}, {"account_id": "mid", "parent_id": "top"}, {"account_id": "low", "parent_id": "mid"}]
THREE = [person("a", "top"), person("b", "mid"), person("c", "low")]
DEEDS = [did("a", 8), did("b", 20), did("c", 40)]


def scores(rolled_up):
    return {name: row["score"] for name, row in rolled_up.items()}


def test_without_a_hierarchy_nobody_takes_in_anybody():
    assert scores(rolled(THREE, DEEDS, FAMILY)) == {"top": 8.0, "mid": 20.0, "low": 40.0}
    assert scores(rolled(THREE, DEEDS, FAMILY, hierarchy="none")) == {"top": 8.0, "mid": 20.0, "low": 40.0}


def test_people_of_all_descendants_are_sorted_with_the_own_and_the_factor_counts_once():
    # top: 40/2 + 20/2 -> 20, 10, 8 of its own: 20 + 10/2 + 8/4; mid: 40/2 = 20 and 20: 20 + 20/2
    taken = rolled(THREE, DEEDS, FAMILY, hierarchy={"factor": 0.5})
    assert scores(taken) == {"top": 27.0, "mid": 30.0, "low": 40.0}
    whole = rolled(THREE, DEEDS, FAMILY, hierarchy={})
    assert scores(whole) == {"top": 52.0, "mid": 50.0, "low": 40.0}


def test_the_factor_comes_after_cap_and_role_and_is_rounded_to_a_millionth():
    # min(13, 10.001) x half x 0.33 = 1.650165; x 1000 would show what is cut
    people = [person(f"p{n}", "low", "clerk") for n in range(3)]
    hits = [did(f"p{n}", 13) for n in range(3)]
    taken = rolled(
        people, hits, [FAMILY[0], {"account_id": "low", "parent_id": "top"}], cap=10.001, hierarchy={"factor": 0.33}
    )
    assert taken["top"]["score"] == 2.9  # 1.650165 x 1.75 = 2.88778875
    assert taken["low"]["score"] == 8.8  # 5.0005 x 1.75 = 8.750875


def test_people_taken_in_count_in_everything_else_as_their_own_do():
    taken = rolled(
        THREE,
        [*DEEDS, deeds(0, person="c", kind="page_view")],
        FAMILY,
        breadth=3,
        engaged=15,
        hierarchy={"factor": 0.01},
    )
    top = taken["top"]
    assert (top["engaged_people"], json.loads(top["roles"]), top["buying_stage"]) == (
        2,
        {"decider": "engaged"},
        "decision",
    )
    assert top["score"] == 11.3  # 8 + 0.45/2 + 0.2/4, and 3 for the second who is engaged: 11.275
    assert (taken["mid"]["engaged_people"], taken["low"]["engaged_people"]) == (2, 1)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"top": "true"}, {"top": 52.0, "mid": 20.0, "low": 40.0}),
        ({"mid": "true", "top": "false"}, {"top": 8.0, "mid": 50.0, "low": 40.0}),
        ({"mid": None}, {"top": 8.0, "mid": 20.0, "low": 40.0}),
    ],
)
def test_each_account_has_its_switch_and_unknown_is_off(flags, expected):
    rows = [row | {"sums_up": flags.get(row["account_id"])} for row in FAMILY]
    assert scores(rolled(THREE, DEEDS, rows, hierarchy={"when": {"account.sums_up": True}})) == expected


def test_circles_harm_nothing():
    rows = [
        {"account_id": "top", "parent_id": "low"},
        *FAMILY[1:],
        {"account_id": "self", "parent_id": "self"},
        {"account_id": "way", "parent_id": "top"},
    ]
    people = [*THREE, person("d", "self"), person("e", "way")]
    taken = rolled(people, [*DEEDS, did("d", 7), did("e", 4)], rows, hierarchy={})
    # each of the three takes in the two others and what leads to them: 40 + 20/2 + 8/4 + 4/8
    assert scores(taken) == {"top": 52.5, "mid": 52.5, "low": 52.5, "self": 7.0, "way": 4.0}


def test_a_parent_that_nobody_knows_ends_the_way_and_one_that_people_name_does_not():
    rows = [{"account_id": "low", "parent_id": "gone"}, {"account_id": "lost", "parent_id": "top"}]
    people = [person("a", "top"), person("c", "low"), person("d", "lost")]
    taken = rolled(people, [did("a", 8), did("c", 40), did("d", 20)], rows, hierarchy={})
    assert scores(taken) == {"top": 24.0, "low": 40.0, "lost": 20.0}


def test_ten_steps_up_and_no_more():
    rows = [{"account_id": f"a{n:02}", "parent_id": f"a{n - 1:02}" if n else None} for n in range(13)]
    taken = rolled([person("p", "a12")], [did("p", 20)], rows, hierarchy={})
    assert [name for name, row in taken.items() if row["score"]] == [f"a{n:02}" for n in range(2, 13)]


@pytest.mark.parametrize(
    ("needed", "stage"),
    [
        ({}, "decision"),
        ({"decision": 2}, "consideration"),
        ({"decision": 2, "consideration": 2}, "awareness"),
        ({"decision": 2, "consideration": 2, "awareness": 3}, None),
        ({"awareness": 9}, "decision"),
    ],
)
def test_the_account_is_in_the_latest_stage_that_enough_people_reached(needed, stage):
    people = [person("a", "x"), person("b", "x"), person("c", "x")]
    hits = [deeds(0, person="a", kind="page_view"), deeds(0, person="b", kind="asset_download")]
    assert rolled(people, hits, [], stage_people=needed)["x"]["buying_stage"] == stage


READY = {"ready_when": {"score": {"gte": 5}}}


@pytest.mark.parametrize(
    ("facts", "more", "news", "ready"),
    [
        ({}, {}, False, True),
        ({"open_opportunity": "true"}, {}, True, False),
        ({"open_opportunity": "true"}, {"open_deal": "lead"}, False, True),
        ({"open_opportunity": "false", "customer": "yes"}, {}, True, False),
        ({"customer": "true"}, {"customer": "lead"}, False, True),
        ({"customer": None, "open_opportunity": ""}, {}, False, True),
        ({"open_opportunity": "true", "customer": "true"}, {"customer": "lead"}, True, False),
    ],
)
def test_open_deals_and_customers_are_news_and_no_new_lead(facts, more, news, ready):
    row = rolled([person("a", "x")], [did("a", 9)], [{"account_id": "x"} | facts], **READY, **more)["x"]
    assert (row["news"], row["ready"]) == (news, ready)


def test_what_is_not_known_of_an_account_gives_a_range_and_the_fact_that_would_decide():
    rules = [
        {"id": "big", "when": {"account.employees": {"gte": 200}}, "points": 60},
        {"id": "far", "when": {"account.country": "XX"}, "points": -20},
        {"id": "rival", "when": {"account.industry": "rivals"}, "disqualify": "rival"},
    ]
    rows = [
        {"account_id": "a", "employees": None, "country": "DE", "industry": "steel"},
        {"account_id": "b", "employees": "300", "country": None, "industry": None},
        {"account_id": "c", "employees": "300", "country": "DE", "industry": "steel"},
        {"account_id": "d", "employees": None, "country": None, "industry": "rivals"},
    ]
    people = [person(f"p{row['account_id']}", row["account_id"]) for row in rows]
    hits = [did(one["person_id"], 60) for one in people]
    taken = rolled(people, hits, rows, fit={"rules": rules})
    found = [(row["fit"], row["fit_low"], row["fit_high"], row["deciding_fact"]) for row in taken.values()]
    assert found == [
        (0.0, 0.0, 60.0, "account.employees"),
        (60.0, 40.0, 60.0, "account.country"),
        (60.0, 60.0, 60.0, None),
        (0.0, 0.0, 60.0, None),
    ]


def test_where_only_a_disqualification_is_open_it_decides():
    rules = [{"id": "rival", "when": {"account.industry": "rivals"}, "disqualify": "rival"}]
    taken = rolled([], [], [{"account_id": "a"}], fit={"rules": rules})
    assert taken["a"]["deciding_fact"] == "account.industry"


@pytest.mark.parametrize(
    ("titles", "wanted", "ready"),
    [
        (["vp"], "engaged", True),
        (["vp"], "missing", False),
        (["clerk"], "missing", False),  # nobody who decides is engaged
        (["manager"], "missing", True),
        (["manager", "vp"], "engaged", True),
    ],
)
def test_a_role_can_be_a_gate(titles, wanted, ready):
    roles = ROLES | {"influencer": {"title": "manager"}}
    people = people_of(*(person(f"p{n}", "x", title) for n, title in enumerate(titles)))
    hits = pa.concat_tables([did(f"p{n}", 9) for n in range(len(titles))])
    account = {"ready_when": {"score": {"gte": 4}, "account.decider": wanted}}
    scored = run(model_of(interest=INTEREST, roles=roles, account=account), people, hits)
    assert scored.accounts["ready"].to_pylist() == [ready]


def test_a_role_that_the_model_lacks_is_unknown():
    account = {"ready_when": {"account.influencer": {"known": False}}}
    people, hits = people_of(person("p", "x")), did("p", 9)
    scored = run(model_of(interest=INTEREST, roles=ROLES, account=account), people, hits)
    assert scored.accounts["ready"].to_pylist() == [True]
