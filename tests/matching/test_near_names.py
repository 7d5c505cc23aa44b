"""What holds of near names whatever the names are."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.mapping.fields import AccountMatching
from connector.matching import ACCOUNTS_IN, ANSWERS, PERSONS_IN, match, matcher
from connector.matching.evidence import MEASURES, compare
from connector.matching.name_model import confidence, name_model
from connector.matching.names import company_name
from connector.matching.word_weights import WordWeights

_FIRST = ("Zeus", "Northwind", "Kestrel", "Halcyon", "Mueller", "M\u00fcller", "Orbital", "Quarry", "Lantern", "Vesper")
_KIND = ("Manufacturing", "Mfg", "Logistics", "Holdings", "Steel Works", "Steelworks", "Bank", "International")
_FORM = ("GmbH", "Inc.", "Ltd", "K.K.", "")
_names = st.builds(lambda *parts: " ".join(parts).strip(), *map(st.sampled_from, (_FIRST, _FIRST, _KIND, _FORM)))


@st.composite
def _written(draw):
    name = draw(_names)
    at = draw(st.integers(1, len(name) - 2))
    return draw(st.sampled_from([name, name[:at] + name[at + 1 :], name[:at] + "x" + name[at:]]))


def run(companies, names, decided=()):
    people = [{"person_id": f"p{place}", "company": company} for place, company in enumerate(companies)]
    accounts = [{"account_id": f"A{place:05}", "name": name} for place, name in enumerate(names)]
    told = [dict(zip(ANSWERS.names, each, strict=True)) for each in decided]
    return match(
        pa.Table.from_pylist(people, schema=PERSONS_IN),
        pa.Table.from_pylist(accounts, schema=ACCOUNTS_IN),
        matching=AccountMatching(),
        decided=pa.Table.from_pylist(told, schema=ANSWERS),
    ).to_pylist()


@settings(max_examples=15, deadline=None)
@given(st.lists(_written(), min_size=1, max_size=4), st.lists(_names, min_size=1, max_size=6))
def test_an_unrelated_account_never_draws_an_accepted_answer_to_another(companies, names):
    before = run(companies, names)
    after = run(companies, [*names, "Petits Fours et Confitures SARL"])
    for old, new in zip(before, after, strict=True):
        if old["account_id"] and not old["review"]:
            assert new["account_id"] == old["account_id"]


@settings(max_examples=15, deadline=None)
@given(st.lists(_written(), min_size=1, max_size=4), st.lists(_names, min_size=1, max_size=6))
def test_what_somebody_ruled_out_is_never_proposed_again(companies, names):
    decided = {(row["person_id"], row["account_id"], "different") for row in run(companies, names) if row["account_id"]}
    for row in run(companies, names, decided):
        assert (row["person_id"], row["account_id"], "different") not in decided


@settings(max_examples=60, deadline=None)
@given(_written(), _written())
def test_measures_are_finite_and_a_name_is_nearest_to_itself(one, other):
    weights = WordWeights(name_model().world, [company_name(one).words, company_name(other).words])
    model = name_model()
    found = compare(company_name(one), company_name(other), weights)
    assert len(found.measures) == len(MEASURES) == len(model.coefficients)
    assert all(abs(each) < 100 for each in found.measures)
    itself = compare(company_name(one), company_name(one), weights)
    assert model.leaning(itself.measures) + 1e-9 >= model.leaning(found.measures) or found.acronym or found.reordered


@given(st.lists(st.floats(-50, 50), max_size=8))
def test_confidences_share_what_there_is(leanings):
    told = confidence(leanings)
    assert all(0 <= each <= 1 for each in told)
    assert sum(told) <= 1 + 1e-9
    assert sorted(told) == [share for _, share in sorted(zip(leanings, told, strict=True))]


@pytest.fixture(scope="module")
def crowd():
    chance = random.Random(5)
    syllables = ("bar", "cor", "del", "fen", "gra", "hal", "jun", "kel", "lor", "mar", "nor", "pel", "quin", "ros")
    first = ("".join(chance.choices(syllables, k=4)).capitalize() for _ in range(8000))
    return [f"{each} {chance.choice(('Steel', 'Foods', 'Bank', 'Energy'))} Inc" for each in first]


_ASKED = {
    "Zeus Manufcturing GmbH": "Zeus Manufacturing GmbH",
    "Northwind Intl Traders": "Northwind International Traders Ltd",
    "Kestrel Steelworks": "Kestrel Steel Works Inc",
    "Halcyon Orbit": "Halcyon Orbital Logistics",
    "Vesper Bank": "Vesper National Bank",
}


def test_confidence_does_not_shift_with_the_size_of_the_list(crowd):
    told = {}
    for size in (100, 1_000, 8_000):
        rows = run(list(_ASKED), [*_ASKED.values(), *crowd[: size - len(_ASKED)]])
        told[size] = [(row["account_id"], row["review"], row["confidence"]) for row in rows]
    for size in (1_000, 8_000):
        for small, large in zip(told[100], told[size], strict=True):
            assert small[:2] == large[:2]
            assert small[2] == pytest.approx(large[2], abs=0.05)


def test_new_and_changed_people_get_the_rows_of_the_whole(crowd):
    companies = [*_ASKED, *crowd[:200:7], *(name[:4] + name[5:] for name in crowd[:200:9])]
    people = pa.table({"person_id": [f"p{place:03}" for place in range(len(companies))], "company": companies})
    names = [*_ASKED.values(), *crowd[:500]]
    accounts = pa.table({"account_id": [f"A{place:05}" for place in range(len(names))], "name": names})
    whole = match(people, accounts, matching=AccountMatching(), decided=ANSWERS.empty_table()).to_pylist()
    with matcher(accounts, matching=AccountMatching(), decided=ANSWERS.empty_table()) as one:
        some = [place for place in range(len(companies)) if place % 3 == 0]
        assert one.match(people.take(some)).to_pylist() == [whole[place] for place in some]


def test_an_account_renamed_is_found_by_its_new_name_only():
    assert run(["Zeus Manufcturing"], ["Zeus Manufacturing"])[0]["account_id"] == "A00000"
    assert run(["Zeus Manufcturing"], ["Hera Confectionery"])[0]["account_id"] is None


def test_suggestions_while_typing_are_what_matching_by_name_would_say(crowd):
    names = [*_ASKED.values(), *crowd[:300], "Twin Steel Inc", "Twin Steel Ltd", "Twin Steel Ltd."]
    accounts = pa.table({"account_id": [f"A{place:05}" for place in range(len(names))], "name": names})
    asked = [
        *_ASKED,
        *_ASKED.values(),
        *(name[:5] + name[6:] for name in crowd[:300:11]),
        "Twin Steel Ltd",
        "Twin Steel",
    ]
    with matcher(accounts, matching=AccountMatching(), decided=ANSWERS.empty_table()) as one:
        people = pa.table({"person_id": [f"p{place:03}" for place in range(len(asked))], "company": asked})
        for company, row in zip(asked, one.match(people).to_pylist(), strict=True):
            told = one.suggest(company)
            if row["account_id"]:
                first = told[0]
                assert (first.account_id, first.confidence) == (row["account_id"], row["confidence"])
                assert row["evidence"].startswith(first.evidence)
            else:
                assert not told or told[0].confidence < 0.75
        assert one.suggest("  ") == []
        assert len(one.suggest("Twin Steel", at_most=2)) == 2
