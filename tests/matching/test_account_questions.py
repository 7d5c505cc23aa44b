"""Questions about accounts are asked once and their answers hold."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from connector.mapping.fields import AccountMatching
from connector.matching import ANSWERS, answers, ask, match

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
