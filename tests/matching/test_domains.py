"""Domains that stand for others, families of accounts, domains that many share."""

from __future__ import annotations

import pyarrow as pa
import pytest

from connector.mapping.fields import AccountMatching
from connector.matching import ACCOUNTS_IN, ANSWERS, LINKED_IN, PERSONS_IN, match, matcher, suspect_domains


def one(person, *accounts, decided=(), **more):
    told = [dict(zip(ANSWERS.names, each, strict=True)) for each in decided]
    return match(
        pa.Table.from_pylist([{"person_id": "p"} | person], schema=PERSONS_IN),
        pa.Table.from_pylist(list(accounts), schema=ACCOUNTS_IN),
        matching=AccountMatching(**more),
        decided=pa.Table.from_pylist(told, schema=ANSWERS),
    ).to_pylist()[0]


ACME = {"account_id": "A", "name": "Acme", "website": "acme.example"}


@pytest.mark.parametrize(
    ("person", "account"),
    [
        ({"email": "a@old.example"}, ACME),
        ({"email": "a@mail.old.example"}, ACME),
        ({"website": "https://www.old.example/shop"}, ACME),
        ({"email": "a@acme.example"}, ACME | {"website": "old.example"}),
    ],
)
def test_an_alias_stands_for_the_other_domain(person, account):
    found = one(person, account, aliases={"old.example": "acme.example"})
    assert (found["account_id"], found["method"], found["review"]) == ("A", "domain", False)
    assert "acme.example" in found["evidence"]
    assert one(person, account)["account_id"] is None


def test_an_alias_of_a_free_mail_domain_is_the_company_that_owns_it():
    own = {"account_id": "G", "name": "Acme", "website": "acme.example"}
    assert one({"email": "a@staff.gmail.com"}, own, aliases={"staff.gmail.com": "acme.example"})["account_id"] == "G"
    assert one({"email": "a@gmail.com"}, own, aliases={"staff.gmail.com": "acme.example"})["account_id"] is None
    assert one({"email": "a@acme.example"}, own, aliases={"acme.example": "gmail.com"})["account_id"] is None


FAMILY = (
    {"account_id": "T", "name": "Acme Holding", "website": "acme.example"},
    {"account_id": "S", "name": "Acme Retail", "website": "acme.example", "parent_id": "T"},
    {"account_id": "U", "name": "Acme Tools", "website": "tools.example", "parent_id": "S"},
)


@pytest.mark.parametrize(
    ("hierarchy", "person", "account", "review"),
    [
        ("top", {"email": "a@acme.example"}, "T", False),
        ("ask", {"email": "a@acme.example"}, "S", True),
        ("roll_up", {"email": "a@acme.example"}, "T", False),
        ("top", {"email": "a@tools.example"}, "U", False),
        ("ask", {"email": "a@tools.example"}, "U", False),
        ("roll_up", {"email": "a@tools.example"}, "T", False),
        ("roll_up", {"company": "Acme Tools"}, "T", False),
        ("roll_up", {"link_account_id": "U"}, "U", False),
    ],
)
def test_the_hierarchy_is_what_the_admin_says(hierarchy, person, account, review):
    found = one(person, *FAMILY, hierarchy=hierarchy)
    assert (found["review"], None if review else found["account_id"]) == (review, None if review else account)


def test_a_family_is_not_rolled_up_to_an_account_that_somebody_ruled_out():
    found = one({"email": "a@tools.example"}, *FAMILY, hierarchy="roll_up", decided=[("p", "T", "different")])
    assert (found["account_id"], found["review"]) == ("U", False)


def test_suspect_domains_are_listed_with_the_aliases_followed():
    crowd = [{"account_id": f"A{n}", "name": f"Firm {n}", "website": "host.example"} for n in range(4)]
    crowd.append({"account_id": "X", "name": "Other", "website": "old-host.example"})
    table = pa.Table.from_pylist(crowd, schema=ACCOUNTS_IN)
    assert suspect_domains(table).num_rows == 0
    aliased = AccountMatching(aliases={"old-host.example": "host.example"})
    assert suspect_domains(table, matching=aliased).to_pylist() == [
        {"domain": "host.example", "accounts": 5, "because": "5 unrelated accounts carry it"}
    ]


def linked(*hosts_and_accounts):
    rows = [{"email": f"p{place}@{host}", "account_id": to} for place, (host, to) in enumerate(hosts_and_accounts)]
    return pa.Table.from_pylist(rows, schema=LINKED_IN)


def test_a_domain_whose_people_belong_to_many_accounts_decides_nothing():
    ids = "ABCDEF"
    books = pa.Table.from_pylist(
        [{"account_id": each, "name": f"Firm {each}", "website": f"{each.lower()}.example"} for each in ids],
        schema=ACCOUNTS_IN,
    )
    agency = linked(*((("a.example"), each) for each in "BCDEF"), ("mail.a.example", "A"))
    people = pa.Table.from_pylist(
        [
            {"person_id": "1", "email": "x@a.example"},
            {"person_id": "2", "email": "x@a.example", "company": "Firm A GmbH"},
            {"person_id": "3", "email": "x@a.example", "company": "Firm C"},
            {"person_id": "4", "email": "x@b.example"},
        ],
        schema=PERSONS_IN,
    )

    def rows(told):
        with matcher(books, matching=AccountMatching(), decided=ANSWERS.empty_table(), linked=told) as one:
            assert one.match_few(people).to_pylist() == one.match_many(people).to_pylist()
            return one.match(people).to_pylist(), one.suspect_domains().to_pylist()

    found, suspects = rows(agency)
    assert suspects == [{"domain": "a.example", "accounts": 6, "because": "its people belong to 6 unrelated accounts"}]
    assert [(row["account_id"], row["review"]) for row in found] == [
        *(("A", True), ("A", False), ("C", False), ("B", False)),
    ]
    assert found[0]["evidence"] == "e-mail domain a.example; its people belong to 6 unrelated accounts"
    mostly_its_own = pa.concat_tables([agency, linked(*[("a.example", "A")] * 10)])
    for told in (None, mostly_its_own, linked(*[("a.example", each) for each in "BCDE"]), linked(("x", "nowhere"))):
        found, suspects = rows(told)
        assert suspects == []
        assert (found[0]["account_id"], found[0]["review"]) == ("A", False)
