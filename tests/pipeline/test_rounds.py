"""Rounds in which everybody is worked anew some at a time: nobody who asks waits for them, and nobody is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from house_at_rest import assure_rest, brought_to_rest, copy_of, head_of, killed, narrow, on, some
from small_house import House
from test_incremental import Watched

from connector.pipeline.incremental.choosing import Portion
from connector.pipeline.incremental.kept import find_kept


@pytest.fixture(scope="module")
def at_rest(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """Give the house that all tests here copy."""
    return brought_to_rest(tmp_path_factory.mktemp("rest"))


@pytest.fixture
def house(at_rest: Watched, tmp_path: Path) -> Iterator[Watched]:
    """Give a copy of it."""
    made = copy_of(at_rest, tmp_path)
    yield made
    made.close()


def _asked_before(house: Watched) -> None:
    """Let the CRM have had a lead and a task of ours, so that its fields do not change with the first."""
    house.asks("before", "5")
    for _ in range(3):
        house.run()
        on(house)


def _rename(house: House, account: str, name: str, site: str) -> None:
    house.crm.edit("account", account, {"name": name, "website": site}, user="005rep1", at=house.now)


def test_a_new_day_is_begun_by_whoever_asks_and_comes_to_everybody_by_turns(house: Watched) -> None:
    _asked_before(house)
    house.now += timedelta(days=1)
    house.asks("ask", "0")
    cycle = narrow(house)
    assert (cycle.worked, cycle.leaves) == (1, True), "nobody waits for everybody"
    assert (head_of(house).round, head_of(house).again, head_of(house).left) == (1, 9, [])
    worked = 1
    while cycle.leaves:
        on(house)
        if worked == 3:
            house.asks("again", "8")
            assert narrow(house).worked in {1, 2, 3}, "with those of the same account whose day has not begun"
        before = head_of(house).again
        cycle = some(house, 2)
        assert house.last[0] == ""
        worked += before - head_of(house).again
    assert (head_of(house).round, head_of(house).again) == (1, 0)
    assert worked == 10
    assure_rest(house)


def test_an_account_that_is_renamed_has_everybody_matched_anew_by_turns(house: Watched) -> None:
    house.account("A2", name="Dune", website="dune.example")
    house.run()
    on(house)
    _rename(house, "A1", "Firm 2", "firm2.example")
    _rename(house, "A2", "Firm 3", "firm3.example")
    cycle = some(house, 2)
    assert (house.last[0], cycle.leaves, head_of(house).round) == ("", True, 1)
    on(house)
    some(house, 3)
    _rename(house, "A2", "Firm 4", "firm4.example")
    on(house)
    cycle = some(house, 3)
    assert (head_of(house).round, head_of(house).again) == (2, 7), "begun anew, with those it had not come to"
    for _ in range(9):
        on(house)
        if not some(house, 3).leaves:
            break
    people = find_kept(house.engine.lake_root, house.decided).ask("FROM people").to_pylist()  # type: ignore[union-attr]
    matched = Counter(row["account_id"] for row in people)
    assert (matched["A1"], matched["A2"]) == (1, 1)
    assure_rest(house)


def test_one_command_ends_what_the_daemon_has_begun_and_a_kill_between_loses_nobody(house: Watched) -> None:
    cycle = house.cycle()
    cycle.run(full=True, portion=lambda: Portion(most=4))
    assert (cycle.worked >= 4, cycle.leaves) == (True, True)
    on(house)
    before = head_of(house).again
    with killed(house, "sending"):
        some(house, 2)
    assert 0 < head_of(house).again < before
    on(house)
    house.run()
    assert head_of(house).again == 0
    assure_rest(house)
