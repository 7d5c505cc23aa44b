"""Both sides of whole orgs compared: nothing is told without cause, planted losses are found and repaired."""

from __future__ import annotations

import json
import urllib.request
from datetime import timedelta

from benchmarks.survival.buyers import open_lead
from benchmarks.survival.place import AT

PEOPLE = 200


def a_company(place):
    """Give the id of a company, as HubSpot lists it."""
    ready = place.ready["hubspot"]
    request = urllib.request.Request(
        f"{ready['url']}/crm/v3/objects/companies?limit=1", headers={"Authorization": f"Bearer {ready['token']}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["results"][0]["id"]


def test_a_loss_is_found_at_both_vendors_and_repaired(place_of, loaded):
    place = place_of(loaded(PEOPLE))
    place.cycle(AT + timedelta(minutes=1))
    before = place.snapshots()
    place.mark()
    equal = place.json("reconcile", "--as-of", (AT + timedelta(minutes=2)).isoformat())
    assert equal["equal"], equal["differences"]
    assert place.snapshots() == before
    assert {(one["system"], one["object"]) for one in equal["streams"]} >= {
        *(("hubspot", word) for word in ("contact", "account")),
        *(("salesforce", word) for word in ("lead", "contact", "account", "task", "opportunity", "user")),
    }
    assert equal["own_fields"] > PEOPLE
    assert {line["stream"] for line in equal["events"]} >= {"page_views", "email_events", "form_submissions"}
    assert all(line["missing"] == 0 for line in equal["events"])
    for calls in equal["api_calls"].values():
        assert 0 < calls["used"] <= 2 * calls["forecast"] + 10
    # what is told two days late comes with no pull any more
    lead = open_lead(place)
    at = (AT - timedelta(days=2)).isoformat()
    place.act("hubspot", {"do": "visit", "email": lead["Email"], "path": "/late", "at": at})
    place.cycle(AT + timedelta(minutes=2, seconds=30))
    missed = place.json("reconcile", "--as-of", (AT + timedelta(minutes=2, seconds=40)).isoformat(), code=1)
    assert [(group["cause"], group["count"]) for group in missed["differences"]] == [("missed_event", 1)]
    repaired = place.json("reconcile", "--repair", "--as-of", (AT + timedelta(minutes=2, seconds=50)).isoformat())
    assert repaired["repaired"] == {"events": 1}
    # a company that HubSpot deletes comes with no stream; a contact there does, but not before the next pull
    place.clock(AT + timedelta(minutes=3))
    company = a_company(place)
    place.act("hubspot", {"do": "delete", "object": "company", "id": company})
    place.cycle(AT + timedelta(hours=1))
    found = place.json("reconcile", "--as-of", (AT + timedelta(hours=2)).isoformat(), code=1)
    [group] = found["differences"]
    assert (group["cause"], group["system"], group["object"]) == ("missed_deletion", "hubspot", "account")
    assert group["examples"] == [{"id": company}]
    place.json("pause")
    assert place.handoff("reconcile", "--repair").code == 3
    place.json("resume")
    repaired = place.json("reconcile", "--repair", "--as-of", (AT + timedelta(hours=2)).isoformat())
    assert repaired["repaired"]["deletions"] == 1
    assert repaired["left"] == []
    place.cycle(AT + timedelta(hours=3))
    assert place.json("reconcile", "--as-of", (AT + timedelta(hours=4)).isoformat())["equal"]


def test_a_field_that_is_retyped_stops_only_itself(place_of, loaded):
    place = place_of(loaded(PEOPLE))
    place.cycle(AT + timedelta(minutes=1))
    place.faults(
        "salesforce",
        {"match": "", "what": "field_retyped", "object": "Lead", "field": "Handoff_Reasons__c", "count": 1},
    )
    place.clock(AT + timedelta(minutes=2))
    place.act("hubspot", {"do": "submit_form", "email": "new@newcorp-gmbh.de", "form": "contact-us", "values": {}})
    document = place.cycle(AT + timedelta(minutes=3))
    assert [words.split(" was ")[0] for words in document["drift"]] == ["salesforce lead.Handoff_Reasons__c"]
    assert "fields.yaml:" in document["drift"][0]
    assert document["created"] == {"lead": 1, "task": 1}
    assert document["writes"]["dead"] == 0
    assert place.json("status")["drift"] == document["drift"]
    found = place.json("check", "--online", code=3)
    assert "lead.Handoff_Reasons__c" in json.dumps(found)
