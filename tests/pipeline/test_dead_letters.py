"""Dead letters come back once per change of the record, the mappings or our rights, and not before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from small_house import House

from connector.cli.explained_words import facts
from connector.domain.writes import RowState
from connector.pipeline.explain.explaining import explain
from connector.pipeline.people.census import census_of


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A house whose lead L1 takes no writes."""
    made = House(tmp_path, f"sqlite:///{tmp_path}/state.db")
    made.account()
    made.contact("1", title="CEO", employees=500)
    made.lead("L1", "1")
    made.crm.faults.rejected["L1"] = "refused"
    for _ in range(3):  # past the baseline, and past what is decided only then
        made.run()
    yield made
    made.close()


def _dead(house: House) -> list[Any]:
    return [row for row in house.store.outbox.unsettled() if row.state is RowState.DEAD]


def _tried(house: House) -> int:
    return sum(row.attempts for row in _dead(house))


def test_nothing_changed_so_nothing_is_sent_again(house: House) -> None:
    assert _dead(house)
    tried = _tried(house)
    house.run()
    house.run()
    assert _tried(house) == tried


def test_explain_says_that_the_crm_does_not_show_what_it_refused(house: House) -> None:
    def explained() -> dict[str, Any]:
        last = house.now - timedelta(hours=1)
        return explain(census_of(house.engine), "crm:lead:L1", as_of=house.now, last=last).document

    document = explained()
    assert {name: document["score"]["undelivered"][name] for name in ("state", "held_by")} == {
        "state": "dead",
        "held_by": "",
    }
    assert any("does not show" in line and "refused" in line for line in facts(document))
    house.crm.faults.rejected.clear()
    house.crm.edit("lead", "L1", {"Title": "CFO"}, user="005rep1", at=house.now)
    house.run()
    document = explained()
    assert document["score"]["undelivered"] is None
    assert not any("does not show" in line for line in facts(document))


def test_a_person_s_edit_of_the_record_lets_it_go_once(house: House) -> None:
    tried, rows = _tried(house), len(_dead(house))
    house.crm.edit("lead", "L1", {"Title": "CTO"}, user="005rep1", at=house.now)
    house.run()
    assert _tried(house) == tried + rows, "the cause still stands: tried once for the change"
    house.run()
    assert _tried(house) == tried + rows
    house.crm.faults.rejected.clear()
    house.crm.edit("lead", "L1", {"Title": "CFO"}, user="005rep1", at=house.now)
    report = house.run()
    assert not _dead(house)
    assert report.writes["written"] + report.writes["unchanged"] >= rows
    assert report.verdict == "green"


def test_our_own_write_to_the_record_is_no_change(house: House) -> None:
    tried = _tried(house)
    house.crm.edit("lead", "L1", {"Title": "CTO"}, user=str(house.crm.user_id()), at=house.now)
    house.run()
    assert _tried(house) == tried


def test_the_person_s_record_in_marketing_counts_too(house: House) -> None:
    tried = _tried(house)
    house.contact("1", title="CEO", employees=500, phone="+49 30 1")
    house.run()
    assert _tried(house) > tried


def test_other_mappings_let_it_go(house: House) -> None:
    house.crm.faults.rejected.clear()
    house.engine.mappings = replace(house.engine.mappings, digest="another")
    house.run()
    assert not _dead(house)


def test_a_right_that_is_given_lets_it_go(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.crm.faults.rejected.clear()
    given = house.crm.fields
    monkeypatch.setattr(
        house.crm, "fields", lambda object_: [replace(info, label=f"{info.label}!") for info in given(object_)]
    )
    house.run()
    assert not _dead(house)


class _Remembering:
    """A CRM that keeps what it knows of its fields until it is told to doubt it, and one of whose fields changes."""

    def __init__(self, crm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self._given, self._known = crm.fields, {}
        self.kind = "number"
        monkeypatch.setattr(crm, "fields", self._fields)
        monkeypatch.setattr(crm, "doubt_fields", self._known.clear, raising=False)

    def _fields(self, object_: str) -> Any:
        if object_ not in self._known:
            self._known[object_] = [replace(info, label=self.kind) for info in self._given(object_)]
        return self._known[object_]


@pytest.mark.parametrize("killed", [False, True], ids=["remembered", "killed before it was remembered"])
def test_a_field_that_changed_in_mid_run_and_was_put_right_lets_it_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, killed: bool
) -> None:
    house = House(tmp_path, f"sqlite:///{tmp_path}/state.db")
    house.account()
    house.contact("1", title="CEO", employees=500)
    house.lead("L1", "1")
    house.run()
    crm, apply = _Remembering(house.crm, monkeypatch), house.crm.apply

    def refuse(writes: Any, *, now: Any) -> Any:
        crm.kind = "text"  # an administrator was faster than we
        house.crm.faults.rejected["L1"] = "JSON_PARSER_ERROR"
        return apply(writes, now=now)

    monkeypatch.setattr(house.crm, "apply", refuse)
    if killed:
        monkeypatch.setattr("connector.pipeline.cycle.remember_dead", lambda *_, **__: None)
    house.contact("1", title="CTO", employees=5)
    house.run()
    assert _dead(house)
    monkeypatch.undo()
    crm = _Remembering(house.crm, monkeypatch)
    house.crm.faults.rejected.clear()
    house.run()
    assert not _dead(house)
    house.close()


def test_while_somebody_is_waited_for_the_crm_is_described_anew_once_in_a_while(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubted: list[Any] = []
    monkeypatch.setattr(house.crm, "doubt_fields", lambda: doubted.append(house.now), raising=False)
    assert any(row.fixer != "nobody" for row in _dead(house))
    for number, minutes in enumerate((60, 1, 3, 2, 4, 1)):
        house.contact("2", title=f"CEO {number}")
        at = house.now
        house.run()
        house.now = at + timedelta(minutes=minutes)
    began = doubted[0]
    assert [at - began for at in doubted] == [timedelta(minutes=minutes) for minutes in (0, 60, 66)]


def test_while_paused_nothing_is_let_go(house: House) -> None:
    house.store.switches.pause("ops", house.now)
    house.crm.edit("lead", "L1", {"Title": "CTO"}, user="005rep1", at=house.now)
    tried = _tried(house)
    house.run()
    assert _tried(house) == tried
    assert _dead(house)
    house.crm.faults.rejected.clear()
    house.store.switches.resume("ops", house.now)
    house.run()
    assert not _dead(house)


def test_what_its_record_was_deleted_under_is_taken_out_and_comes_back_with_the_record(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    (dead,) = _dead(house)
    record, apply, sent = house.crm.records("lead")["L1"], house.crm.apply, []

    def applied(writes: Any, *, now: Any) -> Any:
        sent.extend(write.id for write in writes)
        return apply(writes, now=now)

    monkeypatch.setattr(house.crm, "apply", applied)
    house.crm.delete("lead", "L1", at=house.now)
    for _ in range(2):
        report = house.run()
        assert (report.verdict, report.needs_person) == ("green", 0), report.document()
        assert not _dead(house)
    assert "L1" not in sent
    house.crm.faults.rejected.clear()
    house.crm.add(record._replace(modified_at=house.now))
    house.run()
    shown = house.crm.records("lead")["L1"].fields
    assert dead.write.fields
    assert {name: shown[name] for name in dead.write.fields} == dead.write.fields
