"""The crm section of handoff.yaml, as far as it concerns Salesforce."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, get_args

from adapters.http import checked_address
from connector.errors import ConfigError

Flow = Literal["token", "client_credentials", "jwt", "password"]

#: What each sign-in flow cannot do without (REST62 OAuth; salesforce.md section 2).
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "token": ("access_token",),
    "client_credentials": ("client_id", "client_secret"),
    "jwt": ("client_id", "username", "key_file"),
    "password": ("client_id", "client_secret", "username", "password"),
}
_DEFAULT_VERSION = "60.0"
#: A job takes about ten calls, polls included, and a collection of 200 rows one: from here on a job takes half as many.
#: The vendor itself advises against jobs below 2,000 rows (salesforce.md section 8).
BULK_FROM = 4_000


@dataclass(frozen=True, slots=True)
class Auth:
    """How to sign in; secrets are left out of ``repr``."""

    flow: Flow
    #: where tokens are given out; the org's own address unless set
    login_url: str
    #: who a JWT is addressed to
    audience: str
    access_token: str = field(default="", repr=False)
    client_id: str = field(default="", repr=False)
    client_secret: str = field(default="", repr=False)
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    key_file: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """Where the org is, how we get in, how carefully we read."""

    instance_url: str
    auth: Auth
    #: digits only, ``60.0``
    api_version: str = _DEFAULT_VERSION
    ca_file: str | None = None
    #: how far each pull reads back behind what it has seen: rows appear late
    overlap: timedelta = timedelta(minutes=5)
    #: updates of our own fields of one object that go as one Bulk job from this many on; 0: never
    bulk_from: int = BULK_FROM


def read_options(options: Mapping[str, Any], *, at: str) -> Options:
    """Read and check the options of handoff.yaml. Sends nothing.

    Raises:
        ConfigError: something is missing or wrong; the message names the key and never a value.
    """
    known = {"adapter", "name", "instance_url", "auth", "api_version", "ca_file", "overlap_minutes", "bulk_from"}
    strange = sorted(set(options) - known)
    if strange:
        raise ConfigError("config.unknown_key", f"unknown keys: {', '.join(strange)}", at=at)
    instance_url = checked_address(_text(options, "instance_url", at), at=f"{at}.instance_url")
    version = str(options.get("api_version") or _DEFAULT_VERSION).removeprefix("v")
    if not re.fullmatch(r"\d{2,3}\.0", version):
        raise ConfigError("config.api_version", "api_version has the form v60.0", at=at)
    ca_file = options.get("ca_file")
    if ca_file and not Path(str(ca_file)).is_file():
        raise ConfigError("config.ca_file", "ca_file does not exist", at=at)
    auth = options.get("auth")
    if not isinstance(auth, Mapping):
        raise ConfigError(
            "config.auth", "auth is missing", cure="auth: {flow: token, access_token: ${SF_TOKEN}}", at=at
        )
    return Options(
        instance_url=instance_url,
        auth=_read_auth(auth, instance_url, at=f"{at}.auth"),
        api_version=version,
        ca_file=str(ca_file) if ca_file else None,
        overlap=_overlap(options, at),
        bulk_from=_bulk_from(options, at),
    )


def _read_auth(auth: Mapping[str, Any], instance_url: str, *, at: str) -> Auth:
    flow = auth.get("flow", "token")
    if flow not in get_args(Flow):
        raise ConfigError("config.auth_flow", f"flow is one of {', '.join(get_args(Flow))}", at=at)
    strange = sorted(set(auth) - {"flow", "login_url", "audience", *(key for keys in _NEEDED.values() for key in keys)})
    if strange:
        raise ConfigError("config.unknown_key", f"unknown keys: {', '.join(strange)}", at=at)
    given = {key: _text(auth, key, at) for key in _NEEDED[flow]}
    if flow == "jwt" and not Path(given["key_file"]).is_file():
        raise ConfigError("config.key_file", "key_file does not exist", at=at)
    login_url = checked_address(str(auth.get("login_url") or instance_url), at=f"{at}.login_url")
    # A JWT names one of the two public hosts as its audience, also when it is sent to the org's own address.
    sandbox = "//test." in login_url or ".sandbox." in login_url
    audience = str(auth.get("audience") or f"https://{'test' if sandbox else 'login'}.salesforce.com")
    return Auth(flow=flow, login_url=login_url, audience=audience, **given)


def _overlap(options: Mapping[str, Any], at: str) -> timedelta:
    minutes = options.get("overlap_minutes", 5)
    if isinstance(minutes, bool) or not isinstance(minutes, (int, float)) or not 0 <= minutes <= 1440:
        raise ConfigError("config.overlap", "overlap_minutes lies between 0 and 1440", at=at)
    return timedelta(minutes=minutes)


def _bulk_from(options: Mapping[str, Any], at: str) -> int:
    rows = options.get("bulk_from", BULK_FROM)
    if isinstance(rows, bool) or not isinstance(rows, int) or rows < 0:
        raise ConfigError("config.bulk_from", "bulk_from is a number of rows, or 0 for never", at=at)
    return rows


def _text(options: Mapping[str, Any], key: str, at: str) -> str:
    value = options.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ConfigError("config.missing", f"{key} is missing", at=at)
    return value.strip()
