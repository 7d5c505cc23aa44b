"""The short form of ``benchmarks/survival/hubspot_answers.py``: counted in the account itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.survival.hubspot_account import open_account
from benchmarks.survival.hubspot_answers import HubSpotAnswers, campaign

SEED = 7


@pytest.fixture(params=["keys are unique", "tasks' keys are not unique"])
def answers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[HubSpotAnswers]:
    account = open_account(tmp_path / "account", unique_task_key=request.param == "keys are unique")
    account.provision()
    answers = HubSpotAnswers(account, tmp_path, SEED)
    yield answers
    answers.close()
    account.close()


def test_lost_late_and_doubled_requests_double_nothing_and_lose_nothing(answers: HubSpotAnswers) -> None:
    verdict = campaign(answers, lost=12, late=6, doubled=6)
    assert verdict.clean, verdict
    assert verdict.created > 20
    assert verdict.edits > 3


def test_refusals_and_broken_answers_in_between_lose_nothing(answers: HubSpotAnswers) -> None:
    for what in ("429", "lock_row", "503", "html_502", "truncate", "reset"):
        answers.trouble(what)
        assert answers.struck[what]
    assert answers.judge().clean


def test_a_planted_double_and_a_planted_overwrite_are_seen(answers: HubSpotAnswers) -> None:
    answers.to_the_end(answers.create("contact"), answers.own(answers.people[0]))
    [(_, word)] = answers.created.values()
    answers.account.make("contact", {"lastname": word})
    answers.account.act({"do": "edit", "id": answers.people[0], "values": {"handoff_text": "somebody's"}})
    answers.create("task")
    verdict = answers.judge()
    assert verdict.doubled == [word]
    assert len(verdict.missing) == 1
    assert verdict.wrong == [f"{answers.people[0]}.handoff_text"]
