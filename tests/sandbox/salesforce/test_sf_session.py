"""Signing in: four flows, what refuses them, and how long a session lasts."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import jwt
import pytest

from sandbox.core.http import Request


def grant(client, headers=None, **form):
    return client.ask("POST", "/services/oauth2/token", urlencode(form), **(headers or {}))


def assertion(client, **claims):
    own = client.org.credentials
    about = {"iss": own.client_id, "sub": own.username, "aud": "https://login.salesforce.com"}
    about["exp"] = f"{(datetime.now(UTC) + timedelta(minutes=3)).timestamp():.0f}"
    return jwt.encode({**about, **claims}, own.jwt_key_file.read_bytes(), algorithm="RS256")


def test_all_four_flows_let_a_client_in(empty):
    own = empty.org.credentials
    keys = {"client_id": own.client_id, "client_secret": own.client_secret}
    basic = base64.b64encode(f"{own.client_id}:{own.client_secret}".encode()).decode()
    answers = [
        grant(empty, grant_type="password", username=own.username, password=own.password, **keys),
        grant(empty, grant_type="refresh_token", refresh_token=own.refresh_token, **keys),
        grant(empty, grant_type="client_credentials", **keys),
        grant(empty, {"Authorization": f"Basic {basic}"}, grant_type="client_credentials"),
        grant(empty, grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=assertion(empty)),
    ]
    tokens = {body["access_token"] for _, body in answers}
    assert [status for status, _ in answers] == [200] * 5
    assert len(tokens) == 5
    assert answers[0][1]["instance_url"] == "http://127.0.0.1"
    assert answers[0][1]["issued_at"].isdigit()
    for empty.token in tokens:
        assert empty.ask("GET", "limits")[0] == 200


@pytest.mark.parametrize(
    ("form", "status", "error", "words"),
    [
        ({}, 400, "invalid_request", "missing required parameter: grant_type"),
        ({"grant_type": "magic"}, 400, "unsupported_grant_type", "grant type not supported"),
        ({"grant_type": "password", "client_id": "x"}, 400, "invalid_client_id", "client identifier invalid"),
        (
            {"grant_type": "client_credentials", "client_secret": "x"},
            400,
            "invalid_client",
            "invalid client credentials",
        ),
        ({"grant_type": "password", "password": "x"}, 400, "invalid_grant", "authentication failure"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, 400, "invalid_grant", "expired access/refresh token"),
    ],
)
def test_the_token_endpoint_says_no_with_an_object(empty, form, status, error, words):
    own = empty.org.credentials
    keys = {"client_id": own.client_id, "client_secret": own.client_secret, "username": own.username}
    got, body = grant(empty, **({**keys, **form} if form else {}))
    assert (got, body) == (status, {"error": error, "error_description": words})


def test_a_jwt_must_be_signed_by_the_key_and_be_fresh(empty):
    name = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    old = f"{(datetime.now(UTC) - timedelta(minutes=1)).timestamp():.0f}"
    for claims in ({"exp": old}, {"sub": "nobody@corp.example"}, {"iss": "x"}):
        assert grant(empty, grant_type=name, assertion=assertion(empty, **claims))[0] == 400
    head, body, _ = assertion(empty).split(".")
    assert grant(empty, grant_type=name, assertion=f"{head}.{body}.AAAA")[1]["error"] == "invalid_grant"
    ahead = (empty.org.clock.now() + timedelta(minutes=3)).timestamp()
    assert grant(empty, grant_type=name, assertion=assertion(empty, exp=ahead))[0] == 200
    # the vendor's own library counts in milliseconds
    hasty = int(datetime.now(UTC).timestamp() * 1000) + 300
    assert grant(empty, grant_type=name, assertion=assertion(empty, exp=hasty))[0] == 200
    assert grant(empty, grant_type=name, assertion=assertion(empty, exp=hasty - 3_600_000))[0] == 400


def test_the_identity_address_says_whose_token_it_is(empty):
    own = empty.org.credentials
    keys = {"client_id": own.client_id, "client_secret": own.client_secret}
    address = grant(empty, grant_type="client_credentials", **keys)[1]["id"].removeprefix("http://127.0.0.1")
    status, body = empty.ask("GET", address)
    assert (status, body["username"], body["user_id"]) == (200, own.username, empty.org._state.me)
    assert empty.ask("GET", "limits")[0] == 200
    assert empty.ask("GET", "")[1]["identity"].endswith(address)


def test_sessions_end_after_two_idle_hours_but_the_given_token_lasts(empty):
    own = empty.org.credentials
    keys = {"client_id": own.client_id, "client_secret": own.client_secret}
    given, empty.token = empty.token, grant(empty, grant_type="client_credentials", **keys)[1]["access_token"]
    empty.advance("90m")
    assert empty.ask("GET", "limits")[0] == 200
    empty.advance("90m")
    assert empty.ask("GET", "limits")[0] == 200
    empty.advance("121m")
    expired = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    assert empty.ask("GET", "limits") == (401, expired)
    empty.token = given
    assert empty.ask("GET", "limits")[0] == 200
    empty.token = "nonsense"
    assert empty.ask("GET", "limits") == (401, expired)
    assert empty.ask("GET", "/services/data/")[0] == 200
    assert "Sforce-Limit-Info" not in empty.answer.headers


def post(client, path, **form):
    body = urlencode(form)
    headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Host", "127.0.0.1")]
    answer = client.door.handle(Request.make("POST", path, headers, body))
    payload = answer.payload()
    return answer.status, json.loads(payload) if payload.startswith(b"{") else payload.decode()


def keys_of(client):
    own = client.org.credentials
    return {"client_id": own.client_id, "client_secret": own.client_secret}


def fresh(client, **form):
    return grant(client, **{"grant_type": "client_credentials", **keys_of(client), **form})[1]["access_token"]


def test_userinfo_and_identity_tell_the_same_of_the_user(empty):
    info = post(empty, "/services/oauth2/userinfo", access_token=empty.token)[1]
    known = empty.ask("GET", info["sub"].removeprefix("http://127.0.0.1"))[1]
    assert (info["user_id"], info["organization_id"]) == (known["user_id"], known["organization_id"])
    assert info["preferred_username"] == known["username"] == empty.org.credentials.username
    assert known["urls"]["rest"] == "http://127.0.0.1/services/data/v{version}/"
    assert post(empty, "/services/oauth2/userinfo", access_token="x") == (403, "Bad_OAuth_Token")


def test_introspection_is_for_the_app_alone(empty):
    token, path = fresh(empty), "/services/oauth2/introspect"
    assert post(empty, path, token=token)[0] == 401
    assert post(empty, path, token=token, client_id=keys_of(empty)["client_id"], client_secret="x")[0] == 401
    status, body = post(empty, path, token=token, token_type_hint="access_token", **keys_of(empty))
    assert (status, body["active"], body["username"]) == (200, True, empty.org.credentials.username)
    assert post(empty, path, token="x", **keys_of(empty)) == (200, {"active": False})


def test_a_revoked_token_is_dead_and_a_revoked_grant_gives_no_more(empty):
    token, given = fresh(empty), empty.token
    assert post(empty, "/services/oauth2/revoke", token=token)[0] == 200
    assert post(empty, "/services/oauth2/revoke", token=token) == (
        400,
        {"error": "invalid_token", "error_description": "invalid token"},
    )
    empty.token = token
    assert empty.ask("GET", "limits")[0] == 401
    empty.token = given
    assert empty.ask("GET", "limits")[0] == 200
    other, refresh = fresh(empty), empty.org.credentials.refresh_token
    assert post(empty, "/services/oauth2/revoke", token=refresh)[0] == 200
    refused = grant(empty, grant_type="refresh_token", refresh_token=refresh, **keys_of(empty))
    assert refused[1]["error_description"] == "expired access/refresh token"
    empty.token = other
    assert empty.ask("GET", "limits")[0] == 401
    empty.ask("POST", "/__sandbox__/reset")
    assert grant(empty, grant_type="refresh_token", refresh_token=refresh, **keys_of(empty))[0] == 200


def test_a_deactivated_user_neither_signs_in_nor_works_on(empty):
    token = fresh(empty)
    empty.act({"do": "deactivate_user", "id": "handoff"})
    assert grant(empty, grant_type="client_credentials", **keys_of(empty)) == (
        400,
        {"error": "inactive_user", "error_description": "user is inactive"},
    )
    for dead in (token, empty.org.credentials.access_token):
        empty.token = dead
        assert empty.ask("GET", "limits")[0] == 401


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"aud": "https://elsewhere.example"}, "audience is invalid"),
        ({"aud": "https://login.salesforce.com.evil.example"}, "audience is invalid"),
        ({"sub": "nobody@corp.example"}, "user hasn't approved this consumer"),
        ({"iss": "x"}, "client identifier invalid"),
    ],
)
def test_each_claim_of_a_jwt_is_weighed(empty, claims, words):
    name = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert grant(empty, grant_type=name, assertion=assertion(empty, **claims))[1]["error_description"] == words


@pytest.mark.parametrize(
    "audience", ["https://test.salesforce.com", "https://corp.my.salesforce.com/", "http://127.0.0.1"]
)
def test_a_jwt_may_name_any_door_of_the_vendor_or_this_one(empty, audience):
    name = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert grant(empty, grant_type=name, assertion=assertion(empty, aud=audience))[0] == 200


def test_the_security_token_may_stand_behind_the_password_but_not_another(empty):
    own = empty.org.credentials
    form = {"grant_type": "password", "username": own.username.upper(), **keys_of(empty)}
    assert grant(empty, password=own.password + own.security_token, **form)[0] == 200
    assert grant(empty, password=own.password + "x", **form)[1]["error_description"] == "authentication failure"
