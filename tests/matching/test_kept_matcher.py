"""What is laid out once and used again gives what laying out anew gives."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.mapping.fields import AccountMatching, AccountTier
from connector.matching import ACCOUNTS_IN, ANSWERS, PERSONS_IN, kept_matcher, match
from connector.matching.match import FEW

room = sys.modules["connector.matching.kept_matcher"]

_people = st.fixed_dictionaries(
    {
        "link_account_id": st.sampled_from(["A", None, None]),
        "email": st.sampled_from(["jo@acme.example", "jo@beta.example", None]),
        "company": st.sampled_from(["Acme GmbH", "Acmee", "Beta Inc", None]),
    }
)
_accounts = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["Acme GmbH", "Acme Inc", "Beta", None]),
            "website": st.sampled_from(["acme.example", "beta.example", None]),
        }
    ),
    max_size=3,
)
_ties = st.lists(
    st.fixed_dictionaries(
        {
            "owner_active": st.booleans(),
            "open_opportunity": st.sampled_from([True, False, None]),
            "latest_activity": st.sampled_from(
                [None, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)]
            ),
        }
    ),
    min_size=3,
    max_size=3,
)
_answers = st.lists(
    st.tuples(st.sampled_from(["p0", "p1"]), st.sampled_from(["A", "B"]), st.sampled_from(["same", "different"])),
    max_size=2,
    unique_by=lambda each: each[:2],
)
_rules = st.sampled_from([AccountMatching(), AccountMatching(tiers=(AccountTier(by="link"), AccountTier(by="domain")))])


def _books(accounts, ties):
    rows = [
        {"account_id": "ABC"[place]} | words | tie
        for place, (words, tie) in enumerate(zip(accounts, ties, strict=False))
    ]
    return pa.Table.from_pylist(rows, schema=ACCOUNTS_IN)


@settings(max_examples=13, deadline=None)
@given(
    st.lists(_people, min_size=1, max_size=3),
    st.lists(st.tuples(_accounts, st.lists(_ties, min_size=1, max_size=2), _answers, _rules), min_size=1, max_size=3),
)
def test_what_is_kept_matches_as_what_is_laid_out_anew(people, turns):
    persons = pa.Table.from_pylist([{"person_id": f"p{n}"} | each for n, each in enumerate(people)], schema=PERSONS_IN)
    for accounts, ties, answers, matching in turns:
        told = pa.Table.from_pylist([dict(zip(ANSWERS.names, each, strict=True)) for each in answers], schema=ANSWERS)
        for tie in ties:
            books = _books(accounts, tie)
            with kept_matcher(books, matching=matching, decided=told) as one:
                found = one.match(persons).to_pylist()
                assert one.match_many(persons).to_pylist() == found
            assert found == match(persons, books, matching=matching, decided=told).to_pylist()


def _acme(name: str) -> pa.Table:
    return _books([{"name": name, "website": "acme.example"}], [{}])


def test_the_same_accounts_are_laid_out_once():
    told, matching = ANSWERS.empty_table(), AccountMatching()
    with kept_matcher(_acme("Once GmbH"), matching=matching, decided=told) as first:
        pass
    with kept_matcher(_acme("Once GmbH"), matching=matching, decided=told) as second:
        pass
    with kept_matcher(_acme("Twice GmbH"), matching=matching, decided=told) as third:
        pass
    assert second is first
    assert third is not first


def test_who_uses_it_at_the_same_time_has_one_of_their_own():
    told, matching = ANSWERS.empty_table(), AccountMatching()
    with (
        kept_matcher(_acme("Both GmbH"), matching=matching, decided=told) as first,
        kept_matcher(_acme("Both GmbH"), matching=matching, decided=told) as second,
    ):
        assert second is not first


def _nameless(count: int) -> pa.Table:
    return pa.Table.from_pylist([{"person_id": f"p{n:04}"} for n in range(count)], schema=PERSONS_IN)


def test_what_has_matched_very_many_or_failed_is_not_kept(monkeypatch):
    monkeypatch.setattr(room, "MOST_PEOPLE", FEW + 1)
    told, matching = ANSWERS.empty_table(), AccountMatching()
    with kept_matcher(_acme("Many GmbH"), matching=matching, decided=told) as first:
        assert first.match(_nameless(FEW + 2)).num_rows == FEW + 2
    with pytest.raises(KeyError), kept_matcher(_acme("Many GmbH"), matching=matching, decided=told) as second:
        raise KeyError
    with kept_matcher(_acme("Many GmbH"), matching=matching, decided=told) as third:
        assert len({id(one) for one in (first, second, third)}) == 3


def test_of_people_who_were_matched_by_tables_nothing_is_kept():
    told, matching = ANSWERS.empty_table(), AccountMatching()
    named = [{"person_id": f"p{n:02}", "email": f"jo{n}@firm.example", "company": f"Firma {n}"} for n in range(FEW + 1)]
    people = pa.Table.from_pylist(named, schema=PERSONS_IN)
    with kept_matcher(_acme("Words GmbH"), matching=matching, decided=told) as first:
        before = first._tables()
        answer = first.match(people)
        assert first._tables() > before
    with kept_matcher(_acme("Words GmbH"), matching=matching, decided=told) as second:
        assert second is first
        assert second._tables() == before
        assert second.match(people).equals(answer)
        assert second.match(people.slice(0, 3)).equals(answer.slice(0, 3))
