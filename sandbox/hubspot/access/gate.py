"""Who may come in, how often, and with which rights ("OAuth", "Usage guidelines" and "Scopes" pages)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.access.tokens import SCOPES, Tokens
from sandbox.hubspot.answers import Refusal

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.core.http import Request
    from sandbox.hubspot.portal import Portal

DOCS = "https://developers.hubspot.com/docs/methods/auth/oauth-overview"


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


#: Limits that are a number of calls.
COUNTED = frozenset({"burst", "oauth_burst", "search", "associations", "daily"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: an app by OAuth, or a private app."""

    oauth: bool
    scopes: frozenset[str] = frozenset(SCOPES)


class Gate:
    """Check tokens, rights and rates on the account's clock."""

    def __init__(self, portal: Portal, tokens: Tokens, limits: Limits) -> None:
        """Guard a portal."""
        self._portal, self.tokens, self._usual = portal, tokens, limits
        self.reset()

    def reset(self) -> None:
        """Forget all traffic, and what was changed of the limits."""
        self.limits = self._usual
        self._recent: dict[str, deque[datetime]] = {}
        self._day: tuple[str, int] = ("", 0)

    # -- tokens --------------------------------------------------------------------------------

    def admit(self, request: Request) -> Caller:
        """Let a request with a good token in; return what its app may do.

        Raises:
            Refusal: 401.
        """
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        known = self.tokens.credentials.token
        if request.path.startswith("/webhooks/") and request.arg("hapikey") == known:
            # Webhooks of public apps are managed with a developer's key; here the token stands for it.
            return Caller(oauth=False)
        if kind.lower() == "bearer" and token == known:
            return Caller(oauth=False)
        found = self.tokens.access_token(token) if kind.lower() == "bearer" else None
        if found is None:
            message = (
                "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find "
                f"more details at {DOCS}"
            )
            raise Refusal(401, message, "INVALID_AUTHENTICATION")
        late = self._portal.now() - found[0]
        if late >= timedelta(0):
            raise expired(int(late.total_seconds()))
        return Caller(oauth=True, scopes=frozenset(found[1]))

    # -- rights --------------------------------------------------------------------------------

    def _removed(self) -> set[str]:
        return set(self._portal.records.kept("removed_scopes", ()))

    def remove_right(self, scope: str) -> None:
        """Take a scope from the app."""
        self._portal.records.keep("removed_scopes", sorted(self._removed() | {scope}))

    def allow(self, caller: Caller, needed: tuple[str, ...]) -> None:
        """Let an app pass that has one of the scopes (none needed: everybody).

        Raises:
            Refusal: 403.
        """
        if not needed:
            return
        removed = self._removed()
        if not any(scope in caller.scopes and scope not in removed for scope in needed):
            raise missing_scopes(needed)

    def set_limit(self, name: str, value: int) -> None:
        """Give one of the counted limits another value, until the next reset."""
        changed: dict[str, Any] = {name: value}
        self.limits = replace(self.limits, **changed)

    # -- rates ---------------------------------------------------------------------------------

    def used_today(self) -> int:
        """Return how many calls of this day count against the daily limit."""
        today = self._portal.clock.now().date().isoformat()
        return self._day[1] if self._day[0] == today else 0

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
        used = self.used_today()
        if used >= limits.daily:
            raise self._too_many("DAILY", "daily")
        left = self._take(bucket, most, limits.window, now, ("TEN_SECONDLY_ROLLING", "ten_secondly_rolling"))
        self._day = (now.date().isoformat(), used + 1)
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


def expired(seconds: int = 3) -> Refusal:
    """Return the 401 of a token that ran out some seconds ago."""
    message = f"The OAuth token used to make this call expired {seconds} second(s) ago."
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


#: Paths in their v3/v4 form, and the scopes of which one is needed to read and to write there.
FAMILIES: tuple[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]], ...] = (
    (("/crm/v3/owners",), ("crm.objects.owners.read",), ("crm.objects.owners.read",)),
    (("/crm/v3/lists",), ("crm.lists.read",), ("crm.lists.write",)),
    (("/crm/v3/exports",), ("crm.export",), ("crm.export",)),
    (("/email/", "/marketing/v3/emails"), ("content",), ("content",)),
    (("/marketing/v3/forms", "/form-integrations/", "/submissions/"), ("forms",), ("forms",)),
    (
        ("/communication-preferences",),
        ("communication_preferences.read_write", "communication_preferences.read"),
        ("communication_preferences.read_write", "communication_preferences.write"),
    ),
    (
        ("/events/v3/event-definitions",),
        ("behavioral_events.event_definitions.read_write",),
        ("behavioral_events.event_definitions.read_write",),
    ),
    (("/events/v3/send",), ("analytics.behavioral_events.send",), ("analytics.behavioral_events.send",)),
)


def needed_scopes(method: str, path: str, object_name: str | None, *, reads_by_post: bool) -> tuple[str, ...]:
    """Return the scopes of which one is needed for a call, by its path in the v3 tree."""
    write = method != "GET" and not reads_by_post
    if object_name == "tickets":
        return ("tickets",)
    owner_of = object_name if object_name in {"companies", "deals"} else "contacts"
    for starts, reading, writing in FAMILIES:
        if path.startswith(starts):
            return writing if write else reading
    if path.startswith(("/crm/v3/properties", "/crm/v3/pipelines")):
        write_scope = f"crm.schemas.{owner_of}.write"
        return (
            (write_scope,) if write else (f"crm.schemas.{owner_of}.read", f"crm.objects.{owner_of}.read", write_scope)
        )
    if path.startswith("/crm/"):
        return (f"crm.objects.{owner_of}.{'write' if write else 'read'}",)
    return ()
