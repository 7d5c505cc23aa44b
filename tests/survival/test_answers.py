"""The short form of ``benchmarks/survival/answers.py``: an org in a process of its own, counted from the org itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.survival.answers import Answers, campaign
from benchmarks.survival.outbound import Outbound

SEED = 7


@pytest.fixture(scope="module", params=["keys are unique", "keys are not unique"])
def answers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    folder: Path = tmp_path_factory.mktemp("answers")
    outbound = Outbound(str(folder), people=40, unique=request.param == "keys are unique")
    yield Answers(outbound, SEED)
    outbound.close()


def test_lost_and_late_answers_double_nothing_and_lose_nothing(answers: Answers) -> None:
    campaign(answers, "drop_after_commit", 8, answers.lose)
    campaign(answers, "commit_late", 2, answers.be_late)
    assert answers.judge().clean
    assert answers.out.crm.lost >= 4, "answers to writes were lost, not only to reads"


def test_doubled_requests_double_nothing_where_keys_are_unique_and_lose_nothing_anywhere(answers: Answers) -> None:
    campaign(answers, "duplicate", 3, answers.double)
    verdict = answers.judge()
    assert (verdict.missing, verdict.wrong) == ([], [])
    if answers.out.unique:
        assert not verdict.doubled


def test_the_operator_is_told_where_keys_are_not_unique(answers: Answers) -> None:
    told = [sentence for sentence in answers.out.crm.lacks() if "unique" in sentence]
    [task] = [step for step in answers.out.steps if step.what == "field Activity.Handoff_Key__c"]
    if answers.out.unique:
        assert told == []
        assert task.message == ""
    else:
        assert [sentence.split()[0] for sentence in told] == ["Task", "Lead", "Contact"]
        assert "a request that the network doubles makes two records" in task.message


def test_a_planted_double_a_planted_loss_and_a_planted_overwrite_are_seen(answers: Answers) -> None:
    before = answers.judge()
    word = next(word for object_, word in answers.creations.values() if object_ == "lead")
    answers.out.act({"do": "create", "object": "Lead", "values": {"LastName": word, "Company": "C"}})
    answers.create("task")
    [(kind, id_), wish] = next(iter(answers.values.items()))
    answers.out.act({"do": "edit", "object": kind, "id": id_, "values": {next(iter(wish)): "somebody else's"}})
    after = answers.judge()
    grown = [len(getattr(after, name)) - len(getattr(before, name)) for name in ("doubled", "missing", "wrong")]
    assert grown == [1, 1, 1]
