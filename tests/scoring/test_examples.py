from __future__ import annotations

import pytest
from scoring_cases import model_of

from connector.scoring.examples import ExampleFailure, run_examples

FIT = [
    {"id": "title", "when": {"title": {"contains": "vp"}}, "points": 40},
    {"id": "big", "when": {"account.employees": {"gte": 200}}, "points": 40},
    {"id": "listed", "when": {"country": "DE"}, "points": 5},
]
INTEREST = [
    {
        "id": "pricing",
        "on": "page_view",
        "where": {"path": {"starts_with": "/pricing"}},
        "points": 12,
        "half_life": "1d",
    },
    {"id": "form", "on": "form_submit", "where": {"form": "newsletter"}, "points": [10, 5], "debounce": "30m"},
]


def failures(*examples):
    return run_examples(model_of(fit=FIT, interest=INTEREST, examples=list(examples)))


@pytest.mark.parametrize(
    "example",
    [
        {
            "given": {"title": "VP Sales"},
            "did": [{"page_view": "/pricing", "days_ago": 1}],
            "expect": {"fit": {"gte": 40}, "interest": 6, "verdict": "nurture"},
        },
        {
            "given": {"title": "vp", "account.employees": 300},
            "expect": {"fit": 80, "grade": "A4", "account.grade": {"in": ["A4"]}},
        },
        {
            "did": [{"form_submit": "newsletter", "times": 3}],
            "expect": {"interest": 20, "score.total": {"between": [6, 7]}},
        },
        {"did": [{"form_submit": "newsletter", "times": 40}], "expect": {"interest": {"lte": 100}}},
        {
            "did": [{"form_submit": "other"}, {"page_view": "/pricing", "url": "https://x/pricing"}],
            "expect": {"interest": 12},
        },
        {"expect": {"role": "other", "any": [{"fit": 0}, {"fit": 1}], "disqualified_because": {"known": False}}},
    ],
)
def test_an_example_that_holds(example):
    assert failures(example) == []


def test_what_does_not_hold_is_named_with_what_came():
    good = {"given": {"title": "VP"}, "expect": {"fit": 40}}
    bad = {"given": {"title": "VP"}, "expect": {"fit": {"gte": 50, "lt": 60}, "verdict": "nurture", "grade": "A1"}}
    assert failures(good, bad) == [
        ExampleFailure(1, "fit", "fit is 40.0, expected gte 50, lt 60"),
        ExampleFailure(1, "grade", "grade is C4, expected A1"),
    ]


def test_examples_of_which_the_same_is_known_share_neither_deeds_nor_an_account():
    known = {"given": {"title": "VP", "account.employees": 300}}
    visit = known | {"did": [{"page_view": "/pricing"}], "expect": {"interest": 12, "points.pricing": 12}}
    form = known | {"did": [{"form_submit": "newsletter"}], "expect": {"interest": 10, "points.pricing": 0}}
    none = known | {"expect": {"interest": 0, "count.form": 0, "account.engaged_people": 0}}
    assert failures(none, visit, form, none) == []
    wrong = visit | {"expect": {"interest": 1}}
    unreadable = known | {"did": [{"chat": "x", "times": "3"}], "expect": {"fit": 0}}
    found = failures(wrong, none, unreadable, wrong)
    assert [(failure.index, failure.key) for failure in found] == [(0, "interest"), (2, "did"), (3, "interest")]


@pytest.mark.parametrize(
    ("example", "key", "words"),
    [
        ({"expect": {"fitness": 1}}, "fitness", "there is no fitness to expect"),
        ({"did": [{"days_ago": 1}], "expect": {"fit": 0}}, "did", "names one activity type"),
        ({"did": [{"chat": "x", "days_ago": -1}], "expect": {"fit": 0}}, "did", "days_ago is a whole number"),
        ({"did": [{"chat": "x", "times": "3"}], "expect": {"fit": 0}}, "did", "times is a whole number"),
        ({"expect": {"not": {"fit": 0}}}, "not", "not does not hold"),
    ],
)
def test_an_example_that_cannot_be_run_says_why(example, key, words):
    (failure,) = failures(example)
    assert (failure.index, failure.key) == (0, key)
    assert words in failure.message
