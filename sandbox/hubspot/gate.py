"""Who may come in, how often, and with which rights ("OAuth", "Usage guidelines" and "Scopes" pages)."""

from __future__ import annotations

import uuid
from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sandbox.core.http import Response
from sandbox.hubspot.answers import PORTAL_ID, Refusal

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.core.http import Request
    from sandbox.hubspot.portal import Portal

ACCESS_LIFE = timedelta(seconds=1800)
DOCS = "https://developers.hubspot.com/docs/methods/auth/oauth-overview"
SCOPES: tuple[str, ...] = (
    "oauth", "content", "forms", "crm.lists.read", "crm.lists.write", "crm.objects.owners.read", "sales-email-read",
    "communication_preferences.read", "communication_preferences.read_write",
    *(f"crm.objects.{obj}.{right}" for obj in ("contacts", "companies", "deals") for right in ("read", "write")),
    *(f"crm.schemas.{obj}.{right}" for obj in ("contacts", "companies", "deals") for right in ("read", "write")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client signs in with; made from the seed, so that a restart changes nothing."""

    token: str
    client_id: str
    client_secret: str
    refresh_token: str

    @classmethod
    def of_seed(cls, seed: int) -> Credentials:
        """Return the credentials of a seed's account."""

        def part(name: str) -> str:
            return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"hubspot/{seed}/{name}"))

        return cls(f"pat-na1-{part('token')}", part("client"), part("secret"), f"na1-{part('refresh')}")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the account takes; the defaults are those of a Professional account without the add-on."""

    burst: int = 190
    oauth_burst: int = 110
    search: int = 5
    search_window: timedelta = timedelta(seconds=1)
    associations: int = 150
    window: timedelta = timedelta(seconds=10)
    daily: int = 625_000


class Gate:
    """Check tokens, rights and rates on the account's clock."""

    def __init__(self, portal: Portal, credentials: Credentials, limits: Limits) -> None:
        """Guard a portal."""
        self._portal, self._credentials, self.limits = portal, credentials, limits
        self.reset()

    def reset(self) -> None:
        """Forget all traffic."""
        self._recent: dict[str, deque[datetime]] = {}
        self._day: tuple[str, int] = ("", 0)

    # -- tokens --------------------------------------------------------------------------------

    def grant(self, request: Request) -> Response:
        """Answer the token endpoint: a refresh token against an access token of half an hour.

        Raises:
            Refusal: 400 for anything else.
        """
        form = request.form()
        known = self._credentials
        if form.get("grant_type") != "refresh_token":
            raise Refusal(400, "grant type is not supported", None, status="BAD_GRANT_TYPE")
        if (form.get("client_id"), form.get("client_secret")) != (known.client_id, known.client_secret):
            raise Refusal(400, "missing or unknown client id or secret", None, status="BAD_CLIENT_ID")
        if form.get("refresh_token") != known.refresh_token:
            message = "refresh token is invalid, expired or revoked"
            refusal = Refusal(400, message, None, status="BAD_REFRESH_TOKEN")
            refusal.members.update(error="invalid_grant", error_description=message)
            raise refusal
        count = int(self._portal.records.kept("tokens", 0)) + 1
        token = "C" + uuid.uuid5(uuid.NAMESPACE_DNS, f"{known.client_secret}/{count}").hex
        expires = self._portal.now() + ACCESS_LIFE
        self._portal.records.keep("tokens", count)
        alive = {
            name: until
            for name, until in self._tokens().items()
            if until > (self._portal.now() - ACCESS_LIFE).isoformat()
        }
        self._portal.records.keep("access_tokens", {**alive, token: expires.isoformat()})
        return Response(
            200,
            {
                "token_type": "bearer",
                "access_token": token,
                "refresh_token": known.refresh_token,
                "expires_in": int(ACCESS_LIFE.total_seconds()),
                "hub_id": PORTAL_ID,
                "scopes": [scope for scope in SCOPES if scope not in self._removed()],
            },
        )

    def expire_tokens(self) -> None:
        """Let every access token run out now."""
        past = (self._portal.now() - timedelta(seconds=3)).isoformat()
        self._portal.records.keep("access_tokens", dict.fromkeys(self._tokens(), past))

    def _tokens(self) -> dict[str, str]:
        return dict(self._portal.records.kept("access_tokens", {}))

    def admit(self, request: Request) -> bool:
        """Let a request with a good token in; return whether it is an OAuth app's.

        Raises:
            Refusal: 401.
        """
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and token == self._credentials.token:
            return False
        until = self._tokens().get(token) if kind.lower() == "bearer" else None
        if until is None:
            message = (
                "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find "
                f"more details at {DOCS}"
            )
            raise Refusal(401, message, "INVALID_AUTHENTICATION")
        now = self._portal.now().isoformat()
        if until <= now:
            raise expired()
        return True

    # -- rights --------------------------------------------------------------------------------

    def _removed(self) -> set[str]:
        return set(self._portal.records.kept("removed_scopes", ()))

    def remove_right(self, scope: str) -> None:
        """Take a scope from the app."""
        self._portal.records.keep("removed_scopes", sorted(self._removed() | {scope}))

    def allow(self, needed: tuple[str, ...]) -> None:
        """Let an app pass that has one of the scopes (none needed: everybody).

        Raises:
            Refusal: 403.
        """
        removed = self._removed()
        if removed and needed and all(scope in removed for scope in needed):
            raise missing_scopes(needed)

    # -- rates ---------------------------------------------------------------------------------

    def count(self, bucket: str, *, oauth: bool) -> dict[str, str]:
        """Count a request against the limits and return the headers of its answer.

        ``bucket`` is search, associations or general. A refused request counts for nothing.

        Raises:
            Refusal: 429.
        """
        now, limits = self._portal.clock.now(), self.limits
        if bucket == "search":
            self._take("search", limits.search, limits.search_window, now, ("SECONDLY", "secondly"))
            return {}
        general = limits.oauth_burst if oauth else limits.burst
        most = limits.associations if bucket == "associations" else general
        today = now.date().isoformat()
        used = self._day[1] if self._day[0] == today else 0
        if used >= limits.daily:
            raise self._too_many("DAILY", "daily")
        left = self._take(bucket, most, limits.window, now, ("TEN_SECONDLY_ROLLING", "ten_secondly_rolling"))
        self._day = (today, used + 1)
        headers = {
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(limits.window // timedelta(milliseconds=1)),
            "X-HubSpot-RateLimit-Max": str(most),
            "X-HubSpot-RateLimit-Remaining": str(left),
        }
        if not oauth:
            headers["X-HubSpot-RateLimit-Daily"] = str(limits.daily)
            headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(limits.daily - used - 1)
        return headers

    def _take(self, bucket: str, most: int, window: timedelta, now: datetime, names: tuple[str, str]) -> int:
        recent = self._recent.setdefault(bucket, deque())
        while recent and not now - window < recent[0] <= now:
            recent.popleft()
        if len(recent) >= most:
            raise self._too_many(*names)
        recent.append(now)
        return most - len(recent)

    def _too_many(self, policy: str, word: str) -> Refusal:
        self._portal.call.violation = True
        return too_many(policy, word, self._portal.ticket())


def too_many(policy: str, word: str, request_id: str) -> Refusal:
    """Return a 429; it carries no Retry-After, for HubSpot documents none."""
    return Refusal(
        429,
        f"You have reached your {word} limit.",
        None,
        errorType="RATE_LIMIT",
        policyName=policy,
        requestId=request_id,
    )


def expired() -> Refusal:
    """Return the 401 of a token that ran out."""
    message = "The OAuth token used to make this call expired 3 second(s) ago."
    return Refusal(401, message, "EXPIRED_AUTHENTICATION")


def missing_scopes(needed: tuple[str, ...]) -> Refusal:
    """Return the 403 of an app without a scope."""
    message = "This app hasn't been granted all required scopes to make this call."
    error = {
        "message": "One or more of the following scopes are required.",
        "context": {"requiredGranularScopes": list(needed)},
    }
    return Refusal(
        403, message, "MISSING_SCOPES", errors=[error], links={"scopes": "https://developers.hubspot.com/scopes"}
    )


def needed_scopes(method: str, path: str, object_name: str | None, *, reads_by_post: bool) -> tuple[str, ...]:
    """Return the scopes of which one is needed for a call, by its path in the v3 tree."""
    write = method != "GET" and not reads_by_post
    owner_of = object_name if object_name in {"companies", "deals"} else "contacts"
    if path.startswith("/crm/v3/owners"):
        return ("crm.objects.owners.read",)
    if path.startswith("/crm/v3/lists"):
        return ("crm.lists.write",) if write else ("crm.lists.read",)
    if path.startswith(("/crm/v3/properties", "/crm/v3/pipelines")):
        write_scope = f"crm.schemas.{owner_of}.write"
        return (
            (write_scope,) if write else (f"crm.schemas.{owner_of}.read", f"crm.objects.{owner_of}.read", write_scope)
        )
    if path.startswith("/crm/"):
        return (f"crm.objects.{owner_of}.{'write' if write else 'read'}",)
    if path.startswith("/email/"):
        return ("content",)
    if path.startswith(("/marketing/v3/forms", "/form-integrations/")):
        return ("forms",)
    if path.startswith("/communication-preferences"):
        return ("communication_preferences.read_write", *(() if write else ("communication_preferences.read",)))
    return ()
