"""Declared answers, stages of assets, further models, single rules: one case per sentence of the docs."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest
from scoring_cases import GRADES, MATRIX, NOW, deeds, line, model_of, people_of, run

from connector.mapping.fields import FactLine
from connector.mapping.scoring import ScoringModel
from connector.scoring.examples import run_examples
from connector.scoring.facts import rule_facts
from connector.scoring.further import further_facts, score_further
from connector.scoring.people.declared import marked_declared

FIT = [
    {"id": "size", "when": {"employees": {"gte": 200}}, "points": 40},
    {"id": "budget", "when": {"budget": "yes", "employees": {"known": True}}, "points": 10.1},
    {"id": "tiny", "when": {"employees": {"lt": 5}}, "points": -20},
]
TALK = {"id": "talk", "on": "chat", "points": 7}


def model_with(name="case", fit=None, **more):
    dimensions = {"fit": {"rules": FIT[:1]} | (fit or {}), "interest": {"rules": [TALK]}, "qualification": {}}
    return ScoringModel.model_validate(
        {"name": name, "dimensions": dimensions, "grades": GRADES, "matrix": MATRIX} | more
    )


def weighed(person, weight=1.25):
    return run(model_with(fit={"rules": FIT, "declared_weight": weight}), people_of(person))


def lines_of(scored):
    return {row["rule"]: row["points"] for row in scored.lines.to_pylist()}


@pytest.mark.parametrize(
    ("person", "lines", "differs"),
    [
        ({"employees": 300}, {"size": 40.0}, None),
        ({"declared.employees": 300}, {"size": 50.0}, None),
        ({"employees": 12, "declared.employees": 300}, {"size": 50.0}, "employees"),
        ({"employees": 300, "declared.employees": 3}, {"tiny": -25.0, "limit": 25.0}, "employees"),
        ({"employees": 300, "declared.employees": None}, {"size": 40.0}, None),
        ({"employees": "300", "declared.employees": " "}, {"size": 40.0}, None),
        ({"employees": "300.0", "declared.employees": 300}, {"size": 50.0}, None),
        ({"employees": 300, "declared.budget": "yes"}, {"size": 40.0, "budget": 10.1}, None),
        ({"declared.employees": 9, "declared.budget": "yes"}, {"budget": 12.6}, None),  # 12.625
        ({"budget": "YES", "declared.budget": "yes", "declared.employees": 9}, {"budget": 12.6}, None),
        (
            {"budget": "no", "declared.budget": "yes", "employees": 1, "declared.employees": 9},
            {"budget": 12.6},
            "budget, employees",
        ),
    ],
)
def test_what_somebody_said_wins_weighs_more_and_differences_are_named(person, lines, differs):
    scored = weighed({"employees": None, "budget": None} | person)
    assert lines_of(scored) == lines
    assert scored.scores["declared_differs"].to_pylist() == [differs]


def test_without_a_weight_declared_answers_only_win():
    assert lines_of(weighed({"employees": 12, "declared.employees": 300}, weight=1)) == {"size": 40.0}


def test_a_line_of_fields_can_say_that_a_fact_is_declared():
    people = people_of({"employees": 300, "title": "vp"})
    marked = marked_declared(people, {"employees": FactLine.model_validate({"class": "declared"}), "title": FactLine()})
    assert marked.column_names == [*people.column_names, "declared.employees"]
    assert lines_of(run(model_of(fit=FIT), marked)) == {"size": 40.0}


ASSETS = {"awareness": ["Trend Report"], "decision": ["buyers-guide", "Spec-Sheet"]}
BY_STAGE = [
    {"id": "late", "on": "asset_download", "where": {"asset_stage": "decision"}, "points": 10},
    {
        "id": "early",
        "on": "asset_download",
        "where": {"asset_stage": {"in": ["awareness", "consideration"]}},
        "points": 2,
    },
    {"id": "not-late", "on": "asset_download", "where": {"asset_stage": {"is_not": "decision"}}, "points": 1},
    {"id": "neither", "on": "asset_download", "where": {"not": {"asset_stage": "decision"}}, "points": 1},
    {"id": "unlisted", "on": "asset_download", "where": {"asset_stage": {"known": False}}, "points": 1},
]


@pytest.mark.parametrize(
    ("asset", "rules"),
    [
        ("spec-sheet", ["late"]),
        ("TREND REPORT", ["early", "not-late", "neither"]),
        ("anything", ["unlisted"]),
        (None, ["unlisted"]),
    ],
)
def test_the_stage_of_an_asset_is_a_fact_and_unknown_for_what_is_not_listed(asset, rules):
    scored = run(model_of(interest=BY_STAGE, assets=ASSETS), activities=deeds(0, kind="asset_download", asset=asset))
    assert [row["rule"] for row in scored.lines.to_pylist()] == rules


def test_a_further_model_speaks_only_of_whom_its_condition_holds_for():
    people = people_of(
        {"person_id": "a", "country": "DE", "employees": 300},
        {"person_id": "b", "country": "FR", "employees": 300},
        {"person_id": "c", "country": None, "employees": 300},
    )
    activities = pa.concat_tables([deeds(0, person=one) for one in "abc"])
    models = [model_with("german", **{"for": {"country": "DE"}}), model_with("all")]
    scored = score_further(models, people, activities, as_of=NOW)
    facts = further_facts(scored, people.column("person_id")).to_pylist()
    assert [row["score.german.interest"] for row in facts] == [7.0, None, None]
    assert [row["score.german.verdict"] for row in facts] == ["nurture", None, None]
    assert [row["score.all.total"] for row in facts] == [15.7, 15.7, 15.7]
    assert scored["german"].lines["person_id"].to_pylist() == ["a", "a"]


def test_for_sees_declared_answers_and_the_account():
    people = people_of({"person_id": "a", "country": "FR", "declared.country": "DE", "account_id": "x"})
    accounts = pa.table({"account_id": ["x"], "industry": ["steel"]})
    for condition, count in (
        ({"country": "DE"}, 1),
        ({"country": "FR"}, 0),
        ({"account.industry": "steel"}, 1),
        ({"account.industry": "wood"}, 0),
    ):
        scored = score_further([model_with("one", **{"for": condition})], people, deeds(), accounts, as_of=NOW)
        assert scored["one"].scores.num_rows == count


def test_single_rules_are_facts_and_questions_are_not_mixed_in():
    fit = [{"id": "need", "when": {"title": "vp"}, "points": 30}]
    rules = [{"id": "spec-sheet", "on": "chat", "points": [5, 1]}]
    people = people_of({"title": "vp", "bants.need": "yes"}, {"person_id": "q", "title": None, "bants.need": "yes"})
    scored = run(model_of(fit=fit, interest=rules), people, deeds(0, 1, 2))
    assert rule_facts(scored, ["spec-sheet", "need"]).to_pylist() == [
        {"person_id": "p", "points.need": 30.0, "count.need": 1, "points.spec-sheet": 7.0, "count.spec-sheet": 3},
        {"person_id": "q", "points.need": 0.0, "count.need": 0, "points.spec-sheet": 0.0, "count.spec-sheet": 0},
    ]


@pytest.mark.parametrize(
    ("on", "day"),
    [
        (date(2026, 3, 1), date(2026, 3, 1)),
        ("2026-03-01", date(2026, 3, 1)),
        (datetime(2026, 3, 1, 23, 30, tzinfo=UTC), date(2026, 3, 2)),
        ("lately", None),
        (None, None),
    ],
)
def test_an_answer_carries_the_local_day_on_which_it_was_given(on, day):
    people = people_of({"bants.need": "yes"}).append_column("bants.need.on", pa.array([on]))
    found = line(run(model_of(), people, time_zone="Europe/Berlin"), "need")
    assert (found["first_on"], found["last_on"], found["points"]) == (day, day, 20.0)


EXAMPLES = [
    {"did": [{"chat": "x", "days_ago": [0, 1, 2]}], "expect": {"too_hot": True, "too_hot_count": 3}},
    {"did": [{"chat": "x", "days_ago": [0, 3], "times": [2, 1]}], "expect": {"count.late": 3, "too_hot": False}},
    {"did": [{"chat": "x", "times": 3}], "expect": {"points.late": {"gte": 15}, "account.too_hot": True}},
    {"given": {"employees": 300}, "expect": {"score.other.fit": 40, "score.fit": 0, "score.other.verdict": "nurture"}},
    {"given": {"account.open_opportunity": True}, "expect": {"account.news": True, "account.ready": False}},
    {"given": {"declared.title": "vp", "title": "clerk"}, "expect": {"declared_differs": "title"}},
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_may_expect_all_of_it(example):
    late = [{"id": "late", "on": "chat", "points": 5, "stage": "decision"}]
    model = model_of(interest=late, examples=[example])
    assert run_examples(model, further=[model_with("other")]) == []
    wrong = example | {"expect": dict.fromkeys(example["expect"], "nothing")}
    assert len(run_examples(model_of(interest=late, examples=[wrong]), further=[model_with("other")])) == len(
        wrong["expect"]
    )
