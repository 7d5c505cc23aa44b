"""Each rule of matching, on a handful of people and accounts."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import ConfigError
from connector.mapping.fields import AccountMatching, AccountTier
from connector.matching import ACCOUNTS_IN, ANSWERS, MATCHES, PERSONS_IN, match, suspect_domains


def run(people, accounts, *, decided=(), **settings_):
    people = [{"person_id": f"p{place}"} | each for place, each in enumerate(people)]
    told = [dict(zip(ANSWERS.names, each, strict=True)) for each in decided]
    return match(
        pa.Table.from_pylist(people, schema=PERSONS_IN),
        pa.Table.from_pylist(accounts, schema=ACCOUNTS_IN),
        matching=AccountMatching(**settings_),
        decided=pa.Table.from_pylist(told, schema=ANSWERS),
    )


def one(person, *accounts, **more):
    (found,) = run([person], list(accounts), **more).to_pylist()
    return found


ACME = {"account_id": "A", "name": "Acme GmbH", "website": "https://www.acme.example/home"}
BETA = {"account_id": "B", "name": "Beta Inc.", "website": "beta.example"}


def brief(found):
    return found["account_id"], found["method"], found["review"]


def test_nobody_and_no_account():
    assert run([], []).schema.equals(MATCHES)
    found = one({"email": "a@acme.example"})
    assert brief(found) == (None, "none", False)
    assert found["confidence"] == 0


def test_a_link_comes_first_and_the_others_are_runners_up():
    found = one({"link_account_id": "B", "email": "a@acme.example"}, ACME, BETA)
    assert brief(found) == ("B", "link", False)
    assert (found["confidence"], found["runner_up"]) == (1.0, "A")


def test_a_link_to_an_account_that_is_not_there_says_nothing():
    assert brief(one({"link_account_id": "X", "email": "a@acme.example"}, ACME)) == ("A", "domain", False)


@pytest.mark.parametrize(
    ("person", "website", "confidence"),
    [
        ({"email": "a@acme.example"}, "www.acme.example", 0.98),
        ({"email": "a@mail.ACME.co.uk"}, "http://acme.co.uk:8080/x?y=1", 0.98),
        ({"email": "a@gmail.com", "website": "acme.example"}, "acme.example", 0.96),
        ({"website": "http://m\u00fcller.example"}, "xn--mller-kva.example", 0.96),
    ],
)
def test_the_registrable_domain_matches(person, website, confidence):
    found = one(person, {"account_id": "A", "name": "Other", "website": website})
    assert brief(found) == ("A", "domain", False)
    assert found["confidence"] == confidence


def test_further_domains_match_too():
    assert brief(one({"email": "a@acme.test"}, ACME | {"domains": "x.example; acme.test"}))[0] == "A"


def test_the_evidence_holds_no_address():
    found = one({"email": "jane.doe@acme.example"}, ACME)
    assert "acme.example" in found["evidence"]
    assert "jane" not in found["evidence"]
    assert "@" not in found["evidence"]


@pytest.mark.parametrize("host", ["gmail.com", "yahoo.co.uk", "mail.gmx.de", "mailinator.com", "agency.example"])
def test_free_throw_away_and_shared_domains_never_match(host):
    account = {"account_id": "A", "name": "Somebody", "website": host, "domains": f"www.{host}"}
    found = one({"email": f"a@{host}", "website": host}, account, shared_domains=("agency.example",))
    assert brief(found) == (None, "none", False)


def test_tenants_of_a_host_are_not_each_other():
    site = {"account_id": "A", "name": "One", "website": "one.github.io"}
    assert one({"website": "two.github.io"}, site)["account_id"] is None
    assert one({"website": "https://one.github.io/"}, site)["account_id"] == "A"


def test_a_page_on_a_big_site_is_not_its_owner():
    assert (
        one({"website": "https://facebook.com/acme"}, {"account_id": "F", "website": "facebook.com"})["account_id"]
        is None
    )
    assert one({"email": "a@linkedin.com"}, {"account_id": "F", "website": "linkedin.com"})["account_id"] == "F"


TWINS = ({"account_id": "A", "website": "acme.example"}, {"account_id": "B", "website": "acme.example"})


@pytest.mark.parametrize(
    ("first", "second", "answer"),
    [
        ({}, {"open_opportunity": True}, "B"),
        ({"owner_active": True}, {"open_opportunity": True}, "B"),
        ({"owner_active": False}, {"owner_active": True}, "B"),
        (
            {"latest_activity": datetime(2026, 1, 1, tzinfo=UTC)},
            {"latest_activity": datetime(2026, 1, 2, tzinfo=UTC)},
            "B",
        ),
        ({}, {"latest_activity": datetime(1960, 1, 2, tzinfo=UTC)}, "B"),
    ],
)
def test_ties_are_broken_in_the_configured_order(first, second, answer):
    found = one({"email": "a@acme.example"}, TWINS[0] | first, TWINS[1] | second)
    assert brief(found) == (answer, "domain", False)
    assert found["runner_up"] == "A"
    assert found["confidence"] == 0.95


def test_the_order_of_the_tie_break_is_the_admins():
    accounts = (TWINS[0] | {"owner_active": True}, TWINS[1] | {"open_opportunity": True})
    assert one({"email": "a@acme.example"}, *accounts, tie_break=("active_owner",))["account_id"] == "A"


def test_what_no_rule_decides_is_asked_whatever_the_thresholds():
    loose = (AccountTier(by="domain", accept=0.1, review=0.0),)
    for more in ({}, {"tiers": loose}, {"tiers": (AccountTier(by="domain", accept=1, review=1),)}):
        found = one({"email": "a@acme.example"}, *TWINS, **more)
        assert found["review"]
        assert (found["account_id"], found["runner_up"]) == ("A", "B")


def test_a_tie_on_a_domain_is_settled_by_the_stated_name_but_not_overruled_by_another_companys():
    named = (TWINS[0] | {"name": "Acme Retail"}, TWINS[1] | {"name": "Acme Wholesale"}, BETA | {"account_id": "C"})
    found = one({"email": "a@acme.example", "company": "ACME Wholesale Ltd"}, *named)
    assert brief(found) == ("B", "domain", False)
    assert one({"email": "a@acme.example", "company": "Beta"}, *named)["review"]


def test_the_very_same_host_comes_before_the_same_domain():
    accounts = ({"account_id": "A", "website": "de.acme.example"}, {"account_id": "B", "website": "uk.acme.example"})
    assert brief(one({"email": "a@uk.acme.example"}, *accounts)) == ("B", "domain", False)
    assert one({"email": "a@acme.example"}, *accounts)["review"]


def test_the_top_of_a_hierarchy_stands_for_its_members():
    accounts = (TWINS[0] | {"parent_id": "B"}, TWINS[1])
    found = one({"email": "a@acme.example"}, *accounts)
    assert brief(found) == ("B", "domain", False)
    assert found["confidence"] == 0.93
    ring = (TWINS[0] | {"parent_id": "B"}, TWINS[1] | {"parent_id": "A"})
    assert one({"email": "a@acme.example"}, *ring)["account_id"] == "A"


def test_a_domain_on_many_unrelated_accounts_is_suspect():
    crowd = [{"account_id": f"A{n}", "name": f"Firm {n}", "website": "host.example"} for n in range(6)]
    crowd[3]["open_opportunity"] = True
    found = one({"email": "a@host.example"}, *crowd)
    assert found["review"]
    assert brief(one({"email": "a@host.example", "company": "Firm 2"}, *crowd)) == ("A2", "domain", False)
    assert brief(one({"email": "a@host.example", "company": "Beta"}, *crowd, BETA)) == ("B", "name", False)
    table = pa.Table.from_pylist([*crowd, ACME], schema=ACCOUNTS_IN)
    assert suspect_domains(table).to_pylist() == [
        {"domain": "host.example", "accounts": 6, "because": "6 unrelated accounts carry it"}
    ]


@pytest.mark.parametrize(
    ("company", "confidence"),
    [("acme gmbh", 0.99), ("ACME", 0.98), ("  Acme  G.m.b.H. ", 0.99), ("Acme AG", 0.96)],
)
def test_equal_names_match(company, confidence):
    found = one({"email": "a@gmail.com", "company": company}, ACME, BETA)
    assert brief(found) == ("A", "name", False)
    assert found["confidence"] == confidence


def test_an_equal_name_in_another_country_is_asked():
    found = one({"company": "Acme", "country": "US"}, ACME | {"country": "DE"})
    assert brief(found) == ("A", "name", True)


def test_two_accounts_of_one_name_are_told_apart_by_place_and_else_asked():
    accounts = (
        {"account_id": "A", "name": "Acme Inc", "city": "Boston", "phone": "+1 (617) 555-0100"},
        {"account_id": "B", "name": "Acme Inc", "city": "Austin", "phone": "+1 512 555 0199"},
    )
    assert one({"company": "Acme Inc."}, *accounts)["review"]
    assert brief(one({"company": "Acme Inc.", "city": "AUSTIN"}, *accounts)) == ("B", "name", False)
    assert brief(one({"company": "Acme Inc.", "phone": "617 5550100"}, *accounts)) == ("A", "name", False)


@pytest.mark.parametrize("nothing", ["n/a", "N/A", "[not provided]", " Unknown", "(none)", "Self-employed", "null"])
def test_who_states_no_company_is_in_none_of_that_name(nothing):
    accounts = [{"account_id": "1", "name": nothing}, {"account_id": "2", "name": "NA"}, {"account_id": "3"}]
    persons = pa.Table.from_pylist([{"person_id": "p", "company": nothing}])
    books = pa.Table.from_pylist(accounts)
    found = match(persons, books, matching=AccountMatching(), decided=ANSWERS.empty_table()).to_pylist()
    assert [(row["account_id"], row["method"]) for row in found] == [(None, "none")]


def test_a_near_name_says_what_differs_and_is_accepted_only_when_sure():
    account = {"account_id": "A", "name": "Zeus Manufacturing GmbH"}
    found = one({"company": "Zeus Manufcturing Ltd"}, account)
    assert found["account_id"] == "A"
    assert found["evidence"] == (
        "near name: Zeus Manufcturing Ltd ~ Zeus Manufacturing GmbH: 'manufcturing' misspelt for 'manufacturing';"
        " legal form differs"
    )
    sure = one({"company": "Zeus Mfg GmbH"}, account)
    assert brief(sure) == ("A", "name", False)
    assert sure["confidence"] > found["confidence"]
    assert one({"company": "Southwind Bakery"}, account)["method"] == "none"


@pytest.mark.parametrize(
    ("stated", "account"),
    [
        ("M\u00fcller Maschinenbau GmbH", "Mueller Maschinenbau GmbH"),
        ("Maschinenbau M\u00fcller", "M\u00fcller Maschinenbau"),
        ("\u0413\u0430\u0437\u043f\u0440\u043e\u043c", "Gazprom PAO"),
        ("\u682a\u5f0f\u4f1a\u793e\u30c8\u30e8\u30bf", "Toyota K.K."),
        ("Espey Mfg. & Electronics Corp", "Espey Manufacturing and Electronics Corporation"),
        ("Goodstone Tyre Co /OH/", "Goodstone Tyre Company"),
        ("Volato Group Inc. Class A Common Stock", "Volato Group, Inc."),
        ("Blue Water Logistics", "Bluewater Logistics Inc"),
    ],
)
def test_ways_of_writing_one_name_are_accepted(stated, account):
    assert brief(one({"company": stated}, BETA, {"account_id": "A", "name": account})) == ("A", "name", False)


def test_first_letters_are_a_question_until_the_domain_is_called_so():
    account = {"account_id": "A", "name": "International Widget Makers Inc"}
    found = one({"company": "IWM"}, account, BETA)
    assert brief(found) == ("A", "name", True)
    assert "first letters" in found["evidence"]
    told = one({"company": "International Widget Makers", "email": "a@iwm.example"}, {"account_id": "A", "name": "IWM"})
    assert brief(told) == ("A", "name", False)


def test_brackets_tell_companies_of_one_house_apart():
    found = one({"company": "Amalgam Biosciences (SU)"}, {"account_id": "A", "name": "Amalgam Biosciences (SV) Corp"})
    assert found["review"] or found["account_id"] is None


def test_place_and_phone_speak_for_and_against_a_near_name():
    account = {
        "account_id": "A",
        "name": "Northwind Traders",
        "city": "Boston",
        "country": "US",
        "phone": "617 5550100",
    }
    alone = one({"company": "Northwind Trading Post"}, account)["confidence"]
    near = one({"company": "Northwind Trading Post", "city": "Boston", "phone": "+1 617 555 0100"}, account)
    assert near["confidence"] > alone
    assert "same telephone; same city" in near["evidence"]
    assert one({"company": "Northwind Trading Post", "country": "DE"}, account)["confidence"] < near["confidence"]


def test_two_accounts_nearly_as_near_are_asked_about():
    accounts = ({"account_id": "A", "name": "Northwind Tradera"}, {"account_id": "B", "name": "Northwind Traderi"})
    found = one({"company": "Northwind Traders"}, *accounts)
    assert found["review"] or found["account_id"] is None
    assert one({"company": "Northwind Traders"}, accounts[0])["confidence"] > found["confidence"]


def test_the_legal_form_decides_between_accounts_of_one_name():
    accounts = ({"account_id": "A", "name": "Acme K.K."}, {"account_id": "B", "name": "Acme Co., Inc."})
    assert brief(one({"company": "Acme Inc"}, *accounts)) == ("B", "name", False)
    assert one({"company": "Acme"}, *accounts)["review"]


def test_thresholds_are_heeded():
    strict = (AccountTier(by="domain", accept=0.99, review=0.9), AccountTier(by="name", accept=0.92, review=0.75))
    assert brief(one({"email": "a@acme.example"}, ACME, tiers=strict)) == ("A", "domain", True)
    assert brief(one({"email": "a@acme.example", "company": "Beta"}, ACME, BETA, tiers=strict)) == ("B", "name", False)
    silent = (AccountTier(by="domain", accept=1, review=0.99),)
    assert one({"email": "a@acme.example"}, ACME, tiers=silent)["method"] == "none"


def test_only_configured_tiers_are_tried():
    assert one({"email": "a@acme.example"}, ACME, tiers=(AccountTier(by="name"),))["method"] == "none"


def test_answers_are_remembered():
    person = {"email": "a@acme.example"}
    assert brief(one(person, *TWINS, decided=[("p0", "B", "same")])) == ("B", "link", False)
    assert brief(one(person, *TWINS, decided=[("p0", "A", "different")])) == ("B", "domain", False)
    assert one(person, ACME, decided=[("p0", "A", "different")])["method"] == "none"
    assert one({"company": "Acme"}, ACME, decided=[("p0", "A", "different")])["method"] == "none"
    assert one({"link_account_id": "A"}, ACME, decided=[("p0", "A", "different")])["method"] == "none"
    both = run([person, person], list(TWINS), decided=[("p1", "A", "different")]).to_pylist()
    assert [found["review"] for found in both] == [True, False]


def test_a_missing_id_column_is_refused():
    with pytest.raises(ConfigError, match="person_id"):
        match(
            pa.table({"email": ["a@b.example"]}),
            pa.table({"account_id": ["A"]}),
            matching=AccountMatching(),
            decided=ANSWERS.empty_table(),
        )


def test_two_rows_of_one_id_are_refused():
    with pytest.raises(ConfigError, match="account_id"):
        one({}, ACME, ACME)
    with pytest.raises(ConfigError, match="person_id"):
        run([{"person_id": "p"}, {"person_id": "p"}], [])


HOSTS = ["acme.example", "de.acme.example", "beta.example", "gmail.com", None]
NAMES = ["Acme", "Acme GmbH", "Beta Inc", "Gamma Holdings", "Gama Holdings", None]


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_the_order_of_rows_changes_nothing_and_free_mail_never_matches(data):
    people = data.draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "email": st.sampled_from([host and f"a@{host}" for host in HOSTS]),
                    "company": st.sampled_from(NAMES),
                    "link_account_id": st.sampled_from([None, None, "A0", "A9"]),
                    "country": st.sampled_from(["DE", "US", None]),
                }
            ),
            max_size=5,
        )
    )
    people = [each | {"person_id": f"p{place}"} for place, each in enumerate(people)]
    accounts = data.draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "name": st.sampled_from(NAMES),
                    "website": st.sampled_from(HOSTS),
                    "parent_id": st.sampled_from([None, "A0", "A1"]),
                    "open_opportunity": st.sampled_from([None, True, False]),
                    "country": st.sampled_from(["DE", "US", None]),
                }
            ),
            max_size=5,
        )
    )
    accounts = [each | {"account_id": f"A{place}"} for place, each in enumerate(accounts)]
    straight = run(people, accounts)
    assert run(data.draw(st.permutations(people)), data.draw(st.permutations(accounts))).equals(straight)
    for person, found in zip(people, straight.to_pylist(), strict=True):
        assert found["person_id"] == person["person_id"]
        assert (found["account_id"] is None) == (found["method"] == "none")
        assert found["runner_up"] is None or found["runner_up"] != found["account_id"]
        assert "gmail" not in found["evidence"]
        assert 0 <= found["confidence"] <= 1
