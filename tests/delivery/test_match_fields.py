"""How an account was found can stand in fields of the CRM."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa

from connector.delivery.own_fields import own_fields
from connector.mapping.fields import CrmField


def test_method_confidence_and_reason_are_shown():
    people = pa.table(
        {
            "record": ["lead:1", "lead:2"],
            "shown": pa.array([None, None], pa.string()),
            "match_method": ["name", "none"],
            "match_confidence": [0.94, 0.0],
            "match_evidence": ["near name: Acmee ~ Acme: 'acmee' misspelt for 'acme'", ""],
            "crm.Match_How__c": pa.array(["name", "domain"], pa.string()),
        }
    )
    mapped = {
        "Match_How__c": CrmField.model_validate({"from": "match.method"}),
        "Match_Sure__c": CrmField.model_validate({"from": "match.confidence"}),
        "Match_Why__c": CrmField.model_validate({"from": "match.reason"}),
    }
    told = own_fields(people, mapped, {}, step=Decimal(5))
    assert told.wanted["Match_How__c"].to_pylist() == ["name", "none"]
    assert told.wanted["Match_Sure__c"].to_pylist()[0] == "0.94"
    assert "misspelt" in told.wanted["Match_Why__c"].to_pylist()[0]
    assert told.differ["Match_How__c"].to_pylist() == [False, True]
