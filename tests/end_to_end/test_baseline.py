"""The first load writes our numbers and nothing that people would notice; the second finds nothing to do."""

from __future__ import annotations

from typing import Any

PEOPLE = 200
#: what the connector may write into a record at the first load
OURS = {
    "Handoff_Score__c",
    "Handoff_Grade__c",
    "Handoff_Reasons__c",
    "Handoff_Stage__c",
    "Handoff_Stage_Entry__c",
    "Handoff_Disposition__c",
    "Handoff_Account_Score__c",
}


def _by_key(snapshot: dict[str, Any]) -> dict[str, dict[str, Any]]:
    records = {f"{row['object']} {row['key']}": row for row in snapshot["records"]}
    assert len(records) == len(snapshot["records"])
    return records


def test_the_first_load_writes_only_our_own_fields_and_the_second_nothing(place_of, prepared):
    place = place_of(prepared(PEOPLE))
    before = place.snapshot()
    first = place.cycle()
    after = place.snapshot()

    assert first["verdict"] == "green"
    assert first["settled"]
    assert first["created"] == {}
    assert first["writes"]["written"] == first["writes"]["planned"] > PEOPLE / 3
    assert set(first["updated"]) == {"lead", "contact", "account"}
    assert {name: content for name, content in after.items() if name != "records"} == {
        name: content for name, content in before.items() if name != "records"
    }
    old, new = _by_key(before), _by_key(after)
    assert old.keys() == new.keys()
    changed = {name for name in new if new[name] != old[name]}
    assert len(changed) == first["writes"]["written"]
    for name in changed:
        fields = {field for field, value in new[name]["fields"].items() if value != old[name]["fields"].get(field)}
        assert fields <= OURS, name
        held = {field for field, value in new[name]["held"].items() if value != old[name]["held"].get(field)}
        assert held <= OURS, f"{name} held something else in between"

    second = place.cycle()
    assert second["writes"]["planned"] == 0
    assert second["verdict"] == "green"
    assert second["moves"] == 0
    assert place.snapshot() == after


def test_every_known_person_carries_a_number_with_its_reasons(place_of, loaded):
    place = place_of(loaded(PEOPLE))
    leads = place.query(
        "SELECT Email, Handoff_Score__c, Handoff_Grade__c, Handoff_Stage__c, Handoff_Disposition__c, Handoff_Reasons__c"
        " FROM Lead WHERE IsConverted = false AND Email != null"
    )
    scored = [row for row in leads if row["Handoff_Score__c"] is not None]
    assert len(scored) > len(leads) / 2
    for row in scored:
        assert row["Handoff_Grade__c"]
        assert row["Handoff_Stage__c"]
        assert row["Handoff_Disposition__c"] in {"fast_lane", "sales", "review", "nurture", "disqualified"}
        assert row["Handoff_Reasons__c"]


def test_hubspot_is_only_read(place_of, prepared):
    place = place_of(prepared(PEOPLE))
    before = place.snapshot("hubspot")
    place.cycle()
    assert place.snapshot("hubspot") == before
