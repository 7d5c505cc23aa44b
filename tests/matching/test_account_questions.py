"""Questions about accounts are asked once and their answers hold."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from connector.mapping.fields import AccountMatching
from connector.matching import ANSWERS, LINKED_IN, answers, ask, match, matcher, shared_in

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PEOPLE = pa.table({"person_id": ["p", "q"], "email": ["jane@acme.example", "x@beta.example"]})
ACCOUNTS = pa.table(
    {"account_id": ["A", "B", "C"], "website": ["acme.example", "acme.example", "beta.example"]},
)


def found(decided=None):
    return match(PEOPLE, ACCOUNTS, matching=AccountMatching(), decided=decided or ANSWERS.empty_table())


def test_only_ties_are_asked_about_and_always_with_the_same_question():
    (review,) = ask(found(), now=NOW)
    assert (review.kind, review.person_id, review.state, review.opened_at) == ("account", "p", "open", NOW)
    assert [each["account_id"] for each in json.loads(review.candidates)] == ["A", "B"]
    assert "jane" not in review.candidates
    assert ask(found(), now=NOW) == [review]
    assert answers([review]).num_rows == 0


@pytest.mark.parametrize(
    ("state", "answer", "account"),
    [("accepted", "B", "B"), ("accepted", "", "A"), ("rejected", "A", "B"), ("rejected", "", None)],
)
def test_an_answer_decides_from_then_on(state, answer, account):
    (review,) = ask(found(), now=NOW)
    again = found(answers([replace(review, state=state, answer=answer)]))
    row = again.to_pylist()[0]
    assert (row["account_id"], row["review"]) == (account, False)
    assert ask(again, now=NOW) == []


def test_what_puts_questions_because_it_is_shared_is_read_from_the_questions():
    books = pa.table({"account_id": list("ABCDE"), "website": ["host.example"] * 5})
    people = pa.table({"person_id": ["p", "q", "r"], "email": ["x@host.example", "y@host.example", "z@acme.example"]})
    told = match(people, books, matching=AccountMatching(tie_break=()), decided=ANSWERS.empty_table())
    questions = ask(told, now=NOW)
    assert shared_in(questions) == [("host.example", 2, "5 unrelated accounts have it")]
    assert shared_in(ask(found(), now=NOW)) == []
    links = [{"account_id": each, "email": f"{each}@acme.example"} for each in "ABCDEF"]
    books = pa.table({"account_id": list("ABCDEF"), "website": ["acme.example", *[None] * 5]})
    linked = pa.Table.from_pylist(links, schema=LINKED_IN)
    with matcher(books, matching=AccountMatching(), decided=ANSWERS.empty_table(), linked=linked) as one:
        assert shared_in(ask(one.match(people), now=NOW)) == [
            ("acme.example", 1, "its people belong to 6 unrelated accounts")
        ]
