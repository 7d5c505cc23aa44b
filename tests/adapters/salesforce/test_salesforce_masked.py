"""An edit by a person that our own write has covered still comes as a version of its own, by that person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.salesforce import SalesforceCrm
from adapters.salesforce.masked import HISTORIES
from connector.domain.records import RecordVersion
from connector.domain.writes import OutcomeKind, Write

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
USER = "rep1@corp.example"


def _versions(crm: SalesforceCrm, cursor: str | None) -> tuple[list[RecordVersion], str]:
    pages = list(crm.pull("leads", cursor, now=AT))
    return [record for page in pages for record in page.records], pages[-1].cursor or ""


def _score(crm: SalesforceCrm, lead: str, score: int) -> None:
    ours = frozenset({"Handoff_Score__c"})
    write = Write(f"k{score}", "update", "lead", lead, {"Handoff_Score__c": score}, {}, ours)
    [outcome] = crm.apply([write], now=AT)
    assert outcome.kind is OutcomeKind.WRITTEN


@pytest.fixture
def lead(org: Any) -> str:
    values = {"LastName": "L", "Company": "C", "Email": "p@c.example"}
    [made] = org.act({"do": "create", "object": "Lead", "values": values})
    return str(made["id"])


def _edit(org: Any, lead: str, **values: Any) -> None:
    org.advance(minutes=2)
    org.act({"do": "edit", "object": "Lead", "id": lead, "user": USER, "values": values})
    org.advance(minutes=2)


def test_a_covered_edit_is_told_with_who_and_when(org: Any, lead: str) -> None:
    crm = org.provisioned()
    [first], cursor = _versions(crm, None)
    _edit(org, lead, Status="Working - Contacted")
    _edit(org, lead, Title="CTO", Status="Open - Not Contacted")
    _score(crm, lead, 40)
    one, two, last = _versions(crm, cursor)[0]
    rep = next(row["Id"] for row in org.rows("User") if row["Username"] == USER)
    assert [version.fields["LastModifiedById"] for version in (one, two, last)] == [rep, rep, crm.user_id()]
    assert [version.fields["Status"] for version in (first, one, two, last)] == [
        *("Open - Not Contacted", "Working - Contacted"),
        *("Open - Not Contacted", "Open - Not Contacted"),
    ]
    assert (one.fields["Title"], two.fields["Title"]) == (None, "CTO")
    assert first.modified_at < one.modified_at < two.modified_at < last.modified_at
    assert last.fields["Handoff_Score__c"] == 40


def test_a_covered_edit_of_an_account_is_told_too(org: Any) -> None:
    crm = org.provisioned()
    [made] = org.act({"do": "create", "object": "Account", "values": {"Name": "A", "Website": "a.example"}})
    crm.want([("account", "Website")])
    cursor = [page.cursor for page in crm.pull("accounts", None, now=AT)][-1]
    org.advance(minutes=2)
    org.act({"do": "edit", "object": "Account", "id": made["id"], "user": USER, "values": {"Website": "b.example"}})
    org.advance(minutes=2)
    name = "Handoff_Account_Score__c"
    [outcome] = crm.apply([Write("k", "update", "account", made["id"], {name: 7}, {}, frozenset({name}))], now=AT)
    assert outcome.kind is OutcomeKind.WRITTEN
    versions = [one for page in crm.pull("accounts", cursor, now=AT) for one in page.records]
    mine = [one for one in versions if one.ref.id == made["id"]]
    rep = next(row["Id"] for row in org.rows("User") if row["Username"] == USER)
    assert [one.fields["LastModifiedById"] for one in mine] == [rep, crm.user_id()]
    assert [one.fields["Website"] for one in mine] == ["b.example", "b.example"]


def test_what_was_ours_alone_stays_one_version(org: Any, lead: str) -> None:
    crm = org.provisioned()
    _, cursor = _versions(crm, None)
    org.advance(minutes=20)
    _score(crm, lead, 40)
    assert len(_versions(crm, cursor)[0]) == 1


def test_an_edit_that_is_not_covered_costs_no_look(org: Any, lead: str) -> None:
    crm = org.provisioned()
    _, cursor = _versions(crm, None)
    crm.user_id()
    _edit(org, lead, Status="Working - Contacted")
    before = crm.calls()
    versions, cursor = _versions(crm, cursor)
    assert (len(versions), crm.calls() - before) == (1, 1)
    _score(crm, lead, 40)
    before = crm.calls()
    again = _versions(crm, cursor)[0]
    assert crm.calls() - before == 2
    assert [version.modified_at for version in again[:-1]] == [version.modified_at for version in versions], (
        "told again as the very version that is known"
    )


def test_where_no_history_is_kept_it_is_said_and_asked_once(
    org: Any, lead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(HISTORIES, "lead", ("NoSuchHistory", "LeadId"))  # type: ignore[arg-type]
    crm = org.provisioned()
    findings = {finding.subject: finding for finding in crm.check()}
    assert findings["read NoSuchHistory"].ok
    assert "not told from ours" in findings["read NoSuchHistory"].message
    assert findings["read ContactHistory"].message == "readable"
    assert [words for words in crm.lacks() if "NoSuchHistory" in words]
    _, cursor = _versions(crm, None)
    _edit(org, lead, Status="Working - Contacted")
    _score(crm, lead, 40)
    assert len(_versions(crm, cursor)[0]) == 1


def test_an_org_without_unique_keys_says_so(open_org: Any) -> None:
    crm = open_org(unique_task_key=False).provisioned()
    crm.check()
    [told] = [words for words in crm.lacks() if "unique" in words]
    assert told.startswith("Task does not keep Handoff_Key__c unique")
