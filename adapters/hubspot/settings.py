"""What handoff.yaml may say about a HubSpot source."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from connector.errors import ConfigError

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
#: Keys that the configuration carries for the registry, not for us.
_FOREIGN = frozenset({"name", "adapter"})


@dataclass(frozen=True, slots=True)
class HubSpotSettings:
    """The options of one HubSpot source, checked.

    Attributes:
        base_url: the API's address.
        token: private app token or service key; empty when the three OAuth members are set.
        client_id, client_secret, refresh_token: of an OAuth app; access tokens are fetched with them as needed.
        api: ``v3``, or a dated edition such as ``2026-03`` (hubspot.md section 1).
        overlap: how far behind its newest row each CRM search starts again, because the index lags.
        event_overlap: the same for page views and e-mail events, which arrive later.
        submissions_overlap: the same for form submissions.
        searches_per_second: our share of the account's search limit (5 a second); 0 switches pacing off.
        calls_per_10s: our share of the app's burst limit; 0 switches pacing off, None takes what the vendor's
            headers allow, and 100 (the smallest edition's limit) until they tell.
        daily_calls: the account's limit per day where the vendor's headers do not tell it.
        forms_refresh: how long the list of forms is believed.
        without: streams that are left out, for accounts whose edition lacks them (page views need Enterprise).
        ca_file: certificate authority of a host of one's own.
    """

    base_url: str = "https://api.hubapi.com"
    token: str = ""
    client_id: str = ""
    client_secret: str = ""
    refresh_token: str = ""
    api: str = "v3"
    overlap: timedelta = timedelta(minutes=3)
    event_overlap: timedelta = timedelta(minutes=15)
    submissions_overlap: timedelta = timedelta(minutes=5)
    searches_per_second: int = 5
    calls_per_10s: int | None = None
    daily_calls: int = 250_000
    forms_refresh: timedelta = timedelta(minutes=15)
    without: tuple[str, ...] = ()
    ca_file: str = ""

    @property
    def oauth(self) -> bool:
        """Whether access tokens come from a refresh token."""
        return not self.token


def read_settings(options: Mapping[str, Any], *, at: str) -> HubSpotSettings:
    """Check the options of a source named ``at``.

    Raises:
        ConfigError: an option is unknown, has the wrong form, or credentials are missing.
    """
    known = {field.name: field for field in fields(HubSpotSettings)}
    values: dict[str, Any] = {}
    for key, value in options.items():
        if key in _FOREIGN or value is None:
            continue
        if key not in known:
            raise ConfigError(
                "config.option", f"unknown option {key!r}", cure=f"known are {', '.join(sorted(known))}", at=at
            )
        values[key] = _typed(key, value, str(known[key].type), at)
    settings = HubSpotSettings(**values)
    if settings.oauth and not (settings.client_id and settings.client_secret and settings.refresh_token):
        raise ConfigError(
            "config.credentials",
            "no credentials",
            cure="set token, or client_id, client_secret and refresh_token",
            at=at,
        )
    if settings.api != "v3" and not re.fullmatch(r"\d{4}-\d{2}", settings.api):
        raise ConfigError("config.option", "api must be v3 or a dated edition such as 2026-03", at=at)
    return settings


def _typed(key: str, value: object, kind: str, at: str) -> object:
    if kind == "timedelta":
        if isinstance(value, timedelta):
            return value
        found = _SPAN.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise ConfigError("config.option", f"{key} must be a span such as 3m", at=at)
        return timedelta(**{_UNITS[found[2]]: float(found[1])})
    if kind.startswith("int"):
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ConfigError("config.option", f"{key} must be a whole number from 0", at=at)
        return value
    if kind.startswith("tuple"):
        if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
            raise ConfigError("config.option", f"{key} must be a list of texts", at=at)
        return tuple(value)
    if not isinstance(value, str):
        raise ConfigError("config.option", f"{key} must be text", at=at)
    return value
