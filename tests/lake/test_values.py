"""Values of any kind are kept as one kind of text, and nothing a vendor sends makes a page unstorable."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connector.domain.refs import Ref
from connector.lake.layout import as_text, named, sound


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("", None),
        (" \t\n", None),
        ("x ", "x "),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-7, "-7"),
        (10**30, "1" + "0" * 30),
        (3.0, "3"),
        (-0.0, "0"),
        (2.5, "2.5"),
        (0.1, "0.1"),
        ("1.0", "1.0"),
    ],
)
def test_text_forms(value: Any, text: str | None) -> None:
    assert as_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63))
def test_numbers_survive_their_text(number: float) -> None:
    text = as_text(number)
    assert text is not None
    assert float(text) == float(number)
    assert as_text(number) == text


@given(st.text(st.characters(exclude_categories=[])))
def test_any_text_becomes_storable_and_stays_so(text: str) -> None:
    once = sound(text)
    assert once.encode("utf-8").decode("utf-8") == once == sound(once)
    assert len(once) == len(text)


wild = st.text(st.characters(exclude_categories=[]), min_size=1, max_size=8)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(id_="0", name="\0", value="0", link="0", by="0")
@given(id_=wild, name=wild, value=wild, link=wild, by=wild)
def test_wild_text_anywhere_lands_and_is_found_again(
    places: Any, say: Any, id_: str, name: str, value: str, link: str, by: str
) -> None:
    place = places()
    record = say.version(id_, fields={name: value}, links={"owner": link}, merged_into=Ref("crm", "contact", by))
    event = say.activity(id_, subject=value, by_user=by, url=value)._replace(person=Ref("crm", "email", link))
    assert place.land(record, event).repeated == 0
    assert place.land(record, event).repeated == 2
    row = place.current()[sound(id_)]
    assert row[f"f:{named(name)}"] == as_text(value)
    assert row["l:owner"] == as_text(link)
    found = place.lake.activities(["crm"], as_of=say.T0).to_pylist()[0]
    assert (found["id"], found["subject"], found["person_id"]) == (sound(id_), as_text(value), sound(link))


def test_five_megabytes_in_one_value(place: Any, say: Any) -> None:
    huge = "ä\u0001" * 1_700_000
    place.land(say.version("1", fields={"Description": huge}))
    assert place.current()["1"]["f:Description"] == huge
