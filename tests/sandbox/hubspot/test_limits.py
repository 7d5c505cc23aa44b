"""Signing in, rights and rates, all on the account's clock."""

from __future__ import annotations

from datetime import timedelta

from sandbox.hubspot.access.gate import Limits


def _form(api, **fields):
    known = api.org.credentials
    body = {
        "grant_type": "refresh_token",
        "client_id": known.client_id,
        "client_secret": known.client_secret,
        "refresh_token": known.refresh_token,
        **fields,
    }
    return lambda path: api.session.post(api.url + path, data=body, timeout=5)


def test_refreshed_tokens_live_half_an_hour(empty):
    for path in ("/oauth/v1/token", "/oauth/v3/token", "/oauth/2026-03/token"):
        answer = _form(empty)(path)
        assert answer.status_code == 200
        assert answer.json()["expires_in"] == 1800
    token = answer.json()["access_token"]
    assert empty.call("GET", "/crm/v3/owners", token=token).status_code == 200
    empty.advance("1799s")
    assert empty.call("GET", "/crm/v3/owners", token=token).status_code == 200
    empty.advance("2s")
    late = empty.call("GET", "/crm/v3/owners", token=token)
    assert late.status_code == 401
    assert late.json()["category"] == "EXPIRED_AUTHENTICATION"


def test_bad_credentials(empty):
    answer = empty.call("GET", "/crm/v3/owners", token="wrong")
    assert answer.status_code == 401
    assert answer.json()["category"] == "INVALID_AUTHENTICATION"
    assert empty.session.get(empty.url + "/crm/v3/owners", timeout=5).status_code == 401
    refused = _form(empty, refresh_token="old")("/oauth/v1/token")
    assert refused.status_code == 400
    assert refused.json()["status"] == "BAD_REFRESH_TOKEN"
    assert refused.json()["error"] == "invalid_grant"


def test_a_removed_right_is_a_403_that_names_it(empty):
    empty.act({"do": "remove_right", "right": "crm.objects.contacts.write"})
    refused = empty.call("POST", "/crm/v3/objects/contacts", {"properties": {"email": "a@x.example"}})
    assert refused.status_code == 403
    assert refused.json()["category"] == "MISSING_SCOPES"
    assert refused.json()["errors"][0]["context"]["requiredGranularScopes"] == ["crm.objects.contacts.write"]
    assert empty.call("GET", "/crm/v3/objects/contacts").status_code == 200
    assert empty.call("POST", "/crm/v3/objects/tasks", {"properties": {}}).status_code == 403
    assert empty.call("POST", "/crm/v3/objects/companies", {"properties": {"name": "A"}}).status_code == 201


def test_burst_of_190_in_ten_seconds(empty):
    empty.org._gate.limits = Limits(burst=5)
    answers = [empty.call("GET", "/account-info/v3/details") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    left = [int(answer.headers["X-HubSpot-RateLimit-Remaining"]) for answer in answers[:5]]
    assert left == [4, 3, 2, 1, 0]
    assert answers[0].headers["X-HubSpot-RateLimit-Max"] == "5"
    assert answers[0].headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
    body = answers[5].json()
    assert body["policyName"] == "TEN_SECONDLY_ROLLING"
    assert body["errorType"] == "RATE_LIMIT"
    assert "Retry-After" not in answers[5].headers
    empty.advance("10s")
    assert empty.call("GET", "/account-info/v3/details").status_code == 200
    assert Limits().burst == 190
    assert empty.control("calls")["violations"] == 1


def test_five_searches_a_second_and_no_rate_headers(empty):
    assert (Limits().search, Limits().search_window) == (5, timedelta(seconds=1))
    empty.org._gate.limits = Limits(
        search_window=timedelta(minutes=5)
    )  # a slow machine must not pass for a slow client
    answers = [empty.call("POST", "/crm/v3/objects/contacts/search", {}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[5].json()["policyName"] == "SECONDLY"
    assert not any(name.lower().startswith("x-hubspot-ratelimit") for name in answers[0].headers)
    empty.advance("5m")
    assert empty.call("POST", "/crm/v3/objects/contacts/search", {}).status_code == 200


def test_daily_limit_until_midnight(empty):
    empty.org._gate.limits = Limits(daily=2)
    first = empty.call("GET", "/account-info/v3/details")
    assert first.headers["X-HubSpot-RateLimit-Daily-Remaining"] == "1"
    assert empty.call("GET", "/account-info/v3/details").status_code == 200
    refused = empty.call("GET", "/account-info/v3/details")
    assert refused.status_code == 429
    assert refused.json()["policyName"] == "DAILY"
    empty.advance("15h")
    assert empty.call("GET", "/account-info/v3/details").status_code == 200


def test_associations_have_a_limit_of_their_own(empty):
    empty.org._gate.limits = Limits(burst=1, associations=2, window=timedelta(seconds=10))
    path = "/crm/v4/associations/contacts/companies/labels"
    assert [empty.call("GET", path).status_code for _ in range(3)] == [200, 200, 429]
    assert empty.call("GET", "/account-info/v3/details").status_code == 200


def test_oauth_apps_see_no_daily_headers(empty):
    token = _form(empty)("/oauth/v1/token").json()["access_token"]
    answer = empty.call("GET", "/account-info/v3/details", token=token)
    assert answer.headers["X-HubSpot-RateLimit-Max"] == "110"
    assert "X-HubSpot-RateLimit-Daily" not in answer.headers
