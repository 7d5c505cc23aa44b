"""Who may come in: the token endpoint's four flows, and bearer tokens with an idle time-out."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.core.http import Response
from sandbox.salesforce.access.identity import base_of, org_id, userinfo

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.salesforce.state import OrgState

#: A session dies after this long without a call (reference: session expiry).
IDLE = timedelta(hours=2)
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
#: The longest a JWT may live on: three minutes, with some room for clocks that differ.
JWT_LIFE = timedelta(minutes=5)
#: An ``exp`` beyond this is no number of seconds: it would lie in the year 5138.
IN_MILLISECONDS = 1e11
#: Login hosts of the vendor and the My Domain names that a client may take this org for; loopback is the org itself.
AUDIENCE = re.compile(r"https://[A-Za-z0-9.-]+\.salesforce\.com|https?://(?:127\.0\.0\.1|localhost)(?::\d+)?")
TOKEN_PATHS = tuple(f"/services/oauth2/{name}" for name in ("token", "revoke", "introspect", "userinfo"))


def _secret(seed: int, what: str, length: int) -> str:
    raw = hashlib.blake2b(f"{seed}/{what}".encode(), digest_size=48).digest()
    return base64.urlsafe_b64encode(raw).decode().replace("-", "_").replace("=", "")[:length]


@dataclass(slots=True, frozen=True)
class Credentials:
    """What a client needs to get in; the same for the same seed, but for the key file."""

    access_token: str
    client_id: str
    client_secret: str
    username: str
    password: str
    refresh_token: str
    jwt_key_file: Path
    #: Appended to the password by whoever signs in from an unknown network; from this one both ways go.
    security_token: str


def credentials(seed: int, org_id: str, username: str, directory: Path) -> Credentials:
    """Return the org's credentials and make sure the JWT key stands in the directory."""
    key_file = directory / "jwt.key"
    if not key_file.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        directory.mkdir(parents=True, exist_ok=True)
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    return Credentials(
        f"{org_id[:15]}!AQ{_secret(seed, 'access', 40)}",
        f"3MVG9{_secret(seed, 'client', 50)}",
        _secret(seed, "secret", 48).upper(),
        username,
        _secret(seed, "password", 14),
        f"5Aep861{_secret(seed, 'refresh', 50)}",
        key_file,
        _secret(seed, "security", 24),
    )


class GrantError(Exception):
    """The token endpoint says no."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        """Take the two words of the answer."""
        super().__init__(error)
        self.error, self.description, self.status = error, description, status


class Sessions:
    """Issue and check bearer tokens.

    The token of the sandbox's JSON line belongs to a session without time-out, so that a client that was given a token
    and nothing else survives a moved clock; tokens of the token endpoint die after two idle hours on the org's clock.
    """

    def __init__(self, state: OrgState, own: Credentials) -> None:
        """Take the org's rows, in which the tokens are kept."""
        self._state, self._own = state, own
        self._idle: dict[str, datetime] = {}
        self._key = serialization.load_pem_private_key(own.jwt_key_file.read_bytes(), None)
        self.reload()

    def reload(self) -> None:
        """Find the tokens again that were issued before."""
        self._idle = {
            token: datetime.fromisoformat(moment) for token, moment in self._state.records.kept("tokens", {}).items()
        }

    def valid(self, token: str) -> bool:
        """Tell whether a bearer token opens the org; using one keeps it alive."""
        if not self.user_active():
            return False
        if hmac.compare_digest(token.encode(), self._own.access_token.encode()):
            return not self._state.records.kept("given_token_revoked", default=False)
        until = self._idle.get(token)
        now = self._state.clock.now()
        if until is None or until < now:
            return False
        if until - now < IDLE - timedelta(minutes=1):
            self._keep(token, now + IDLE)
        return True

    def user_active(self) -> bool:
        """Tell whether the user whom all tokens belong to may sign in."""
        user = self._state.row(self._state.me)
        return user is not None and bool(user.get("IsActive", False))

    def revoke(self, token: str) -> bool:
        """End a session for good, or all that come from a refresh token; tell whether it was one of ours."""
        if hmac.compare_digest(token.encode(), self._own.refresh_token.encode()):
            known = not self._state.records.kept("refresh_revoked", default=False)
            self._state.records.keep("refresh_revoked", value=True)
            self._idle.clear()
            self._state.records.keep("tokens", {})
            return known
        if not self.valid(token):
            return False
        if token == self._own.access_token:
            self._state.records.keep("given_token_revoked", value=True)
        self.expire(token)
        return True

    def expire(self, token: str) -> None:
        """End the session of a token; the one without time-out stays."""
        if self._idle.pop(token, None) is not None:
            self._state.records.keep("tokens", {key: moment.isoformat() for key, moment in self._idle.items()})

    def _keep(self, token: str, until: datetime) -> None:
        self._idle[token] = until
        now = self._state.clock.now()
        self._idle = {key: moment for key, moment in self._idle.items() if moment > now}
        self._state.records.keep("tokens", {key: moment.isoformat() for key, moment in self._idle.items()})

    # -- the token endpoint --------------------------------------------------------------------

    def answer(self, request: Request) -> Response:
        """Answer a request to one of the OAuth resources."""
        form = request.form() if request.body else dict(request.query)
        what = request.path.rstrip("/").rsplit("/", 1)[1]
        try:
            if what == "token":
                return Response(200, self._grant(request, form))
        except GrantError as error:
            return Response(error.status, {"error": error.error, "error_description": error.description})
        if what == "revoke":
            if self.revoke(form.get("token", "")):
                return Response(200)
            return Response(400, {"error": "invalid_token", "error_description": "invalid token"})
        if what == "introspect":
            return self._introspected(request, form)
        bearer = request.headers.get("authorization", "").partition(" ")[2].strip() or form.get("access_token", "")
        user = self._state.row(self._state.me)
        if user is None or not self.valid(bearer):
            return Response(403, "Bad_OAuth_Token")
        return Response(200, userinfo(self._state, user, base_of(request)))

    def _introspected(self, request: Request, form: dict[str, str]) -> Response:
        try:
            self._check_client(request, form)
        except GrantError as error:
            return Response(401, {"error": "invalid_client", "error_description": error.description})
        return Response(200, self._introspect(form))

    def _introspect(self, form: dict[str, str]) -> dict[str, Any]:
        token = form.get("token", "")
        if not self.valid(token):
            return {"active": False}
        until = self._idle.get(token, self._state.clock.now() + IDLE)
        return {
            "active": True,
            "scope": "api refresh_token",
            "client_id": self._own.client_id,
            "username": self._own.username,
            "sub": self._state.me,
            "token_type": "access_token",
            "exp": int(until.timestamp()),
            "iat": int((until - IDLE).timestamp()),
            "nbf": int((until - IDLE).timestamp()),
        }

    def _grant(self, request: Request, form: dict[str, str]) -> dict[str, Any]:
        grant = form.get("grant_type")
        if grant is None:
            raise GrantError("invalid_request", "missing required parameter: grant_type")
        if grant == JWT_GRANT:
            self._check_assertion(form.get("assertion"), base_of(request))
        elif grant in ("password", "client_credentials", "refresh_token"):
            self._check_client(request, form)
            if grant == "password":
                self._check_password(form)
            if grant == "refresh_token":
                self._check_refresh(form)
        else:
            raise GrantError("unsupported_grant_type", "grant type not supported")
        if not self.user_active():
            raise GrantError("inactive_user", "user is inactive")
        return self._issue(request, scoped=grant != "password")

    def _check_client(self, request: Request, form: dict[str, str]) -> None:
        client, secret = form.get("client_id"), form.get("client_secret")
        basic = request.headers.get("authorization", "")
        if basic.lower().startswith("basic "):
            try:
                client, _, secret = base64.b64decode(basic[6:], validate=True).decode().partition(":")
            except ValueError as error:
                raise GrantError("invalid_client", "invalid client credentials") from error
            client, secret = unquote_plus(client), unquote_plus(secret)
        if client is None:
            raise GrantError("invalid_request", "missing required parameter: client_id")
        if client != self._own.client_id:
            raise GrantError("invalid_client_id", "client identifier invalid")
        if secret is None or not hmac.compare_digest(secret.encode(), self._own.client_secret.encode()):
            raise GrantError("invalid_client", "invalid client credentials")

    def _check_password(self, form: dict[str, str]) -> None:
        for name in ("username", "password"):
            if not form.get(name):
                raise GrantError("invalid_request", f"missing required parameter: {name}")
        if not self.knows(form["username"], form["password"]):
            raise GrantError("invalid_grant", "authentication failure")

    def knows(self, username: str, password: str) -> bool:
        """Tell whether the password, with or without the security token behind it, is the user's."""
        good = (self._own.password, self._own.password + self._own.security_token)
        right = [hmac.compare_digest(password.encode(), known.encode()) for known in good]
        return username.lower() == self._own.username and any(right)

    def _check_refresh(self, form: dict[str, str]) -> None:
        if not form.get("refresh_token"):
            raise GrantError("invalid_request", "missing required parameter: refresh_token")
        revoked = self._state.records.kept("refresh_revoked", default=False)
        if revoked or form["refresh_token"] != self._own.refresh_token:
            raise GrantError("invalid_grant", "expired access/refresh token")

    def _check_assertion(self, assertion: str | None, own_base: str) -> None:
        if not assertion:
            raise GrantError("invalid_request", "missing required parameter: assertion")
        public = self._key.public_key()
        # The expiry is checked here, against either clock: clients sign by their own, and some send it as text.
        options: Any = {"verify_exp": False, "verify_aud": False, "verify_iat": False, "verify_nbf": False}
        try:
            claims = jwt.decode(assertion, public, algorithms=["RS256"], options=options)  # type: ignore[arg-type]
            until = float(claims.get("exp", 0))
            if until > IN_MILLISECONDS:
                # @salesforce/core, behind the vendor's command line, signs with Date.now() + 300 and is let in
                until = until / 1000 + timedelta(minutes=1).total_seconds()
        except (jwt.PyJWTError, ValueError) as error:
            raise GrantError("invalid_grant", "invalid assertion") from error
        real, own = datetime.now(self._state.clock.now().tzinfo).timestamp(), self._state.clock.now().timestamp()
        if not any(now < until <= now + JWT_LIFE.total_seconds() for now in (real, own)):
            raise GrantError("invalid_grant", "expired authorization code")
        if claims.get("iss") != self._own.client_id:
            raise GrantError("invalid_client_id", "client identifier invalid")
        if str(claims.get("sub", "")).lower() != self._own.username:
            raise GrantError("invalid_grant", "user hasn't approved this consumer")
        named = claims.get("aud")
        audiences = {str(entry).rstrip("/") for entry in (named if isinstance(named, list) else [named])}
        if not any(entry == own_base or AUDIENCE.fullmatch(entry) for entry in audiences):
            raise GrantError("invalid_grant", "audience is invalid")

    def open_session(self) -> str:
        """Return a fresh token that lives until it is idle for too long."""
        number = int(self._state.records.kept("token_number", 0)) + 1
        self._state.records.keep("token_number", number)
        fresh = hashlib.blake2b(f"{self._own.client_secret}/{number}".encode(), digest_size=36).digest()
        token = (
            self._own.access_token.split("!")[0] + "!AR" + base64.urlsafe_b64encode(fresh).decode().replace("-", ".")
        )
        self._keep(token, self._state.clock.now() + IDLE)
        return token

    def _issue(self, request: Request, *, scoped: bool) -> dict[str, Any]:
        token, base = self.open_session(), base_of(request)
        issued = str(int(self._state.clock.now().timestamp() * 1000))
        identity = f"{base}/id/{org_id(self._state)}/{self._state.me}"
        signed = hmac.new(self._own.client_secret.encode(), (identity + issued).encode(), hashlib.sha256).digest()
        answer = {
            "access_token": token,
            "instance_url": base,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued,
            "signature": base64.b64encode(signed).decode(),
        }
        return {**answer, "scope": "api refresh_token"} if scoped else answer
