"""Matching on CSV files as the command does it."""

from __future__ import annotations

import csv

import pytest

from connector.errors import ConfigError, LocalFault
from connector.mapping.fields import AccountMatching, AccountTier
from connector.matching.files import COLUMNS, match_files

ACCOUNTS = """account_id,name,website
001,Acme GmbH,https://acme.example
002,Beta Inc,
003,Gamma,g.example
004,Gama,g.example
"""


@pytest.fixture
def files(tmp_path):
    def written(people, accounts=ACCOUNTS):
        paths = tmp_path / "people.csv", tmp_path / "accounts.csv", tmp_path / "out.csv"
        for path, text in zip(paths, (people, accounts), strict=False):
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return paths

    return written


def rows(path):
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_name_alone_is_enough_and_the_order_of_the_file_is_kept(files):
    people, accounts, out = files(
        "person_id,company\n9,Acme\n10,Nobody At All\n8,beta incorporated\n",
        "account_id,name\n001,Acme GmbH\n2,Beta Inc\n",
    )
    counts = match_files(people, accounts, out).counts
    assert counts == {"link": 0, "domain": 0, "name": 2, "review": 0, "none": 1}
    assert tuple(rows(out)[0]) == COLUMNS
    assert [(row["person_id"], row["account_id"], row["review"]) for row in rows(out)] == [
        ("9", "001", "false"),
        ("10", "", "false"),
        ("8", "2", "false"),
    ]
    assert rows(out)[1] == dict(zip(COLUMNS, ("10", "", "none", "0", "", "false"), strict=True))


def test_links_domains_and_reviews(files):
    people, accounts, out = files(
        b"\xef\xbb\xbfperson_id,account_id,email,company\n1,002,a@acme.example,\n2,,a@acme.example,\n3,,a@g.example,\n4,,a@gmail.com,\n"
    )
    assert match_files(people, accounts, out).counts == {"link": 1, "domain": 1, "name": 0, "review": 1, "none": 1}
    answers = rows(out)
    assert [(row["account_id"], row["method"]) for row in answers[:2]] == [("002", "link"), ("001", "domain")]
    assert (answers[2]["account_id"], answers[2]["runner_up"], answers[2]["review"]) == ("003", "004", "true")
    assert 0 < float(answers[2]["confidence"]) < 1


def test_flags_of_accounts_break_ties(files):
    books = "account_id,website,open_opportunity,latest_activity\n1,g.example,,soon\n2,g.example,Yes,\n"
    people, accounts, out = files("person_id,email\n1,a@g.example\n", books)
    match_files(people, accounts, out)
    assert rows(out)[0]["account_id"] == "2"


def test_given_thresholds_apply(files):
    people, accounts, out = files("person_id,company\n1,Acme\n")
    matching = AccountMatching(tiers=(AccountTier(by="name", accept=0.99),))
    assert match_files(people, accounts, out, matching=matching).counts["review"] == 1


def test_no_people_give_an_empty_answer(files):
    people, accounts, out = files("person_id,company\n")
    assert sum(match_files(people, accounts, out).counts.values()) == 0
    assert rows(out) == []
    assert out.read_text().strip().split(",")[0].strip('"') == "person_id"


@pytest.mark.parametrize(
    ("people", "words"),
    [
        ("company\nAcme\n", "no column person_id"),
        ("Person ID,company\n1,Acme\n", "no column person_id .rename the column 'Person ID' to person_id"),
        ("person_id;company\n1;Acme\n", "no column person_id .its fields are parted by ';'"),
        ("person_id,company\n1,Acme\n,Beta\n", "record 2 has no person_id"),
        ("person_id,company\n1,Acme\n2,Acme\n1,Beta\n", "people.csv: records 1 and 3 have one person_id"),
        ("person_id,person_id\n1,1\n", "two columns person_id"),
        ("person_id,company\n1,Jane Doe,2,3\n", "line 2 has 4 fields and the first line 2"),
        ("person_id,company\n1,Acme\n2,Jane Doe,\n", "line 3 has 3 fields and the first line 2"),
        (b"person_id,company\n1,Acme\n2,\xff\n", "line 3 is not UTF-8"),
        ('person_id,company\n1,Acme\n2,"Jane Doe\n3,Beta\n', "the record after line 2: a quotation mark is not closed"),
        ('person_id,company\n1,"Jane\n' + "2,Doe\n" * 30_000, "the record after line 1: a quotation mark"),
        ("", "people.csv is empty"),
    ],
)
def test_files_that_are_wrong_are_named_without_their_people(files, people, words):
    people, accounts, out = files(people)
    with pytest.raises(ConfigError, match=words) as caught:
        match_files(people, accounts, out)
    assert "Jane" not in str(caught.value)
    assert not out.exists()


def test_a_quotation_mark_inside_a_field_is_read_as_it_stands(files):
    people, accounts, out = files('person_id,company\n1,Acme\n2,Acme 5" Pipes\n3,Beta Inc\n')
    assert match_files(people, accounts, out).counts["name"] >= 2
    assert [row["person_id"] for row in rows(out)] == ["1", "2", "3"]


def test_a_missing_file_and_an_impossible_place_are_told_apart(files, tmp_path):
    people, accounts, _ = files("person_id\n1\n")
    with pytest.raises(ConfigError, match=r"absent\.csv cannot be read: is not there"):
        match_files(tmp_path / "absent.csv", accounts, tmp_path / "out.csv")
    with pytest.raises(LocalFault):
        match_files(people, accounts, tmp_path / "absent" / "out.csv")


def test_domains_that_many_carry_are_named_and_decide_nothing(files):
    carriers = "".join(f"{place},Firm {place},www.host.example\n" for place in range(6))
    people, accounts, out = files("person_id,email\n1,a@host.example\n", "account_id,name,website\n" + carriers)
    told = match_files(people, accounts, out)
    assert (told.suspect_domains, told.because) == (["host.example"], ["6 unrelated accounts carry it"])
    assert told.counts["review"] == 1


def test_domains_whose_linked_people_belong_to_many_are_named_and_decide_nothing(files):
    books = "account_id,name,website\n" + "".join(f"{n},Firm {n},f{n}.example\n" for n in range(6))
    rows_in = "".join(f"{n},a{n}@f0.example,{n}\n" for n in range(6))
    people, accounts, out = files(f"person_id,email,account_id\n{rows_in}9,new@f0.example,\n", books)
    told = match_files(people, accounts, out)
    assert told.because == ["its people belong to 6 unrelated accounts"]
    assert rows(out)[-1]["review"] == "true"
