"""What waited for a lead that was converted meanwhile goes to the contact it became, where it is still true."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from crowd import by_group, event, ground, person, settled, shown

from connector.delivery.decide import decide
from connector.domain.writes import RowState

ROWS = [RowState.TODO, RowState.HELD, RowState.DEAD]
CONTACT = {"crm_object": "contact", "crm_id": "C1", "record": "contact:C1"}


def _at(rows: Any, state: RowState) -> list[Any]:
    held = "limit" if state is RowState.HELD else ""
    return [replace(row, id=number, state=state, held_by=held) for number, row in enumerate(rows, 1)]


@pytest.mark.parametrize("state", ROWS)
def test_a_blank_is_filled_on_the_contact_where_it_is_blank_there(state: RowState) -> None:
    one = settled(person()) | {"title": "CEO"}
    base = ground(one)
    first = decide(base)
    waiting = _at(by_group(first.rows)["edit"], state)
    memory = one | CONTACT | {"shown": shown(first, base)}
    decided = decide(ground(memory, pending=waiting))
    (row,) = by_group(decided.rows)["edit"]
    assert (row.write.object, row.write.id, row.write.fields) == ("contact", "C1", {"Title": "CEO"})
    assert decided.withdrawn == [waiting[0].id]
    filled = decide(ground(memory | {"crm.Title": "Owner"}, pending=waiting))
    assert ("edit" in by_group(filled.rows), filled.withdrawn) == (False, [waiting[0].id])
    # the same record still: it waits
    still = decide(ground(memory | person() | {"title": "CEO", "shown": shown(first, base)}, pending=waiting))
    assert ("edit" in by_group(still.rows), still.withdrawn) == (False, [])


@pytest.mark.parametrize(("held", "given"), [("005gone", "005rep1"), ("005boss", None)])
def test_the_contact_gets_an_owner_where_whoever_converted_does_not_work_here(held: str, given: str | None) -> None:
    one = settled(person(), stage="mql", stage_entry=2, entered=True, disposition="sales", owner_id="005gone")
    base = ground(one)
    first = decide(base)
    (change,) = _at(by_group(first.rows)["owner"], RowState.DEAD)
    now = one | CONTACT | {"shown": shown(first, base), "entered": False, "owner_id": held}
    decided = decide(ground(now, pending=[change]))
    owners = by_group(decided.rows).get("owner", [])
    assert [(row.write.id, row.write.fields["owner_id"]) for row in owners] == ([("C1", given)] if given else [])
    assert decided.withdrawn == [change.id]


@pytest.mark.parametrize("state", [RowState.TODO, RowState.DEAD])
def test_a_task_is_decided_anew_for_the_contact(state: RowState) -> None:
    one = settled(person())
    base = ground(one, fast_events=[event()])
    first = decide(base)
    waiting = _at(by_group(first.rows)["create"], state)
    memory = one | {"shown": shown(first, base)}
    events = [event()]
    moved = decide(ground(memory | CONTACT, fast_events=events, pending=waiting))
    assert (moved.anew, moved.withdrawn) == ([waiting[0].id], [])
    assert decide(ground(memory, fast_events=events, pending=waiting)).anew == []


def test_nothing_moves_while_nobody_knows_who_it_is() -> None:
    one = settled(person()) | {"title": "CEO"}
    base = ground(one)
    first = decide(base)
    waiting = _at(by_group(first.rows)["edit"], RowState.DEAD)
    asked = one | CONTACT | {"shown": shown(first, base), "in_review": True}
    assert decide(ground(asked, pending=waiting)).withdrawn == []
