"""Cycles that work only the urgent, or some at a time: nobody is lost by it, and all is as if all were worked."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from house_at_rest import assure_rest, head_of, killed, narrow, on, some
from small_house import House
from test_incremental import Watched
from test_twins import Twins, _state, _told

from connector.delivery.limits import Limits
from connector.domain.records import RecordVersion
from connector.domain.refs import Ref
from connector.domain.writes import Cause
from connector.pipeline.incremental.choosing import URGENT
from connector.pipeline.incremental.kept import FOLDER, find_kept
from connector.pipeline.incremental.news import MARK

#: more and longer histories: HANDOFF_TWINS=10 tries so many seeds
LONG = int(os.environ.get("HANDOFF_TWINS", "0"))
SEEDS, ROUNDS = range(max(LONG, 1)), 7 if LONG else 2


def _waiting(house: House) -> list[str]:
    kept = find_kept(house.engine.lake_root, house.store.knowledge.last_decided())
    return [] if kept is None else kept.head.left


def test_who_asks_is_worked_alone_and_the_others_are_next(rested: Watched) -> None:
    for number in (0, 2, 3, 4, 5):
        rested.did(f"v{number}", "page_view", str(number), path="/pricing")
    before = rested.decided
    cycle = narrow(rested)
    assert (cycle.leaves, rested.last, rested.decided) == (False, ("nobody", None), before), "nobody urgent"
    rested.asks("ask", "1")
    cycle = narrow(rested)
    assert (rested.last, cycle.leaves, cycle.worked) == (("", 1), True, 1)
    report = cycle.report
    assert (report.created, report.updated) == ({"lead": 1, "task": 1}, {})
    assert report.writes["planned"] == 2, "rows of whom it worked, and of nobody else"
    assert len(head_of(rested).left) == 5
    on(rested)
    rested.run()
    assert not head_of(rested).left


def test_whoever_turns_out_to_be_one_with_them_is_worked_as_well(rested: Watched) -> None:
    rested.contact("3", email="jo7@firm7.example", company="Firm 3")
    rested.lead("L9", "0", email="jo7@firm7.example")
    rested.did("v", "page_view", "1", path="/pricing")
    rested.asks("ask", "7")
    rested.cycle().run("all", portion=lambda: URGENT)
    assert rested.last == ("", 2), "by an address that has just come; the lead is nobody known yet"
    leads = [str(record.fields["email"]) for record in rested.crm.records("lead").values()]
    assert sorted(leads) == ["jo1@acme.example", "jo7@firm7.example"], "no second lead of theirs"
    on(rested)
    rested.run()
    assert rested.run().verdict == "green"


def test_those_of_the_same_account_are_worked_with_them(rested: Watched) -> None:
    for number in ("1", "2", "8"):
        rested.did(f"v{number}", "page_view", number, path="/pricing")
    rested.asks("ask", "7")
    narrow(rested)
    assert rested.last == ("", 2), "the account's score is told of whoever asked"
    assert len(head_of(rested).left) == 2


def test_a_kill_between_the_narrow_cycle_and_the_next_loses_nobody(rested: Watched) -> None:
    for number in range(4):
        rested.did(f"v{number}", "page_view", str(number), path="/pricing")
    rested.contact("new", email="new@elsewhere.example", company="Elsewhere")
    rested.asks("ask", "7")
    with killed(rested, "sending"):
        rested.cycle().run("sources", goes_on=True, portion=lambda: URGENT)
    assert len(head_of(rested).left) == 5
    on(rested)
    report = rested.run()
    assert rested.last == ("", 5), "four, and whoever asked, beside the new one"
    assert report.identity["persons"] == 11


def test_a_kill_before_the_head_is_written_lets_everybody_be_worked(rested: Watched) -> None:
    for number in range(5):
        rested.did(f"v{number}", "page_view", str(number), path="/pricing")
    assert some(rested, 2).leaves
    on(rested)
    asked = []

    def ours() -> bool:
        """Be asked before the commit, and once more before the head is written."""
        asked.append(1)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return True

    rested.engine.still_ours = ours
    with pytest.raises(KeyboardInterrupt):
        some(rested, 2)
    rested.engine.still_ours = lambda: True
    assert not (rested.engine.lake_root / FOLDER / rested.decided).exists()
    on(rested)
    assert not some(rested, 2).leaves
    assert rested.last == ("first", None)


def test_a_kill_in_mid_portions_loses_nobody(rested: Watched) -> None:
    for number in range(6):
        rested.did(f"v{number}", "page_view", str(number), path="/pricing")
    left = []
    for _ in range(2):
        with killed(rested, "sending"):
            some(rested, 2)
        left.append(head_of(rested).left)
        on(rested)
    # before the commit nothing has happened
    with killed(rested, "memory and outbox"):
        some(rested, 2)
    assert head_of(rested).left == left[1]
    assert left[1][:2] == left[0][2:], "behind them those who have just moved, to be looked at once more"
    on(rested)
    rested.run()
    assert not head_of(rested).left
    assure_rest(rested)


def test_a_few_at_a_time_who_has_waited_longest_is_next(rested: Watched) -> None:
    """More comes all the time than is worked: of people nobody knows yet, too."""
    for number in range(5):
        rested.did(f"v{number}", "page_view", str(number), path="/pricing")
    worked: list[int] = []
    first: list[str] = []
    for turn in range(4):
        for one in range(3 * turn, 3 * turn + 3):
            rested.contact(f"new{one}", email=f"new{one}@elsewhere{one}.example", company="Elsewhere")
        rested.did(f"w{turn}", "page_view", str(turn), path="/pricing")
        worked.append(_in_order(rested, 2))
        first = first or head_of(rested).left
        on(rested)
    unknown = {one for one in first if one.startswith(MARK)}
    assert unknown, "somebody nobody knows waits as well"
    assert not unknown & {*head_of(rested).left}
    assert max(worked) <= 4


def _in_order(house: House, most: int) -> int:
    """Work some; hold that they are those who have waited longest, and that nobody goes past those who wait."""
    before = _waiting(house)
    cycle = some(house, most)
    after = _waiting(house)
    assert not {*before[:most]} & {*after}
    still = [one for one in before if one in after]
    assert after[: len(still)] == still
    return cycle.worked


def test_portions_of_one_look_share_the_limits_of_a_day_and_a_pause_loses_nobody(tmp_path: Path) -> None:
    limits = Limits({Cause.STAGE_MOVE: 3}, share=1, share_from=500)
    house = Watched(tmp_path, limits=limits)
    for number in range(6):
        house.account(f"A{number}", name=f"Firm {number}", website=f"firm{number}.example")
        fields: Any = {"email": f"jo@firm{number}.example", "last_name": "Doe", "owner_id": "005rep2"}
        links = {"owner": "005rep2", "account": f"A{number}"}
        fields |= {"account_id": f"A{number}"}
        house.crm.add(RecordVersion(Ref("crm", "contact", f"C{number}"), house.now, house.now, fields, links))
    for _ in range(2):
        house.run()
    for number in range(6):
        deal: Any = {"closed": False, "won": False, "account_id": f"A{number}"}
        ref = Ref("crm", "opportunity", f"O{number}")
        house.crm.add(RecordVersion(ref, house.now, house.now, deal, {"account": f"A{number}"}))
    assert some(house, 2).leaves
    on(house)
    house.store.switches.pause("ann", house.now)
    paused = some(house, 2)
    assert (paused.leaves, paused.report.held_by["mode"] > 0) == (False, True), "nothing is left while nothing goes"
    house.store.switches.resume("ann", house.now)
    for _ in range(4):
        on(house)
        if not some(house, 2).leaves:
            break
    held = Counter(row.held_by for row in house.store.outbox.unsettled())
    moved = [
        record for record in house.crm.records("contact").values() if record.fields["Handoff_Stage__c"] == "opportunity"
    ]
    assert (held["limit"], len(moved)) == (3, 3)
    house.close()


@pytest.mark.timeout(1800)
def test_cycles_of_the_urgent_between_change_nothing_of_the_others(tmp_path: Path) -> None:
    """One house then works only the touched, the other everybody: they never differ."""
    narrow = 0
    for seed in SEEDS:
        (tmp_path / str(seed)).mkdir()
        twins = Twins(tmp_path / str(seed), random.Random(seed))
        twins.houses.pop().close()
        twins.begin()
        told: list[str] = []
        for turn in range(ROUNDS + 2):
            if turn >= 2:
                told += [twins.happen() for _ in range(twins.dice.randrange(4))]
                if twins.dice.random() < 0.7:
                    twins.ask()
                    cycles = [house.cycle() for house in twins.houses]
                    one, other = (each.run("all", portion=lambda: URGENT) for each in cycles)
                    narrow += cycles[0].leaves
                    told.append("narrow")
                    assert _told(one) == _told(other), f"seed {seed}: {told}"
                    twins.each(on)
                    told += [twins.happen() for _ in range(twins.dice.randrange(2))]
            reports = [house.cycle().run(full=number == 1) for number, house in enumerate(twins.houses)]
            twins.each(on)
            told.append("cycle")
            assert _told(reports[0]) == _told(reports[1]), f"seed {seed}: {told}"
            mine, other_state = (_state(house) for house in twins.houses)
            for name, part in other_state.items():
                assert mine[name] == part, f"seed {seed}, {name}: {told}"
        twins.each(House.close)
    assert narrow


@pytest.mark.timeout(1800)
def test_cycles_of_some_at_a_time_come_to_rest_where_all_would(tmp_path: Path) -> None:
    for seed in SEEDS:
        (tmp_path / str(seed)).mkdir()
        twins = Twins(tmp_path / str(seed), random.Random(seed))
        while len(twins.houses) > 1:
            twins.houses.pop().close()
        (house,) = twins.houses
        twins.begin()
        for _ in range(3):
            house.cycle().run()
            on(house)
        for _ in range(4 if LONG else 2):
            for _ in range(5):
                twins.happen()
            for _ in range(twins.dice.randrange(1, 4)):
                _in_order(house, twins.dice.choice((1, 2)))
                on(house)
        house.engine.limits = type(house.engine.limits)({}, share=1, share_from=500)
        house.store.outbox.release(plan_id=None, held_by="limit", now=house.now)
        assure_rest(house)
        house.close()
