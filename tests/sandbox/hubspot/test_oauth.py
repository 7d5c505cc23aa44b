"""Signing in: codes, refresh tokens, half-hour access tokens, what a token may do, and every way to be refused."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hubspot import HubSpot
from hubspot.oauth import ApiException

BACK = "http://127.0.0.1:9/back?x=1"


def app(api):
    known = api.org.credentials
    return {"client_id": known.client_id, "client_secret": known.client_secret}


def agree(api, **more):
    asked = {"client_id": app(api)["client_id"], "redirect_uri": BACK, "scope": "oauth", "state": "s 1", **more}
    return api.session.get(f"{api.url}/oauth/authorize", params=asked, allow_redirects=False, timeout=20)


def token(api, path="/oauth/v1/token", **form):
    return api.session.post(api.url + path, data={**app(api), **form}, timeout=20)


def code_of(api, **more):
    return parse_qs(urlsplit(agree(api, **more).headers["Location"]).query)["code"][0]


def exchange(api, code, **more):
    return token(api, **{"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, **more})


def test_a_code_is_exchanged_once(empty):
    sent = agree(empty)
    assert sent.status_code == 302
    query = parse_qs(urlsplit(sent.headers["Location"]).query)
    assert (query["x"], query["state"]) == (["1"], ["s 1"])
    first = exchange(empty, query["code"][0])
    assert first.status_code == 200
    body = first.json()
    assert (body["token_type"], body["expires_in"], body["hub_id"]) == ("bearer", 1800, 62515)
    again = exchange(empty, query["code"][0])
    assert (again.status_code, again.json()["status"]) == (400, "BAD_AUTH_CODE")
    fresh = token(empty, grant_type="refresh_token", refresh_token=body["refresh_token"]).json()
    assert fresh["access_token"] != body["access_token"]
    assert fresh["refresh_token"] == body["refresh_token"]


def test_a_code_runs_out_and_belongs_to_its_address(empty):
    code = code_of(empty)
    assert exchange(empty, code, redirect_uri="http://127.0.0.1:9/other").json()["status"] == "BAD_REDIRECT_URI"
    empty.advance("11m")
    assert exchange(empty, code).json()["status"] == "BAD_AUTH_CODE"


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"grant_type": "password"}, "BAD_GRANT_TYPE"),
        ({}, "BAD_GRANT_TYPE"),
        ({"grant_type": "refresh_token", "client_secret": "no"}, "BAD_CLIENT_ID"),
        ({"grant_type": "refresh_token", "refresh_token": "no"}, "BAD_REFRESH_TOKEN"),
        ({"grant_type": "authorization_code", "code": "no", "redirect_uri": BACK}, "BAD_AUTH_CODE"),
    ],
)
def test_refusals(empty, form, status):
    answer = token(empty, **form)
    assert (answer.status_code, answer.json()["status"]) == (400, status)
    if status == "BAD_REFRESH_TOKEN":
        assert answer.json()["error"] == "invalid_grant"


@pytest.mark.parametrize("wrong", [{"client_id": "no"}, {"redirect_uri": ""}])
def test_consent_for_another_app_is_refused(empty, wrong):
    assert agree(empty, **wrong).status_code == 400


def test_an_access_token_does_what_its_user_agreed_to(empty):
    body = exchange(empty, code_of(empty, scope="oauth crm.objects.contacts.read")).json()
    assert sorted(body["scopes"]) == ["crm.objects.contacts.read", "oauth"]
    access = body["access_token"]
    listed = empty.call("GET", "/crm/v3/objects/contacts", token=access)
    assert listed.status_code == 200
    assert not [name for name in listed.headers if "Daily" in name]
    assert listed.headers["X-HubSpot-RateLimit-Max"] == "110"
    refused = empty.call("POST", "/crm/v3/objects/contacts", {"properties": {"email": "a@b.example"}}, token=access)
    assert (refused.status_code, refused.json()["category"]) == (403, "MISSING_SCOPES")
    assert refused.json()["errors"][0]["context"]["requiredGranularScopes"] == ["crm.objects.contacts.write"]


def test_an_access_token_lives_for_half_an_hour(empty):
    access = exchange(empty, code_of(empty, scope="crm.objects.contacts.read")).json()["access_token"]
    empty.advance("29m")
    assert empty.call("GET", "/crm/v3/objects/contacts", token=access).status_code == 200
    empty.advance("2m")
    late = empty.call("GET", "/crm/v3/objects/contacts", token=access)
    assert (late.status_code, late.json()["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert late.json()["message"].startswith("The OAuth token used to make this call expired 6")
    unknown = empty.call("GET", "/crm/v3/objects/contacts", token="nobody")
    assert (unknown.status_code, unknown.json()["category"]) == (401, "INVALID_AUTHENTICATION")


def test_the_official_client_signs_in(empty):
    client = HubSpot(host=empty.url, retry=False)
    known = empty.org.credentials
    api = client.oauth.tokens_api
    made = api.create(grant_type="authorization_code", code=code_of(empty), redirect_uri=BACK, **app(empty))
    again = api.create(grant_type="refresh_token", refresh_token=made.refresh_token, **app(empty))
    seen = client.oauth.access_tokens_api.get(again.access_token)
    assert (seen.hub_id, seen.token_type, 0 < seen.expires_in <= 1800) == (62515, "access", True)
    refresh = client.oauth.refresh_tokens_api
    assert refresh.get(made.refresh_token).client_id == known.client_id
    refresh.archive(made.refresh_token)
    with pytest.raises(ApiException) as caught:
        refresh.get(made.refresh_token)
    assert caught.value.status == 404
    with pytest.raises(ApiException) as caught:
        api.create(grant_type="refresh_token", refresh_token=made.refresh_token, **app(empty))
    assert "BAD_REFRESH_TOKEN" in caught.value.body


def test_the_dated_tree_introspects_and_revokes(empty):
    body = exchange(empty, code_of(empty)).json()
    seen = token(empty, "/oauth/2026-03/token/introspect", token=body["access_token"]).json()
    assert (seen["active"], seen["token_use"]) == (True, "access_token")
    assert token(empty, "/oauth/2026-09/token/introspect", token=body["refresh_token"]).json()["active"]
    assert token(empty, "/oauth/2026-03/token/revoke", token=body["access_token"]).status_code == 200
    assert empty.call("GET", "/crm/v3/owners", token=body["access_token"]).status_code == 401
    assert token(empty, "/oauth/2026-03/token/introspect", token=body["access_token"]).json() == {"active": False}
