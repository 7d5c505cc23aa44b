"""Getting a token: four flows, all ending in simple-salesforce's token login on our own session."""

from __future__ import annotations

import base64
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import jwt
import requests
from cryptography import x509
from simple_salesforce.exceptions import SalesforceAuthenticationFailed
from simple_salesforce.login import token_login

from adapters.http import VendorSession
from adapters.salesforce.options import Auth
from connector.errors import AccessError, AdapterFault, ConfigError, TransientError

#: A JWT may be at most about three minutes ahead (salesforce.md section 2).
_JWT_LIFE = timedelta(minutes=3)
#: When the vendor's clock and ours are further apart, a JWT is dated by the vendor's.
_SKEW = timedelta(seconds=30)

#: What ops do about each refusal of the token endpoint, by (error, beginning of its description).
_CURES: tuple[tuple[str, str, str], ...] = (
    (
        "invalid_grant",
        "user hasn't approved",
        "pre-authorise the connected app for our user's profile or permission set",
    ),
    ("invalid_grant", "no client credentials user", "set the Run As user of the connected app"),
    ("invalid_grant", "expired", "authorise the connected app again"),
    ("invalid_grant", "", "check user name, password and the connected app's policies"),
    ("invalid_client_id", "", "check client_id"),
    ("invalid_client", "", "check client_id and client_secret"),
    ("unsupported_grant_type", "", "allow this flow in the org, or choose another"),
    ("", "", "check the auth section"),
)


def certificate_end(auth: Auth) -> datetime | None:
    """Say until when the certificate holds that stands beside the key in the key file; None where none does (UTC)."""
    if auth.flow != "jwt":
        return None
    try:
        found = x509.load_pem_x509_certificates(Path(auth.key_file).read_bytes())
    except (OSError, ValueError):
        return None
    return min(one.not_valid_after_utc for one in found)


class SignIn:
    """Gives out access tokens for one org."""

    def __init__(self, auth: Auth, session: VendorSession, *, system: str) -> None:
        """Prepare; sends nothing."""
        self._auth = auth
        self._session = session
        self._system = system

    @property
    def renewable(self) -> bool:
        """Whether a new token can be had when the old one is refused."""
        return self._auth.flow != "token"

    def token(self) -> str:
        """Get a token; one request, except for the ``token`` flow, which needs none.

        Raises:
            AccessError: the vendor refuses us; never tried again by itself.
            ConfigError: the key file cannot be used.
            TransientError: unreachable.
        """
        auth = self._auth
        if auth.flow == "token":
            return auth.access_token
        try:
            return self._ask()
        except AccessError:
            # A JWT dated by a wrong clock is refused like a wrong one; the refusal has just told us the vendor's time.
            if auth.flow != "jwt" or not self._clocks_differ():
                raise
            return self._ask()

    def _ask(self) -> str:
        auth = self._auth
        form, headers = self._form()
        try:
            with warnings.catch_warnings():
                # The library warns with the client id in the text; the error below says the same without it.
                warnings.simplefilter("ignore")
                token, _ = token_login(
                    f"{auth.login_url}/services/oauth2/token",
                    form,
                    "login",
                    auth.client_id,
                    headers,
                    None,
                    cast("requests.Session", _TokenPost(self._session)),
                )
        except SalesforceAuthenticationFailed as error:
            raise self._refusal(error) from None
        except (AttributeError, ValueError, TypeError):
            # The library trusts the shape of the answer.
            token = None
        if not isinstance(token, str) or not token:
            raise AdapterFault(f"{self._system}.token_answer", "the token endpoint gave no token", at=self._system)
        return token

    def _form(self) -> tuple[dict[str, Any], dict[str, str] | None]:
        auth = self._auth
        if auth.flow == "client_credentials":
            pair = base64.b64encode(f"{auth.client_id}:{auth.client_secret}".encode()).decode()
            return {"grant_type": "client_credentials"}, {"Authorization": f"Basic {pair}"}
        if auth.flow == "password":
            return {
                "grant_type": "password",
                "client_id": auth.client_id,
                "client_secret": auth.client_secret,
                "username": auth.username,
                "password": auth.password,
            }, None
        return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": self._assertion()}, None

    def _assertion(self) -> str:
        auth = self._auth
        now = self._session.clock if self._clocks_differ() else None
        claims = {
            "iss": auth.client_id,
            "sub": auth.username,
            "aud": auth.audience,
            "exp": int(((now or datetime.now(UTC)) + _JWT_LIFE).timestamp()),
        }
        try:
            return jwt.encode(claims, Path(auth.key_file).read_bytes(), algorithm="RS256")
        except (OSError, ValueError, TypeError, jwt.PyJWTError):
            raise ConfigError(
                "config.key_file", "the private key cannot be used", cure="an RSA key in PEM form", at=self._system
            ) from None

    def _clocks_differ(self) -> bool:
        seen = self._session.clock
        return seen is not None and abs(datetime.now(UTC) - seen) > _SKEW

    def _refusal(self, error: SalesforceAuthenticationFailed) -> AccessError | TransientError:
        code = error.code if isinstance(error.code, str) else f"http_{error.code}"
        text = error.auth_message.lower()
        cure = next(cure for known, start, cure in _CURES if code.startswith(known) and text.startswith(start))
        return AccessError(
            f"{self._system}.authentication.{code}", "the org does not give us a token", cure=cure, at=self._system
        )


class _TokenPost:
    """What token login sees of our session: a post that may be repeated, for asking twice gives two tokens, no harm."""

    def __init__(self, session: VendorSession) -> None:
        self._session = session

    def post(
        self, url: str, data: dict[str, Any], *, headers: dict[str, str] | None = None, proxies: None = None
    ) -> requests.Response:
        del proxies
        return self._session.request("POST", url, data=data, headers=headers, repeatable=True)
