from __future__ import annotations

import pytest

from connector.errors import AccessError
from connector.ports.crm import FieldSpec


def states(steps):
    return {step.what: step.state for step in steps}


def test_provisioning_makes_what_is_missing_and_finds_it_the_second_time(open_account):
    account = open_account()
    first = account.provision()
    assert set(states(first).values()) == {"done"}
    assert {step.message for step in first} == {""}
    again = account.provision()
    assert set(states(again).values()) == {"present"}
    described = {field.name: field for field in account.crm().fields("contact")}
    assert described["handoff_key"].unique
    assert described["handoff_grade"].values == ("A1", "B2")


def test_looking_first_sends_nothing_but_reads(open_account):
    account = open_account()
    fields = [FieldSpec("contact", "handoff_key", "Key", "text", unique=True)]
    steps = account.crm().provision(fields, [], dry_run=True)
    assert set(states(steps).values()) == {"would"}
    assert {call["method"] for call in account.inside.calls.report()["calls"]} == {"GET"}


def test_where_unique_values_are_refused_the_property_is_made_and_the_operator_told(open_account):
    account = open_account(unique_task_key=False)
    told = {step.what: step.message for step in account.provision() if step.message}
    assert list(told) == ["field task.handoff_key"]
    assert "makes two records" in told["field task.handoff_key"]
    assert [step.message for step in account.provision() if step.what == "field task.handoff_key"] == list(
        told.values()
    )


def test_what_cannot_be_made_is_said_and_the_rest_is_made(open_account):
    crm = open_account().crm()
    fields = [
        FieldSpec("contact", "Handoff_Score__c", "Score", "number"),
        FieldSpec("lead", "handoff_score", "Score", "number"),
        FieldSpec("contact", "handoff_score", "Score", "number"),
    ]
    found = states(crm.provision(fields, [], dry_run=False))
    assert found["field contact.Handoff_Score__c"] == found["field lead.handoff_score"] == "failed"
    assert found["field contact.handoff_score"] == "done"


def test_a_missing_scope_is_named(open_account):
    account = open_account()
    account.faults({"match": "POST .*/properties", "what": "right_removed", "field": "crm.schemas.contacts.write"})
    with pytest.raises(AccessError, match=r"crm\.schemas\.contacts\.write"):
        account.provision()
