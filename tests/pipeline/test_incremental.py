"""Whom a cycle works, what it keeps for the next, and what it does where that is not what it should be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from house_with_a_clock import as_large_as_their_account, with_a_clock
from small_house import House

from connector.domain import few_at_work
from connector.domain.few_at_work import works_few
from connector.domain.records import RecordVersion
from connector.domain.refs import Ref
from connector.lake.compaction import FAN
from connector.lake.landing import Landing
from connector.pipeline.incremental.kept import FOLDER
from connector.pipeline.intake.pulling import Puller
from connector.pipeline.steps import DECIDE, StepDone

#: what a report says of everybody, whoever was worked
_OF_ALL = ("identity", "matched", "scored", "dispositions", "stages")


class Watched(House):
    """A house that tells whom its cycles worked; ten minutes pass at a cycle."""

    def __init__(self, folder: Path, **words: Any) -> None:
        self.heard: list[tuple[str, int | None]] = []
        super().__init__(folder, f"sqlite:///{folder}/state.db", on_step=self._hear, **words)

    def _hear(self, done: StepDone) -> None:
        if done.step == "identify":
            self.heard.append((str(done.words.get("everybody", "nobody")), done.counts.get("touched")))

    def run(self, scope: Any = "all") -> Any:
        report = super().run(scope)
        self.now -= timedelta(minutes=50)
        return report

    @property
    def last(self) -> Any:
        return self.heard[-1]

    @property
    def kept(self) -> Path:
        (folder,) = (each for each in (self.engine.lake_root / FOLDER).iterdir() if each.name == self.decided)
        return folder

    @property
    def decided(self) -> str:
        return self.store.knowledge.last_decided()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Watched]:
    """Give a house in which five people have come to rest."""
    made = Watched(tmp_path)
    made.account()
    for number in range(5):
        made.contact(str(number), title="CEO" if number % 2 else None)
    made.lead("L1", "1")
    made.did("d0", "page_view", "0", path="/")
    for _ in range(3):
        made.run()
    yield made
    made.close()


def _of_all(report: Any) -> dict[str, Any]:
    document = report.document()
    return {name: document[name] for name in _OF_ALL} | {"merged": document["identity"]["merged"]}


def test_nobody_is_worked_when_nothing_came_and_the_report_still_tells_of_everybody(house: Watched) -> None:
    before = house.run()
    assert house.last == ("nobody", None)
    kept = house.decided
    again = house.run()
    assert _of_all(again) == _of_all(before)
    assert again.document()["scored"]["persons"] == 5
    assert (again.verdict, again.writes["planned"], house.decided) == ("green", 0, kept)
    assert house.plan().writes["planned"] == 0
    assert house.last == ("nobody", None)


def test_only_the_touched_are_worked_and_told_in_the_totals(house: Watched) -> None:
    house.run()
    house.did("d1", "page_view", "2", path="/pricing")
    before = _of_all(house.run())
    assert house.last == ("", 1)
    house.contact("9", email="new@elsewhere.example", company="Elsewhere")
    after = house.run()
    assert house.last[0] == ""
    assert after.identity["persons"] == before["identity"]["persons"] + 1
    assert sum(after.dispositions.values()) == sum(after.matched.values()) == 6


def test_of_an_account_only_what_peoples_facts_are_made_of_is_news_to_them(tmp_path: Path) -> None:
    house = Watched(tmp_path, mappings=as_large_as_their_account(with_a_clock(tmp_path)))
    house.account()
    fields: Any = {"email": "jo@acme.example", "last_name": "Doe", "owner_id": "005rep2", "account_id": "A1"}
    links = {"owner": "005rep2", "account": "A1"}
    house.crm.add(RecordVersion(Ref("crm", "contact", "C1"), house.now, house.now, fields, links))
    for _ in range(3):
        house.run()
    house.crm.edit("account", "A1", {"Handoff_Account_Score__c": "99"}, user="005rep1", at=house.now)
    house.run()
    assert house.last == ("", 0)
    house.crm.edit("account", "A1", {"employees": 20}, user="005rep1", at=house.now)
    house.run()
    assert house.last == ("", 1)
    house.close()


def test_the_first_cycle_of_a_day_works_everybody_and_so_does_who_is_asked_to(house: Watched) -> None:
    house.run()
    house.cycle().run(full=True)
    assert house.last == ("asked", None)
    house.now += timedelta(days=1)
    house.run()
    assert house.last == ("day", None)


def test_a_crash_between_commit_and_keeping_a_lost_file_and_a_damaged_one_work_everybody(house: Watched) -> None:
    house.run()
    kept = house.kept
    kept.rename(kept.with_name(".gone"))
    house.did("d1", "page_view", "1", path="/pricing")
    house.run()
    assert house.last == ("first", None)
    house.did("d2", "page_view", "2", path="/pricing")
    (house.kept / "keys.kept").write_bytes(b"no Parquet")
    report = house.run()
    assert (house.last, report.verdict) == (("harmed", None), "green")
    house.did("d3", "page_view", "3", path="/pricing")
    house.run()
    assert house.last[0] == "", "what the full cycle kept is whole again"


def test_who_is_in_a_hurry_merges_no_files_and_the_next_wide_look_does(house: Watched) -> None:
    store, root = house.store, house.engine.lake_root
    for number in range(FAN + 1):
        house.did(f"quick{number}", "page_view", "2", path="/pricing")
        hurried = Puller(Landing(root, store.manifest), store.manifest, store.ledger, merges=False)
        hurried.pull([house.source], house.crm, {}, now=house.now)
    assert len(store.manifest.segments("activities/hubspot")) > FAN
    assert house.run().verdict == "green"
    assert len(store.manifest.segments("activities/hubspot")) < FAN


def test_a_plan_of_the_touched_can_be_done_word_for_word(house: Watched) -> None:
    house.run()
    house.asks("ask1", "3")
    plan = house.plan()
    assert house.last == ("", 1)
    assert plan.writes["planned"] > 0
    done = house.cycle().run_plan(plan.plan_id)
    house.now += timedelta(minutes=10)
    assert done.writes["written"] == plan.writes["planned"]
    house.run()
    assert house.last == ("first", None), "the plan's commit is another's than the kept one"
    assert house.run().writes["planned"] == 0


def test_a_narrow_look_works_whoever_asked_and_the_split_of_two_is_seen_from_both_sides(house: Watched) -> None:
    house.run()
    house.asks("ask1", "2")
    report = house.run("sources")
    assert house.last == ("", 1)
    assert report.dispositions["fast_lane"] == 1
    one, other = (Ref("hubspot", "contact", name) for name in ("3", "4"))
    fields: Any = {"email": "jo3@acme.example", "first_name": "Jo", "last_name": "Doe", "company": "Acme"}
    house.source.add(RecordVersion(one, house.now, house.now, fields, {}, merged_into=other))
    assert house.run().identity["persons"] == 4
    house.source.add(RecordVersion(one, house.now, house.now, fields, {}))
    assert house.run().identity["persons"] == 5
    assert house.last[0] == ""


def test_everybody_is_a_handful_where_the_lake_holds_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few: list[bool] = []

    def heard(step: str, _doing: str, _rows: int) -> None:
        if step == DECIDE.name:
            few.append(works_few())

    house = Watched(tmp_path, progress=heard)
    house.contact("1")
    house.did("d1", "page_view", "1", path="/")
    house.run()
    assert few
    assert all(few)
    assert house.last == ("first", None)
    few.clear()
    monkeypatch.setattr(few_at_work, "FEW", 1)
    house.cycle().run(full=True)
    assert few
    assert not any(few)
    house.close()
