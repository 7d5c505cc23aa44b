"""The OAuth resources: consent, tokens, what a token is worth, revocation ("Manage OAuth tokens" guide)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sandbox.core.http import Response
from sandbox.hubspot.access.tokens import APP_ID, HUB_DOMAIN, USER, USER_ID, Tokens
from sandbox.hubspot.answers import PORTAL_ID, Refusal, ms

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.router import Router
    from sandbox.hubspot.portal import Portal

#: Resources that need no bearer token.
OPEN = ("/oauth/",)


class OAuthRoutes:
    """Answer the OAuth calls; none of them counts against a limit."""

    def __init__(self, portal: Portal, tokens: Tokens) -> None:
        """Serve a portal."""
        self._portal, self._tokens = portal, tokens

    def add_to(self, router: Router) -> None:
        """Add the routes."""
        router.add("GET", "/oauth/authorize", self.authorize)
        router.add("POST", "/oauth/v1/token", self.token)
        router.add("POST", "/oauth/v1/token/introspect", self.introspect)
        router.add("POST", "/oauth/v1/token/revoke", self.revoke)
        router.add("GET", "/oauth/v1/access-tokens/{token}", self.access_token)
        router.add("GET", "/oauth/v1/refresh-tokens/{token}", self.refresh_token)
        router.add("DELETE", "/oauth/v1/refresh-tokens/{token}", self.drop_refresh_token)

    def authorize(self, request: Request, params: dict[str, str]) -> Response:
        """Send the user back with a code: here the user agrees at once (HubSpot shows a page on app.hubspot.com)."""
        del params
        self._portal.apart("sign_in")
        target = request.arg("redirect_uri")
        code = self._tokens.authorize(request.arg("client_id"), target, request.arg("scope") or "")
        query = {"code": code, **({"state": state} if (state := request.arg("state")) else {})}
        mark = "&" if "?" in str(target) else "?"
        return Response(302, None, {"Location": f"{target}{mark}{urlencode(query)}"})

    def token(self, request: Request, params: dict[str, str]) -> Response:
        """Hand out an access token."""
        del params
        self._portal.apart("sign_in")
        sort = request.headers.get("content-type", "application/x-www-form-urlencoded")
        if "x-www-form-urlencoded" not in sort:
            raise Refusal(415, f"Content type {sort[:60]} is not supported", None)
        given = self._tokens.exchange(request.form())
        if self._portal.edition in {"2026-03", "2026-09"}:
            given |= {"token_use": "access_token", "user_id": USER_ID}
        return Response(200, given)

    # -- what a token is worth -----------------------------------------------------------------

    def access_token(self, request: Request, params: dict[str, str]) -> Response:
        """Describe an access token."""
        del request
        self._portal.apart("sign_in")
        found = self._tokens.access_token(params["token"])
        if found is None or found[0] <= self._portal.now():
            raise Refusal(404, "access token not found", "OBJECT_NOT_FOUND")
        left = int((found[0] - self._portal.now()).total_seconds())
        shown = {**_about(params["token"], "access", found[1]), "app_id": APP_ID, "expires_in": left}
        return Response(200, shown)

    def refresh_token(self, request: Request, params: dict[str, str]) -> Response:
        """Describe a refresh token."""
        del request
        self._portal.apart("sign_in")
        scopes = self._tokens.refresh_token(params["token"])
        if scopes is None:
            raise Refusal(404, "refresh token not found", "OBJECT_NOT_FOUND")
        client_id = self._tokens.credentials.client_id
        return Response(200, {**_about(params["token"], "refresh", scopes), "client_id": client_id})

    def drop_refresh_token(self, request: Request, params: dict[str, str]) -> Response:
        """Revoke a refresh token; access tokens live on to their end."""
        del request
        self._portal.apart("sign_in")
        if self._tokens.refresh_token(params["token"]) is None:
            raise Refusal(404, "refresh token not found", "OBJECT_NOT_FOUND")
        self._tokens.revoke(params["token"])
        return Response(204)

    def introspect(self, request: Request, params: dict[str, str]) -> Response:
        """Describe a token of either kind, in the dated tree."""
        del params
        self._portal.apart("sign_in")
        form = self._from_the_app(request)
        token, client_id = form.get("token") or "", self._tokens.credentials.client_id
        access, now = self._tokens.access_token(token), self._portal.now()
        if access is not None and access[0] > now:
            left = int((access[0] - now).total_seconds())
            shown = {**_about(token, "access", access[1]), "active": True, "app_id": APP_ID, "client_id": client_id}
            signed = _signed(ms(access[0]), access[1])
            more = {"token_use": "access_token", "is_private_distribution": True, "signed_access_token": signed}
            return Response(200, {**shown, **more, "expires_in": left})
        scopes = self._tokens.refresh_token(token)
        if scopes is None:
            return Response(200, {"active": False})
        shown = {**_about(token, "refresh", scopes), "active": True, "app_id": APP_ID, "client_id": client_id}
        return Response(200, {**shown, "token_use": "refresh_token"})

    def revoke(self, request: Request, params: dict[str, str]) -> Response:
        """Revoke a token of either kind; an unknown one is answered alike."""
        del params
        self._portal.apart("sign_in")
        self._tokens.revoke(self._from_the_app(request).get("token") or "")
        return Response(200)

    def _from_the_app(self, request: Request) -> dict[str, str]:
        form, known = request.form(), self._tokens.credentials
        if (form.get("client_id"), form.get("client_secret")) != (known.client_id, known.client_secret):
            raise Refusal(400, "missing or unknown client id or secret", None, status="BAD_CLIENT_ID")
        return form


def _about(token: str, kind: str, scopes: list[str]) -> dict[str, Any]:
    about = {"token": token, "token_type": kind, "hub_id": PORTAL_ID, "hub_domain": HUB_DOMAIN}
    return {**about, "user": USER, "user_id": USER_ID, "scopes": scopes}


def _signed(expires_ms: int, scopes: list[str]) -> dict[str, Any]:
    """Return the signed part of an access token; the sandbox signs nothing, so the signatures are empty."""
    texts = dict.fromkeys(("signature", "newSignature", "scopeToScopeGroupPks", "trialScopes"), "")
    flags = {"isPrivateDistribution": True, "isServiceAccount": False, "isUserLevel": False}
    numbers = {"appId": APP_ID, "hubId": PORTAL_ID, "userId": USER_ID, "installingUserId": USER_ID}
    more = {"trialScopeToScopeGroupPks": "", "scopes": " ".join(scopes), "hublet": "na1", "expiresAt": expires_ms}
    return {**texts, **flags, **numbers, **more}
