"""Rounds in which everybody is worked anew some at a time: nobody who asks waits for them, and nobody is lost."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from house_at_rest import assure_rest, head_of, killed, narrow, on, some
from small_house import House
from test_incremental import Watched

from connector.pipeline.incremental.choosing import Portion
from connector.pipeline.incremental.kept import find_kept


def _asked_before(rested: Watched) -> None:
    """Let the CRM have had a lead and a task of ours, so that its fields do not change with the first."""
    rested.asks("before", "5")
    for _ in range(3):
        rested.run()
        on(rested)


def _rename(house: House, account: str, name: str, site: str) -> None:
    house.crm.edit("account", account, {"name": name, "website": site}, user="005rep1", at=house.now)


def test_a_new_day_is_begun_by_whoever_asks_and_comes_to_everybody_by_turns(rested: Watched) -> None:
    _asked_before(rested)
    rested.now += timedelta(days=1)
    rested.asks("ask", "0")
    cycle = narrow(rested)
    assert (cycle.worked, cycle.leaves) == (1, True), "nobody waits for everybody"
    assert (head_of(rested).round, head_of(rested).again, head_of(rested).left) == (1, 9, [])
    worked = 1
    while cycle.leaves:
        on(rested)
        if worked == 3:
            rested.asks("again", "8")
            assert narrow(rested).worked in {1, 2, 3}, "with those of the same account whose day has not begun"
        before = head_of(rested).again
        cycle = some(rested, 2)
        assert rested.last[0] == ""
        worked += before - head_of(rested).again
    assert (head_of(rested).round, head_of(rested).again) == (1, 0)
    assert worked == 10
    assure_rest(rested)


def test_an_account_that_is_renamed_has_everybody_matched_anew_by_turns(rested: Watched) -> None:
    rested.account("A2", name="Dune", website="dune.example")
    rested.run()
    on(rested)
    _rename(rested, "A1", "Firm 2", "firm2.example")
    _rename(rested, "A2", "Firm 3", "firm3.example")
    cycle = some(rested, 2)
    assert (rested.last[0], cycle.leaves, head_of(rested).round) == ("", True, 1)
    on(rested)
    some(rested, 3)
    _rename(rested, "A2", "Firm 4", "firm4.example")
    on(rested)
    cycle = some(rested, 3)
    assert (head_of(rested).round, head_of(rested).again) == (2, 7), "begun anew, with those it had not come to"
    for _ in range(9):
        on(rested)
        if not some(rested, 3).leaves:
            break
    people = find_kept(rested.engine.lake_root, rested.decided).ask("FROM people").to_pylist()  # type: ignore[union-attr]
    matched = Counter(row["account_id"] for row in people)
    assert (matched["A1"], matched["A2"]) == (1, 1)
    assure_rest(rested)


def test_one_command_ends_what_the_daemon_has_begun_and_a_kill_between_loses_nobody(rested: Watched) -> None:
    cycle = rested.cycle()
    cycle.run(full=True, portion=lambda: Portion(most=4))
    assert (cycle.worked >= 4, cycle.leaves) == (True, True)
    on(rested)
    before = head_of(rested).again
    with killed(rested, "sending"):
        some(rested, 2)
    assert 0 < head_of(rested).again < before
    on(rested)
    rested.run()
    assert head_of(rested).again == 0
    assure_rest(rested)


def _score_of(house: House, account: str) -> Any:
    return house.crm.records("account")[account].fields.get("Handoff_Account_Score__c")


def _people_of_dune(house: House) -> None:
    for number in range(20, 24):
        house.contact(str(number), title="CEO", email=f"jo{number}@dune.example", company="Dune")
        for again in range(4):
            at = house.now - timedelta(days=again)
            house.did(f"view{number}{again}", "page_view", str(number), path="/pricing", at=at)


def _through_the_round(house: Watched) -> list[tuple[Any, int]]:
    """Let a round come to everybody, one at a time; give after each cycle A2's score, and how many are to come."""
    seen = []
    for _ in range(30):
        on(house)
        cycle = some(house, 1)
        seen.append((_score_of(house, "A2"), head_of(house).again))
        if not cycle.leaves:
            break
    assert len(seen) > 4, "the round took several cycles"
    return seen


def test_an_account_that_comes_shows_a_score_once_the_round_has_come_to_all_who_may_belong_to_it(
    rested: Watched,
) -> None:
    _people_of_dune(rested)
    for _ in range(3):
        rested.run()
    rested.account("A2", name="Dune", website="dune.example")
    seen = _through_the_round(rested)
    last, before = seen[-1], seen[:-1]
    assert {score for score, _ in before} == {None}, seen
    assert last[0] not in {None, "0"}, seen
    assert last[1] == 0
    on(rested)
    rested.run("all")
    assert _score_of(rested, "A2") == last[0]
    assure_rest(rested)


def test_an_account_that_is_renamed_goes_on_showing_its_score_until_the_round_has_come_to_everybody(
    rested: Watched,
) -> None:
    _people_of_dune(rested)
    rested.account("A2", name="Dune", website="dune.example")
    for _ in range(3):
        rested.run()
    was = _score_of(rested, "A2")
    assert was not in {None, "0"}
    _rename(rested, "A2", "Hill", "hill.example")
    scores = [score for score, _ in _through_the_round(rested)]
    assert set(scores[:-1]) == {was}
    assert scores[-1] == "0"
    assure_rest(rested)


def test_an_account_shows_its_score_though_others_come_before_its_round_has_ended(rested: Watched) -> None:
    _people_of_dune(rested)
    for _ in range(3):
        rested.run()
    rested.account("A2", name="Dune", website="dune.example")
    seen = []
    for number in range(12):
        on(rested)
        if number % 3 == 2:
            rested.account(f"B{number}", name=f"Bolt {number}", website=f"bolt{number}.example")
        some(rested, 2)
        seen.append((_score_of(rested, "A2"), head_of(rested).again))
    scores = [score for score, _ in seen if score is not None]
    assert scores, seen
    assert len(set(scores)) == 1, "the whole sum at once"
    assert all(again for _, again in seen), "no round has come to its end"
