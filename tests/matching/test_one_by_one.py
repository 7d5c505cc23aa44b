"""One by one, all at once, only the new ones: the same rows, to the last digit."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import ConfigError
from connector.mapping.fields import AccountMatching, AccountTier
from connector.matching import ACCOUNTS_IN, ANSWERS, LINKED_IN, MATCHES, PERSONS_IN, match, matcher

_FIRMS = (
    *("Acme GmbH", "ACME", "Acme Inc", "Acmee", "Acme Steel", "Beta Inc.", "Betta", "Data Works", "Dataworks AG"),
    *("Zeus Manufacturing", "Zeus Mfg", "Zeus Manufcturing Ltd", "International Business Machines", "IBM", "GmbH"),
    *(
        "\u0130\u015f\u0131k Ltd",
        "\u03a3\u0399\u0393\u039c\u0391\u03a3 AE",
        "Straße 7 KG",
        " Acme  ",
        "",
        "n/a",
        "x" * 300,
        "🦄",
        None,
    ),
)
_HOSTS = ("acme.example", "eu.acme.example", "old.example", "beta.example", "gmail.com", "shared.example", "127.0.0.1")
_ids = st.sampled_from("ABCDEFGHI")
_place = {
    "country": st.sampled_from(["DE", "US", "Germany", "", None]),
    "state": st.sampled_from(["BY", "TX", "Texas", None]),
    "city": st.sampled_from(["Wien", "WIEN ", "Graz", "\u0130zmir", None]),
    "postal_code": st.sampled_from(["A-1010", "1010", "a1010", "", None]),
    "phone": st.sampled_from(["+43 1 23456789", "0123456789", "12", "", None]),
}
_host = st.sampled_from([*_HOSTS, "", None])
_people = st.fixed_dictionaries(
    {
        "link_account_id": st.sampled_from(["A", "X", "", None, None]),
        "email": st.sampled_from([*(f"jo@{host}" for host in _HOSTS), "jo", "", None]),
        "company": st.sampled_from(_FIRMS),
        "website": _host,
        **_place,
    }
)
_accounts = st.fixed_dictionaries(
    {
        "name": st.sampled_from(_FIRMS),
        "website": _host,
        "domains": st.sampled_from(["acme.example; beta.example", "shared.example", ";", None]),
        "parent_id": st.sampled_from(["A", "B", "C", "X", "", None]),
        "owner_active": st.booleans(),
        "open_opportunity": st.sampled_from([True, False, None]),
        "latest_activity": st.sampled_from([None, 0, 1_000_000]),
        **_place,
    }
)
_answers = st.lists(
    st.tuples(
        st.sampled_from(["p00", "p01", "p02"]), st.sampled_from(["A", "B", "X"]), st.sampled_from(["same", "different"])
    ),
    max_size=3,
    unique_by=lambda each: each[:2],
)
_tier = st.builds(
    AccountTier,
    by=st.sampled_from(["link", "domain", "name"]),
    accept=st.sampled_from([0.0, 0.8, 0.92, 1.0]),
    review=st.sampled_from([0.0, 0.3, 0.75, 0.95]),
)
_matching = st.builds(
    AccountMatching,
    tiers=st.one_of(st.just(AccountMatching().tiers), st.lists(_tier, max_size=4).map(tuple)),
    tie_break=st.permutations(["open_opportunity", "active_owner", "latest_activity"]).flatmap(
        lambda rules: st.integers(0, 3).map(lambda kept: tuple(rules[:kept]))
    ),
    hierarchy=st.sampled_from(["top", "ask", "roll_up"]),
    aliases=st.sampled_from([{}, {"old.example": "acme.example"}]),
    shared_domains=st.sampled_from([(), ("shared.example",)]),
)


def tables(people, accounts, answers):
    persons = [{"person_id": f"p{n:02}"} | each for n, each in enumerate(people)]
    books = [{"account_id": "ABCDEFGHI"[n]} | each for n, each in enumerate(accounts)]
    told = [dict(zip(ANSWERS.names, each, strict=True)) for each in answers]
    return (
        pa.Table.from_pylist(persons, schema=PERSONS_IN),
        pa.Table.from_pylist(books, schema=ACCOUNTS_IN),
        pa.Table.from_pylist(told, schema=ANSWERS),
    )


_links = st.lists(
    st.fixed_dictionaries({"email": st.sampled_from([*(f"x@{h}" for h in _HOSTS), None]), "account_id": _ids}),
    max_size=20,
).map(lambda rows: pa.Table.from_pylist(rows, schema=LINKED_IN))


@settings(max_examples=40, deadline=None)
@given(st.lists(_people, max_size=8), st.lists(_accounts, max_size=9), _answers, _matching, st.none() | _links)
def test_one_by_one_is_all_at_once(people, accounts, answers, matching, linked):
    persons, books, told = tables(people, accounts, answers)
    with matcher(books, matching=matching, decided=told, linked=linked) as one:
        whole = one.match_many(persons)
        assert whole.schema == MATCHES
        assert one.match_few(persons).to_pylist() == whole.to_pylist()
        rows = [one.match_few(persons.slice(place, 1)).to_pylist()[0] for place in range(persons.num_rows)]
        assert rows == whole.to_pylist()


@settings(max_examples=16, deadline=None)
@given(st.lists(_people, min_size=1, max_size=5), st.lists(_accounts, min_size=2, max_size=7), st.data())
def test_after_accounts_changed_few_get_what_all_would_get(people, accounts, data):
    """An account more, less or renamed shifts the weights of words: whoever asks then hears what everybody would."""
    place = data.draw(st.integers(0, len(accounts) - 1))
    changed = [*accounts[:place], data.draw(_accounts), *accounts[place + data.draw(st.integers(0, 1)) :]]
    for books_now in (accounts, changed):
        persons, books, told = tables(people, books_now, [])
        whole = match(persons, books, matching=AccountMatching(), decided=told).to_pylist()
        with matcher(books, matching=AccountMatching(), decided=told) as one:
            assert one.match_many(persons).to_pylist() == whole
            assert [one.match(persons.slice(n, 1)).to_pylist()[0] for n in range(len(people))] == whole


@settings(max_examples=26, deadline=None)
@given(st.lists(_people, min_size=1, max_size=4), st.lists(_accounts, max_size=9), _answers)
def test_each_candidate_of_a_question_stands_with_its_evidence(people, accounts, answers):
    persons, books, told = tables(people, accounts, answers)
    ruled_out = {(who, account) for who, account, answer in answers if answer == "different"}
    for row in match(persons, books, matching=AccountMatching(), decided=told).to_pylist():
        candidates = row["candidates"]
        assert (candidates is not None) == row["review"]
        if not row["review"]:
            continue
        ids = [each["account_id"] for each in candidates]
        assert len(set(ids)) == len(ids) <= 5
        assert {name: row[name] for name in candidates[0]} == candidates[0]
        assert row["runner_up"] in (None, *ids[1:2])
        assert all(each["evidence"] and each["method"] in ("domain", "name", "link") for each in candidates)
        assert not {(row["person_id"], each) for each in ids} & ruled_out
        assert not any("jo@" in each["evidence"] for each in candidates)


def test_near_names_and_ties_are_named_as_candidates():
    persons, books, told = tables(
        [
            {"company": "Zeus Manufacturing"},
            {"email": "x@acme.example"},
        ],
        [
            {"name": "Zeus Manufacturing Co West"},
            {"name": "Zeus Manufacturing Co Ost"},
            {"name": "Acme Ost", "website": "acme.example"},
            {"name": "Acme West", "website": "acme.example"},
            {"name": "Acme Export", "website": "shop.acme.example"},
        ],
        [],
    )
    with matcher(
        books,
        matching=AccountMatching(tiers=(AccountTier(by="domain"), AccountTier(by="name", review=0.1)), tie_break=()),
        decided=told,
    ) as one:
        near, tie = one.match(persons).to_pylist()
    assert [each["account_id"] for each in near["candidates"]] == ["A", "B"]
    assert "only the account's: ost" in near["candidates"][1]["evidence"]
    assert 0.1 <= near["candidates"][1]["confidence"] < 0.6
    assert [each["account_id"] for each in tie["candidates"]] == ["C", "D", "E"]
    assert [each["confidence"] for each in tie["candidates"]] == [0.8, 0.8, None]
    assert tie["candidates"][1]["evidence"] == "e-mail domain acme.example: Acme West"
    assert tie["candidates"][2]["evidence"].endswith("others agree more")


def test_few_people_are_held_to_the_same_columns():
    _, books, told = tables([], [], [])
    with matcher(books, matching=AccountMatching(), decided=told) as one:
        assert one.match(PERSONS_IN.empty_table()).num_rows == 0
        with pytest.raises(ConfigError, match="no column person_id"):
            one.match(pa.table({"email": ["x@acme.example"]}))
        with pytest.raises(ConfigError, match="names one person_id twice"):
            one.match(pa.table({"person_id": ["p", "p"]}))
