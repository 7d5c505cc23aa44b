"""A run, what people do to it, and its undo: what was there before, plus what people did, and it stays that way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from small_house import House

from connector.delivery.limits import Limits
from connector.domain.writes import Cause
from connector.errors import ConfigError, HandoffError, Refused
from connector.pipeline.both_sides.reconciling import Reconciler
from connector.pipeline.reports.report import Report
from connector.pipeline.undo.undo_weighing import Chosen
from connector.pipeline.undo.undoing import Undoing

ALL = Chosen()
REP = "005rep2"


@pytest.fixture
def either(tmp_path: Path, state_url: str) -> Iterator[House]:
    """Give a house past its baseline, on either database."""
    yield (made := _people(House(tmp_path, state_url)))
    made.close()


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Give a house past its baseline; nobody lives in it, all copy it."""
    folder = tmp_path_factory.mktemp("quiet")
    made = _people(House(folder, f"sqlite:///{folder}/state.db"))
    made.close()
    return made


@pytest.fixture
def house(quiet: House, tmp_path: Path) -> Iterator[House]:
    yield (made := quiet.copied(tmp_path))
    made.close()


def _people(made: House) -> House:
    made.account()
    for id_ in ("1", "2"):
        made.contact(id_, title="CEO", employees=500)
        made.lead(f"L{id_}", id_)
    made.run()
    return made


def _hot(house: House) -> Report:
    """Let both do what scores and moves them, one ask for sales, and run."""
    for id_ in ("1", "2"):
        for number in range(3):
            house.did(f"v{id_}{number}{house.now:%d%H}", "page_view", id_, path="/pricing")
        house.did(f"r{id_}{house.now:%d%H}", "email_reply", id_)
    house.asks(f"ask{house.now:%d%H}", "1")
    return house.run()


def _undo(house: House, run: str, chosen: Chosen = ALL) -> Report:
    report = Undoing(house.engine, now=house.now).undo(run, chosen, who="ada")
    house.now += timedelta(hours=1)
    return report


def _content(house: House, *, tasks: bool = False) -> dict[str, Any]:
    """Everything the CRM holds but who wrote it, and blanks."""
    kinds = ("lead", "contact", "account", "task") if tasks else ("lead", "contact", "account")
    return {
        f"{object_}:{id_}": {k: v for k, v in record.fields.items() if k != "changed_by" and v not in (None, "")}
        for object_ in kinds
        for id_, record in house.crm.records(object_).items()
    }


def _quiet(house: House) -> None:
    """Run three cycles, one of them tomorrow: nothing is planned and nothing changes."""
    before = _content(house, tasks=True)
    for days in (0, 0, 1):
        house.now += timedelta(days=days)
        report = house.run()
        assert (report.writes["planned"], report.created, report.updated) == (0, {}, {}), report.document()
    assert _content(house, tasks=True) == before


def _edit(house: House, id_: str, **values: Any) -> None:
    house.crm.edit("lead", id_, values, user=REP, at=house.now)


def test_an_undone_run_is_gone_but_for_what_people_did_and_stays_gone_until_there_is_news(either: House) -> None:
    house = either
    before = _content(house)
    ran = _hot(house)
    after = _content(house)
    assert after != before
    changed = {name for name, value in after["lead:L1"].items() if before["lead:L1"].get(name) != value}
    assert {"Handoff_Stage__c"} < changed
    _edit(house, "L1", Handoff_Grade__c="Z9", phone="+49 1")
    undone = _undo(house, ran.run_id)
    expected = {**before, "lead:L1": {**before["lead:L1"], "Handoff_Grade__c": "Z9", "phone": "+49 1"}}
    if "Handoff_Grade__c" not in changed:
        expected["lead:L1"]["Handoff_Grade__c"] = "Z9"
    assert _content(house) == expected
    assert all(task["status"] == "closed" for task in house.tasks())
    assert undone.undo is not None
    assert undone.undo["counts"]["closed"] == len(house.tasks()) == ran.created["task"]
    assert undone.held_by["undone"] == undone.writes["held"] > 0
    assert undone.verdict == "amber"
    _quiet(house)
    assert house.store.outbox.unsettled_counts()["held:undone"] == undone.held_by["undone"]
    news = _hot(house)
    assert news.created.get("task", 0) >= 1
    assert news.updated.get("lead", 0) >= 1
    assert _content(house)["lead:L1"]["Handoff_Stage__c"] == after["lead:L1"]["Handoff_Stage__c"]
    assert house.run().writes["planned"] == 0


def test_stages_go_back_as_a_move_of_their_own(house: House) -> None:
    ran = _hot(house)
    persons = {row["person_id"]: row for row in house.store.knowledge.persons().to_pylist()}
    moved = [
        name
        for name in persons
        if any(m["run_id"] == ran.run_id for m in house.store.knowledge.stage_moves(name).to_pylist())
    ]
    assert moved
    undone = _undo(house, ran.run_id)
    for name in moved:
        *_, was, last = house.store.knowledge.stage_moves(name).to_pylist()
        assert (last["because"], last["run_id"], last["to_stage"]) == ("undone", undone.run_id, was["from_stage"])
        (memory,) = house.store.knowledge.persons([name]).to_pylist()
        assert (memory["stage"], memory["stage_entry"]) == (last["to_stage"], last["entry"])
    _quiet(house)


def test_undoing_twice_does_nothing_and_undoing_the_undo_brings_it_back(either: House) -> None:
    house = either
    ran = _hot(house)
    done = _content(house, tasks=True)
    undone = _undo(house, ran.run_id)
    back = _content(house, tasks=True)
    again = _undo(house, ran.run_id)
    assert (again.writes["planned"], again.undo and again.undo["counts"]["back"]) == (0, 0)
    assert _content(house, tasks=True) == back
    redone = _undo(house, undone.run_id)
    assert (redone.verdict, redone.held_by["undone"]) == ("green", 0)
    redone_tasks = {name: {**v, "closed": False} if name.startswith("task") else v for name, v in done.items()}
    assert _open(_content(house, tasks=True)) == _open(redone_tasks)
    assert house.store.outbox.counts().get("held:undone", 0) == 0
    _quiet(house)
    third = _undo(house, ran.run_id)
    assert third.undo is not None
    assert third.undo["counts"]["back"] == undone.undo["counts"]["back"]  # type: ignore[index]
    _quiet(house)


def _open(content: dict[str, Any]) -> dict[str, Any]:
    return {name: {k: v for k, v in fields.items() if k != "closed"} for name, fields in content.items()}


def test_what_a_later_run_or_a_person_wrote_stays_and_the_look_says_why(house: House) -> None:
    first = _hot(house)
    house.crm.edit("task", next(iter(house.crm.records("task"))), {"subject": "called"}, user=REP, at=house.now)
    for number in range(3):
        house.did(f"w{number}", "page_view", "2", path="/demo")
    house.did("w9", "form_submit", "2", form="demo-request")
    second = house.run()
    assert second.updated
    content = _content(house, tasks=True)
    look = Undoing(house.engine, now=house.now).look(first.run_id, ALL)
    assert _content(house, tasks=True) == content
    whys = {stay["why"] for stay in look["stays"]}
    assert f"run {second.run_id} wrote it since" in whys
    assert "a person has worked on the task" in whys
    assert all({"shows", "goes_back_to"} <= set(each) for each in look["back"])
    undone = _undo(house, first.run_id)
    assert undone.undo is not None
    assert undone.undo["stays"] == look["stays"]
    assert _content(house, tasks=True)["lead:L2"] == content["lead:L2"] | {
        each["field"]: each["goes_back_to"] for each in look["back"] if each["record"] == "lead:L2"
    }


def test_one_record_or_one_field_of_a_run(house: House) -> None:
    before = _content(house)
    ran = _hot(house)
    after = _content(house)
    _undo(house, ran.run_id, Chosen(records=frozenset({"lead:L1"})))
    assert (_content(house)["lead:L1"], _content(house)["lead:L2"]) == (before["lead:L1"], after["lead:L2"])
    assert [task["status"] for task in house.tasks() if task["who"] == "L1"] == ["closed"] * 2
    _undo(house, ran.run_id, Chosen(fields=frozenset({"Handoff_Stage__c"})))
    assert _content(house)["lead:L2"] == after["lead:L2"] | {"Handoff_Stage__c": before["lead:L2"]["Handoff_Stage__c"]}
    assert {task["status"] for task in house.tasks() if task["who"] == "L2"} == {"open"}
    house.run()
    assert {task["status"] for task in house.tasks() if task["who"] == "L2"} == {"closed"}, "their reason is gone"
    _quiet(house)


def test_released_it_is_decided_again(house: House) -> None:
    ran = _hot(house)
    after = _content(house)
    undone = _undo(house, ran.run_id)
    house.run()
    outbox = house.store.outbox
    assert outbox.release(plan_id=undone.plan_id, held_by="undone", now=house.now) > 0
    house.run()
    shown = ("Handoff_Stage__c", "Handoff_Grade__c", "Handoff_Score__c")
    for id_ in ("lead:L1", "lead:L2"):
        assert {n: _content(house)[id_].get(n) for n in shown} == {n: after[id_].get(n) for n in shown}
    assert house.run().writes["planned"] == 0


def test_other_mapping_files_decide_again(house: House) -> None:
    ran = _hot(house)
    after = _content(house)
    _undo(house, ran.run_id)
    house.run()
    house.engine.mappings = _renamed(house.engine.mappings)
    assert house.run().updated.get("lead") == 2
    assert _content(house)["lead:L1"]["Handoff_Stage__c"] == after["lead:L1"]["Handoff_Stage__c"]


def _renamed(mappings: Any) -> Any:
    """Give mappings of the same rules whose files read otherwise."""
    return mappings.__class__(**{**{n: getattr(mappings, n) for n in mappings.__dataclass_fields__}, "digest": "other"})


def test_the_baseline_can_be_undone_as_well(tmp_path: Path, sqlite_url: str) -> None:
    house = House(tmp_path, sqlite_url)
    house.account()
    house.contact("1", title="CEO", employees=500)
    house.lead("L1", "1")
    before = _content(house)
    first = house.run()
    assert _content(house) != before
    _undo(house, first.run_id)
    assert _content(house) == before
    _quiet(house)
    house.close()


@pytest.mark.parametrize("lost", ["lost_requests", "lost_answers", "dies_before", "dies_after"])
def test_killed_in_the_middle_and_repeated(house: House, lost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _content(house)
    ran = _hot(house)
    if lost.startswith("lost"):
        setattr(house.crm.faults, lost, 1)
        _undo(house, ran.run_id)
    else:
        apply = type(house.crm).apply

        def dying(crm: Any, writes: Any, *, now: Any) -> Any:
            if lost == "dies_after":
                apply(crm, writes[:1], now=now)
            raise KeyboardInterrupt

        monkeypatch.setattr(type(house.crm), "apply", dying)
        with pytest.raises(KeyboardInterrupt):
            _undo(house, ran.run_id)
        monkeypatch.setattr(type(house.crm), "apply", apply)
    _undo(house, ran.run_id)
    house.run()
    assert _content(house) == before
    assert house.store.outbox.counts().get("todo", 0) == 0
    _quiet(house)


def test_limits_count_what_an_undo_disturbs(house: House) -> None:
    house.engine.limits = Limits({Cause.STAGE_MOVE: 3}, share=1, share_from=500)
    ran = _hot(house)
    undone = _undo(house, ran.run_id)
    assert undone.held_by["limit"] == 1
    house.store.outbox.release(plan_id=undone.plan_id, held_by="limit", now=house.now)
    house.run()
    _quiet(house)


def test_refusals(house: House) -> None:
    ran = _hot(house)
    with pytest.raises(ConfigError) as unknown:
        _undo(house, "nothing")
    assert (unknown.value.code, unknown.value.exit_code) == ("undo.unknown_run", 2)
    with pytest.raises(Refused) as old:
        _undo(house, "20200101T000000-0123abcd")
    assert (old.value.code, old.value.exit_code) == ("undo.too_old", 3)
    assert "2026-03-02" in old.value.message
    house.store.switches.pause("bob", house.now)
    before = _content(house, tasks=True)
    with pytest.raises(Refused) as paused:
        _undo(house, ran.run_id)
    assert (paused.value.code, paused.value.exit_code) == ("undo.paused", 3)
    assert Undoing(house.engine, now=house.now).look(ran.run_id, ALL)["counts"]["back"] > 0
    assert _content(house, tasks=True) == before


def test_an_undo_stands_in_the_history_as_a_run(house: House) -> None:
    ran = _hot(house)
    undone = _undo(house, ran.run_id)
    last = house.store.runs.last(1)[0]
    assert (last.id, last.kind, last.verdict) == (undone.run_id, "undo", "amber")
    writes = undone.writes
    assert writes["planned"] == sum(writes[n] for n in ("written", "unchanged", "superseded", "held", "dead"))
    assert house.store.switches.audited(1)[0][1:3] == ("ada", "undo")


def test_a_crm_that_does_not_answer_changes_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = _hot(house)
    held = house.store.outbox.counts()

    def gone(*_: Any, **__: Any) -> Any:
        raise HandoffError("crm.away", "away")

    monkeypatch.setattr(type(house.crm), "read_fields", gone)
    with pytest.raises(HandoffError):
        _undo(house, ran.run_id)
    assert house.store.outbox.counts() == held
    assert house.store.runs.last(1)[0].verdict == "red"


def test_what_was_undone_is_no_difference_between_the_two_sides(house: House) -> None:
    """What the undo wrote is the newest that we wrote: nothing was lost, and the next run writes nothing."""
    run = _hot(house).run_id
    assert _undo(house, run).writes["written"] > 0
    _quiet(house)
    found = Reconciler(house.engine, now=house.now).compare()
    assert [(one.cause, one.object, one.id, one.field) for one in found.differences] == []
    assert found.own_fields > 0


def test_a_record_is_not_given_back_to_somebody_who_has_left(house: House) -> None:
    house.crm.edit("user", REP, {"active": False}, user="005admin", at=house.now)
    ran = _hot(house)
    owner = house.crm.records("lead")["L1"].fields["owner_id"]
    assert owner != REP
    look = Undoing(house.engine, now=house.now).look(ran.run_id, ALL)
    stays = {one["record"]: one["why"] for one in look["stays"] if one["field"] == "owner_id"}
    assert stays["lead:L1"] == "who owned it before is no longer active, and cannot be given a record"
    undone = _undo(house, ran.run_id)
    assert house.crm.records("lead")["L1"].fields["owner_id"] == owner
    assert undone.writes["dead"] == 0


@pytest.fixture
def asked(house: House) -> tuple[House, str]:
    """Give a house in which somebody unknown to the CRM asked, and the run that made their record and task."""
    house.contact("9", title="CEO")
    house.asks("ask", "9")
    return house, house.run().run_id


def _kept(house: House) -> list[tuple[str, str]]:
    return [(row.lane, row.rule) for row in house.store.outbox.each_unsettled() if row.held_by == "undone"]


def test_a_record_that_an_undone_run_made_is_held_singly_and_can_be_released(asked: tuple[House, str]) -> None:
    house, ran = asked
    made = next(one for one in house.store.journal.of(ran) if one.rule == "create")
    lane = f"crm:{made.object}:{made.record}"
    assert made.object in {"lead", "contact"}
    undone = _undo(house, ran)
    assert undone.undo is not None
    assert undone.undo["counts"]["created"] == 1
    assert undone.held_by["undone"] == 1
    assert _kept(house) == [(lane, "created")]
    again = _undo(house, ran)
    assert (again.writes["planned"], _kept(house)) == (0, [(lane, "created")])
    house.crm.edit(made.object, made.record, {"Handoff_Grade__c": "Z9"}, user=REP, at=house.now)
    _quiet(house)
    outbox = house.store.outbox
    assert outbox.retry([row.id for row in outbox.each_unsettled() if row.held_by == "undone"], now=house.now) == 1
    house.run()
    assert (_kept(house), len(house.crm.records(made.object))) == ([], 1)
    assert house.crm.records(made.object)[made.record].fields["Handoff_Grade__c"] != "Z9"
    assert house.run().writes["planned"] == 0


def test_undoing_the_undo_lets_go_of_what_was_made(asked: tuple[House, str]) -> None:
    house, ran = asked
    undone = _undo(house, ran)
    assert len(_kept(house)) == 1
    _undo(house, undone.run_id)
    assert _kept(house) == []


def test_nothing_is_held_back_of_a_made_record_that_was_deleted(asked: tuple[House, str]) -> None:
    house, ran = asked
    made = next(one for one in house.store.journal.of(ran) if one.rule == "create")
    _undo(house, ran)
    house.run()
    assert len(_kept(house)) == 1
    house.crm.delete(made.object, made.record, at=house.now)
    house.run()
    assert _kept(house) == []
    assert house.run().created == {}
