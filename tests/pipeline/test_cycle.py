"""One cycle over memory: what is planned is what is run, once, and what must not be written is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from small_house import House

from adapters.files import FilesSource
from connector.delivery.limits import Limits
from connector.domain.records import Counted
from connector.domain.writes import Cause
from connector.errors import Refused, TransientError
from connector.pipeline.intake import looking
from connector.pipeline.intake.streams_read import last_counted, missing_rows
from connector.pipeline.reports.report import Report

#: for tests of what hangs on the steps of a cycle: the database plays no part
on_one_database = pytest.mark.parametrize("state_url", ["sqlite"], indirect=True)


@pytest.fixture
def house(tmp_path: Path, state_url: str) -> Iterator[House]:
    made = House(tmp_path, state_url)
    made.account()
    made.contact("1", title="CEO", employees=500)
    made.lead("L1", "1")
    yield made
    made.close()


def _live(house: House) -> House:
    """Bring a house past its baseline."""
    house.run()
    return house


def _content(house: House) -> dict[str, Any]:
    """Everything the CRM holds but times."""
    return {
        object_: {id_: record.fields for id_, record in house.crm.records(object_).items()}
        for object_ in ("lead", "contact", "account", "task")
    }


def test_an_empty_house_has_nothing_to_do(tmp_path: Path, state_url: str) -> None:
    house = House(tmp_path, state_url)
    report = house.run()
    assert (report.verdict, report.writes["planned"], report.identity["persons"]) == ("green", 0, 0)
    house.close()


def test_the_baseline_shows_scores_and_opens_nothing_and_a_second_run_plans_nothing(house: House) -> None:
    house.asks("early", "1", at=house.now - timedelta(days=2))
    first = house.run()
    assert (first.verdict, first.settled, house.tasks()) == ("green", True, [])
    lead = house.crm.records("lead")["L1"].fields
    assert lead["Handoff_Stage__c"] in {"nurture", "mql"}
    assert lead["owner_id"] == "005rep2"
    assert lead.get("title") is None
    second = house.run()
    assert (second.writes["planned"], second.created, second.updated, second.verdict) == (0, {}, {}, "green")


def test_who_asks_is_called_once(house: House) -> None:
    _live(house)
    house.asks("e1", "1")
    report = house.run()
    assert (report.verdict, report.created, report.dispositions["fast_lane"]) == ("green", {"task": 1}, 1)
    house.asks("e2", "1")
    again = house.run()
    assert again.created == {}
    (task,) = house.tasks()
    assert task["subject"] == "Call Jo: asked to talk to sales"
    assert house.run().writes["planned"] == 0


@pytest.mark.parametrize("scope", ["sources", "all"])
def test_somebody_new_is_created_once_whatever_comes_next(house: House, scope: str) -> None:
    _live(house)
    house.contact("2", title="VP Sales")
    house.asks("e1", "2")
    first = house.run("sources")
    assert first.created == {"task": 1, "contact": 1}
    # the CRM has not been read since; the next request comes by another form
    house.did("e2", "form_submit", "2", form="demo-request")
    house.run(scope)
    assert len(house.crm.records("contact")) + len(house.crm.records("lead")) == 2
    assert len(house.tasks()) == 1
    assert house.run().writes["planned"] == 0


@on_one_database
def test_a_crm_that_shows_late_is_not_written_twice(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    _live(house)
    house.contact("2", title="VP Sales")
    house.asks("e1", "2")
    pull = type(house.crm).pull
    # its index lags: for two cycles no pull shows what we have created
    monkeypatch.setattr(
        type(house.crm), "pull", lambda self, stream, cursor, *, now: _as_before(pull, self, stream, cursor, now)
    )
    house.run()
    house.did("e2", "form_submit", "2", form="demo-request")
    house.run()
    monkeypatch.undo()
    house.run()
    assert (len(house.crm.records("contact")), len(house.tasks())) == (1, 1)


def _as_before(pull: Any, crm: Any, stream: str, cursor: str | None, now: Any) -> Any:
    for page in pull(crm, stream, cursor, now=now):
        yield replace(page, records=[], activities=[], cursor=cursor or "0")


@on_one_database
def test_a_pattern_that_no_file_matches_makes_runs_amber_until_one_does(house: House, tmp_path: Path) -> None:
    pattern = str(tmp_path / "exports" / "people*.csv")
    house.engine.sources = [house.source, FilesSource({"people": pattern}, system="exports")]
    words = f"exports people: no file matches {pattern}; correct it in handoff.yaml, or see where the export has gone"
    for _ in range(2):
        report = house.run()
        assert (report.verdict, report.missing, missing_rows(house.store)) == ("amber", [words], [words])
    assert house.run("fast").missing == [], "it does not look there"
    assert missing_rows(house.store) == [words]
    house.engine.sources = [house.source]
    house.run()
    assert missing_rows(house.store) == [], "it is named no more"
    house.engine.sources = [house.source, FilesSource({"people": pattern}, system="exports")]
    assert house.run().missing == [words]
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "people-1.csv").write_text("person_id,email\n1,ana@acme.example\n", encoding="utf-8")
    report = house.run()
    assert (report.verdict, report.missing, missing_rows(house.store)) == ("green", [], [])


@on_one_database
def test_rows_that_were_announced_and_did_not_come_make_a_run_amber_until_they_have(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _live(house)
    pull = type(house.source).pull

    def told(seen: int) -> Any:
        def pulled(self: Any, stream: str, cursor: str | None, *, now: Any) -> Any:
            for page in pull(self, stream, cursor, now=now):
                yield replace(page, counted=Counted(1000, seen) if page.last and stream == "contacts" else None)

        return pulled

    monkeypatch.setattr(type(house.source), "pull", told(998))
    report = house.run()
    sentence = "hubspot contacts: 998 of 1,000 rows came that were announced"
    assert (report.verdict, report.streams) == ("amber", {"hubspot": {"contacts": {"expected": 1000, "seen": 998}}})
    assert [words.partition(";")[0] for words in report.missing] == [sentence]
    assert report.document()["missing"] == missing_rows(house.store) == report.missing
    monkeypatch.setattr(type(house.source), "pull", told(1000))
    again = house.run()
    assert (again.verdict, again.missing, missing_rows(house.store)) == ("green", [], [])
    assert last_counted(house.store)["hubspot/contacts"]["seen"] == 1000


@on_one_database
def test_a_narrow_cycle_without_news_decides_nothing(house: House) -> None:
    _live(house)
    house.run("fast")  # the CRM shows what was written, once
    before = house.crm.calls()
    report = house.run("fast")
    assert (report.writes["planned"], report.scored["persons"]) == (0, 0)
    assert house.crm.calls() == before


@on_one_database
def test_a_narrow_cycle_wishes_for_nothing_that_was_just_written(house: House) -> None:
    _live(house)
    house.did("v1", "page_view", "1", path="/pricing")
    house.did("v2", "email_reply", "1")
    assert house.run("sources").writes["planned"] > 0
    house.did("v3", "page_view", "1", path="/nothing")
    assert house.run("sources").writes["planned"] == 0


@on_one_database
def test_a_look_at_forms_first_catches_up_with_what_was_written_and_does_so_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _live(house)
    monkeypatch.setitem(looking._LANES, "fast", None)  # forms have no stream of their own in memory
    read: list[str] = []
    for side in (house.source, house.crm):
        pull = side.pull

        def heard(stream: str, cursor: Any, *, now: Any, pull: Any = pull, name: str = type(side).__name__) -> Any:
            read.append(name)
            return pull(stream, cursor, now=now)

        monkeypatch.setattr(side, "pull", heard)
    house.did("v1", "email_reply", "1")
    assert house.run("sources").writes["written"] > 0

    def looked() -> tuple[list[str], Report]:
        read.clear()
        report = house.run("fast")
        return list(dict.fromkeys(read)), report

    order, report = looked()
    assert order == ["MemoryCrm", "MemorySource"]
    assert report.pulled["crm_records"] > 0
    assert report.scored["persons"] == 0, "our own writes are no news"
    house.asks("e1", "1")
    order, report = looked()
    assert (order, len(house.tasks())) == (["MemorySource"], 1)
    house.did("v2", "email_reply", "1")
    order, report = looked()
    assert order == ["MemoryCrm", "MemorySource"]
    assert report.scored["persons"] == 1


def test_plan_then_run_plan_is_run(tmp_path: Path) -> None:
    houses = []
    for name in ("planned", "run"):
        (tmp_path / name).mkdir()
        house = House(tmp_path / name, f"sqlite:///{tmp_path}/{name}.db")
        house.account()
        house.contact("1", title="CEO", employees=500)
        house.contact("2", title="VP Sales", employees=500)
        house.lead("L1", "1")
        _live(house)
        house.asks("e1", "1")
        house.asks("e2", "2")
        houses.append(house)
    planned, ran = houses
    before = _content(planned)
    plan = planned.plan()
    assert _content(planned) == before
    assert plan.writes["held"] == plan.writes["planned"] > 0
    report = planned.cycle().run_plan(plan.plan_id)
    assert (report.verdict, report.plan_id) == ("green", plan.plan_id)
    ran.run()
    assert _content(planned) == _content(ran)
    assert planned.run().writes["planned"] == 0
    for house in houses:
        house.close()


def test_a_plan_is_refused_once_its_ground_has_moved(house: House) -> None:
    _live(house)
    house.did("v1", "email_reply", "1")
    plan = house.plan()
    with pytest.raises(Refused) as unknown:
        house.cycle().run_plan("plan-none")
    assert unknown.value.code == "plan.unknown"
    house.engine.mappings = replace(house.engine.mappings, digest="other")
    with pytest.raises(Refused) as changed:
        house.cycle().run_plan(plan.plan_id)
    assert changed.value.code == "plan.mappings_changed"
    house.engine.mappings = replace(house.engine.mappings, digest=_digest_of(plan.plan_id, house))
    house.now += timedelta(hours=1)
    house.did("v2", "chat", "1")
    house.run()  # decides on the same lead, and all of it is written
    with pytest.raises(Refused) as late:
        house.cycle().run_plan(plan.plan_id)
    assert late.value.code == "plan.superseded"
    assert "crm:lead:L1" in late.value.message


def _digest_of(plan_id: str, house: House) -> str:
    from connector.pipeline.decisions.plans import load_plan

    body = house.store.runs.plan(plan_id)
    assert body is not None
    return str(load_plan(body)[1]["mappings"])


@pytest.mark.parametrize("how", ["shadow", "switch"])
def test_nothing_is_written_or_kept_while_it_may_not_be(house: House, how: str) -> None:
    if how == "switch":
        house.store.switches.pause("ops", house.now)
    else:
        house.engine.mode = how
    house.asks("e1", "1")
    before = _content(house)
    report = house.run()
    assert (report.verdict, report.held_by["mode"]) == ("amber", report.writes["planned"])
    assert report.writes["planned"] > 0
    assert _content(house) == before
    assert house.store.outbox.unsettled() == []
    assert house.store.knowledge.persons().num_rows == 0
    assert house.store.knowledge.marks() == {}
    with pytest.raises(Refused):
        house.cycle().run_plan(report.plan_id)


def test_what_waits_is_counted_while_paused(house: House) -> None:
    _live(house)
    house.asks("e1", "1")
    house.crm.faults.lost_requests = 99
    report = house.run()
    assert not report.settled
    house.store.switches.pause("ops", house.now)
    paused = house.run()
    writes = paused.writes
    assert writes["planned"] == sum(writes[name] for name in ("written", "unchanged", "superseded", "held", "dead")) > 0
    assert not paused.settled


def test_limits_hold_the_excess_until_somebody_approves(house: House) -> None:
    house.engine.limits = Limits({Cause.FAST_LANE_TASK: 1}, share=1, share_from=500)
    house.contact("2")
    house.lead("L2", "2")
    _live(house)
    house.asks("e1", "1")
    house.asks("e2", "2")
    report = house.run()
    assert (report.held_by["limit"], report.needs_person, len(house.tasks())) == (1, 1, 1)
    assert house.run().created == {}
    house.store.outbox.release(plan_id=report.plan_id, held_by="limit", now=house.now)
    house.cycle().deliver()
    assert len(house.tasks()) == 2


@on_one_database
def test_a_source_added_later_has_a_baseline_of_its_own(house: House) -> None:
    from adapters.memory import MemorySource

    _live(house)
    other = MemorySource(system="exports")
    house.engine.sources = [*house.engine.sources, other]
    from connector.domain.records import Activity, RecordVersion
    from connector.domain.refs import Ref

    person = {"email": "new@elsewhere.example", "last_name": "New", "company": "Elsewhere"}
    other.add(RecordVersion(Ref("exports", "contact", "9"), house.now, house.now, person, {}))
    asked = (
        Ref("exports", "event", "old"),
        "form_submit",
        Ref("exports", "contact", "9"),
        house.now - timedelta(minutes=5),
    )
    other.add(Activity(*asked, form="contact-us"))
    for _ in range(2):
        house.run()
    assert house.tasks() == []
    other.add(Activity(asked[0]._replace(id="new"), "form_submit", asked[2], house.now, form="contact-us"))
    house.run()
    assert len(house.tasks()) == 1


@on_one_database
def test_an_unreachable_system_decides_nothing_and_keeps_what_came(house: House) -> None:
    house.source.faults.unreachable(1)
    with pytest.raises(TransientError):
        house.run()
    run = house.store.runs.last(1)[0]
    assert run.verdict == "red"
    assert house.store.knowledge.marks() == {}
    assert house.run().verdict == "green"


def test_numbers_no_column_can_hold_are_unknown_and_harm_nobody(house: House) -> None:
    house.contact("3", employees="1e300", revenue="much", country="x" * 5000)
    house.contact("4", employees="inf", created_at="yesterday")
    assert house.run().verdict == "green"
