"""The official Python client works against the account unchanged."""

from __future__ import annotations

import pytest
from hubspot import HubSpot
from hubspot.crm.associations.v4 import (
    BatchInputPublicAssociationMultiPost,
    BatchInputPublicFetchAssociationsBatchRequest,
)
from hubspot.crm.contacts import (
    ApiException,
    BatchInputSimplePublicObjectBatchInput,
    BatchInputSimplePublicObjectBatchInputForCreate,
    BatchInputSimplePublicObjectBatchInputUpsert,
    BatchInputSimplePublicObjectId,
    BatchReadInputSimplePublicObjectId,
    PublicMergeInput,
    PublicObjectSearchRequest,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)
from hubspot.crm.properties import PropertyCreate, PropertyGroupCreate


@pytest.fixture
def client(api):
    api.advance("11s")
    return HubSpot(access_token=api.org.credentials.token, host=api.url, retry=False)


def test_lists_every_contact(api, client):
    found = client.crm.contacts.get_all(properties=["email", "jobtitle"])
    living = {contact.email for contact in api.world.contacts if contact.living}
    assert len({row.id for row in found}) == len(found) == sum(contact.living for contact in api.world.contacts)
    assert {row.properties["email"] for row in found} == living


def test_reads_by_id_and_by_email(api, client):
    listed = next(r for r in client.crm.contacts.basic_api.get_page(limit=5).results if r.properties["email"])
    again = client.crm.contacts.basic_api.get_by_id(
        listed.properties["email"], id_property="email", properties=["email", "city"], associations=["companies"]
    )
    assert again.id == listed.id
    assert set(again.properties) == {"email", "city", "createdate", "lastmodifieddate", "hs_object_id"}


def test_creates_changes_and_archives(client):
    basic = client.crm.contacts.basic_api
    made = basic.create(SimplePublicObjectInputForCreate(properties={"email": "New@Client.Example", "firstname": "N"}))
    assert made.properties["email"] == "new@client.example"
    changed = basic.update(made.id, SimplePublicObjectInput(properties={"firstname": "Ned"}))
    assert changed.properties["firstname"] == "Ned"
    assert changed.updated_at > made.updated_at
    basic.archive(made.id)
    with pytest.raises(ApiException) as caught:
        basic.get_by_id(made.id)
    assert caught.value.status == 404
    assert basic.get_by_id(made.id, archived=True).archived


def test_batches(client):
    api = client.crm.contacts.batch_api
    inputs = [{"properties": {"email": f"b{n}@batch.example"}} for n in range(3)]
    made = api.create(BatchInputSimplePublicObjectBatchInputForCreate(inputs=inputs)).results
    ids = [{"id": row.id} for row in made]
    update = [{"id": row.id, "properties": {"city": "Ulm"}} for row in made]
    assert len(api.update(BatchInputSimplePublicObjectBatchInput(inputs=update)).results) == 3
    read = api.read(BatchReadInputSimplePublicObjectId(inputs=ids, properties=["city"], properties_with_history=[]))
    assert {row.properties["city"] for row in read.results} == {"Ulm"}
    upsert = [
        {"id": "b0@batch.example", "idProperty": "email", "properties": {"city": "Bonn"}},
        {"id": "b9@batch.example", "idProperty": "email", "properties": {"email": "b9@batch.example"}},
    ]
    done = api.upsert(BatchInputSimplePublicObjectBatchInputUpsert(inputs=upsert)).results
    assert [row.new for row in done] == [False, True]
    api.archive(BatchInputSimplePublicObjectId(inputs=ids))
    read = api.read(BatchReadInputSimplePublicObjectId(inputs=ids, properties=[], properties_with_history=[]))
    assert read.results == []
    assert read.num_errors == 1


def test_searches(api, client):
    api.advance("2s")
    request = PublicObjectSearchRequest(
        filter_groups=[{"filters": [{"propertyName": "email", "operator": "HAS_PROPERTY"}]}],
        sorts=[{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}],
        properties=["email"],
        limit=200,
    )
    page = client.crm.contacts.search_api.do_search(request)
    assert page.total >= len(page.results) == 200
    assert page.paging.next.after == "200"
    stamps = [row.properties["lastmodifieddate"] for row in page.results]
    assert stamps == sorted(stamps)


def test_associates(client):
    contact = client.crm.contacts.basic_api.create(
        SimplePublicObjectInputForCreate(properties={"email": "assoc@client.example"})
    )
    company = client.crm.companies.basic_api.create({"properties": {"name": "Assoc"}})
    v4 = client.crm.associations.v4
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]
    inputs = [{"from": {"id": contact.id}, "to": {"id": company.id}, "types": types}]
    v4.batch_api.create("contacts", "companies", BatchInputPublicAssociationMultiPost(inputs=inputs))
    read = v4.batch_api.get_page(
        "contacts", "companies", BatchInputPublicFetchAssociationsBatchRequest(inputs=[{"id": contact.id}])
    )
    kinds = {entry.type_id for entry in read.results[0].to[0].association_types}
    assert kinds == {1, 279}
    single = v4.basic_api.get_page("companies", company.id, "contacts")
    assert [entry.to_object_id for entry in single.results] == [contact.id]
    assert {entry.type_id for entry in single.results[0].association_types} == {2, 280}


def test_tasks_carry_their_person(client):
    contact = client.crm.contacts.basic_api.create(
        SimplePublicObjectInputForCreate(properties={"email": "task@client.example"})
    )
    link = {
        "to": {"id": contact.id},
        "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 204}],
    }
    task = client.crm.objects.tasks.basic_api.create(
        {
            "properties": {"hs_timestamp": "2026-11-23T09:00:00Z", "hs_task_subject": "Call"},
            "associations": [link],
        }
    )
    found = client.crm.associations.v4.basic_api.get_page("contacts", contact.id, "tasks")
    assert [entry.to_object_id for entry in found.results] == [task.id]


def test_merges(client):
    basic = client.crm.contacts.basic_api
    first = basic.create(SimplePublicObjectInputForCreate(properties={"email": "m1@client.example"}))
    second = basic.create(SimplePublicObjectInputForCreate(properties={"email": "m2@client.example", "city": "Rome"}))
    merged = client.crm.contacts.basic_api.merge(
        PublicMergeInput(primary_object_id=first.id, object_id_to_merge=second.id)
    )
    assert merged.id not in {first.id, second.id}
    wanted = ["email", "city", "hs_additional_emails", "hs_merged_object_ids"]
    for old in (first.id, second.id):
        found = basic.get_by_id(old, properties=wanted)
        assert found.id == merged.id
        assert found.properties["email"] == "m1@client.example"
        assert found.properties["city"] == "Rome"
        assert found.properties["hs_additional_emails"] == "m2@client.example"
        assert found.properties["hs_merged_object_ids"] == f"{first.id};{second.id}"
    assert basic.get_by_id("m2@client.example", id_property="email").id == merged.id


def test_owners_with_those_who_left(api, client):
    here = client.crm.owners.owners_api.get_page(limit=100).results
    gone = client.crm.owners.owners_api.get_page(limit=100, archived=True).results
    assert {row.email for row in here} == {user.email for user in api.world.users if user.active}
    assert {row.email for row in gone} == {user.email for user in api.world.users if not user.active}
    assert client.crm.owners.owners_api.get_page(email="rep1@corp.example").results[0].id in {row.id for row in here}


def test_properties(client):
    core, groups = client.crm.properties.core_api, client.crm.properties.groups_api
    groups.create("contacts", PropertyGroupCreate(name="ours", label="Ours"))
    wish = PropertyCreate(name="ours_key", label="Key", type="string", field_type="text", group_name="ours",
                          has_unique_value=True)  # fmt: skip
    assert core.create("contacts", wish).has_unique_value
    assert "ours_key" in {entry.name for entry in core.get_all("contacts").results}
    client.crm.contacts.basic_api.create({"properties": {"email": "k1@client.example", "ours_key": "X"}})
    with pytest.raises(ApiException) as caught:
        client.crm.contacts.basic_api.create({"properties": {"email": "k2@client.example", "ours_key": "x"}})
    assert caught.value.status == 400
    assert "CONFLICTING_UNIQUE_VALUE" in caught.value.body
    core.archive("contacts", "ours_key")
    assert "ours_key" not in {entry.name for entry in core.get_all("contacts").results}


def test_pipelines(client):
    pipeline = client.crm.pipelines.pipelines_api.get_all("deals").results[0]
    assert [stage.id for stage in pipeline.stages][-2:] == ["closedwon", "closedlost"]


def test_forms_and_lists(client):
    forms = {form.name for form in client.marketing.forms.forms_api.get_page().results}
    assert {"contact-us", "demo-request", "newsletter"} <= forms
    wish = {"query": "tradeshow", "offset": 0, "count": 20, "listIds": [], "processingTypes": ["MANUAL"]}
    found = client.crm.lists.lists_api.do_search({**wish, "additionalProperties": []})
    assert [entry.name for entry in found.lists] == ["tradeshow-follow-up"]
