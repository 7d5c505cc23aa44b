"""What people in sales did, dated; what programs did is no human touch."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from holdings_by_hand import CRM, SOURCE, T0, holdings, identities, records

from connector.domain.records import Activity, Page, RecordVersion
from connector.domain.refs import Ref
from connector.lake.landing import Landing
from connector.lake.reading import Lake
from connector.mapping.bundle import Mappings
from connector.mapping.load import load_mappings
from connector.pipeline.people.columns import unacted
from connector.pipeline.people.gathering import hold
from connector.pipeline.people.signals import read_signals
from state import open_store

WHO = identities(crm_lead_L1="p1", crm_contact_C1="p1", crm_contact_C2="p2", hubspot_contact_1="p1")
DAY = timedelta(days=1)


@pytest.fixture(scope="session")
def starter() -> Mappings:
    return load_mappings(Path(str(files("mappings") / "default")))


class Desk:
    """A lake in which versions of one lead land day by day."""

    def __init__(self, folder: Path, url: str, starter: Mappings) -> None:
        self.store = open_store(url)
        self.landing = Landing(folder, self.store.manifest)
        self.lake = Lake(folder, self.store.manifest)
        self.starter = starter

    def lands(self, day: int, fields: dict[str, Any], *, landed: int | None = None, **changes: Any) -> None:
        version = RecordVersion(Ref("crm", "lead", "L1"), T0 + day * DAY, T0, fields, {}, **changes)
        shape = f"s{len(fields)}"
        at = T0 + (day if landed is None else landed) * DAY
        page = Page([version], cursor=f"c{day}")
        self.landing.land("crm", "leads", [page], shapes={"lead": shape}, landed_at=at)

    def does(self, deed: Activity) -> None:
        page = Page([], [deed], cursor="x")
        self.landing.land(deed.ref.system, "deeds", [page], shapes={}, landed_at=T0)

    def signals(self, *automation: str) -> dict[str, Any]:
        held = hold(self.lake, [SOURCE, CRM], as_of=T0 + 99 * DAY)
        table = read_signals(self.lake, held, WHO, CRM, self.starter, automation).people
        return {row["person_id"]: row for row in table.to_pylist()}


@pytest.fixture
def desk(tmp_path: Path, sqlite_url: str, starter: Mappings) -> Iterator[Desk]:
    made = Desk(tmp_path / "lake", sqlite_url, starter)
    yield made
    made.store.close()


def test_an_edit_of_status_or_answers_by_a_person_is_a_touch(desk: Desk) -> None:
    desk.lands(0, {"status": "Open", "changed_by": "rep", "city": "x"})
    assert desk.signals()["p1"]["human_last"] is None
    desk.lands(1, {"status": "Open", "changed_by": "rep", "city": "y"})
    assert desk.signals()["p1"]["human_last"] is None
    desk.lands(2, {"status": "Working", "changed_by": "rep", "city": "y"})
    assert desk.signals()["p1"]["human_last"] == T0 + 2 * DAY
    desk.lands(3, {"status": "Working", "changed_by": "rep", "city": "y", "Need__c": "Yes"})
    assert desk.signals()["p1"]["human_last"] == T0 + 3 * DAY
    # a later version that changes nothing of this does not take it back
    desk.lands(4, {"status": "Working", "changed_by": "robot", "city": "z", "Need__c": "Yes"})
    assert desk.signals()["p1"]["human_last"] == T0 + 3 * DAY


def test_programs_touch_nobody(desk: Desk) -> None:
    desk.lands(0, {"status": "Open", "changed_by": "robot"})
    desk.lands(1, {"status": "Working", "changed_by": "robot"})
    assert desk.signals("robot", "handoff")["p1"]["human_last"] is None
    assert desk.signals("handoff")["p1"]["human_last"] == T0 + DAY


def test_neither_a_deletion_nor_a_second_reading_is_an_edit(desk: Desk) -> None:
    desk.lands(0, {"status": "Open", "changed_by": "rep"})
    desk.lands(0, {"status": "Open", "changed_by": "rep", "Need__c": "Yes"}, landed=1)
    desk.lands(2, {"changed_by": None}, deleted=True)
    assert desk.signals()["p1"]["human_last"] is None


def test_a_rejection_is_dated_by_its_version(desk: Desk) -> None:
    field = "Handoff_Rejection__c"
    desk.lands(0, {"status": "Open", field: None})
    assert desk.signals()["p1"]["rejected_at"] is None
    desk.lands(1, {"status": "Open", field: "no budget"})
    desk.lands(2, {"status": "Other", field: "no budget"})
    row = desk.signals()["p1"]
    assert (row["rejected_at"], row["rejection"]) == (T0 + DAY, "no budget")
    desk.lands(3, {"status": "Other", field: None})
    desk.lands(4, {"status": "Other", field: "not now"})
    row = desk.signals()["p1"]
    assert (row["rejected_at"], row["rejection"]) == (T0 + 4 * DAY, "not now")


def _deed(kind: str, person: str, *, system: str = "crm", object_: str = "task", **words: Any) -> Activity:
    who = Ref("crm", "contact", person) if system == "crm" else Ref("hubspot", "contact", "1")
    return Activity(Ref(system, object_, f"{kind}{person}{words}"), kind, who, T0, **words)


@pytest.mark.parametrize(
    ("deed", "human"),
    [
        (_deed("call", "C2", by_user="rep"), True),
        (_deed("meeting", "C2", by_user="rep"), True),
        (_deed("call", "C2", by_user="robot"), False),
        (_deed("call", "C2", object_="event"), False),
        (_deed("campaign_response", "C2", object_="member"), False),
    ],
)
def test_deeds_in_the_crm(desk: Desk, deed: Activity, *, human: bool) -> None:
    desk.does(deed)
    assert (desk.signals("robot")["p2"]["human_last"] is not None) is human


@pytest.mark.parametrize(
    ("kind", "human"), [("call", True), ("email_reply", True), ("page_view", False), ("chat", False)]
)
def test_deeds_in_marketing(desk: Desk, kind: str, *, human: bool) -> None:
    desk.does(_deed(kind, "1", system="hubspot", object_="event"))
    assert (desk.signals()["p1"]["human_last"] is not None) is human


def _opportunities(desk: Desk, starter: Mappings, roles: pa.Table | None, *deals: dict[str, Any]) -> dict[str, Any]:
    tables = {
        "crm_opportunity": records(
            *({"l_account": "A1", "f_won": "false", "f_closed": "false"} | deal for deal in deals)
        ),
        "crm_contact": records({"id": "C1", "l_account": "A1"}, {"id": "C2", "l_account": "A1"}),
    }
    if roles is not None:
        tables["crm_contact_role"] = roles
    people = read_signals(desk.lake, holdings(**tables), WHO, CRM, starter, []).people.to_pylist()
    return {row["person_id"]: (row["open_opportunity"], row["won_opportunity"], row["lost_at"]) for row in people}


def test_a_deal_with_roles_is_theirs_alone(desk: Desk, starter: Mappings) -> None:
    roles = records({"id": "R1", "l_opportunity": "O1", "l_contact": "C2"})
    found = _opportunities(desk, starter, roles, {"id": "O1"})
    assert found == {"p1": (False, False, None), "p2": (True, False, None)}


def test_a_deal_without_roles_is_the_accounts(desk: Desk, starter: Mappings) -> None:
    found = _opportunities(desk, starter, None, {"id": "O1"})
    assert found == {"p1": (True, False, None), "p2": (True, False, None)}
    # a broken role elsewhere, or one taken back, changes nothing
    roles = records(
        {"id": "R1", "l_opportunity": None, "l_contact": "C2"},
        {"id": "R2", "l_opportunity": "O1", "l_contact": "C2", "deleted": True},
    )
    assert _opportunities(desk, starter, roles, {"id": "O1"}) == found


@pytest.mark.parametrize(
    ("deal", "state"),
    [
        ({"f_closed": "true", "f_won": "true"}, (False, True, None)),
        ({"f_closed": "true", "modified_at": T0 + DAY}, (False, False, T0 + DAY)),
        ({"f_closed": None, "f_won": None}, (True, False, None)),
        ({"deleted": True}, (False, False, None)),
    ],
)
def test_how_a_deal_stands(desk: Desk, starter: Mappings, deal: dict[str, Any], state: Any) -> None:
    assert _opportunities(desk, starter, None, {"id": "O1"} | deal)["p1"] == state


def _event(system: str, occurred: int, landed: int) -> dict[str, Any]:
    at = {"occurred_at": T0 + occurred * timedelta(hours=1), "landed_at": T0 + landed * timedelta(hours=1)}
    return {"system": system, "id": f"{occurred}/{landed}", **at}


def test_only_requests_after_the_systems_mark_are_acted_on() -> None:
    instant = pa.timestamp("us", "UTC")
    schema = pa.schema([("system", pa.string()), ("id", pa.string()), ("occurred_at", instant), ("landed_at", instant)])
    rows = [
        _event(*spec) for spec in (("a", -1, 0), ("a", -1, 1), ("a", -25, 1), ("a", 1, 2), ("b", 1, 2), ("c", 1, 2))
    ]
    events = pa.Table.from_pylist(rows, schema=schema)
    marks = {"baseline": T0, "baseline:a": T0, "baseline:b": T0 + timedelta(hours=2)}
    assert [(row["system"], row["id"]) for row in unacted(events, marks).to_pylist()] == [("a", "-1/1"), ("a", "1/2")]
    assert unacted(events, {}).num_rows == 0
