"""Nobody's account depends on who else is asked about."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.mapping.fields import AccountMatching
from connector.matching import ACCOUNTS_IN, ANSWERS, PERSONS_IN, match, matcher

_FIRMS = ("Acme GmbH", "ACME", "Ac me", "Acmee", "Beta Inc.", "Betta", "Data Works", "Dataworks AG", None)
_HOSTS = ("acme.example", "eu.acme.example", "beta.example", "gmail.com", "data-works.example", None)
_people = st.fixed_dictionaries(
    {
        "link_account_id": st.sampled_from(["A", "X", None, None]),
        "email": st.sampled_from([host and f"jo@{host}" for host in _HOSTS]),
        "company": st.sampled_from(_FIRMS),
        "website": st.sampled_from(_HOSTS),
        "country": st.sampled_from(["DE", "US", None]),
        "city": st.sampled_from(["Wien", None]),
    }
)
_accounts = st.fixed_dictionaries(
    {
        "name": st.sampled_from(_FIRMS),
        "website": st.sampled_from(_HOSTS),
        "domains": st.sampled_from(["acme.example; beta.example", None]),
        "country": st.sampled_from(["DE", "US", None]),
        "owner_active": st.booleans(),
    }
)
_answers = st.lists(
    st.tuples(st.sampled_from(["p0", "p1", "p2"]), st.sampled_from(["A", "B"]), st.sampled_from(["same", "different"])),
    max_size=2,
    unique_by=lambda each: each[:2],
)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(_people, min_size=1, max_size=7), st.lists(_accounts, max_size=4), _answers, st.lists(st.integers(1, 3))
)
def test_parts_are_matched_as_the_whole(people, accounts, answers, sizes):
    persons = pa.Table.from_pylist([{"person_id": f"p{n}"} | each for n, each in enumerate(people)], schema=PERSONS_IN)
    rows = [{"account_id": "ABCD"[n]} | each for n, each in enumerate(accounts)]
    books = pa.Table.from_pylist(rows, schema=ACCOUNTS_IN)
    told = pa.Table.from_pylist([dict(zip(ANSWERS.names, each, strict=True)) for each in answers], schema=ANSWERS)
    matching = AccountMatching()
    whole = match(persons, books, matching=matching, decided=told).to_pylist()
    found = []
    with matcher(books, matching=matching, decided=told) as one:
        first = 0
        for size in [*sizes, len(people)]:
            found += one.match(persons.slice(first, size)).to_pylist()
            first += size
    assert found == whole
