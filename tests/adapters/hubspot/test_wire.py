"""What is sent, and what each answer means. Method, path, query and headers are asserted, not assumed."""

import json
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest
import responses

from adapters.hubspot import HubSpotSource
from adapters.hubspot.reading import read_json
from connector.domain.refs import Ref
from connector.errors import AccessError, AdapterFault, ConfigError, RateLimited, TransientError

BASE = "https://api.example.com"
NOW = datetime(2026, 5, 1, tzinfo=UTC)
SEARCH = f"{BASE}/crm/v3/objects/contacts/search"
EMPTY = {"total": 0, "results": []}
OAUTH = {"client_id": "id", "client_secret": "secret", "refresh_token": "na1-x"}


@pytest.fixture
def vendor():
    with responses.RequestsMock(assert_all_requests_are_fired=True) as mock:
        yield mock


@pytest.fixture
def naps():
    return []


def make(naps, **options):
    return HubSpotSource({"base_url": BASE, "token": "pat-x", **options}, sleep=naps.append)


def pull(source, stream="contacts", cursor=None):
    return list(source.pull(stream, cursor, now=NOW))


def error(status, **members):
    return {"status": status, "json": {"status": "error", "message": "for ana@example.com", **members}}


def test_a_search_carries_the_token_the_filter_and_the_properties(vendor, naps):
    vendor.post(SEARCH, json=EMPTY)
    source = make(naps)
    source.want([("contact", "budget_range"), ("contact", "company.zip")])
    pull(source)
    request = vendor.calls[0].request
    body = json.loads(request.body)
    assert request.headers["Authorization"] == "Bearer pat-x"
    assert request.headers["Content-Type"] == "application/json"
    assert body["filterGroups"] == [
        {"filters": [{"propertyName": "lastmodifieddate", "operator": "GTE", "value": "0"}]}
    ]
    assert body["sorts"] == [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}]
    assert body["limit"] == 200
    assert {"email", "associatedcompanyid", "hs_email_optout", "budget_range"} <= set(body["properties"])
    assert "zip" not in body["properties"]
    assert "after" not in body


def test_dated_paths_are_used_when_asked_for(vendor, naps):
    vendor.post(f"{BASE}/crm/objects/2026-03/contacts/search", json=EMPTY)
    vendor.get(f"{BASE}/events/event-occurrences/2026-03", json={"results": []})
    source = make(naps, api="2026-03")
    pull(source)
    pull(source, "page_views")


def test_page_views_are_asked_for_with_their_boundary_included(vendor, naps):
    event = {
        "id": "e1",
        "objectId": "512",
        "objectType": "CONTACT",
        "eventType": "e_visited_page",
        "occurredAt": "2024-05-01T12:00:00.000Z",
        "properties": {"hs_url": "https://x.example/pricing?a=b"},
    }
    vendor.get(f"{BASE}/events/v3/events", json={"results": [event]})
    source = make(naps)
    page = pull(source, "page_views")[-1]
    assert page.activities[0].path == "/pricing"
    assert page.activities[0].person == Ref("hubspot", "contact", "512")
    pull(source, "page_views", page.cursor)
    first, second = (parse_qs(call.request.url.partition("?")[2]) for call in vendor.calls)
    assert "occurredAfter" not in first
    assert second["occurredAfter"] == ["2024-05-01T11:44:59.999Z"]
    assert second["sort"] == ["occurredAt"]
    assert second["eventType"] == ["e_visited_page"]


def test_deleted_contacts_are_read_from_the_archive_and_rest_when_they_are_many(vendor, naps):
    archive = f"{BASE}/crm/v3/objects/contacts"
    row = {"id": "7", "properties": {}, "archived": True, "archivedAt": "2024-05-01T12:00:00Z"}
    vendor.get(archive, json={"results": [row], "paging": {"next": {"after": "7"}}})
    vendor.get(archive, json={"results": [{**row, "id": "8"}]})
    source = make(naps)
    pages = pull(source, "archived_contacts")
    assert [(r.ref.id, r.deleted, r.merged_into) for page in pages for r in page.records] == [
        ("7", True, None),
        ("8", True, None),
    ]
    query = parse_qs(vendor.calls[1].request.url.partition("?")[2])
    assert (query["archived"], query["after"]) == (["true"], ["7"])
    again = pull(source, "archived_contacts", pages[-1].cursor)
    assert ([page.last for page in again], len(vendor.calls)) == ([True], 2)


def test_people_are_fetched_by_id_and_by_address(vendor, naps):
    vendor.post(f"{BASE}/crm/v3/objects/contacts/batch/read", json={"results": [{"id": "5", "properties": {}}]})
    vendor.post(f"{BASE}/crm/v3/objects/contacts/batch/read", status=207, json={"results": [], "numErrors": 1})
    source = make(naps)
    found = source.fetch_people([Ref("hubspot", "contact", "5"), Ref("hubspot", "email", "a@x.example")])
    assert [record.ref.id for record in found] == ["5"]
    bodies = [json.loads(call.request.body) for call in vendor.calls]
    assert (bodies[0]["inputs"], "idProperty" in bodies[0]) == ([{"id": "5"}], False)
    assert (bodies[1]["inputs"], bodies[1]["idProperty"]) == ([{"id": "a@x.example"}], "email")


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (error(401, category="INVALID_AUTHENTICATION"), AccessError, "hubspot.invalid_authentication"),
        (error(401, category="EXPIRED_AUTHENTICATION"), AccessError, "hubspot.expired_authentication"),
        (error(403, category="FORBIDDEN"), AccessError, "hubspot.forbidden"),
        (error(429, errorType="RATE_LIMIT", policyName="DAILY"), RateLimited, "hubspot.daily_limit"),
        (error(400, category="VALIDATION_ERROR"), AdapterFault, "hubspot.http_400"),
        (error(404), AdapterFault, "hubspot.http_404"),
        ({"status": 401, "body": "<html>"}, AccessError, "hubspot.invalid_authentication"),
    ],
)
def test_each_refusal_has_its_class_and_code_and_is_not_repeated(vendor, naps, answer, kind, code):
    vendor.post(SEARCH, **answer)
    with pytest.raises(kind) as caught:
        pull(make(naps))
    assert caught.value.code == code
    assert caught.value.at == "hubspot"
    assert "ana@example.com" not in str(caught.value)
    assert len(vendor.calls) == 1


def test_missing_scopes_are_named(vendor, naps):
    scopes = [{"context": {"requiredGranularScopes": ["crm.objects.contacts.read"]}}]
    vendor.post(SEARCH, **error(403, category="MISSING_SCOPES", errors=scopes, correlationId="c-1"))
    with pytest.raises(AccessError, match=r"crm\.objects\.contacts\.read") as caught:
        pull(make(naps))
    assert caught.value.request_id == "c-1"


def test_the_daily_limit_is_told_from_the_others(vendor, naps):
    vendor.post(SEARCH, **error(429, policyName="DAILY"))
    with pytest.raises(RateLimited) as caught:
        pull(make(naps))
    assert caught.value.daily
    assert naps == []


@pytest.mark.parametrize(("policy", "seconds"), [("SECONDLY", 1.0), ("TEN_SECONDLY_ROLLING", 10.0)])
def test_a_short_limit_is_waited_for_by_its_policy(vendor, naps, policy, seconds):
    vendor.post(SEARCH, **error(429, policyName=policy))
    vendor.post(SEARCH, json=EMPTY)
    assert pull(make(naps))[-1].last
    assert naps == [seconds]


@pytest.mark.parametrize(
    "answer", [{"status": 502, "body": "<html>"}, {"status": 200, "body": '{"total":1,"res'}, {"status": 523}]
)
def test_nonsense_is_asked_again_and_then_given_up(vendor, naps, answer):
    for _ in range(5):
        vendor.post(SEARCH, **answer)
    with pytest.raises(TransientError):
        pull(make(naps))
    assert len(vendor.calls) == 5


def test_an_oauth_app_fetches_a_token_and_another_when_it_expires(vendor, naps):
    for token in ("first", "second"):
        vendor.post(f"{BASE}/oauth/v1/token", json={"access_token": token, "expires_in": 1800})
    vendor.post(SEARCH, **error(401, category="EXPIRED_AUTHENTICATION"))
    vendor.post(SEARCH, json=EMPTY)
    source = HubSpotSource({"base_url": BASE, **OAUTH}, sleep=naps.append)
    pull(source)
    sent = [call.request for call in vendor.calls]
    assert [r.headers.get("Authorization") for r in sent] == [None, "Bearer first", None, "Bearer second"]
    assert parse_qs(sent[0].body) == {"grant_type": ["refresh_token"]} | {key: [v] for key, v in OAUTH.items()}
    assert sent[0].headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert source.traits().daily_calls is None


def test_a_refused_refresh_token_stops_the_adapter(vendor, naps):
    vendor.post(f"{BASE}/oauth/v1/token", status=400, json={"status": "BAD_REFRESH_TOKEN"})
    with pytest.raises(AccessError) as caught:
        pull(HubSpotSource({"base_url": BASE, **OAUTH}, sleep=naps.append))
    assert caught.value.code == "hubspot.refused_authentication"


def test_the_vendors_count_of_calls_is_kept(vendor, naps):
    limits = {"X-HubSpot-RateLimit-Daily": "1000", "X-HubSpot-RateLimit-Daily-Remaining": "990"}
    headers = {**limits, "Date": "Fri, 01 May 2026 00:00:07 GMT"}
    vendor.get(f"{BASE}/email/public/v1/events", json={"hasMore": False, "events": []}, headers=headers)
    source = make(naps)
    assert source.usage() is None
    pull(source, "email_events")
    usage = source.usage()
    assert (usage.used, usage.limit, usage.seen_at.second) == (10, 1000, 7)
    assert source.traits().daily_calls == 1000
    assert source.calls() == 1


def test_searches_keep_their_own_pace(vendor, naps):
    for _ in range(6):
        vendor.post(SEARCH, json=EMPTY)
    source = make(naps)
    for _ in range(6):
        pull(source)
    assert len(naps) == 1


def test_a_search_that_is_tried_again_counts_towards_the_pace(vendor, naps):
    for _ in range(5):
        vendor.post(SEARCH, status=502, body="<html>")
    vendor.post(SEARCH, json=EMPTY)
    source = make(naps)
    source._wire._searches._clock = lambda: 0.0
    with pytest.raises(TransientError):
        pull(source)
    waits = len(naps)
    pull(source)
    assert waits == 4, "between the five tries of a read"
    assert len(naps) == 5, "and the sixth search of this second keeps the pace"


def test_each_limit_is_taken_in_full_from_the_answers_it_governs(vendor, naps):
    headers = {"X-HubSpot-RateLimit-Max": "190"}
    vendor.get(f"{BASE}/email/public/v1/events", json={"hasMore": False, "events": []}, headers=headers)
    source = make(naps)
    pull(source, "email_events")
    assert (source._wire._burst.limit, source._wire._links.limit) == (190, 100)
    links = source._wire.paths.associations("companies", "contacts")
    vendor.post(f"{BASE}{links}", json={"results": []}, headers={"X-HubSpot-RateLimit-Max": "150"})
    source._wire.post(links, {"inputs": []}, read_json)
    assert (source._wire._burst.limit, source._wire._links.limit) == (190, 150)


@pytest.mark.parametrize(
    "options",
    [
        {"token": ""},
        {"base_url": "http://api.example.com"},
        {"tokn": "x"},
        {"overlap": "soon"},
        {"searches_per_second": -1},
        {"api": "v9"},
        {"token": 7},
        {"without": ["visits"]},
        {"without": "page_views"},
    ],
)
def test_bad_options_are_refused(options):
    with pytest.raises(ConfigError) as caught:
        HubSpotSource({"base_url": BASE, "token": "pat-x", **options})
    assert caught.value.at == "hubspot"


def test_streams_an_edition_lacks_can_be_left_out(naps):
    names = [stream.name for stream in make(naps, without=["page_views"]).traits().streams]
    assert "page_views" not in names
    assert "contacts" in names


def test_more_properties_than_a_search_can_carry_are_refused(naps):
    with pytest.raises(ConfigError, match="more properties"):
        make(naps).want([("contact", f"a_rather_long_property_name_{n}") for n in range(100)])
