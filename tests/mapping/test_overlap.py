from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.mapping.agreement.overlap import may_both_hold, picks_pages
from connector.mapping.conditions import AllOf, AnyOf, Not, parse_condition
from connector.mapping.conditions import Test as Comparison
from connector.mapping.evaluate import evaluate, holds

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LANE = {"form": {"in": ["contact-us", "demo-request"]}}


@pytest.mark.parametrize(
    ("scored", "overlap"),
    [
        ({}, True),
        ({"form": "contact-us"}, True),
        ({"form": "CONTACT-US"}, True),
        ({"form": "newsletter"}, False),
        ({"form": {"in": ["newsletter", "demo-request"]}}, True),
        ({"form": {"not_in": ["contact-us", "demo-request"]}}, False),
        ({"form": {"not_in": ["contact-us"]}}, True),
        ({"not": {"form": {"in": ["contact-us", "demo-request"]}}}, False),
        ({"not": {"any": [{"form": "contact-us"}, {"form": "demo-request"}]}}, False),
        ({"form": {"starts_with": "news"}}, False),
        ({"form": {"starts_with": "demo"}}, True),
        ({"form": {"matches": "^web"}}, False),
        ({"form": {"contains": "us"}}, True),
        ({"form": {"known": False}}, False),
        ({"form": {"known": True}}, True),
        ({"path": "/resources"}, True),
        ({"any": [{"form": "newsletter"}, {"form": "webinar"}]}, False),
        ({"any": [{"form": "newsletter"}, {"path": "/x"}]}, True),
        ({"all": [{"form": "newsletter"}, {"path": "/x"}]}, False),
    ],
)
def test_scored_and_fast_tracked(scored, overlap):
    assert may_both_hold(parse_condition(scored), parse_condition(LANE)) is overlap


def test_two_beginnings():
    first, second = ({"path": {"starts_with": path}} for path in ("/pricing", "/pric"))
    assert may_both_hold(parse_condition(first), parse_condition(second))
    assert not may_both_hold(parse_condition(first), parse_condition({"path": {"starts_with": "/demo"}}))


forms = st.sampled_from(["a", "ab", "b", "B", "abc", ""])
tests = (
    st.builds(
        Comparison,
        st.sampled_from(["form", "path"]),
        st.sampled_from(["is", "is_not", "contains", "starts_with", "matches"]),
        forms.filter(bool),
    )
    | st.builds(
        Comparison,
        st.sampled_from(["form", "path"]),
        st.sampled_from(["in", "not_in"]),
        st.lists(forms.filter(bool), min_size=1, max_size=3).map(tuple),
    )
    | st.builds(Comparison, st.sampled_from(["form", "path"]), st.just("known"), st.booleans())
)
conditions = st.recursive(
    tests,
    lambda inner: (
        inner.map(Not)
        | st.lists(inner, max_size=3).map(tuple).flatmap(lambda parts: st.sampled_from([AllOf(parts), AnyOf(parts)]))
    ),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(conditions, conditions, forms, forms)
def test_an_overlap_is_never_missed(first, second, form, path):
    facts = pa.table({"form": [form], "path": [path]})
    both = holds(evaluate(AllOf((first, second)), facts, now=NOW))[0].as_py()
    assert may_both_hold(first, second) or not both


@pytest.mark.parametrize(
    ("where", "picks"),
    [
        ({}, False),
        ({"path": {"starts_with": "/pricing"}}, True),
        ({"url": {"contains": "pricing"}}, True),
        ({"path": {"matches": "^/(a|b)$"}}, True),
        ({"path": {"in": ["/a", "/b"]}}, True),
        ({"path": {"starts_with": "/"}}, False),
        ({"path": {"contains": "/"}}, False),
        ({"url": {"starts_with": "https://"}}, False),
        ({"path": {"matches": "."}}, False),
        ({"path": {"known": True}}, False),
        ({"path": {"not_in": ["/careers"]}}, False),
        ({"not": {"path": "/careers"}}, False),
        ({"campaign": "spring"}, False),
        ({"campaign": "spring", "path": "/a"}, True),
        ({"any": [{"path": "/a"}, {"url": {"contains": "pricing"}}]}, True),
        ({"any": [{"path": "/a"}, {"campaign": "x"}]}, False),
    ],
)
def test_page_views_need_pages(where, picks):
    assert picks_pages(parse_condition(where)) is picks
