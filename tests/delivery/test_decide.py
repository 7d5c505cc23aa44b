"""Wanted minus what the CRM holds, on people built by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from crowd import NOW, SCHEMA, by_group, event, ground, nobody_yet, person, settled, shown
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.delivery.decide import decide
from connector.delivery.shown import Shown
from connector.domain.writes import Cause, RowState
from connector.ports.traits import FieldInfo

OURS = {
    "Handoff_Score__c",
    "Handoff_Grade__c",
    "Handoff_Reasons__c",
    "Handoff_Stage__c",
    "Handoff_Disposition__c",
    "stage_entry",
}


# -- our own fields ----------------------------------------------------------------------------------------------------


def test_the_first_live_cycle_writes_our_own_fields_and_nothing_else() -> None:
    people = [
        person("p1", entered=True, disposition="sales", stage="mql", owner_id=None, title="CEO"),
        nobody_yet("p2", entered=True, disposition="sales", stage="mql"),
        person("p3", crm_id="L3", grade="A1", role="decider"),
    ]
    base = ground(*people, mark=None, fast_events=[event(), event(person_id="p2")])
    rows = decide(base).rows
    assert {row.lane for row in rows} == {"crm:lead:L1", "crm:lead:L3"}
    for row in rows:
        assert row.cause is Cause.SCORE
        assert set(row.write.fields) <= OURS
        assert row.write.ours == set(row.write.fields)


def test_a_second_cycle_on_the_same_facts_wants_nothing() -> None:
    one = person(stage="mql", disposition="sales", entered=True, owner_id=None, title="CEO")
    assert decide(ground(one)).rows
    again = decide(ground(settled(one)))
    assert again.rows == []
    assert again.shown[0].as_py() == settled(one)["shown"]


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"score.total": 44.9}, set()),
        ({"score.total": 35.1}, set()),
        ({"score.total": 45.0}, {"Handoff_Score__c"}),
        ({"score.total": 35.0}, {"Handoff_Score__c"}),
        ({"grade": "B2", "score.total": 41.0}, {"Handoff_Score__c", "Handoff_Grade__c"}),
        ({"reasons_key": "other", "score.reasons": "other +3"}, {"Handoff_Reasons__c"}),
        ({"score.reasons": "pricing +11"}, set()),
        ({"disposition": "review", "verdict": "review"}, {"Handoff_Disposition__c"}),
    ],
)
def test_numbers_are_shown_again_when_they_are_news(change: dict[str, Any], fields: set[str]) -> None:
    base = ground(settled(person(), **change))
    rows = decide(base).rows
    assert {name for row in rows for name in row.write.fields} == fields
    assert all(row.cause is Cause.SCORE for row in rows)
    total = Shown.load(shown(decide(base), base)).total
    assert total == (base.people.column("score.total")[0].as_py() if fields else 40.0)


def test_a_stage_move_is_noticed_and_carries_the_score() -> None:
    rows = decide(ground(settled(person(), stage="mql", stage_entry=2, disposition="sales"))).rows
    (row,) = rows
    assert (row.cause, row.group, row.priority) == (Cause.STAGE_MOVE, "stage", 1)
    assert row.write.fields == {"Handoff_Stage__c": "mql", "stage_entry": "2", "Handoff_Disposition__c": "sales"}
    assert row.write.expected["Handoff_Stage__c"] == "nurture"


def test_what_people_write_into_our_fields_is_put_right() -> None:
    (row,) = decide(ground(settled(person(), **{"crm.Handoff_Score__c": "99"}))).rows
    assert row.write.fields == {"Handoff_Score__c": "40"}
    assert row.write.expected == {"Handoff_Score__c": "99"}


def test_a_new_record_is_shown_everything() -> None:
    moved = settled(person(), crm_object="contact", crm_id="C9", **dict.fromkeys(f"crm.{name}" for name in OURS))
    (row,) = decide(ground(moved)).rows
    assert row.lane == "crm:contact:C9"
    assert set(row.write.fields) == OURS


def test_numbers_travel_as_numbers_and_texts_fit_their_field() -> None:
    info = {
        "lead": {
            "Handoff_Score__c": FieldInfo("lead", "Handoff_Score__c", "number"),
            "stage_entry": FieldInfo("lead", "stage_entry", "integer"),
            "Handoff_Reasons__c": FieldInfo("lead", "Handoff_Reasons__c", "text", length=7),
        }
    }
    (row,) = decide(ground(person(**{"score.total": 40.5}), info=info)).rows
    assert row.write.fields == {"Handoff_Score__c": 40.5, "stage_entry": 1, "Handoff_Reasons__c": "pricing"}


def test_a_field_that_is_provisioned_later_is_filled_though_no_number_moved() -> None:
    names = sorted(OURS - {"Handoff_Grade__c"})
    before = {"lead": {name: FieldInfo("lead", name, "text") for name in names}}
    after = {"lead": before["lead"] | {"Handoff_Grade__c": FieldInfo("lead", "Handoff_Grade__c", "text")}}
    base = ground(person(), info=before)
    decided = decide(base)
    assert "Handoff_Grade__c" not in decided.rows[0].write.fields
    held = {f"crm.{name}": str(value) for name, value in decided.rows[0].write.fields.items()}
    later = person(shown=decided.shown[0].as_py(), **held)
    assert decide(ground(later, info=before)).rows == []
    (row,) = decide(ground(later, info=after)).rows
    assert row.write.fields == {"Handoff_Grade__c": "B3"}


def test_a_field_of_ours_that_no_record_was_read_with_counts_as_blank() -> None:
    info = {"lead": {name: FieldInfo("lead", name, "text") for name in OURS}}
    base = ground(settled(person()), info=info)
    unread = replace(base, people=base.people.drop_columns(["crm.Handoff_Grade__c"]))
    (row,) = decide(unread).rows
    assert row.write.fields == {"Handoff_Grade__c": "B3"}


@pytest.mark.parametrize("word", ["in_review", "erased"])
def test_nothing_is_done_for_somebody_who_may_be_somebody_else(word: str) -> None:
    known = person(**{word: True}, entered=True, disposition="sales", stage="mql", owner_id=None, title="CEO")
    unknown = nobody_yet("p2", **{word: True}, entered=True, disposition="sales", stage="mql")
    base = ground(known, unknown, fast_events=[event(), event(person_id="p2")])
    assert decide(base).rows == []


# -- blanks ------------------------------------------------------------------------------------------------------------


def test_a_blank_is_filled_once_and_left_alone_when_emptied_again() -> None:
    one = settled(person())
    (row,) = decide(ground(one | {"title": "CEO"})).rows
    assert (row.cause, row.group, row.write.fields) == (Cause.EDIT, "edit", {"Title": "CEO"})
    assert row.write.if_blank == {"Title"}
    assert row.write.ours == frozenset()
    emptied = settled(one | {"title": "CEO"}) | {"crm.Title": None}
    assert decide(ground(emptied)).rows == []
    # another value is another fact
    assert [row.write.fields for row in decide(ground(emptied | {"title": "CTO"})).rows] == [{"Title": "CTO"}]


def test_what_stands_in_their_field_stays() -> None:
    one = settled(person(title="CEO", **{"crm.Title": "Founder"}))
    assert decide(ground(one | {"title": "VP"})).rows == []


@pytest.mark.parametrize("in_review", [True, False])
def test_what_was_blank_at_the_baseline_is_never_filled(in_review: bool) -> None:
    one = person(title="CEO", in_review=in_review)
    base = ground(one, mark=None)
    after = one | {"shown": shown(decide(base), base), "in_review": False}
    assert "edit" not in by_group(decide(ground(after)).rows)
    assert "edit" in by_group(decide(ground(after | {"title": "CTO"})).rows)


def test_fill_ins_speak_the_picklists_words_and_fit() -> None:
    industry = FieldInfo("lead", "Industry", "picklist", values=("Technology",), restricted=True)
    titles = FieldInfo("lead", "Title", "text", length=3)
    info = {"lead": {"Industry": industry, "Title": titles}}
    one = settled(person())
    (row,) = by_group(decide(ground(one | {"industry": "Software", "title": "Chief"}, info=info)).rows)["edit"]
    assert row.write.fields == {"Industry": "Technology"}, "half a title is worse than none"
    (row,) = by_group(decide(ground(one | {"industry": "Software", "title": "CEO"}, info=info)).rows)["edit"]
    assert row.write.fields == {"Industry": "Technology", "Title": "CEO"}
    refused = by_group(decide(ground(one | {"industry": "Farming"}, info=info)).rows)
    assert "edit" not in refused
    contact = one | {"crm_object": "contact", "record": "contact:L1", "industry": "Software"}
    assert "edit" not in by_group(decide(ground(contact)).rows)


# -- order, repeats, purity --------------------------------------------------------------------------------------------


def test_what_is_on_its_way_is_not_wished_for_again() -> None:
    base = ground(person(title="CEO"))
    rows = decide(base).rows
    for state in (RowState.TODO, RowState.DOING, RowState.UNKNOWN, RowState.HELD, RowState.DEAD):
        pending = [replace(row, state=state) for row in rows]
        assert decide(ground(person(title="CEO"), pending=pending)).rows == []
    other = [replace(row, write=replace(row.write, fields={"Title": "x"})) for row in rows]
    assert len(decide(ground(person(title="CEO"), pending=other)).rows) == len(rows)


def test_the_urgent_and_the_hot_come_first() -> None:
    people = [
        nobody_yet("p1", disposition="sales", entered=True, stage="mql", **{"score.total": 20.0}),
        nobody_yet("p2", disposition="sales", entered=True, stage="mql", **{"score.total": 80.0}),
        nobody_yet("p3", disposition="fast_lane", **{"score.total": 1.0}),
        settled(person("p4", crm_id="L4"), **{"score.total": 99.0}),
    ]
    rows = decide(ground(*people, fast_events=[event(person_id="p3")])).rows
    assert [row.person_id for row in rows] == ["p3", "p3", "p2", "p2", "p1", "p1", "p4"]
    keys = [row.write.key for row in rows]
    for at, row in enumerate(rows):
        assert all(key in keys[:at] for key in row.depends_on)


crowds = st.lists(
    st.builds(
        lambda known, **words: (person if known else nobody_yet)(**words),
        known=st.booleans(),
        stage=st.sampled_from(["nurture", "mql"]),
        disposition=st.sampled_from(["fast_lane", "sales", "nurture"]),
        entered=st.booleans(),
        in_review=st.booleans(),
        baseline=st.booleans(),
        account=st.sampled_from(["matched", "none"]),
        account_id=st.just("A1"),
        grade=st.sampled_from(["A1", "C3"]),
        role=st.sampled_from(["decider", "other"]),
        title=st.sampled_from([None, "CEO"]),
        owner_id=st.sampled_from([None, "005gone", "005boss"]),
    ),
    max_size=4,
).map(
    lambda rows: [
        row
        | {"person_id": f"p{at}", "subject": f"hubspot:contact:{at}"}
        | ({} if row["crm_id"] is None else {"crm_id": f"L{at}", "record": f"lead:L{at}"})
        for at, row in enumerate(rows)
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(crowds, st.sets(st.integers(0, 3)))
def test_deciding_is_pure_and_keys_know_no_score_no_text_no_clock(crowd: list[Any], asking: set[int]) -> None:
    events = [event(person_id=f"p{at}", id_=f"e{at}") for at in sorted(asking)]
    first = decide(ground(*crowd, fast_events=events))
    assert decide(ground(*crowd, fast_events=events)).rows == first.rows
    lanes = [(row.lane, row.group) for row in first.rows]
    assert len(set(lanes)) == len(lanes)
    others = {"score.total": 77.0, "first_name": "Xi", "score.reasons": "?", "top_reason": "?", "stage_since": NOW}
    another = decide(ground(*(row | others for row in crowd), fast_events=events, now=NOW + timedelta(days=9)))
    keys = [{row.write.key for row in one.rows if row.write.kind == "create"} for one in (first, another)]
    assert keys[0] == keys[1]
    # nobody in review, and nobody of the baseline, is disturbed
    quiet = {row["person_id"] for row in crowd if row["in_review"] or row["baseline"]}
    assert all(row.cause in {Cause.SCORE, Cause.STAGE_MOVE} for row in first.rows if row.person_id in quiet)
    assert not any(row.person_id in {r["person_id"] for r in crowd if r["in_review"]} for row in first.rows)


def test_nobody_and_nothing() -> None:
    decided = decide(ground())
    assert (decided.rows, decided.shown.to_pylist(), decided.accounts) == ([], [], {})


def test_accounts_show_their_score_when_it_is_news() -> None:
    def accounts(score: float, memory: str | None, held: str | None, said: str = "false|false") -> pa.Table:
        columns = {"account_id": "A1", "record": "account:A1", "grade": "B2", "shown": memory, "reasons_key": said}
        table = pa.table({name: pa.array([value], pa.string()) for name, value in columns.items()})
        for name in ("account.score", "score.total"):
            table = table.append_column(name, pa.array([score]))
        return table.append_column("crm.Handoff_Account_Score__c", pa.array([held], pa.string()))

    first = decide(ground(accounts=accounts(40.0, None, None)))
    assert [(row.lane, row.write.fields) for row in first.rows] == [
        ("crm:account:A1", {"Handoff_Account_Score__c": "40"})
    ]
    memory = first.accounts["A1"]
    assert decide(ground(accounts=accounts(44.0, memory, "40"))).rows == []
    assert len(decide(ground(accounts=accounts(45.0, memory, "40"))).rows) == 1
    assert len(decide(ground(accounts=accounts(40.0, memory, "1"))).rows) == 1
    # readiness, news, flags, stage and roles are told at once
    assert decide(ground(accounts=accounts(44.0, memory, "40", "true|false"))).accounts["A1"] != memory


def test_memory_survives_its_text() -> None:
    memory = Shown(total=1.5, personas=["a"], fast={"r": datetime(2026, 1, 1, tzinfo=UTC).isoformat()}, created="k")
    assert Shown.load(memory.dump()) == memory
    assert Shown.load(None) == Shown.load("{}") == Shown()
    assert "shown" in SCHEMA.names
