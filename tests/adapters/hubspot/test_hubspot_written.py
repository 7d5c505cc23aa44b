"""What a write sends, to the letter, and what each status of its answer means."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import responses

from adapters.hubspot import HubSpotCrm
from connector.domain.writes import OutcomeKind, Write
from connector.errors import AccessError, RateLimited, TransientError

BASE = "https://api.example.com"
NOW = datetime(2026, 5, 1, tzinfo=UTC)
OBJECTS = f"{BASE}/crm/v3/objects"
KEY = {"name": "handoff_key", "type": "string", "hasUniqueValue": True}
SUBJECT = {"name": "hs_task_subject", "type": "string"}


@pytest.fixture
def vendor():
    with responses.RequestsMock(assert_all_requests_are_fired=True) as mock:
        yield mock


@pytest.fixture
def crm():
    crm = HubSpotCrm({"base_url": BASE, "token": "pat-x"}, sleep=lambda _seconds: None)
    yield crm
    crm.close()


def update(id_="7", **fields):
    wish = fields or {"handoff_score": 70}
    return Write("u", "update", "contact", id_, wish, dict.fromkeys(wish), frozenset(wish))


def test_an_update_is_one_post_with_texts_and_trace_ids(vendor, crm):
    vendor.post(f"{OBJECTS}/contacts/batch/update", json={"status": "COMPLETE", "results": [{"id": "7"}]})
    [outcome] = crm.apply([update(handoff_score=70.0, handoff_text="")], now=NOW)
    assert (outcome.kind, outcome.id) == (OutcomeKind.WRITTEN, "7")
    [call] = vendor.calls
    assert call.request.headers["Authorization"] == "Bearer pat-x"
    assert json.loads(call.request.body) == {
        "inputs": [
            {"id": "7", "properties": {"handoff_score": "70", "handoff_text": ""}, "objectWriteTraceId": "0"},
        ]
    }


def test_a_task_is_created_with_its_key_and_its_associations(vendor, crm):
    vendor.get(f"{BASE}/crm/v3/properties/tasks", json={"results": [KEY, SUBJECT]})
    made = {"id": "99", "properties": {"handoff_key": "k"}}
    vendor.post(f"{OBJECTS}/tasks/batch/create", status=201, json={"status": "COMPLETE", "results": [made]})
    fields = {"hs_task_subject": "Call", "associations.contact": "7", "associations.company": 8}
    [outcome] = crm.apply([Write("k", "create", "task", None, fields)], now=NOW)
    assert (outcome.kind, outcome.id) == (OutcomeKind.WRITTEN, "99")
    [entry] = json.loads(vendor.calls[1].request.body)["inputs"]
    assert entry["properties"] == {"hs_task_subject": "Call", "handoff_key": "k"}
    assert [(link["to"]["id"], link["types"]) for link in entry["associations"]] == [
        ("7", [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 204}]),
        ("8", [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}]),
    ]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 524])
def test_a_server_that_fails_leaves_a_write_unknown_and_is_asked_once(vendor, crm, status):
    vendor.post(f"{OBJECTS}/contacts/batch/update", status=status, body="<html>")
    [outcome] = crm.apply([update()], now=NOW)
    assert outcome.kind is OutcomeKind.UNKNOWN
    assert outcome.not_before is not None
    assert len(vendor.calls) == 1


@pytest.mark.parametrize("body", ["", "{", "[]", '{"status": "PENDING"}', '{"results": [{"id": "8"}]}'])
def test_an_answer_that_does_not_say_what_was_done_leaves_it_unknown(vendor, crm, body):
    vendor.post(f"{OBJECTS}/contacts/batch/update", body=body, content_type="application/json")
    [outcome] = crm.apply([update()], now=NOW)
    assert outcome.kind is OutcomeKind.UNKNOWN


@pytest.mark.parametrize(
    ("status", "error", "seconds"), [(429, RateLimited, 10.0), (423, RateLimited, 2.0), (477, RateLimited, 3600.0)]
)
def test_what_was_certainly_not_done_is_raised_with_the_vendors_own_figure(vendor, crm, status, error, seconds):
    headers = {"Retry-After": "3600"} if status == 477 else {}
    body = {"category": "RATE_LIMITS", "policyName": "TEN_SECONDLY_ROLLING"}
    vendor.post(f"{OBJECTS}/contacts/batch/update", status=status, json=body, headers=headers)
    with pytest.raises(error) as caught:
        crm.apply([update()], now=NOW)
    assert caught.value.retry_after_seconds == seconds
    assert len(vendor.calls) == 1


@pytest.mark.parametrize(
    ("status", "category", "error"),
    [
        (521, "", TransientError),
        (401, "INVALID_AUTHENTICATION", AccessError),
        (401, "EXPIRED_AUTHENTICATION", AccessError),
        (403, "MISSING_SCOPES", AccessError),
    ],
)
def test_a_shut_door_is_an_error_and_no_outcome(vendor, crm, status, category, error):
    vendor.post(f"{OBJECTS}/contacts/batch/update", status=status, json={"category": category})
    with pytest.raises(error):
        crm.apply([update()], now=NOW)


@pytest.mark.parametrize("status", [400, 404, 409, 414, 415, 418])
def test_an_unknown_refusal_is_not_tried_again(vendor, crm, status):
    vendor.post(f"{OBJECTS}/contacts/batch/update", status=status, json={"message": "for ana@example.com"})
    [outcome] = crm.apply([update()], now=NOW)
    assert (outcome.kind, outcome.fixer) == (OutcomeKind.REJECTED, "ops")


def test_a_record_that_cannot_be_read_is_not_taken_for_one_that_is_gone(vendor, crm):
    vendor.post(f"{OBJECTS}/contacts/batch/read", json={"results": [{"id": "7", "properties": 3}]})
    contested = Write("u", "update", "contact", "7", {"jobtitle": "CTO"}, {"jobtitle": "CEO"})
    with pytest.raises(TransientError):
        crm.apply([contested], now=NOW)


def test_without_a_readable_history_what_was_written_stands(vendor, crm):
    seen = {"results": [{"id": "7", "properties": {"jobtitle": "CEO"}}]}
    vendor.post(f"{OBJECTS}/contacts/batch/read", json=seen)
    vendor.post(f"{OBJECTS}/contacts/batch/update", json={"results": [{"id": "7"}]})
    vendor.post(f"{OBJECTS}/contacts/batch/read", status=403, json={"category": "MISSING_SCOPES"})
    [outcome] = crm.apply([Write("u", "update", "contact", "7", {"jobtitle": "CTO"}, {"jobtitle": "CEO"})], now=NOW)
    assert outcome.kind is OutcomeKind.WRITTEN
    assert json.loads(vendor.calls[2].request.body)["propertiesWithHistory"] == ["jobtitle"]
