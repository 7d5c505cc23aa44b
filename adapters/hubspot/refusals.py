"""What each of HubSpot's error answers means for us (hubspot.md sections 2 and 3)."""

from __future__ import annotations

import re
from typing import Any

import requests

from adapters.http import retry_after_seconds
from adapters.hubspot.reading import read_json
from connector.errors import AccessError, AdapterFault, HandoffError, RateLimited, TransientError

#: How long the official Node client waits by policy; 429 answers carry no Retry-After (hubspot.md section 3).
_POLICY_SECONDS = {"TEN_SECONDLY_ROLLING": 10.0, "SECONDLY": 1.0}
_LATER = frozenset({521, 523, 524})
#: Only words of this form are repeated in our messages: they cannot be anybody's data.
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,79}")


def judge(response: requests.Response, *, at: str) -> HandoffError | None:
    """Say what is wrong with an answer; None where the caller or the session's own rules decide."""
    status = response.status_code
    if status < 400:
        return None
    if status in (401, 403):
        return _access(status, _body(response), at)
    if status == 429:
        return _rate(response, _body(response), at)
    if status == 477:
        return RateLimited(
            "hubspot.account_moving",
            "the account is being moved to another data centre",
            retry_after_seconds=retry_after_seconds(response),
            at=at,
        )
    if status == 423:
        # A lock of two seconds under heavy writing.
        return RateLimited("hubspot.locked", "the account is locked for a moment", retry_after_seconds=2.0, at=at)
    if status in _LATER:
        return TransientError(f"hubspot.http_{status}", f"the vendor answered with status {status}", at=at)
    return None


def refusal(response: requests.Response, *, at: str) -> AccessError | AdapterFault:
    """Build the error for an answer that refuses a request we should not have made, or that is not HubSpot's at all."""
    body = _body(response)
    if not body:
        return AccessError(
            "hubspot.not_hubspot",
            f"the host does not answer like HubSpot (status {response.status_code})",
            cure="base_url is https://api.hubapi.com; a proxy or login page may answer in its place",
            at=at,
        )
    category = _word(body.get("category")) or "no category"
    codes = sorted({_word(e.get("code")) for e in _errors(body)} - {""})
    told = f"{category} {' '.join(codes)}".strip()
    return AdapterFault(
        f"hubspot.http_{response.status_code}",
        f"HubSpot refused a request of ours with status {response.status_code} ({told})",
        at=at,
        request_id=_word(body.get("correlationId")),
    )


def _access(status: int, body: dict[str, Any], at: str) -> AccessError:
    category = _word(body.get("category"))
    request_id = _word(body.get("correlationId"))
    if status == 403 and category == "MISSING_SCOPES":
        scopes = ", ".join(_scopes(body)) or "not named by the vendor"
        return AccessError(
            "hubspot.missing_scopes",
            f"our access lacks scopes: {scopes}",
            cure="add the scopes to the private app or service key",
            at=at,
            request_id=request_id,
        )
    if status == 403:
        return AccessError(
            "hubspot.forbidden",
            "HubSpot refuses us this",
            cure="let the owner of the private app or service key allow it; `handoff check --online` shows what else",
            at=at,
            request_id=request_id,
        )
    if category == "EXPIRED_AUTHENTICATION":
        return AccessError(
            "hubspot.expired_authentication",
            "the access token has expired",
            cure="give a new token, or client_id, client_secret and refresh_token",
            at=at,
            request_id=request_id,
        )
    return AccessError(
        "hubspot.invalid_authentication",
        "HubSpot does not know our credentials",
        cure="check the token",
        at=at,
        request_id=request_id,
    )


def _rate(response: requests.Response, body: dict[str, Any], at: str) -> RateLimited:
    policy = _word(body.get("policyName"))
    daily = policy == "DAILY"
    told = retry_after_seconds(response)
    return RateLimited(
        "hubspot.daily_limit" if daily else "hubspot.rate_limited",
        "the account's calls of today are used up" if daily else "too many calls in a short time",
        retry_after_seconds=told if told is not None or daily else _POLICY_SECONDS.get(policy, 10.0),
        daily=daily,
        cure="wait for midnight in the account's time zone" if daily else "",
        at=at,
        request_id=_word(body.get("correlationId")),
    )


def _scopes(body: dict[str, Any]) -> list[str]:
    found: set[str] = set()
    for error in _errors(body):
        context = error.get("context")
        if isinstance(context, dict):
            for key in ("requiredGranularScopes", "requiredScopes"):
                names = context.get(key)
                if isinstance(names, list):
                    found.update(map(_word, names))
    return sorted(found - {""})


def _errors(body: dict[str, Any]) -> list[dict[str, Any]]:
    errors = body.get("errors")
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _body(response: requests.Response) -> dict[str, Any]:
    try:
        body = read_json(response.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _word(value: object) -> str:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""
