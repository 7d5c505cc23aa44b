"""Who may come in: the token endpoint's four flows, and bearer tokens with an idle time-out."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.core.http import Response

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.salesforce.state import OrgState

#: A session dies after this long without a call (reference: session expiry).
IDLE = timedelta(hours=2)
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
#: The longest a JWT may live on, with some room for clocks that differ.
JWT_LIFE = timedelta(minutes=10)
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
        if hmac.compare_digest(token.encode(), self._own.access_token.encode()):
            return True
        until = self._idle.get(token)
        now = self._state.clock.now()
        if until is None or until < now:
            return False
        if until - now < IDLE - timedelta(minutes=1):
            self._keep(token, now + IDLE)
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
            self.expire(form.get("token", ""))
            return Response(200)
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if what == "userinfo":
            if not self.valid(bearer):
                return Response(403, "Bad_OAuth_Token")
            return Response(200, {"user_id": self._state.me, "preferred_username": self._own.username})
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
            self._check_assertion(form.get("assertion"))
        elif grant in ("password", "client_credentials", "refresh_token"):
            self._check_client(request, form)
            if grant == "password":
                self._check_password(form)
            if grant == "refresh_token" and form.get("refresh_token") != self._own.refresh_token:
                raise GrantError("invalid_grant", "expired access/refresh token")
        else:
            raise GrantError("unsupported_grant_type", "grant type not supported")
        return self._issue(request)

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
        if form["username"].lower() != self._own.username or form["password"] != self._own.password:
            raise GrantError("invalid_grant", "authentication failure")

    def _check_assertion(self, assertion: str | None) -> None:
        if not assertion:
            raise GrantError("invalid_request", "missing required parameter: assertion")
        public = self._key.public_key()
        # The expiry is checked here, against either clock: clients sign by their own, and some send it as text.
        options: Any = {"verify_exp": False, "verify_aud": False, "verify_iat": False, "verify_nbf": False}
        try:
            claims = jwt.decode(assertion, public, algorithms=["RS256"], options=options)  # type: ignore[arg-type]
            until = float(claims.get("exp", 0))
        except (jwt.PyJWTError, ValueError) as error:
            raise GrantError("invalid_grant", "invalid assertion") from error
        real, own = datetime.now(self._state.clock.now().tzinfo).timestamp(), self._state.clock.now().timestamp()
        if not any(now < until <= now + JWT_LIFE.total_seconds() for now in (real, own)):
            raise GrantError("invalid_grant", "expired authorization code")
        if claims.get("iss") != self._own.client_id:
            raise GrantError("invalid_client_id", "client identifier invalid")
        if str(claims.get("sub", "")).lower() != self._own.username:
            raise GrantError("invalid_grant", "user hasn't approved this consumer")
        audience = claims.get("aud")
        if not isinstance(audience, str) or not audience.startswith(
            ("https://", "http://127.0.0.1", "http://localhost")
        ):
            raise GrantError("invalid_grant", "audience is invalid")

    def _issue(self, request: Request) -> dict[str, Any]:
        number = int(self._state.records.kept("token_number", 0)) + 1
        self._state.records.keep("token_number", number)
        fresh = hashlib.blake2b(f"{self._own.client_secret}/{number}".encode(), digest_size=36).digest()
        token = (
            self._own.access_token.split("!")[0] + "!AR" + base64.urlsafe_b64encode(fresh).decode().replace("-", ".")
        )
        now = self._state.clock.now()
        self._keep(token, now + IDLE)
        host = request.headers.get("host", "127.0.0.1")
        base = f"{'https' if request.secure else 'http'}://{host}"
        issued = str(int(now.timestamp() * 1000))
        identity = f"{base}/id/{self._state.records.kept('org_id')}/{self._state.me}"
        signed = hmac.new(self._own.client_secret.encode(), (identity + issued).encode(), hashlib.sha256).digest()
        return {
            "access_token": token,
            "instance_url": base,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued,
            "signature": base64.b64encode(signed).decode(),
            "scope": "api refresh_token",
        }
