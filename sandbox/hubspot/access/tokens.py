"""OAuth of one account: codes, refresh tokens and access tokens of half an hour ("Manage OAuth tokens" guide)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.answers import PORTAL_ID, Refusal

if TYPE_CHECKING:
    from sandbox.hubspot.portal import Portal

ACCESS_LIFE = timedelta(seconds=1800)
#: How long a code waits for its exchange; HubSpot states none.
CODE_LIFE = timedelta(minutes=10)
APP_ID = 1160452
USER_ID = 9_000_001
USER, HUB_DOMAIN = "admin@corp.example", "corp.example"
SCOPES: tuple[str, ...] = (
    "oauth", "content", "forms", "crm.lists.read", "crm.lists.write", "crm.objects.owners.read", "sales-email-read",
    "crm.export", "tickets", "communication_preferences.read", "communication_preferences.read_write",
    "communication_preferences.write", "communication_preferences.statuses.batch.read",
    "communication_preferences.statuses.batch.write", "behavioral_events.event_definitions.read_write",
    "analytics.behavioral_events.send",
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


class Tokens:
    """Hand out tokens and know whose they are; all of it lives in the account's store."""

    def __init__(self, portal: Portal, credentials: Credentials) -> None:
        """Serve a portal."""
        self._portal, self.credentials = portal, credentials

    # -- granting ------------------------------------------------------------------------------

    def authorize(self, client_id: str | None, redirect_uri: str | None, scope: str) -> str:
        """Return a code, as after the user has agreed to the app.

        Raises:
            Refusal: 400 for another app, or an address the app cannot have.
        """
        if client_id != self.credentials.client_id:
            raise Refusal(400, "missing or unknown client id", None, status="BAD_CLIENT_ID")
        if not redirect_uri or "://" not in redirect_uri:
            raise Refusal(400, "missing or invalid redirect URI", None, status="BAD_REDIRECT_URI")
        code = self._made("code")
        until = (self._portal.now() + CODE_LIFE).isoformat()
        entry = {"until": until, "redirect_uri": redirect_uri, "scopes": self._asked(scope)}
        self._keep("codes", {**self._kept("codes"), code: entry})
        return code

    def exchange(self, form: dict[str, str]) -> dict[str, Any]:
        """Answer a request for tokens: a code or a refresh token against an access token.

        Raises:
            Refusal: 400 for anything else.
        """
        kind, known = form.get("grant_type"), self.credentials
        if kind not in {"authorization_code", "refresh_token"}:
            raise Refusal(400, "grant type is not supported", None, status="BAD_GRANT_TYPE")
        if (form.get("client_id"), form.get("client_secret")) != (known.client_id, known.client_secret):
            raise Refusal(400, "missing or unknown client id or secret", None, status="BAD_CLIENT_ID")
        if kind == "authorization_code":
            refresh, scopes = self._from_code(form)
        else:
            refresh = form.get("refresh_token") or ""
            found = self.refresh_token(refresh)
            if found is None:
                raise _bad_refresh()
            scopes = found
        access = self._made("access")
        alive = {name: entry for name, entry in self._kept("access").items() if entry["until"] > self._before()}
        until = (self._portal.now() + ACCESS_LIFE).isoformat()
        self._keep("access", {**alive, access: {"until": until, "scopes": scopes}})
        return {
            "token_type": "bearer",
            "access_token": access,
            "refresh_token": refresh,
            "expires_in": int(ACCESS_LIFE.total_seconds()),
            "hub_id": PORTAL_ID,
            "scopes": scopes,
        }

    def _from_code(self, form: dict[str, str]) -> tuple[str, list[str]]:
        codes = self._kept("codes")
        entry = codes.pop(form.get("code") or "", None)
        if entry is None or entry["until"] <= self._portal.now().isoformat():
            raise Refusal(400, "missing or unknown auth code", None, status="BAD_AUTH_CODE")
        if entry["redirect_uri"] != form.get("redirect_uri"):
            raise Refusal(400, "redirect URI does not match that of the code", None, status="BAD_REDIRECT_URI")
        self._keep("codes", codes)
        refresh = f"na1-{uuid.uuid5(uuid.NAMESPACE_DNS, self._made('refresh'))}"
        self._keep("refresh", {**self._kept("refresh"), refresh: entry["scopes"]})
        return refresh, entry["scopes"]

    # -- knowing -------------------------------------------------------------------------------

    def access_token(self, token: str) -> tuple[datetime, list[str]] | None:
        """Return until when an access token lives and what it may do; None for an unknown one."""
        entry = self._kept("access").get(token)
        return None if entry is None else (datetime.fromisoformat(entry["until"]), entry["scopes"])

    def refresh_token(self, token: str) -> list[str] | None:
        """Return what a refresh token may do; None for an unknown or revoked one."""
        if token in self._kept("revoked"):
            return None
        if token == self.credentials.refresh_token:
            return list(SCOPES)
        found: list[str] | None = self._kept("refresh").get(token)
        return found

    def revoke(self, token: str) -> None:
        """Let a token be worth nothing from now on."""
        self._keep("revoked", {**self._kept("revoked"), token: True})
        self._keep("access", {name: entry for name, entry in self._kept("access").items() if name != token})

    def expire_all(self) -> None:
        """Let every access token run out now."""
        past = (self._portal.now() - timedelta(seconds=3)).isoformat()
        self._keep("access", {token: {**entry, "until": past} for token, entry in self._kept("access").items()})

    # -- inside --------------------------------------------------------------------------------

    def _asked(self, scope: str) -> list[str]:
        """Return the scopes of a request, of those the app has; the app's own where it asks for none."""
        asked = scope.replace("+", " ").split()
        return [name for name in SCOPES if name in asked or name == "oauth"] if asked else list(SCOPES)

    def _made(self, what: str) -> str:
        count = int(self._portal.records.kept("tokens", 0)) + 1
        self._portal.records.keep("tokens", count)
        return "C" + uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.credentials.client_secret}/{what}/{count}").hex

    def _before(self) -> str:
        return (self._portal.now() - ACCESS_LIFE).isoformat()

    def _kept(self, name: str) -> dict[str, Any]:
        return dict(self._portal.records.kept(f"oauth/{name}", {}))

    def _keep(self, name: str, value: dict[str, Any]) -> None:
        self._portal.records.keep(f"oauth/{name}", value)


def _bad_refresh() -> Refusal:
    message = "refresh token is invalid, expired or revoked"
    refusal = Refusal(400, message, None, status="BAD_REFRESH_TOKEN")
    refusal.members.update(error="invalid_grant", error_description=message)
    return refusal
