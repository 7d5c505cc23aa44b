"""What is no name, and what is meant to hurt: no answer, no error, in no time worth mention."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.mapping.fields import AccountMatching
from connector.matching import ACCOUNTS_IN, ANSWERS, PERSONS_IN, matcher
from connector.matching.names import company_name

_BARE = (
    "GmbH",
    "Inc.",
    "inc",
    "LLC",
    "S.A.",
    "Ltd.",
    "Co., Ltd.",
    "GmbH & Co. KG",
    "(GmbH)",
    "\u682a\u5f0f\u4f1a\u793e",
    "Company",
    "Sp. z o.o.",
)
_NOTHING = (
    "",
    "   ",
    ".",
    "---",
    "()",
    "\u200b",
    "\U0001f984",
    "\U0001f984\U0001f680 \u2764\ufe0f",
    "x" * 256,
    "a b " * 5000,
)
_HOSTILE = (
    "'; DROP TABLE a; --",
    '"Acme" OR 1=1',
    '=HYPERLINK("http://x.example","x")',
    "Acme\x00Corp",
    "Acme\x1fCorp\x1f",
    "((((((((((((((((((((" * 10,
    "\u202egnirts\u202c",
    "a" * 255,
    "a.b." * 60,
    "/" * 250,
    "e\u0301" * 120,
    "class a common stock " * 12,
)


def found(companies, names):
    people = [{"person_id": f"p{place:03}", "company": each} for place, each in enumerate(companies)]
    accounts = [{"account_id": f"A{place:03}", "name": each} for place, each in enumerate(names)]
    with matcher(
        pa.Table.from_pylist(accounts, schema=ACCOUNTS_IN), matching=AccountMatching(), decided=ANSWERS.empty_table()
    ) as one:
        persons = pa.Table.from_pylist(people, schema=PERSONS_IN)
        rows = one.match_many(persons).to_pylist()
        assert one.match_few(persons).to_pylist() == rows
        assert all(one.suggest(each) == [] for each in companies if not company_name(each).core)
        return rows


@pytest.mark.parametrize("name", [*_BARE, *_NOTHING])
def test_what_names_no_company_has_no_key(name):
    assert company_name(name).core == ""
    assert company_name(name).words == ()


def test_nobody_is_matched_by_what_names_no_company_and_no_account_is_called_so():
    rows = found([*_BARE, *_NOTHING, "Acme"], [*_BARE, *_NOTHING, "Unicorn Inc", "X Corp", "Acme GmbH"])
    assert [row["method"] for row in rows[:-1]] == ["none"] * (len(_BARE) + len(_NOTHING))
    assert rows[-1]["evidence"] == "same name: Acme GmbH"


@pytest.mark.parametrize(
    ("stated", "account"),
    [
        ("X", "X Corp."),
        ("SAS", "SAS Ltd"),
        ("BT", "BT plc"),
        ("Acme\u00ae", "Acme Inc"),
        ("Acme\u2122 GmbH", "ACME GmbH"),
        ("The Limited", "The Limited, Inc."),
        ("\u7d22\u5c3c", "\u7d22\u5c3c\u80a1\u4efd\u6709\u9650\u516c\u53f8"),
        ("\u6771\u829d\u3231", "\u6771\u829d"),
    ],
)
def test_short_names_and_marks_are_names(stated, account):
    (row,) = found([stated], [account, "Beta GmbH"])
    assert (row["account_id"], row["review"]) == ("A000", False)


def test_hostile_names_answer_like_others():
    rows = found([*_HOSTILE, "Acme"], ["Acme Corp", "Beta", *_HOSTILE[:3]])
    assert len(rows) == len(_HOSTILE) + 1
    assert [row["account_id"] for row in rows[:3]] == ["A002", "A003", "A004"]


def test_long_and_endless_names_come_to_an_end():
    for name in _HOSTILE:
        assert len(company_name(name * (255 // max(len(name), 1))).words) <= 255
    rows = found(["ab " * 80, "abcdefghij" * 25, "a" * 254 + "b"], ["ab " * 79, "abcdefghij" * 25 + "k", "a" * 255])
    assert len(rows) == 3


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=4), st.lists(st.text(max_size=40), max_size=4))
def test_any_text_may_be_a_name(companies, names):
    for row in found(companies, names):
        assert (row["account_id"] is None) == (row["method"] == "none")
        assert 0 <= row["confidence"] <= 0.99
