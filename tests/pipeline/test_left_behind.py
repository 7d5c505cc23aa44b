"""A lead is converted while writes wait for it: nothing is written there, what is still true goes to the contact."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from small_house import House

from adapters.memory import MemoryCrm
from connector.domain.records import RecordVersion
from connector.domain.refs import Ref
from connector.domain.writes import OutcomeKind, WriteOutcome
from connector.errors import TransientError


class OrgThatConverts(MemoryCrm):
    """Refuses what is written to a converted lead, or points at one."""

    def _apply_one(self, write: Any, at: Any) -> WriteOutcome:
        place = write.id if write.object == "lead" else write.fields.get("who")
        lead = self._records.get(Ref("crm", "lead", str(place)))
        if lead is not None and lead.merged_into is not None:
            return WriteOutcome(write.key, OutcomeKind.REJECTED, write.id, code="CONVERTED", fixer="nobody")
        return super()._apply_one(write, at)


@pytest.fixture
def house(tmp_path: Path, sqlite_url: str) -> Iterator[House]:
    made = House(tmp_path, sqlite_url, crm=OrgThatConverts(system="crm"))
    made.contact("1")
    made.lead("L1", "1", owner_id="005gone")
    made.run()
    made.run()
    made.contact("1", title="CEO")
    made.asks("ask", "1")
    yield made
    made.close()


def _convert(house: House) -> None:
    lead = house.crm.records("lead")["L1"]
    into = Ref("crm", "contact", "C1")
    kept = {"email", "last_name", "owner_id"}
    fields = {name: value for name, value in lead.fields.items() if name in kept}
    house.crm.add(RecordVersion(into, house.now, house.now, fields, dict(lead.links)))
    house.crm.add(lead._replace(modified_at=house.now, merged_into=into))


@pytest.mark.parametrize("waits", ["to be sent", "dead"])
def test_what_waited_for_a_converted_lead_goes_to_its_contact(house: House, waits: str) -> None:
    if waits == "to be sent":
        with mock.patch.object(house.crm, "apply", side_effect=TransientError("crm.away", "away")):
            house.run()
        _convert(house)
    else:
        apply = house.crm.apply

        def converting(writes: Any, *, now: Any) -> Any:
            if house.crm.records("lead")["L1"].merged_into is None:
                _convert(house)
            return apply(writes, now=now)

        with mock.patch.object(house.crm, "apply", converting):
            assert house.run().writes["dead"] > 0
    assert house.store.outbox.unsettled()
    before = dict(house.crm.records("lead")["L1"].fields)
    house.run()
    if waits == "dead":
        house.run()  # a refused task calls nobody: they are of the fast lane again once it shows
    contact = house.crm.records("contact")["C1"].fields
    assert (contact["Title"], contact["Handoff_Disposition__c"]) == ("CEO", "fast_lane")
    assert contact["owner_id"] in {"005rep1", "005rep2", "005rep3"}
    assert [task["who"] for task in house.tasks()] == ["C1"]
    assert house.crm.records("lead")["L1"].fields == before
    report = house.run()
    assert (house.store.outbox.unsettled(), report.writes["planned"]) == ([], 0)
