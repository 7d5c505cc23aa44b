"""Planted faults between the two sides: each is found, named by its cause, and what can be repaired is."""

from __future__ import annotations

from datetime import timedelta

import pyarrow.parquet as pq
import pytest
from small_house import House

from connector.domain.records import RecordVersion
from connector.domain.refs import Ref
from connector.errors import Refused
from connector.pipeline.both_sides.reconciling import Reconciler
from connector.pipeline.both_sides.two_sides import Difference
from connector.pipeline.forgetting import forget, named
from connector.pipeline.people.census import census_of
from connector.trust.put_back import settle_put_back


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """A house in which all is said and done; nobody lives in it, all copy it."""
    folder = tmp_path_factory.mktemp("quiet")
    house = House(folder, f"sqlite:///{folder}/state.db")
    house.account()
    for number in range(12):
        house.contact(f"{number}")
        house.lead(f"L{number}", f"{number}")
    house.run()
    house.asks("form-1", "1")
    house.run()
    house.close()
    return house


@pytest.fixture
def house(quiet, tmp_path):
    house = quiet.copied(tmp_path)
    yield house
    house.close()


def compared(house):
    return Reconciler(house.engine, now=house.now).compare()


def causes(found):
    return sorted((one.cause, one.object, one.id, one.field) for one in found.differences)


def silently(house, object_, id_, **values):
    """Change a record so that no pull tells of it: its stamp stays, and no stream has it."""
    ref = Ref("crm", object_, id_)
    record = house.crm._records[ref]
    house.crm._records[ref] = record._replace(fields={**record.fields, **values})


def own_field(house, id_):
    """Give a field of ours that was written on a lead, and what it held before."""
    row = next(row for row in house.store.outbox.each_done("update", "lead") if row.write.id == id_)
    name = min(row.write.ours)
    return name, row.write.expected.get(name)


def ours_otherwise(house):
    """Name the fields that are said to hold something else than we wrote."""
    return {(one.id, one.field) for one in compared(house).differences if one.cause in ("overwritten", "lost_write")}


def test_a_quiet_house_is_equal_and_looking_changes_nothing(house):
    before = [dict(house.crm.records(word)) for word in ("lead", "task", "account")]
    segments = house.store.manifest.segments()
    found = compared(house)
    assert causes(found) == []
    assert found.own_fields > 12
    assert found.creations == 1
    assert {side.object for side in found.sides} >= {"contact", "account", "lead", "task", "user"}
    assert [dict(house.crm.records(word)) for word in ("lead", "task", "account")] == before
    assert house.store.manifest.segments() == segments
    document = found.document()
    assert document["equal"]
    assert document["not_compared"] == []
    assert [(line["stream"], line["theirs"], line["ours"]) for line in document["events"]] == [("activities", 1, 1)]
    # what changed since the pull is no difference
    house.now += timedelta(hours=3)
    house.crm.edit("lead", "L3", {"last_name": "Later"}, user="rep", at=house.now)
    later = compared(house)
    assert causes(later) == []
    assert sum(side.since for side in later.sides) == sum(side.since for side in found.sides) + 1
    # beyond the budget nothing is sent
    house.engine.calls_per_day = {"crm": 3}
    calls = house.crm.calls()
    with pytest.raises(Refused, match="are left today"):
        compared(house)
    assert house.crm.calls() == calls


def test_planted_losses_doubles_and_overwrites_are_found_by_cause_and_repaired(house):
    lost, before = own_field(house, "L7")
    written = house.crm.records("lead")["L7"].fields[lost]
    over = "Handoff_Grade__c"
    silently(house, "lead", "L3", last_name="Changed")
    silently(house, "lead", "L7", **{lost: before})
    silently(house, "lead", "L8", **{over: "by somebody"})
    house.crm._records.pop(Ref("crm", "lead", "L5"))
    known = house.source._latest[Ref("hubspot", "contact", "1")]
    house.source._latest[Ref("hubspot", "contact", "99")] = known._replace(ref=Ref("hubspot", "contact", "99"))
    [task] = house.crm.records("task")
    twin = house.crm._records[Ref("crm", "task", task)]._replace(ref=Ref("crm", "task", "twin"))
    house.crm._records[twin.ref] = twin
    house.now += timedelta(days=1)
    found = compared(house)
    planted = {
        ("missed_change", "lead", "L3", "last_name"),
        ("missed_deletion", "lead", "L5", ""),
        ("missed_change", "contact", "99", ""),
        ("doubled_key", "task", task, ""),
        ("doubled_key", "task", "twin", ""),
    }
    named = set(causes(found))
    assert planted <= named
    # which of the two it was, only the value that a pull had shown before can tell
    for id_, name in (("L7", lost), ("L8", over)):
        assert named & {(cause, "lead", id_, name) for cause in ("overwritten", "lost_write")}
    ours = {("lead", "L7"), ("lead", "L8")}
    assert {(object_, id_) for _, object_, id_, _ in named} == {(o, i) for _, o, i, _ in planted} | ours
    Reconciler(house.engine, now=house.now).repair(found)
    assert found.repaired["deletions"] == 1
    assert found.left_alone == []
    house.run()
    assert house.crm.records("lead")["L7"].fields[lost] == written
    assert house.crm.records("lead")["L8"].fields[over] != "by somebody"
    assert "L5" not in house.crm.records("lead")
    assert {id_ for _, _, id_, _ in causes(compared(house))} == {task, "twin"}, "which of the two goes is for people"


def test_a_list_that_lost_most_of_its_records_is_not_believed(house):
    for number in range(12):
        house.crm._records.pop(Ref("crm", "lead", f"L{number}"))
    found = compared(house)
    assert len(found.differences) >= 12
    Reconciler(house.engine, now=house.now).repair(found)
    assert found.repaired == {}
    assert len(found.left_alone) == 1


def test_events_are_counted_by_kind_and_day_and_those_that_never_landed_are_pulled(house):
    days = house.now.replace(hour=12) - timedelta(days=2)
    for number in range(3):
        house.did(f"v{number}", "page_view", "1", path="/pricing", at=days + timedelta(minutes=number))
    house.run()
    assert causes(compared(house)) == []
    log = house.source._logs["activities"]
    house.did("lost", "page_view", "1", path="/pricing", at=days + timedelta(hours=1))
    log.items.insert(0, log.items.pop())  # before the place where the last pull ended
    house.run()
    work = Reconciler(house.engine, now=house.now)
    found = work.compare()
    assert causes(found) == [("missed_event", "event", "lost", "")]
    told = {line["day"]: line for line in found.document()["events"] if line["kind"] == "event"}
    line = told[days.date().isoformat()]
    assert (line["theirs"], line["ours"], line["missing"]) == (4, 3, 1)
    work.repair(found)
    assert found.repaired["events"] == 1
    assert found.equal
    assert found.document()["left"] == []
    assert causes(compared(house)) == []
    assert house.run().pulled["activities"] == 0
    assert Reconciler(house.engine, now=house.now, days=0).compare().events == []


def test_an_event_that_the_next_pull_brings_is_no_difference(house):
    house.did("new", "page_view", "1", path="/pricing")
    found = compared(house)
    assert causes(found) == []
    assert sum(stream.late for stream in found.events) == 1


def test_what_an_older_state_has_written_says_nothing_of_what_stands_now(house):
    """The backup knows one value, the CRM shows a later one: ours, of a run that the state no longer knows."""
    name, _ = own_field(house, "L8")
    silently(house, "lead", "L8", **{name: "of a run since the backup"})
    house.now += timedelta(days=1)
    assert ours_otherwise(house) == {("L8", name)}
    settle_put_back(house.store, now=house.now)
    assert ours_otherwise(house) == set()
    # what is written from now on counts again
    house.run()
    house.contact("8", title="Chief Executive Officer")
    for _ in range(3):  # seen, written, pulled back
        house.now += timedelta(hours=1)
        house.run()
    name = "Handoff_Score__c"
    assert [row for row in house.store.outbox.each_done("update", "lead") if row.write.id == "L8"][1:]
    silently(house, "lead", "L8", **{name: "by somebody"})
    house.now += timedelta(days=1)
    assert ours_otherwise(house) == {("L8", name)}


def test_what_points_at_somebody_who_was_erased_is_no_difference_and_no_repair_lands_it(house):
    [task] = house.crm.records("task")
    words = {"subject": "Call Surname", "status": "Open"}
    house.crm.add(RecordVersion(Ref("crm", "task", "T9"), house.now, house.now, words, {"lead": "L3"}))
    house.run()
    for address in ("jo1@acme.example", "jo3@acme.example"):
        whom = named(census_of(house.engine), address, as_of=house.now)
        forget(house.store, whom, install="main", who="ann", at=house.now)
    house.run()
    house.now += timedelta(days=1)
    found = compared(house)
    assert causes(found) == []
    assert {side.object: side.erased for side in found.sides if side.erased} == {"contact": 2, "lead": 2, "task": 2}
    # erased between the comparison and the repair of what it found
    next(side for side in found.sides if side.object == "task").differences.append(
        Difference("missed_change", "crm", "task", "T9")
    )
    Reconciler(house.engine, now=house.now).repair(found)
    rows = [
        str(row)
        for path in house.engine.lake_root.rglob("*.parquet")
        for row in pq.read_table(path, partitioning=None).to_pylist()
    ]
    assert [row for row in rows if "Surname" in row or task in row] == []
