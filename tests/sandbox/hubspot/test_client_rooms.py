"""The official Python client works against the rooms around the records, unchanged."""

from __future__ import annotations

import pytest
from hubspot import HubSpot
from hubspot.crm.lists import ListCreateRequest, MembershipChangeRequest
from hubspot.crm.pipelines import ApiException, PipelineInput, PipelineStageInput, PipelineStagePatchInput
from hubspot.events.send import BehavioralEventHttpCompletionRequest
from hubspot.webhooks import SettingsChangeRequest, SubscriptionCreateRequest, SubscriptionPatchRequest

APP = 1160452


@pytest.fixture
def client(empty):
    return HubSpot(access_token=empty.org.credentials.token, host=empty.url, retry=False)


def test_pipelines_are_made_and_taken_apart(client):
    api, stages = client.crm.pipelines.pipelines_api, client.crm.pipelines.pipeline_stages_api
    first = PipelineStageInput(label="Try", display_order=0, metadata={"probability": "0.3"})
    made = api.create("deals", PipelineInput(label="Renewals", display_order=1, stages=[first]))
    assert [stage.label for stage in made.stages] == ["Try"]
    won = PipelineStageInput(label="Won", display_order=1, metadata={"probability": "1.0"})
    stage = stages.create("deals", made.id, won)
    assert stage.metadata["isClosed"] == "true"
    patch = PipelineStagePatchInput(label="Renewed", metadata={"probability": "1.0"})
    assert stages.update("deals", made.id, stage.id, patch).label == "Renewed"
    assert {pipeline.label for pipeline in api.get_all("deals").results} == {"Sales Pipeline", "Renewals"}
    audits = client.crm.pipelines.pipeline_audits_api.get_audit("deals", made.id)
    assert [audit.action for audit in audits.results] == ["CREATE"]
    api.archive("deals", made.id)
    with pytest.raises(ApiException) as caught:
        api.get_by_id("deals", made.id)
    assert caught.value.status == 404


def test_tickets(client):
    basic = client.crm.tickets.basic_api
    made = basic.create({"properties": {"subject": "Help", "hs_pipeline_stage": "1"}})
    assert basic.get_by_id(made.id).properties["hs_pipeline"] == "0"
    closed = basic.update(made.id, {"properties": {"hs_pipeline_stage": "4"}})
    assert closed.properties["hs_pipeline_stage"] == "4"
    assert basic.get_by_id(made.id, properties=["hs_is_closed"]).properties["hs_is_closed"] == "true"


def test_lists_and_members(client):
    basic = client.crm.contacts.basic_api
    ids = [basic.create({"properties": {"email": f"l{n}@client.example"}}).id for n in range(3)]
    lists, members = client.crm.lists.lists_api, client.crm.lists.memberships_api
    wish = ListCreateRequest(name="Ours", object_type_id="0-1", processing_type="MANUAL")
    number = lists.create(wish).list.list_id
    assert members.add(number, ids).records_ids_added == ids
    change = MembershipChangeRequest(record_ids_to_add=[], record_ids_to_remove=ids[:1])
    assert members.add_and_remove(number, change).record_ids_removed == ids[:1]
    assert [row.record_id for row in members.get_page(number).results] == ids[1:]
    assert members.get_lists("0-1", ids[1]).results[0].list_id == number
    assert lists.update_name(number, list_name="Theirs").updated_list.name == "Theirs"
    folder = client.crm.lists.folders_api.create({"name": "Folder"}).folder
    client.crm.lists.folders_api.move_list({"listId": number, "newFolderId": str(folder.id)})
    assert client.crm.lists.folders_api.get_all(folder_id=str(folder.id)).folder.child_lists == [int(number)]
    members.remove_all(number)
    assert lists.get_by_id(number).list.size == 0
    lists.remove(number)
    lists.restore(number)


def test_events_are_sent_and_found(client):
    contact = client.crm.contacts.basic_api.create({"properties": {"email": "e@client.example"}})
    name = next(n for n in client.events.events_api.get_types().event_types if n.endswith("webinar_attended"))
    event = BehavioralEventHttpCompletionRequest(
        event_name=name, email="e@client.example", properties={"webinar": "spring"}, occurred_at="2026-11-20T10:00:00Z"
    )
    client.events.send.basic_api.send(event)
    client.events.send.batch_api.send({"inputs": [event]})
    found = client.events.events_api.get_page(object_type="contact", object_id=int(contact.id), event_type=name)
    assert [row.properties for row in found.results] == [{"webinar": "spring"}] * 2


def test_webhook_subscriptions(empty):
    # the client manages webhooks with a developer's key
    client = HubSpot(api_key=empty.org.credentials.token, host=empty.url, retry=False)
    settings, subscriptions = client.webhooks.settings_api, client.webhooks.subscriptions_api
    wish = SettingsChangeRequest(target_url="http://127.0.0.1:9/", throttling={"maxConcurrentRequests": 3})
    assert settings.configure(APP, wish).throttling.max_concurrent_requests == 3
    made = subscriptions.create(APP, SubscriptionCreateRequest(event_type="contact.creation", active=False))
    assert subscriptions.update(made.id, APP, SubscriptionPatchRequest(active=True)).active
    assert [row.id for row in subscriptions.get_all(APP).results] == [made.id]
    subscriptions.archive(made.id, APP)
    settings.clear(APP)


def test_consent_forms_exports_and_mails(empty, client):
    status = client.communication_preferences.status_api
    wish = {"emailAddress": "s@client.example", "subscriptionId": "1001", "legalBasis": "NON_GDPR"}
    assert status.unsubscribe(wish).status == "NOT_SUBSCRIBED"
    assert status.get_email_status("s@client.example").subscription_statuses[0].status == "NOT_SUBSCRIBED"
    forms = client.marketing.forms.forms_api
    form = forms.get_page().results[0]
    assert forms.update(form.id, {"name": "renamed"}).name == "renamed"
    forms.archive(form.id)
    assert form.id not in {row.id for row in forms.get_page().results}
    mail = client.marketing.emails.marketing_emails_api.create({"name": "Draft", "subject": "Hi"})
    assert not client.marketing.emails.marketing_emails_api.get_by_id(mail.id).is_published
    exports = client.crm.exports.public_exports_api
    task = empty.post("/crm/v3/exports/export/async", {
        "exportType": "VIEW", "exportName": "x", "format": "CSV", "language": "EN", "objectType": "CONTACT",
        "objectProperties": ["email"]}, 202)  # fmt: skip
    empty.advance("10s")
    assert exports.get_status(int(task["id"])).status == "COMPLETE"


def test_what_is_absent_is_an_error_of_the_client_too(client):
    with pytest.raises(Exception, match="does not emulate: records of type products") as caught:
        client.crm.products.basic_api.get_page()
    assert caught.value.status == 501
