"""A record that we made and the pull shows for the first time is written to only where there is news."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from crowd import MAPPINGS, decide, event, ground, nobody_yet, shown

from connector.delivery.shown import Shown
from connector.mapping.fields import CrmField

MADE = nobody_yet(disposition="fast_lane")


@pytest.fixture(scope="module")
def made() -> tuple[dict[str, Any], dict[str, Any]]:
    """Give somebody whose record is asked for: as they are remembered, and what the pull then shows of our fields."""
    base = ground(MADE, fast_events=[event()])
    decided = decide(base)
    carried = decided.rows[0].write.fields
    names = ("Score", "Grade", "Reasons", "Stage", "Disposition")
    held = {f"crm.Handoff_{name}__c": str(carried[f"Handoff_{name}__c"]) for name in names}
    return MADE | {"shown": shown(decided, base)}, held | {"crm.stage_entry": str(carried["stage_entry"])}


def _seen(made: tuple[dict[str, Any], dict[str, Any]], **changes: Any) -> tuple[list[str], Shown]:
    """Decide when the pull first shows the record; give the fields that are written, and the memory."""
    one, held = made
    record = {"crm_id": "L9", "crm_object": "lead", "record": "lead:L9", "owner_id": "005rep1"}
    base = ground(one | held | record | changes, fast_events=[event()])
    decided = decide(base)
    fields = [name for row in decided.rows if row.group in {"score", "stage"} for name in row.write.fields]
    return sorted(fields), Shown.load(shown(decided, base))


def test_a_small_move_is_not_written_and_what_it_was_made_with_is_remembered(
    made: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    fields, memory = _seen(made, **{"score.total": 39.8, "score.reasons": "pricing +11.8"})
    assert (fields, memory.total, memory.record, memory.made) == ([], 40.0, "lead:L9", None)
    assert memory.fields["Handoff_Reasons__c"] == made[1]["crm.Handoff_Reasons__c"]


@pytest.mark.parametrize(
    ("changes", "written"),
    [
        ({"score.total": 45.0}, ["Handoff_Score__c"]),
        ({"score.total": 39.8, "grade": "A1", "score.grade": "A1"}, ["Handoff_Grade__c", "Handoff_Score__c"]),
        ({"score.total": 39.8, "crm.Handoff_Stage__c": "mine"}, ["Handoff_Score__c", "Handoff_Stage__c"]),
    ],
    ids=["moved by the step", "another grade", "a person wrote into our field"],
)
def test_news_is_written(
    made: tuple[dict[str, Any], dict[str, Any]], changes: dict[str, Any], written: list[str]
) -> None:
    fields, memory = _seen(made, **changes)
    assert (fields, memory.total) == (written, changes.get("score.total"))


def test_what_happens_before_it_is_seen_does_not_take_the_place_of_what_it_was_made_with(
    made: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    """Between creation and pull the grade changes: the record shows the old one, so the new one is written."""
    base = ground(made[0] | {"grade": "A1", "score.grade": "A1"}, fast_events=[event()])
    between = made[0] | {"shown": shown(decide(base), base)}
    fields, _ = _seen((between, made[1]), grade="A1", **{"score.grade": "A1"})
    assert fields == ["Handoff_Grade__c"]
    assert _seen((between | {"grade": "B3", "score.grade": "B3"}, made[1]))[0] == []


def test_a_field_of_ours_that_only_contacts_have_makes_no_news_of_a_lead(
    made: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    of_contacts = {"Handoff_Role__c": CrmField.model_validate({"from": "role", "only": "contact"})}
    crm = MAPPINGS.fields.crm.model_copy(update={"person": MAPPINGS.fields.crm.person | of_contacts})
    mappings = replace(MAPPINGS, fields=MAPPINGS.fields.model_copy(update={"crm": crm}))
    one, held = made
    now = one | held | {"crm_id": "L9", "crm_object": "lead", "record": "lead:L9", "owner_id": "005rep1"}
    first = ground(now, mappings=mappings, fast_events=[event()])
    remembered = now | {"shown": shown(decide(first), first), "score.total": 39.8}
    then = ground(remembered, mappings=mappings, fast_events=[event()])
    assert shown(decide(then), then) == remembered["shown"]
