"""Tasks, owners and records of people built by hand: once per episode, for nobody twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from crowd import NOW, by_group, desk, event, ground, nobody_yet, person, settled, shown

from connector.delivery.decide import decide
from connector.domain.writes import Cause, RowState

#: our own fields on the lead
OURS = (
    "Handoff_Score__c",
    "Handoff_Grade__c",
    "Handoff_Reasons__c",
    "Handoff_Stage__c",
    "Handoff_Disposition__c",
    "stage_entry",
)


# -- the fast lane -----------------------------------------------------------------------------------------------------


def _open_task(row: Any, **changes: Any) -> dict[str, Any]:
    fields = row.write.fields
    return {
        "id": "T1",
        "person_id": row.person_id,
        "rule": row.rule,
        "key": row.write.key,
        "owner": fields["owner_id"],
        "changed_by": "handoff",
        "status": "open",
        "subject": fields["subject"],
        "body": fields.get("body"),
        "due_at": fields["due_at"],
        **changes,
    }


def test_one_task_for_one_request() -> None:
    base = ground(settled(person()), fast_events=[event()])
    (row,) = decide(base).rows
    assert (row.cause, row.priority, row.rule) == (Cause.FAST_LANE_TASK, 0, "contact-us")
    fields = row.write.fields
    assert (fields["subject"], fields["lead_id"] if "lead_id" in fields else fields["who"]) == (
        "Call Jo: asked to talk to sales",
        "L1",
    )
    assert fields["key"] == row.write.key
    assert fields["rule"] == "contact-us"
    assert fields["due_at"].startswith("2026-03-10T12:05")


def test_a_further_request_refreshes_the_open_task() -> None:
    one = settled(person())
    base = ground(one, fast_events=[event()])
    first = decide(base)
    task = _open_task(first.rows[0])
    later = [event(), event(NOW + timedelta(hours=1), "e2", form="demo-request")]
    again = ground(one | {"shown": shown(first, base)}, fast_events=later, tasks=[task], now=NOW + timedelta(hours=1))
    (row,) = decide(again).rows
    assert (row.cause, row.write.kind, row.write.id) == (Cause.EDIT, "update", "T1")
    assert set(row.write.fields) <= {"subject", "body", "due_at"}
    assert row.write.fields["due_at"].startswith("2026-03-10T13:05")
    nothing_new = ground(one | {"shown": shown(decide(again), again)}, fast_events=later, tasks=[task])
    assert decide(nothing_new).rows == []


@pytest.mark.parametrize("last", ["005rep1", "handoff"], ids=["theirs last", "ours last"])
def test_words_that_a_person_has_put_into_a_task_stay(last: str) -> None:
    one = settled(person())
    base = ground(one, fast_events=[event()])
    first = decide(base)
    task = _open_task(first.rows[0], subject="My own words", body="Rang twice.", changed_by=last)
    later = [event(), event(NOW + timedelta(hours=1), "e2")]
    again = ground(one | {"shown": shown(first, base)}, fast_events=later, tasks=[task], now=NOW + timedelta(hours=1))
    (row,) = decide(again).rows
    assert set(row.write.fields) == {"due_at"}


def test_a_second_task_only_after_the_first_is_closed() -> None:
    one = settled(person())
    base = ground(one, fast_events=[event()])
    first = decide(base)
    memory = one | {"shown": shown(first, base)}
    events = [event(), event(NOW + timedelta(hours=1), "e2")]
    # on its way, or made and not yet seen in a pull: nothing
    for way in ({"pending": [replace(first.rows[0], state=RowState.DOING)]}, {"unseen": {first.rows[0].write.key}}):
        assert decide(ground(memory, fast_events=events, **way)).rows == []
    # closed: the next request opens another
    (row,) = decide(ground(memory, fast_events=events)).rows
    assert (row.write.kind, row.write.key == first.rows[0].write.key) == ("create", False)


@pytest.mark.parametrize("way", ["on its way", "unseen"])
def test_a_request_that_waited_for_the_first_task_to_show_is_not_forgotten(way: str) -> None:
    one = settled(person())
    base = ground(one, fast_events=[event()])
    first = decide(base)
    events = [event(), event(NOW + timedelta(hours=1), "e2")]
    ways = {"on its way": {"pending": first.rows}, "unseen": {"unseen": {first.rows[0].write.key}}}
    waiting = ground(one | {"shown": shown(first, base)}, fast_events=events, **ways[way])
    memory = shown(decide(waiting), waiting)
    seen = ground(one | {"shown": memory}, fast_events=events, tasks=[_open_task(first.rows[0])])
    assert [row.write.kind for row in decide(seen).rows] == ["update"]


@pytest.mark.parametrize("way", ["on its way", "unseen"])
def test_a_request_that_waited_for_a_task_that_went_with_its_record_asks_for_no_other(way: str) -> None:
    one = settled(person())
    base = ground(one, fast_events=[event()])
    first = decide(base)
    events = [event(), event(NOW + timedelta(hours=1), "e2")]
    ways = {"on its way": {"pending": first.rows}, "unseen": {"unseen": {first.rows[0].write.key}}}
    waiting = ground(one | {"shown": shown(first, base)}, fast_events=events, **ways[way])
    memory = one | {"shown": shown(decide(waiting), waiting)}
    deleted = memory | {"crm_deleted": True, "crm_id": None, "crm_object": None, "record": None, "may_create": True}
    assert decide(ground(deleted, fast_events=events)).rows == []
    # what they ask for after the deletion opens one, also where the first task is still to fail
    events.append(event(NOW + timedelta(hours=3), "e3"))
    for rows in ([], first.rows):
        found = decide(ground(deleted, fast_events=events, pending=rows)).rows
        assert [row.write.object for row in found] == ["lead", "task"]
        assert found[1].write.fields["due_at"].startswith("2026-03-10T15:05")
    # a person has closed the first task meanwhile, perhaps before they asked again: that is not left lying
    assert [row.write.object for row in decide(ground(memory, fast_events=events[:2])).rows] == ["task"]


def test_nobody_is_called_twice_for_what_was_asked_before_the_task_was_closed() -> None:
    one = settled(person())
    base = ground(one, fast_events=[event()])
    first = decide(base)
    key, later = first.rows[0].write.key, NOW + timedelta(hours=1)
    events = [event(), event(later, "e2")]
    waiting = ground(one | {"shown": shown(first, base)}, fast_events=events, pending=first.rows)
    memory = one | {"shown": shown(decide(waiting), waiting)}
    # closed after they had asked again: whoever did so has called them
    for closed_at in (later, later + timedelta(minutes=9)):
        closed = ground(memory, fast_events=events, finished={key: closed_at})
        decided = decide(closed)
        assert decided.rows == []
        settled_memory = one | {"shown": shown(decided, closed)}
        assert decide(ground(settled_memory, fast_events=events)).rows == []
        # what they ask for afterwards opens another
        asked = ground(settled_memory, fast_events=[*events, event(NOW + timedelta(hours=3), "e3")])
        assert [row.write.object for row in decide(asked).rows] == ["task"]
    # closed before they asked again: that is not left lying
    closed = ground(memory, fast_events=events, finished={key: later - timedelta(minutes=1)})
    (row,) = decide(closed).rows
    assert (row.write.kind, row.write.key == key) == ("create", False)
    # what is acted on already is not acted on again, whenever the task was closed
    told = ground(one | {"shown": shown(first, base)}, fast_events=[event()], finished={key: NOW - timedelta(hours=1)})
    assert decide(told).rows == []


@pytest.mark.parametrize("state", [RowState.TODO, RowState.DOING, RowState.UNKNOWN, RowState.HELD])
def test_further_work_goes_to_whom_the_record_is_being_given(state: RowState) -> None:
    left = settled(person(owner_id="005gone"))
    base = ground(left, fast_events=[event()])
    first = decide(base)
    (owner,) = by_group(first.rows)["owner"]
    given = owner.write.fields["owner_id"]
    waiting = [replace(row, id=place, state=state) for place, row in enumerate(first.rows)]
    entered = left | {"shown": shown(first, base), "entered": True, "stage": "mql", "stage_entry": 9}
    # it is no further turn of the pool: others get what they would have got had nothing been delayed
    turn = base.desk.credit
    again = ground(entered, pending=waiting, desk=desk(credit={pool: dict(of) for pool, of in turn.items()}))
    (task,) = (row for row in decide(again).rows if row.write.kind == "create")
    assert (task.rule, task.write.fields["owner_id"]) == ("new-mql", given)
    assert again.desk.credit == turn
    # a change of owner that was refused for good comes to nothing
    refused = [replace(row, state=RowState.DEAD) for row in waiting]
    other = ground(entered, pending=refused, desk=desk(credit={pool: dict(of) for pool, of in turn.items()}))
    assert decide(other).rows
    assert other.desk.credit != turn


def test_further_work_goes_to_whom_the_record_on_its_way_is_for() -> None:
    one = nobody_yet(disposition="fast_lane")
    base = ground(one, fast_events=[event()])
    first = decide(base)
    creation, _ = first.rows
    turn = {pool: dict(of) for pool, of in base.desk.credit.items()}
    entered = one | {"shown": shown(first, base), "entered": True, "stage": "mql", "stage_entry": 9}
    again = ground(entered, pending=first.rows, on_the_way={creation.write.key}, desk=desk(credit=turn))
    (task,) = (row for row in decide(again).rows if row.write.kind == "create")
    assert (task.rule, task.write.fields["owner_id"]) == ("new-mql", creation.write.fields["owner_id"])
    assert again.desk.credit == base.desk.credit


def test_somebody_new_gets_a_record_and_the_task_hangs_on_it() -> None:
    base = ground(nobody_yet(disposition="fast_lane"), fast_events=[event()])
    creation, task = decide(base).rows
    assert (creation.write.object, creation.cause, creation.priority) == ("lead", Cause.CREATION, 0)
    assert task.depends_on == (creation.write.key,)
    assert list(task.write.references.values()) == [creation.write.key]
    assert creation.write.fields["owner_id"] == task.write.fields["owner_id"]
    fields = creation.write.fields
    assert (fields["last_name"], fields["company"], fields["email"]) == ("Doe", "Acme", "jo@acme.example")
    assert (fields["key"], fields["stage_entry"]) == (creation.write.key, "1")
    assert {name: str(fields[name]) for name in OURS} == {
        "Handoff_Score__c": "40",
        "Handoff_Grade__c": "B3",
        "Handoff_Reasons__c": "pricing +12",
        "Handoff_Stage__c": "nurture",
        "Handoff_Disposition__c": "fast_lane",
        "stage_entry": "1",
    }


def test_nobody_is_created_twice_under_a_later_events_key() -> None:
    one = nobody_yet(disposition="fast_lane")
    base = ground(one, fast_events=[event()])
    first = decide(base)
    creation, task = first.rows
    memory = one | {"shown": shown(first, base)}
    moved = memory | {"entered": True, "stage": "mql", "stage_entry": 2, "disposition": "sales"}
    rows = decide(ground(moved, on_the_way={creation.write.key}, unseen={task.write.key})).rows
    assert [(row.rule, row.write.object, row.depends_on) for row in rows] == [
        ("new-mql", "task", (creation.write.key,))
    ]
    # the record was made, seen and deleted by a person: only a new request lifts that
    deleted = moved | {"crm_deleted": True}
    assert decide(ground(deleted, on_the_way={creation.write.key})).rows == []
    asked = decide(ground(deleted, on_the_way={creation.write.key}, fast_events=[event(NOW, "e2")])).rows
    assert creation.write.key not in {row.write.key for row in asked}
    # that request's record is still being made: what they become meanwhile hangs on it
    (row,) = decide(ground(deleted, on_the_way={creation.write.key}, pending=[creation])).rows
    assert (row.rule, row.depends_on) == ("new-mql", (creation.write.key,))


def test_who_may_not_be_created_costs_nobody_their_turn() -> None:
    for one in (
        nobody_yet(may_create=False, grade="A1", role="decider"),
        nobody_yet(entered=True, stage="mql", disposition="sales", crm_deleted=True),
    ):
        base = ground(one)
        assert decide(base).rows == []
        assert base.desk.rotations() == {}


def test_no_owner_leaves_the_choice_to_the_crm() -> None:
    empty = desk()
    empty.users, empty.queues = {}, {}  # type: ignore[assignment]
    for row in decide(ground(nobody_yet(disposition="fast_lane"), fast_events=[event()], desk=empty)).rows:
        assert "owner_id" not in row.write.fields


# -- personas, stage tasks, owners -------------------------------------------------------------------------------------

PERFECT: dict[str, Any] = {"grade": "A1", "role": "decider", "verdict": "sales"}


def _rules(rows: list[Any]) -> list[str]:
    return [row.rule for row in rows if row.write.object == "task"]


def test_a_persona_fires_when_it_becomes_true_and_once() -> None:
    one = settled(person())
    base = ground(one | PERFECT)
    first = decide(base)
    assert _rules(first.rows) == ["perfect-lead"]
    memory = one | PERFECT | {"shown": shown(first, base)}
    assert _rules(decide(ground(memory)).rows) == []
    # it stops and becomes true again within the same stage: the same key, which the store knows
    stopped = ground(memory | {"grade": "B1"})
    again = decide(ground(memory | {"shown": shown(decide(stopped), stopped)}))
    assert [row.write.key for row in again.rows if row.write.object == "task"] == [
        row.write.key for row in first.rows if row.write.object == "task"
    ]


def test_a_persona_that_was_true_at_the_baseline_never_fires() -> None:
    for words in ({"mark": None}, {}):
        one = person(**PERFECT, baseline=not words)
        base = ground(one, **words)
        after = one | {"shown": shown(decide(base), base), "baseline": False}
        assert _rules(decide(ground(after)).rows) == []


def test_a_stage_task_is_opened_on_entry() -> None:
    one = settled(person(), stage="mql", stage_entry=2, entered=True, disposition="sales")
    tasks = [row for row in decide(ground(one)).rows if row.write.object == "task"]
    assert [(row.rule, row.cause) for row in tasks] == [("new-mql", Cause.TASK)]
    other = decide(ground(one | {"stage_entry": 4})).rows
    assert {row.write.key for row in tasks}.isdisjoint(row.write.key for row in other if row.write.object == "task")


@pytest.mark.parametrize(
    ("stage", "changed_by", "closed"),
    [("nurture", "handoff", True), ("nurture", None, True), ("nurture", "005rep1", False), ("mql", "handoff", False)],
)
def test_a_stage_task_is_closed_when_the_stage_is_left_and_nobody_touched_it(
    stage: str, changed_by: str | None, closed: bool
) -> None:
    task = {"id": "T1", "person_id": "p1", "rule": "new-mql", "status": "open", "changed_by": changed_by}
    rows = decide(ground(settled(person(stage=stage)), tasks=[task])).rows
    assert [row.write.fields for row in rows] == ([{"status": "closed"}] if closed else [])
    assert decide(ground(settled(person(stage=stage)), tasks=[task], mark=None)).rows == []


@pytest.mark.parametrize("changed_by", ["handoff", "005rep1"])
def test_a_task_that_came_after_its_stage_was_left_is_closed_though_they_are_back(changed_by: str) -> None:
    one = settled(person(), stage="mql", stage_entry=2, entered=True, disposition="sales")
    before, after = one | {"stage_entry": 2}, one | {"stage_entry": 4}
    (first,) = (row for row in decide(ground(before)).rows if row.write.object == "task")
    late, calm = _open_task(first, changed_by=changed_by), after | {"entered": False}
    (second,) = (row for row in decide(ground(after)).rows if row.write.object == "task")
    ways: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (after, {}),
        (calm, {"pending": [second]}),
        (calm, {"tasks": [_open_task(second, id="T2")]}),
    ]
    for who, way in ways:
        tasks = [late, *way.pop("tasks", [])]
        closed = [row for row in decide(ground(who, tasks=tasks, **way)).rows if row.group == "task"]
        said = [(row.write.id, row.write.fields, row.reason) for row in closed]
        told = ("T1", {"status": "closed"}, "left stage mql and entered it again")
        assert said == ([told] if changed_by == "handoff" else [])


def test_whom_an_undo_put_back_into_a_stage_keeps_the_task() -> None:
    one = settled(person(), stage="mql", stage_entry=2, entered=True, disposition="sales")
    (task,) = (row for row in decide(ground(one)).rows if row.write.object == "task")
    back = one | {"stage_entry": 4, "entered": False}
    assert [row for row in decide(ground(back, tasks=[_open_task(task)])).rows if row.group == "task"] == []


@pytest.mark.parametrize(
    ("held", "given"),
    [
        ("005boss", None),
        ("005rep2", None),
        ("005gone", "005rep1"),
        (None, "005rep1"),
        ("00G1", "005rep1"),
        ("handoff", "005rep1"),
    ],
)
def test_an_owner_is_given_only_where_nobody_who_works_here_owns(held: str | None, given: str | None) -> None:
    one = settled(person(), stage="mql", stage_entry=2, entered=True, disposition="sales", owner_id=held)
    rows = by_group(decide(ground(one)).rows)
    changes = [row.write.fields["owner_id"] for row in rows.get("owner", [])]
    assert changes == ([given] if given else [])
    for row in rows.get("owner", []):
        assert (row.cause, row.write.expected) == (Cause.OWNER_CHANGE, {"owner_id": held})
    (task,) = (row for row in rows["create"] if row.rule == "new-mql")
    if given:
        assert task.write.fields["owner_id"] == given


def test_a_creation_is_complete_even_where_little_is_known() -> None:
    one = nobody_yet(entered=True, disposition="sales", first_name=None, last_name=None, company=None)
    (row,) = (row for row in decide(ground(one)).rows if row.cause is Cause.CREATION)
    assert (row.write.fields["last_name"], row.write.fields["company"]) == ("jo", "[not provided]")
    bare = decide(ground(one | {"email": None, "domain": "acme.example"})).rows
    assert {row.write.fields["last_name"] for row in bare if row.cause is Cause.CREATION} == {"Unknown"}
    assert {row.write.fields["company"] for row in bare if row.cause is Cause.CREATION} == {"acme.example"}


def test_a_matched_person_becomes_a_contact_of_the_account() -> None:
    one = nobody_yet(entered=True, disposition="sales", account="matched", account_id="A1")
    (row,) = (row for row in decide(ground(one)).rows if row.cause is Cause.CREATION)
    assert (row.write.object, row.write.fields["account_id"]) == ("contact", "A1")


def test_a_creation_fills_their_fields_in_their_words_and_leaves_none_for_the_next_cycle() -> None:
    one = nobody_yet(entered=True, disposition="sales", title="CEO", industry="Software")
    base = ground(one)
    (row,) = (row for row in decide(base).rows if row.cause is Cause.CREATION)
    assert (row.write.fields["Title"], row.write.fields["Industry"]) == ("CEO", "Technology")
    # whoever empties them afterwards meant it
    made = {"crm_id": "L9", "crm_object": "lead", "record": "lead:L9", "owner_id": "005boss", "entered": False}
    after = decide(ground(one | made | {"shown": shown(decide(base), base)})).rows
    assert "edit" not in by_group(after)
