from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scoring_cases import NOW, deeds, model_of, people_of, run

from connector.scoring.facts import rule_facts
from connector.scoring.reasons import REASONS, top_reasons

FIT = [
    {"id": "right-title", "when": {"title": "vp"}, "points": 40},
    {"id": "right-size", "when": {"employees": {"gte": 200}}, "points": 30},
    {"id": "region", "when": {"country": "de"}, "points": 20},
    {"id": "rival", "when": {"domain": "rival.example"}, "disqualify": "competitor"},
]
INTEREST = [
    {"id": "pricing-page", "on": "page_view", "where": {"path": "/pricing"}, "points": 12},
    {"id": "white-paper", "on": "asset_download", "points": [8, 4], "half_life": "30d"},
    {"id": "unsubscribed", "on": "email_unsubscribe", "points": -50},
]
MODEL = model_of(fit=FIT, interest=INTEREST)
KNOWN = {"title": "vp", "employees": 500, "country": "de", "domain": "good.example"}


def told(people=None, activities=None, *, model=MODEL, as_of=NOW, **more):
    scored = run(model, people_of(KNOWN) if people is None else people, activities, as_of=as_of)
    table = top_reasons(scored, model, **more)
    assert table.schema == REASONS
    return table.to_pylist()


def test_three_reasons_with_dates_what_is_left_and_an_opening():
    activities = pa.concat_tables(
        [deeds(1, 3, kind="page_view", path="/pricing"), deeds(40, kind="asset_download", path=None)]
    )
    (row,) = told(activities=activities)
    assert row["reasons"] == (
        "Fit 90, interest 27.2, confirmed 0. right title (+40); right size (+30); pricing page 2x, "
        "last 2026-04-01 (+24); other fit +20; other interest +3.2. Opening: start from pricing page of 2026-04-01"
    )
    assert row["top_reason"] == "pricing page 2x, last 2026-04-01"
    assert row["reasons_key"] == "fit.right-size|fit.right-title|interest.pricing-page@2026-04-01"


def test_what_is_missing_is_named():
    (row,) = told(
        people_of(KNOWN | {"employees": None, "country": "us"}),
        deeds(0, 0, 0, 0, 0, 0, 0, kind="page_view", path="/pricing"),
    )
    assert row["missing"] == "employees"
    assert ". Missing: employees. Opening: " in row["reasons"]


def test_a_disqualification_comes_first_and_changes_the_key():
    (row,) = told(people_of(KNOWN | {"domain": "rival.example"}))
    assert row["reasons"].startswith("Disqualified: competitor. Fit 90")
    assert row["reasons_key"].startswith("disqualified:competitor|fit.")


def test_nothing_known_asks_the_first_open_question():
    rows = told(people_of({"person_id": "a", "bants.need": None}, {"person_id": "b", "bants.need": "no"}))
    assert [row["opening"] for row in rows] == ["ask about need", "ask about budget"]
    assert [row["top_reason"] for row in rows] == ["", ""]
    assert [row["reasons_key"] for row in rows] == ["", ""]
    assert "nothing counts yet" in rows[0]["reasons"]


def test_what_speaks_against_somebody_is_a_reason_too():
    (row,) = told(activities=deeds(2, kind="email_unsubscribe", path=None))
    assert "unsubscribed, last 2026-03-31 (-50)" in row["reasons"]
    assert "other interest +50" in row["reasons"]


def test_decay_changes_the_text_and_never_the_key():
    deed = deeds(5, kind="asset_download", path=None)
    today, later = told(activities=deed), told(activities=deed, as_of=NOW + timedelta(days=4))
    assert today[0]["reasons"] != later[0]["reasons"]
    assert today[0]["reasons_key"] == later[0]["reasons_key"]


def test_a_new_date_of_a_leading_reason_changes_the_key():
    once = told(activities=deeds(5, kind="asset_download", path=None))
    again = told(activities=deeds(5, 1, kind="asset_download", path=None))
    assert once[0]["reasons_key"] != again[0]["reasons_key"]


@pytest.mark.parametrize("longest", [40, 90, 130, 200, 255, 1000])
def test_the_text_fits_its_field_and_loses_its_end_first(longest):
    activities = deeds(1, 3, kind="page_view", path="/pricing")
    whole = told(activities=activities, longest=1000)[0]["reasons"]
    (row,) = told(activities=activities, longest=longest)
    assert len(row["reasons"]) <= longest
    assert whole.startswith(row["reasons"].removesuffix("…"))


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    people=st.lists(
        st.fixed_dictionaries(
            {
                "title": st.sampled_from(["vp", None]),
                "employees": st.sampled_from([500, 1, None]),
                "country": st.sampled_from(["de", "us"]),
                "bants.budget": st.sampled_from(["yes", "no", None]),
                "ago": st.lists(st.integers(0, 90), max_size=6),
                "kind": st.sampled_from(["page_view", "asset_download", "email_unsubscribe"]),
            }
        ),
        min_size=1,
        max_size=12,
    )
)
def test_the_reasons_add_up_to_what_the_head_says(people):
    rows = [{name: value for name, value in row.items() if name not in ("ago", "kind")} for row in people]
    table = people_of(*({"person_id": f"p{n:02}"} | row for n, row in enumerate(rows)))
    activities = pa.concat_tables(
        deeds(*row["ago"], person=f"p{n:02}", kind=row["kind"], path="/pricing") for n, row in enumerate(people)
    )
    for row in told(table, activities, longest=1000):
        head, _, body = row["reasons"].partition(". ")
        dimensions = sum(Decimal(number) for number in re.findall(r"[a-z] (\d+(?:\.\d)?)", head))
        added = re.findall(r"\(([+-][\d.]+)\)|other \w+ ([+-]\d+(?:\.\d)?)", body)
        assert sum(Decimal(one or other) for one, other in added) == dimensions


def test_points_and_counts_of_a_rule_are_facts():
    activities = pa.concat_tables([deeds(0, 0, person="p", kind="page_view", path="/pricing")])
    scored = run(MODEL, people_of(KNOWN, {"person_id": "q"}), activities)
    assert rule_facts(scored, ["pricing-page"]).to_pylist() == [
        {"person_id": "p", "points.pricing-page": 24.0, "count.pricing-page": 2},
        {"person_id": "q", "points.pricing-page": 0.0, "count.pricing-page": 0},
    ]
