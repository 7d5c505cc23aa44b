"""``handoff review``: the list is worked by a person, with answers that stand, can be seen and can be taken back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from connector.ports.store import IDENTITIES, PERSONS, SCORE_HISTORY, STAGE_MOVES, Decisions, Review
from state import open_store

T0 = datetime(2026, 3, 1, tzinfo=UTC)
LEADS = ("salesforce:lead:00Q1", "salesforce:lead:00Q2")


def _candidates(**more: Any) -> str:
    evidence = [{"key": "email", "with": "salesforce:lead:00Q2"}]
    return json.dumps([{"ref": ref, "person": "", "created_at": None, "evidence": evidence} | more for ref in LEADS])


def _questions() -> list[Review]:
    account = [{"account_id": "001A", "method": "name", "confidence": 0.8, "evidence": "acme"}, {"account_id": "001B"}]
    return [
        Review("r-which", "person", "p1", _candidates(), T0),
        Review("r-same", "person", "p2", _candidates(same=True, confidence=0.91), T0),
        Review("r-account", "account", "p3", json.dumps(account), T0),
    ]


def _of_a_shared_domain(number: int) -> Review:
    """Ask as the domain tier does where an address is nobody's own."""
    told = "e-mail domain host.example; 6 unrelated accounts have it"
    candidates = [
        {"account_id": "001A", "method": "domain", "confidence": 0.8, "evidence": told},
        {"account_id": "001B", "method": "domain", "confidence": 0.8, "evidence": "e-mail domain host.example: Beta"},
    ]
    return Review(f"r-host{number}", "account", f"p{number}", json.dumps(candidates), T0)


def _decided(**words: Any) -> Decisions:
    tables = {"identities": IDENTITIES, "persons": PERSONS, "stage_moves": STAGE_MOVES, "scores": SCORE_HISTORY}
    empty: dict[str, pa.Table] = {name: schema.empty_table() for name, schema in tables.items()}
    return Decisions("run", "plan", T0, **{**empty, **words})


@pytest.fixture
def mine(handoff: Any) -> Any:
    """Commands in a project with three questions."""
    assert handoff("init", "project").code == 0
    folder = handoff.folder / "project"
    door = type(handoff)(folder, handoff.env)
    assert door("status").code == 0
    store = open_store(f"sqlite:///{folder}/var/handoff.db")
    store.knowledge.commit_decisions(_decided(reviews=_questions()))
    store.close()
    return door


def _ids(done: Any) -> list[str]:
    return [one["id"] for one in done.json["reviews"]]


def test_the_list_by_kind_and_state(mine: Any) -> None:
    assert sorted(_ids(mine("review", "list", "--json"))) == ["r-account", "r-same", "r-which"]
    assert _ids(mine("review", "list", "--json", "--kind", "account")) == ["r-account"]
    assert mine("review", "list", "--json", "--state", "accepted").json == {
        "reviews": [],
        "total": 0,
        "suspect_domains": [],
    }
    short = mine("review", "list", "--json", "--limit", "1").json
    assert (len(short["reviews"]), short["total"]) == (1, 3)
    assert mine("review", "list", "--kind", "neither").code == 2
    said = mine("review", "list").out
    assert "which one is to be written?" in said
    assert "are these one person?" in said
    assert "1. 001A, by name, 80% sure" in said
    assert "because email as salesforce:lead:00Q2" in said


def test_accept_names_a_candidate_by_number_id_or_reference(mine: Any) -> None:
    missing = mine("review", "accept", "r-which", "--json")
    assert (missing.code, missing.json["error"]["code"]) == (2, "review.which")
    assert "handoff review accept r-which 1" in missing.json["error"]["cure"]
    wrong = mine("review", "accept", "r-which", "00Q9", "--json")
    assert (wrong.code, wrong.json["error"]["code"]) == (2, "review.candidate")
    assert "2 = salesforce:lead:00Q2" in wrong.json["error"]["cure"]
    for word in ("2", "00Q2", LEADS[1]):
        done = mine("review", "accept", "r-which", word, "--json")
        assert done.code == 0, done
        assert (done.json["answer"], done.json["already"]) == (LEADS[1], word != "2")
    best = mine("review", "accept", "r-account", "--json")
    assert (best.code, best.json["answer"]) == (0, "001A")


def test_whether_two_are_one_takes_no_candidate(mine: Any) -> None:
    done = mine("review", "reject", "r-same", "1", "--json")
    assert (done.code, done.json["error"]["code"]) == (2, "review.no_choice")
    assert mine("review", "accept", "r-same").code == 0


def test_an_unknown_question_is_2_and_names_the_cure(mine: Any) -> None:
    for command in ("accept", "reject", "reopen"):
        done = mine("review", command, "r-none", "--json")
        assert (done.code, done.json["error"]["code"]) == (2, "review.unknown")
        assert "handoff review list" in done.json["error"]["cure"]


def test_an_answer_stands_says_whose_it_is_and_can_be_taken_back(mine: Any) -> None:
    assert mine("review", "reject", "r-which").code == 0
    again = mine("review", "accept", "r-which", "1", "--json")
    assert (again.code, again.json["error"]["code"]) == (3, "review.answered")
    assert "has answered this question on 20" in again.json["error"]["message"]
    assert "handoff review reopen r-which" in again.json["error"]["cure"]
    (told,) = mine("review", "list", "--json", "--state", "rejected").json["reviews"]
    assert told["answered_by"]
    assert told["answered_at"]
    assert mine("review", "reopen", "r-which", "--json").json == {
        "review": "r-which",
        "state": "open",
        "was": "rejected",
        "changed": True,
    }
    assert mine("review", "reopen", "r-which", "--json").json["changed"] is False
    assert "taken back by" in mine("review", "list", "--kind", "person").out
    assert mine("review", "accept", "r-which", "1").code == 0


def test_every_answer_is_audited(mine: Any) -> None:
    mine("review", "accept", "r-account", "001B")
    mine("review", "reopen", "r-account")
    store = open_store(f"sqlite:///{mine.folder}/var/handoff.db")
    deeds = [deed[2] for deed in store.switches.audited()]
    store.close()
    assert deeds[:2] == ["review reopen", "review accepted"]


def test_each_candidate_is_told_with_its_evidence_and_shared_domains_are_named(mine: Any) -> None:
    store = open_store(f"sqlite:///{mine.folder}/var/handoff.db")
    store.knowledge.commit_decisions(_decided(reviews=[_of_a_shared_domain(7), _of_a_shared_domain(8)]))
    store.close()
    listed = mine("review", "list", "--json").json["suspect_domains"]
    assert listed == [{"domain": "host.example", "questions": 2, "because": "6 unrelated accounts have it"}]
    said = " ".join(mine("review", "list").out.split())
    assert "host.example: 2 questions, for 6 unrelated accounts have it; if it is shared" in said
    assert "2. 001B, by domain, 80% sure because e-mail domain host.example: Beta" in said
    assert mine("review", "accept", "r-host7", "2").code == 0
    assert mine("review", "list", "--json").json["suspect_domains"][0]["questions"] == 1
