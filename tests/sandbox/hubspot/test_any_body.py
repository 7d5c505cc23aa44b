"""Whatever a client sends, the account answers with HubSpot's envelope and stays whole."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.core.clock import OrgClock
from sandbox.core.http import Request
from sandbox.hubspot.access.gate import Limits
from sandbox.hubspot.org import HubSpotOrg
from sandbox.people.build import build_world

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
NAMES = st.sampled_from(
    [
        "inputs", "id", "properties", "associations", "to", "from", "types", "filterGroups", "filters", "propertyName",
        "operator", "value", "values", "sorts", "limit", "after", "idProperty", "objectWriteTraceId", "email", "label",
        "primaryObjectId", "objectIdToMerge", "name", "type", "fieldType", "groupName", "options", "hs_timestamp",
        "associationTypeId", "query", "firstname", "objectId", "displayOrder", "recordIdsToAdd", "count", "offset",
    ]
)  # fmt: skip
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 20_000),
    st.sampled_from(["email", "10020", "a@b.example", "EQ", "IN", "lastmodifieddate", "contacts", "279", "number", ""]),
    st.text(max_size=8),
)
BODIES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=14
)
PATHS = st.sampled_from(
    [
        "POST /crm/v3/objects/contacts",
        "PATCH /crm/v3/objects/contacts/a@b.example?idProperty=email",
        "POST /crm/v3/objects/tasks",
        "POST /crm/v3/objects/contacts/search",
        "POST /crm/v3/objects/contacts/merge",
        "POST /crm/v3/objects/contacts/gdpr-delete",
        *(f"POST /crm/v3/objects/contacts/batch/{verb}" for verb in ("read", "create", "update", "upsert", "archive")),
        *(f"POST /crm/v4/associations/contacts/companies/batch/{v}" for v in ("read", "create", "archive")),
        "POST /crm/v4/associations/contacts/companies/batch/associate/default",
        "POST /crm/v4/associations/contacts/companies/batch/labels/archive",
        "POST /crm/v4/associations/contacts/companies/labels",
        "PUT /crm/v4/objects/contacts/1/associations/companies/2",
        "POST /crm/v3/properties/contacts",
        "POST /crm/v3/properties/contacts/batch/create",
        "POST /crm/v3/properties/contacts/batch/read",
        "PATCH /crm/v3/properties/contacts/email",
        "POST /crm/v3/properties/contacts/groups",
        "POST /crm/v3/lists/search",
        "POST /crm/v3/lists",
        "PUT /crm/v3/lists/1/memberships/add",
        "PUT /crm/v3/lists/1/memberships/add-and-remove",
        "POST /communication-preferences/v4/statuses/batch/read",
        "POST /communication-preferences/v3/subscribe",
        "POST /oauth/v1/token",
    ]
)


@pytest.fixture(scope="module")
def org(tmp_path_factory):
    many = Limits(burst=10**9, search=10**9, associations=10**9, daily=10**9)
    made = HubSpotOrg(tmp_path_factory.mktemp("any"), OrgClock(AT), world=build_world(1, AT, 20), limits=many)
    yield made
    made.close()


def _wrapped(path: str, body: object) -> object:
    """Put random entries where the interesting code is: into the list that the path expects."""
    if "/batch/" in path and not isinstance(body, dict):
        return {"inputs": body if isinstance(body, list) else [{"id": body, "properties": {"email": body}}]}
    if path.endswith("/search") and isinstance(body, list):
        return {"filterGroups": body}
    return body


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=PATHS, body=BODIES)
def test_any_body_gets_an_envelope(org, path, body):
    method, target = path.split(" ")
    headers = [("Authorization", f"Bearer {org.credentials.token}"), ("Content-Type", "application/json")]
    sent = _wrapped(path, body)
    request = Request.make(method, target, headers, sent if isinstance(sent, (dict, list)) else str(sent))
    response = org.handle(request)
    assert 200 <= response.status < 500
    if response.status >= 400:
        assert isinstance(response.body, dict)
        assert response.body["message"]
        assert response.body["correlationId"]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(
        [
            "/crm/v3/objects/contacts",
            "/crm/v3/objects/contacts/10020",
            "/crm/v3/owners",
            "/marketing/v3/forms",
            "/email/public/v1/events",
            "/events/v3/events",
            "/email/public/v1/campaigns",
            "/crm/v4/objects/contacts/10020/associations/companies",
            "/email/public/v1/subscriptions/timeline",
        ]
    ),
    name=st.sampled_from(
        [
            "limit",
            "after",
            "offset",
            "eventType",
            "startTimestamp",
            "occurredAfter",
            "archived",
            "properties",
            "associations",
            "idProperty",
            "sort",
            "objectId",
        ]
    ),
    value=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="&#+%"), max_size=6),
)
def test_any_parameter_gets_an_envelope(org, path, name, value):
    headers = [("Authorization", f"Bearer {org.credentials.token}")]
    response = org.handle(Request.make("GET", f"{path}?{name}={value}", headers))
    assert response.status in {200, 400, 404}
