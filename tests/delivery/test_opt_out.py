"""Opt-out is a gate: what opens, what closes and what a rep is told when people do not want to be reached."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from crowd import CRM, MAPPINGS, NOW, event, ground, nobody_yet, person, settled, shown
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from connector.delivery.decide import Decided, decide
from connector.delivery.ground import Ground
from connector.domain.writes import RowState
from connector.mapping.bundle import Mappings
from connector.mapping.fields import CrmField

CLOSED = {"status": CRM.native_values.get("task.status", {}).get("closed", "closed")}
SHUT = ("call", "email", "call,email")


def asking(*people: dict[str, Any], shut: str = "", **changes: Any) -> Ground:
    """A ground whose people have closed some channels."""
    base = ground(*people, **changes)
    count = base.people.num_rows
    said = base.people.append_column("opt_out.closed", pa.array([shut] * count, pa.string()))
    for channel in ("call", "email"):
        said = said.append_column(f"opt_out.{channel}", pa.array([channel in shut.split(",")] * count, pa.bool_()))
    return replace(base, people=said)


def tasks_of(decided: Decided) -> list[Any]:
    return [row for row in decided.rows if row.write.object == "task"]


def reached_by(by: str, rule: str = "new-mql") -> Mappings:
    """The starter's mappings with one rule's task done another way."""
    routing = MAPPINGS.routing
    tasks = [
        task.model_copy(update={"task": task.task.model_copy(update={"by": by})}) if task.id == rule else task
        for task in routing.stage_tasks
    ]
    return replace(MAPPINGS, routing=routing.model_copy(update={"stage_tasks": tuple(tasks)}))


def open_task(rule: str = "new-mql", **changes: Any) -> dict[str, Any]:
    about = {"id": "T1", "person_id": "p1", "rule": rule, "key": "k", "owner": "005rep1", "changed_by": "handoff"}
    return about | {"status": "open", "subject": "Call Jo: pricing", "body": "", "due_at": None} | changes


# -- what opens --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "shut", "opened"),
    [
        *(("call", "", True), ("call", "email", True), ("call", "call", False), ("call", "call,email", False)),
        *(("email", "email", False), ("email", "call", True), ("any", "call", True), ("any", "call,email", False)),
    ],
)
def test_a_stage_task_needs_its_channel_open(by: str, shut: str, opened: bool) -> None:
    one = settled(person(), stage="mql", stage_entry=2, entered=True)
    decided = decide(asking(one, shut=shut, mappings=reached_by(by)))
    assert bool(tasks_of(decided)) is opened
    assert decided.opted_out["tasks"] == (not opened)


@pytest.mark.parametrize(("shut", "begins"), [("call", "(do not call) Call Jo"), ("email", "(no e-mail) Call Jo")])
def test_whoever_asks_is_answered_by_the_way_that_is_open_and_the_rep_is_told(shut: str, begins: str) -> None:
    (row,) = tasks_of(decide(asking(settled(person()), shut=shut, fast_events=[event()])))
    assert row.write.fields["subject"].startswith(begins)
    told = str(row.write.fields["body"]).splitlines()
    assert (
        told[0]
        == {
            "call": "Does not want to be called: write an e-mail only.",
            "email": "Has opted out of e-mail: call only.",
        }[shut]
    )
    assert told[1] == "pricing +12"


def test_whoever_has_closed_everything_is_left_alone_even_when_they_ask_and_it_is_counted() -> None:
    for one in (settled(person()), nobody_yet(disposition="fast_lane")):
        base = asking(one, shut="call,email", fast_events=[event()])
        decided = decide(base)
        assert not [row for row in decided.rows if row.write.kind == "create" or row.write.object == "task"]
        assert decided.opted_out["asked"] == 1
        # and what they asked then opens nothing once they can be reached again: what they ask afterwards does
        again = one | {"shown": shown(decided, base)}
        later = event(NOW + timedelta(days=1), "e2")
        assert not tasks_of(decide(asking(again, fast_events=[event()])))
        assert len(tasks_of(decide(asking(again, fast_events=[event(), later])))) == 1


def test_a_persona_that_was_kept_back_is_not_made_up_for() -> None:
    words = {"grade": "A1", "role": "decider"}
    base = asking(settled(person()) | words, shut="call")
    decided = decide(base)
    assert (tasks_of(decided), decided.opted_out["tasks"]) == ([], 1)
    one = settled(person()) | words | {"shown": shown(decided, base)}
    assert not tasks_of(decide(asking(one)))
    # it opens when it comes true anew
    faded = asking(one | {"grade": "B3"})
    anew = one | {"shown": shown(decide(faded), faded)}
    assert len(tasks_of(decide(asking(anew)))) == 1


def test_nobody_is_created_or_given_to_a_rep_who_cannot_be_reached() -> None:
    new = nobody_yet(stage="mql", stage_entry=2, entered=True, disposition="sales")
    assert decide(asking(new, shut="call,email")).rows == []
    made = decide(asking(new, shut="email")).rows
    assert [row.write.object for row in made if row.write.kind == "create"] == ["lead", "task"]
    (lead,) = (row for row in made if row.write.object == "lead")
    assert lead.write.fields["email_opt_out"] is True
    assert "do_not_call" not in lead.write.fields


# -- what closes -------------------------------------------------------------------------------------------------------


def test_open_tasks_are_closed_when_the_opt_out_arrives() -> None:
    one = settled(person(), stage="mql")
    (row,) = tasks_of(decide(asking(one, shut="call", tasks=[open_task()])))
    assert (row.write.id, row.write.fields, row.reason) == ("T1", CLOSED, "opted out of calls")
    # a person's own request stays open, and says what is left
    (row,) = tasks_of(decide(asking(one, shut="call", tasks=[open_task("contact-us")])))
    assert row.write.fields == {"subject": "(do not call) Call Jo: pricing"}
    # until nothing is left
    (row,) = tasks_of(decide(asking(one, shut="call,email", tasks=[open_task("contact-us")])))
    assert (row.write.fields, row.reason) == (CLOSED, "opted out of calls and e-mail")


def test_a_task_that_a_person_works_on_is_theirs() -> None:
    one = settled(person(), stage="mql")
    assert tasks_of(decide(asking(one, shut="call,email", tasks=[open_task(changed_by="005rep1")]))) == []


def test_the_mark_goes_when_people_may_be_reached_again() -> None:
    one = settled(person(), stage="mql")
    noted = open_task("contact-us", subject="(no e-mail) Call Jo: asked")
    assert tasks_of(decide(asking(one, shut="email", tasks=[noted]))) == []
    (row,) = tasks_of(decide(asking(one, tasks=[noted])))
    assert row.write.fields == {"subject": "Call Jo: asked"}


@pytest.mark.parametrize("state", [RowState.TODO, RowState.HELD, RowState.DEAD, RowState.DOING, RowState.UNKNOWN])
def test_what_waits_in_the_outbox_is_withdrawn(state: RowState) -> None:
    one = settled(person(), stage="mql", stage_entry=2, entered=True)
    (row,) = tasks_of(decide(asking(one)))
    waiting = replace(row, id=7, state=state, held_by="limit" if state is RowState.HELD else "")
    kept = decide(asking(one | {"entered": False}, shut="email", pending=[waiting]))
    gone = decide(asking(one | {"entered": False}, shut="call", pending=[waiting]))
    assert kept.withdrawn == []
    assert gone.withdrawn == ([] if state in {RowState.DOING, RowState.UNKNOWN} else [7])


# -- the CRM's own boxes -----------------------------------------------------------------------------------------------


def ticking() -> Mappings:
    box = CrmField.model_validate({"from": "opt_out.email", "write": "if_true"})
    crm = MAPPINGS.fields.crm
    more = crm.model_copy(update={"person": crm.person | {"email_opt_out": box}})
    return replace(MAPPINGS, fields=MAPPINGS.fields.model_copy(update={"crm": more}))


def test_a_box_is_ticked_once_and_never_unticked() -> None:
    mappings = ticking()
    one = settled(person())
    base = asking(one, shut="email", mappings=mappings)
    decided = decide(base)
    (row,) = (row for row in decided.rows if row.group == "opt_out")
    assert (row.write.id, row.write.fields) == ("L1", {"email_opt_out": True})
    # a person unticks it: theirs stays; the person opts in: it stays as it is; opts out anew: it is ticked anew
    memory = one | {"shown": shown(decided, base)}
    assert not [row for row in decide(asking(memory, shut="email", mappings=mappings)).rows if row.group == "opt_out"]
    opened = asking(memory, mappings=mappings)
    after = decide(opened)
    assert not [row for row in after.rows if row.group == "opt_out"]
    anew = decide(asking(one | {"shown": shown(after, opened)}, shut="email", mappings=mappings))
    assert [row.write.fields for row in anew.rows if row.group == "opt_out"] == [{"email_opt_out": True}]


# -- whatever else holds -----------------------------------------------------------------------------------------------


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_gated_task_whatever_else_holds(data: st.DataObject) -> None:
    pick = data.draw
    by = pick(st.sampled_from(("call", "email", "any")))
    history = pick(st.lists(st.sampled_from(("", *SHUT)), min_size=1, max_size=4))
    one: dict[str, Any] = pick(st.sampled_from((person, nobody_yet)))()
    for number, shut in enumerate(history):
        words = {
            "grade": pick(st.sampled_from(("A1", "B3"))),
            "role": pick(st.sampled_from(("decider", "other"))),
            "stage": pick(st.sampled_from(("mql", "nurture"))),
            "disposition": pick(st.sampled_from(("sales", "fast_lane", "nurture"))),
            "entered": pick(st.booleans()),
            "stage_entry": number,
        }
        events = [event(NOW, f"e{number}")] if pick(st.booleans()) else []
        tasks = [open_task("new-mql" if pick(st.booleans()) else "contact-us")] if pick(st.booleans()) else []
        base = asking(one | words, shut=shut, mappings=reached_by(by), fast_events=events, tasks=tasks)
        decided = decide(base)
        closed = set(filter(None, shut.split(",")))
        for row in decided.rows:
            if row.write.kind != "create":
                continue
            assert len(closed) < 2, "nothing is made for whoever wants nothing"
            if row.rule == "new-mql":
                assert by not in closed
            if row.rule == "perfect-lead":
                assert "call" not in closed
        still_open = [task for task in tasks if not any(row.write.id == task["id"] for row in tasks_of(decided))]
        for task in still_open:
            assert len(closed) < 2
            assert task["rule"] == "contact-us" or by not in closed
        one = one | {"shown": shown(decided, base)}
