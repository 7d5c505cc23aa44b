"""Facts come from the first system that knows them, and nothing in a field harms the rest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from holdings_by_hand import CRM, SOURCE, T0, holdings, identities, records
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.identity.tables import RECORDS
from connector.mapping.fields import FieldsFile
from connector.pipeline.people.gathering import Gatherer, normal_emails, wanted_fields

PLAIN = FieldsFile()
MANY = identities(hubspot_contact_1="p1", crm_lead_L1="p1", crm_contact_C1="p1")


def _facts(fields: FieldsFile = PLAIN, who: pa.Table = MANY, **tables: pa.Table) -> dict[str, dict[str, Any]]:
    gatherer = Gatherer(holdings(**tables), fields, [SOURCE, CRM], "crm")
    return {row["person_id"]: row for row in gatherer.person_facts(who).to_pylist()}


def test_the_first_system_that_knows_wins_fact_by_fact() -> None:
    facts = _facts(
        hubspot_contact=records({"id": "1", "f_title": "CEO", "f_city": None}),
        crm_lead=records({"id": "L1", "f_title": "Founder", "f_city": "Wien", "modified_at": T0 + timedelta(days=9)}),
    )["p1"]
    assert (facts["title"], facts["city"], facts["country"]) == ("CEO", "Wien", None)


def test_within_a_system_the_record_changed_last_wins() -> None:
    late = T0 + timedelta(days=1)
    facts = _facts(
        crm_lead=records({"id": "L1", "f_Title": "old", "f_city": "Graz"}),
        crm_contact=records({"id": "C1", "f_Title": "new", "f_city": None, "modified_at": late}),
    )["p1"]
    assert (facts["title"], facts["city"]) == ("new", "Graz")


def test_what_is_deleted_or_merged_away_tells_nothing() -> None:
    gone = records({"id": "1", "f_title": "CEO", "deleted": True})
    merged = records({"id": "L1", "f_Title": "CTO", "merged_into": "crm:contact:C1"})
    assert _facts(hubspot_contact=gone, crm_lead=merged) == {}


def test_types_and_the_linked_account() -> None:
    fields = FieldsFile.model_validate(
        {
            "person": {
                "employees": {"hubspot": "company.size", "type": "integer"},
                "budget": {"hubspot": "budget", "type": "number"},
                "opted": {"hubspot": "opted", "type": "boolean"},
                "since": {"hubspot": "since", "type": "date"},
                "channel": {"hubspot": "chan"},
            }
        }
    )
    row = {"id": "1", "l_account": "9", "f_budget": "1.5", "f_opted": "true", "f_since": "2026-02-01", "f_chan": "x"}
    facts = _facts(fields, hubspot_contact=records(row), hubspot_account=records({"id": "9", "f_size": "200.4"}))["p1"]
    assert (facts["employees"], facts["budget"], facts["opted"], facts["channel"]) == (200, 1.5, True, "x")
    assert facts["since"].isoformat() == "2026-02-01"
    assert wanted_fields(fields, SOURCE) == [
        ("account", "size"),
        ("contact", "budget"),
        ("contact", "opted"),
        ("contact", "since"),
        ("contact", "chan"),
    ]
    assert wanted_fields(fields, CRM) == []


wild = (
    st.none()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.sampled_from(
        ["1e999", "-inf", "nan", "1e300", "9223372036854775808", "12", "true", "2026-02-30", "0001-01-01", "٣"]
    )
)


@settings(max_examples=40, deadline=None)
@given(wild, wild, wild)
def test_no_value_harms_the_others(employees: str | None, created: str | None, budget: str | None) -> None:
    fields = FieldsFile.model_validate(
        {
            "person": {
                name: {"hubspot": "budget", "type": name}
                for name in ("integer", "number", "boolean", "date", "datetime")
            }
        }
    )
    bad = {"id": "1", "f_employees": employees, "f_created_at": created, "f_budget": budget, "f_title": "CEO"}
    good = {"id": "2", "f_employees": "7", "f_title": "CTO"}
    who = identities(hubspot_contact_1="p1", hubspot_contact_2="p2")
    facts = _facts(fields, who, hubspot_contact=records(bad, good))
    assert (facts["p2"]["employees"], facts["p2"]["title"], facts["p1"]["title"]) == (7, "CTO", "CEO")


def test_accounts_stand_with_their_owner_and_without_the_dead() -> None:
    fields = FieldsFile.model_validate({"account": {"tier": {"crm": "Rating"}}})
    table = records(
        {"id": "A2", "f_name": "Bolt", "f_employees": "1e300", "l_owner": "005", "f_Rating": "hot"},
        {"id": "A1", "f_name": "Acme", "f_employees": "12", "l_owner": None, "f_Rating": None},
        {"id": "A3", "f_name": "Gone", "deleted": True},
        {"id": "A4", "f_name": "Merged", "merged_into": "crm:account:A1"},
    )
    rows = Gatherer(holdings(crm_account=table), fields, [SOURCE, CRM], "crm").account_facts().to_pylist()
    assert [(row["account_id"], row["name"], row["employees"], row["owner_id"], row["tier"]) for row in rows] == [
        ("A1", "Acme", 12, None, None),
        ("A2", "Bolt", None, "005", "hot"),
    ]
    nobody = Gatherer(holdings(), fields, [SOURCE, CRM], "crm").account_facts()
    assert (nobody.num_rows, "tier" in nobody.column_names) == (0, True)


def test_records_of_people_of_all_systems_and_of_bare_addresses() -> None:
    fields = FieldsFile.model_validate({"person": {"crm_id": {"hubspot": "sfid"}}})
    held = holdings(
        {"x@y.example": T0},
        hubspot_contact=records(
            {"id": "1", "f_email": " Jo@Acme.Example ", "f_sfid": "L1"},
            {"id": "2", "f_email": "no mail", "f_sfid": "?"},
        ),
        crm_lead=records({"id": "L1", "f_email": None, "created_at": None}),
    )
    table = Gatherer(held, fields, [SOURCE, CRM], "crm").people_records()
    assert table.schema.equals(RECORDS)
    rows = {(row["object"], row["id"]): row for row in table.to_pylist()}
    assert rows["contact", "1"]["email"] == "jo@acme.example"
    assert (rows["contact", "1"]["crm_id"], rows["contact", "2"]["crm_id"]) == ("crm:lead:L1", None)
    assert rows["contact", "2"]["email"] is None
    assert rows["lead", "L1"]["created_at"] == T0
    assert rows["email", "x@y.example"]["email"] == "x@y.example"


@pytest.mark.parametrize("text", ["", "a", "a@b", "a b@c.de", "@c.de", "a@b@c.de", None])
def test_what_is_no_address(text: str | None) -> None:
    assert normal_emails(pa.chunked_array([pa.array([text], pa.string())])).to_pylist() == [None]
