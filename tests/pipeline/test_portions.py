"""Cycles that work only the urgent, or some at a time: nobody is lost by it, and all is as if all were worked."""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from small_house import House
from test_incremental import Watched
from test_twins import Twins, _state, _told

from connector.delivery.limits import Limits
from connector.domain.records import RecordVersion
from connector.domain.refs import Ref
from connector.domain.writes import Cause
from connector.pipeline.cycle import Cycle
from connector.pipeline.incremental.choosing import URGENT, Portion
from connector.pipeline.incremental.kept import FOLDER, Head, find_kept
from connector.pipeline.incremental.news import MARK

#: more and longer histories: HANDOFF_TWINS=10 tries so many seeds
LONG = int(os.environ.get("HANDOFF_TWINS", "0"))
SEEDS, ROUNDS = range(max(LONG, 1)), 7 if LONG else 2


def _on(house: House) -> None:
    house.now += timedelta(minutes=10)


def _narrow(house: House) -> Cycle:
    """Look at forms while more has landed."""
    cycle = house.cycle()
    cycle.run("sources", goes_on=True, portion=lambda: URGENT)
    return cycle


def _waiting(house: House) -> list[str]:
    kept = find_kept(house.engine.lake_root, house.store.knowledge.last_decided())
    return [] if kept is None else kept.head.left


def _some(house: House, most: int) -> Cycle:
    cycle = house.cycle()
    cycle.run("all", portion=lambda: Portion(most=most))
    return cycle


@pytest.fixture(scope="module")
def at_rest(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """Give a house in which people have come to rest; nobody lives in it, all copy it."""
    made = Watched(tmp_path_factory.mktemp("rest"))
    made.account()
    for number in range(9):
        firm = "Acme" if number > 6 else f"Firm {number}"
        made.contact(
            str(number), title="CEO" if number % 2 else None, email=f"jo{number}@firm{number}.example", company=firm
        )
    made.lead("L1", "1")
    made.did("first", "page_view", "8", path="/")
    for _ in range(3):
        made.run()
    made.close()
    return made


@pytest.fixture
def house(at_rest: Watched, tmp_path: Path) -> Iterator[Watched]:
    """Give a copy of that house."""
    shutil.copytree(at_rest.engine.lake_root.parent, tmp_path, dirs_exist_ok=True)
    made = Watched(tmp_path, crm=deepcopy(at_rest.crm))
    made.source, made.now = deepcopy(at_rest.source), at_rest.now
    made.engine.sources = [made.source]
    yield made
    made.close()


def _head(house: Watched) -> Head:
    return Head.load((house.engine.lake_root / FOLDER / house.decided / "head.json").read_text("utf-8"))


def test_who_asks_is_worked_alone_and_the_others_are_next(house: Watched) -> None:
    for number in (0, 2, 3, 4, 5):
        house.did(f"v{number}", "page_view", str(number), path="/pricing")
    before = house.decided
    cycle = _narrow(house)
    assert (cycle.leaves, house.last, house.decided) == (False, ("nobody", None), before), "nobody urgent"
    house.asks("ask", "1")
    cycle = _narrow(house)
    assert (house.last, cycle.leaves, cycle.worked) == (("", 1), True, 1)
    report = cycle.report
    assert (report.created, report.updated) == ({"lead": 1, "task": 1}, {})
    assert report.writes["planned"] == 2, "rows of whom it worked, and of nobody else"
    assert len(_head(house).left) == 5
    _on(house)
    house.run()
    assert not _head(house).left


def test_whoever_turns_out_to_be_one_with_them_is_worked_as_well(house: Watched) -> None:
    house.contact("3", email="jo7@firm7.example", company="Firm 3")
    house.lead("L9", "0", email="jo7@firm7.example")
    house.did("v", "page_view", "1", path="/pricing")
    house.asks("ask", "7")
    house.cycle().run("all", portion=lambda: URGENT)
    assert house.last == ("", 2), "by an address that has just come; the lead is nobody known yet"
    leads = [str(record.fields["email"]) for record in house.crm.records("lead").values()]
    assert sorted(leads) == ["jo1@acme.example", "jo7@firm7.example"], "no second lead of theirs"
    _on(house)
    house.run()
    assert house.run().verdict == "green"


def test_those_of_the_same_account_are_worked_with_them(house: Watched) -> None:
    for number in ("1", "2", "8"):
        house.did(f"v{number}", "page_view", number, path="/pricing")
    house.asks("ask", "7")
    _narrow(house)
    assert house.last == ("", 2), "the account's score is told of whoever asked"
    assert len(_head(house).left) == 2


def test_a_kill_between_the_narrow_cycle_and_the_next_loses_nobody(house: Watched) -> None:
    for number in range(4):
        house.did(f"v{number}", "page_view", str(number), path="/pricing")
    house.contact("new", email="new@elsewhere.example", company="Elsewhere")
    house.asks("ask", "7")
    with _killed(house, "sending"):
        house.cycle().run("sources", goes_on=True, portion=lambda: URGENT)
    assert len(_head(house).left) == 5
    _on(house)
    report = house.run()
    assert house.last == ("", 5), "four, and whoever asked, beside the new one"
    assert report.identity["persons"] == 11


def test_a_kill_before_the_head_is_written_lets_everybody_be_worked(house: Watched) -> None:
    for number in range(5):
        house.did(f"v{number}", "page_view", str(number), path="/pricing")
    assert _some(house, 2).leaves
    _on(house)
    asked = []

    def ours() -> bool:
        """Be asked before the commit, and once more before the head is written."""
        asked.append(1)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return True

    house.engine.still_ours = ours
    with pytest.raises(KeyboardInterrupt):
        _some(house, 2)
    house.engine.still_ours = lambda: True
    assert not (house.engine.lake_root / FOLDER / house.decided).exists()
    _on(house)
    assert not _some(house, 2).leaves
    assert house.last == ("first", None)


def test_a_kill_in_mid_portions_loses_nobody(house: Watched) -> None:
    for number in range(6):
        house.did(f"v{number}", "page_view", str(number), path="/pricing")
    left = []
    for _ in range(2):
        with _killed(house, "sending"):
            _some(house, 2)
        left.append(_head(house).left)
        _on(house)
    # before the commit nothing has happened
    with _killed(house, "memory and outbox"):
        _some(house, 2)
    assert _head(house).left == left[1]
    assert left[1][:2] == left[0][2:], "behind them those who have just moved, to be looked at once more"
    _on(house)
    house.run()
    assert not _head(house).left
    _at_rest(house)


@contextmanager
def _killed(house: House, when: str) -> Iterator[None]:
    """End a cycle where it says of itself that it has come so far."""

    def killed(_step: str, doing: str, _rows: int) -> None:
        if doing == when:
            raise KeyboardInterrupt

    before, house.engine.progress = house.engine.progress, killed
    with pytest.raises(KeyboardInterrupt):
        yield
    house.engine.progress = before


def test_a_few_at_a_time_who_has_waited_longest_is_next(house: Watched) -> None:
    """More comes all the time than is worked: of people nobody knows yet, too."""
    for number in range(5):
        house.did(f"v{number}", "page_view", str(number), path="/pricing")
    worked: list[int] = []
    first: list[str] = []
    for turn in range(4):
        for one in range(3 * turn, 3 * turn + 3):
            house.contact(f"new{one}", email=f"new{one}@elsewhere{one}.example", company="Elsewhere")
        house.did(f"w{turn}", "page_view", str(turn), path="/pricing")
        worked.append(_in_order(house, 2))
        first = first or _head(house).left
        _on(house)
    unknown = {one for one in first if one.startswith(MARK)}
    assert unknown, "somebody nobody knows waits as well"
    assert not unknown & {*_head(house).left}
    assert max(worked) <= 4


def _in_order(house: House, most: int) -> int:
    """Work some; hold that they are those who have waited longest, and that nobody goes past those who wait."""
    before = _waiting(house)
    cycle = _some(house, most)
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
    assert _some(house, 2).leaves
    _on(house)
    house.store.switches.pause("ann", house.now)
    paused = _some(house, 2)
    assert (paused.leaves, paused.report.held_by["mode"] > 0) == (False, True), "nothing is left while nothing goes"
    house.store.switches.resume("ann", house.now)
    for _ in range(4):
        _on(house)
        if not _some(house, 2).leaves:
            break
    held = Counter(row.held_by for row in house.store.outbox.unsettled())
    moved = [
        record for record in house.crm.records("contact").values() if record.fields["Handoff_Stage__c"] == "opportunity"
    ]
    assert (held["limit"], len(moved)) == (3, 3)
    house.close()


def _asked_before(house: Watched) -> None:
    """Let the CRM have had a lead and a task of ours, so that its fields do not change with the first."""
    house.asks("before", "5")
    for _ in range(3):
        house.run()
        _on(house)


def _rename(house: House, account: str, name: str, site: str) -> None:
    house.crm.edit("account", account, {"name": name, "website": site}, user="005rep1", at=house.now)


def test_a_new_day_is_begun_by_whoever_asks_and_comes_to_everybody_by_turns(house: Watched) -> None:
    _asked_before(house)
    house.now += timedelta(days=1)
    house.asks("ask", "0")
    cycle = _narrow(house)
    assert (cycle.worked, cycle.leaves) == (1, True), "nobody waits for everybody"
    assert (_head(house).round, _head(house).again, _head(house).left) == (1, 9, [])
    worked = 1
    while cycle.leaves:
        _on(house)
        if worked == 3:
            house.asks("again", "8")
            assert _narrow(house).worked in {1, 2, 3}, "with those of the same account whose day has not begun"
        before = _head(house).again
        cycle = _some(house, 2)
        assert house.last[0] == ""
        worked += before - _head(house).again
    assert (_head(house).round, _head(house).again) == (1, 0)
    assert worked == 10
    _at_rest(house)


def test_an_account_that_is_renamed_has_everybody_matched_anew_by_turns(house: Watched) -> None:
    house.account("A2", name="Dune", website="dune.example")
    house.run()
    _on(house)
    _rename(house, "A1", "Firm 2", "firm2.example")
    _rename(house, "A2", "Firm 3", "firm3.example")
    cycle = _some(house, 2)
    assert (house.last[0], cycle.leaves, _head(house).round) == ("", True, 1)
    _on(house)
    _some(house, 3)
    _rename(house, "A2", "Firm 4", "firm4.example")
    _on(house)
    cycle = _some(house, 3)
    assert (_head(house).round, _head(house).again) == (2, 7), "begun anew, with those it had not come to"
    for _ in range(9):
        _on(house)
        if not _some(house, 3).leaves:
            break
    people = find_kept(house.engine.lake_root, house.decided).ask("FROM people").to_pylist()  # type: ignore[union-attr]
    matched = Counter(row["account_id"] for row in people)
    assert (matched["A1"], matched["A2"]) == (1, 1)
    _at_rest(house)


def test_one_command_ends_what_the_daemon_has_begun_and_a_kill_between_loses_nobody(house: Watched) -> None:
    cycle = house.cycle()
    cycle.run(full=True, portion=lambda: Portion(most=4))
    assert (cycle.worked >= 4, cycle.leaves) == (True, True)
    _on(house)
    before = _head(house).again
    with _killed(house, "sending"):
        _some(house, 2)
    assert 0 < _head(house).again < before
    _on(house)
    house.run()
    assert _head(house).again == 0
    _at_rest(house)


def _at_rest(house: House) -> None:
    """Hold that working everybody finds nothing that was missed."""
    for _ in range(6):
        report = house.cycle().run()
        _on(house)
        if not report.writes["planned"]:
            break
    cycle = house.cycle()
    again = cycle.run(full=True)
    _on(house)
    assert again.writes["planned"] == 0, again.document()
    assert not cycle.moves
    mine, theirs = (_counts(one) for one in (report, again))
    assert mine == theirs


def _counts(report: Any) -> dict[str, Any]:
    document = report.document()
    return {name: document[name] for name in ("identity", "matched", "scored", "dispositions", "stages")}


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
                    twins.each(_on)
                    told += [twins.happen() for _ in range(twins.dice.randrange(2))]
            reports = [house.cycle().run(full=number == 1) for number, house in enumerate(twins.houses)]
            twins.each(_on)
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
            _on(house)
        for _ in range(4 if LONG else 2):
            for _ in range(5):
                twins.happen()
            for _ in range(twins.dice.randrange(1, 4)):
                _in_order(house, twins.dice.choice((1, 2)))
                _on(house)
        house.engine.limits = type(house.engine.limits)({}, share=1, share_from=500)
        house.store.outbox.release(plan_id=None, held_by="limit", now=house.now)
        _at_rest(house)
        house.close()
