"""Signing in: four flows, what refuses them, and how long a session lasts."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import jwt
import pytest


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
