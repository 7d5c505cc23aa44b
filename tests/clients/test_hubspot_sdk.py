"""HubSpot's newer Python client, which speaks the dated trees, unchanged."""

from __future__ import annotations

import uuid

import httpx
import pytest
from hubspot_sdk import BadRequestError, ConflictError, HubSpot, NotFoundError


@pytest.fixture(scope="module")
def client(orgs):
    # a certificate store named in the environment is of no interest on loopback, and reading it takes a second
    with HubSpot(
        access_token=orgs["hubspot"]["token"],
        base_url=orgs["hubspot"]["url"],
        max_retries=5,
        http_client=httpx.Client(trust_env=False, verify=False),
    ) as made:
        yield made


def an_address():
    return f"{uuid.uuid4().hex}@sdk.example"


def test_it_pages_through_every_contact(client):
    rows = list(client.crm.objects.contacts.list(limit=20, properties=["email"]))
    assert len({row.id for row in rows}) == len(rows) > 50
    assert all("email" in row.properties for row in rows)


def test_it_creates_changes_reads_and_deletes(client):
    contacts = client.crm.objects.contacts
    address = an_address()
    made = contacts.create(properties={"email": address}, associations=[])
    assert made.properties["email"] == address
    assert contacts.update(made.id, properties={"city": "Ulm"}).properties["city"] == "Ulm"
    assert contacts.get(made.id, properties=["city"]).properties["city"] == "Ulm"
    with pytest.raises(ConflictError):
        contacts.create(properties={"email": address}, associations=[])
    with pytest.raises(BadRequestError):
        contacts.update(made.id, properties={"no_such_property": "1"})
    contacts.delete(made.id)
    with pytest.raises(NotFoundError):
        contacts.get(made.id)


def test_it_searches_in_the_order_it_asks_for(client):
    found = client.crm.objects.companies.search(
        filter_groups=[{"filters": [{"propertyName": "name", "operator": "HAS_PROPERTY"}]}],
        properties=["name"],
        sorts=["hs_object_id"],
        limit=10,
        after="0",
    )
    ids = [int(row.id) for row in found.results]
    assert ids == sorted(ids)
    assert found.total >= len(ids) > 1


def test_batches_tell_what_went_wrong_beside_what_went_well(client):
    batch = client.crm.objects.contacts.batch
    made = batch.create(inputs=[{"properties": {"email": an_address()}, "associations": []} for _ in range(3)])
    assert made.status == "COMPLETE"
    read = batch.get(
        inputs=[{"id": row.id} for row in made.results] + [{"id": "999999999999"}],
        properties=["email"],
        properties_with_history=[],
    )
    assert len(read.results) == 3


def test_it_reads_owners_pipelines_and_properties(client):
    assert len(client.crm.owners.list().results) >= 5
    assert client.crm.pipelines.list("deals").results
    assert client.crm.properties.get("lifecyclestage", object_type="contacts").type == "enumeration"
