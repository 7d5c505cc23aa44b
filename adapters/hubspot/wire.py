"""Asking HubSpot: the official client forms the request, our session carries it.

hubspot-api-client is used for what it is good at, and kept from the rest. Its raw side (``client.api_request``) knows
host, credentials, headers and how parameters and bodies are written; that request is built by the client and handed
to our session, because the client's own ``send`` has no timeout, counts nothing, and prints the full address (with
people's e-mail addresses in the query) when the network fails. Its object side is not used at all on these paths: it
needs 137 µs to build one contact where reading the bytes takes a few, sleeps silently on 429, and has 60 unrelated
exception classes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import requests
from hubspot import HubSpot
from hubspot.utils.requests.http_request_builder import Request

from adapters.http import VendorSession, checked_address
from adapters.hubspot.pace import Pace
from adapters.hubspot.paths import Paths
from adapters.hubspot.reading import Rows, read_json
from adapters.hubspot.refusals import judge, refusal
from adapters.hubspot.settings import HubSpotSettings
from connector.errors import AccessError, HandoffError, OutcomeUnknown
from connector.ports.traits import Usage
from connector.ports.waits import Circuit, Waits

#: Calls per 10 seconds of the smallest edition (hubspot.md section 3).
SMALLEST_BURST = 100
#: A little more than the vendor's windows: two clocks do not tick alike.
SECOND, TEN_SECONDS = 1.005, 10.05
Answer = TypeVar("Answer")
Reader = Callable[[bytes], Answer]
Sleep = Callable[[float], None]


#: No answer within 100 s: what was asked may still be carried out (hubspot.md section 3).
NO_ANSWER = 524


@dataclass(frozen=True, slots=True)
class Written:
    """The answer to a write: its status, and its body where it has a readable one."""

    status: int
    body: Any


class _PacedSession(VendorSession):
    """Keeps the pace with every request it sends: a try that is repeated counts at the vendor's like the first."""

    paces: tuple[Pace, ...] = ()

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        with ExitStack() as stack:
            for pace in self.paces:
                stack.enter_context(pace)
            return super().send(request, **kwargs)


class _Client(HubSpot):  # type: ignore[misc]  # the client is untyped
    """The official client with our session underneath its raw side."""

    def __init__(self, session: VendorSession, **config: Any) -> None:
        super().__init__(**config)
        self._session = session

    def api_request(self, options: dict[str, Any], *, repeatable: bool = True) -> requests.Response:
        built = Request(self.config, options)
        return self._session.request(
            built.get_method(), built.get_url(), repeatable=repeatable, **built.get_options_for_sending()
        )


class Wire:
    """One account's connection, for one thread. Reads may be repeated; what ``write`` sends is sent once."""

    def __init__(self, settings: HubSpotSettings, *, at: str, sleep: Sleep = time.sleep) -> None:
        """Prepare; sends nothing.

        Raises:
            ConfigError: the address is not one we may speak to.
        """
        base_url = checked_address(settings.base_url, at=at)
        self.paths = Paths(settings.api)
        self._settings = settings
        self._at = at
        self._session = _PacedSession("hubspot", judge=self._judge, ca_file=settings.ca_file or None, sleep=sleep)
        self._client = _Client(self._session, access_token=settings.token, base_url=base_url)
        self._anonymous = _Client(self._session, base_url=base_url)
        self._searches = Pace(settings.searches_per_second, SECOND, sleep=sleep)
        limit = SMALLEST_BURST if settings.calls_per_10s is None else settings.calls_per_10s
        self._burst = Pace(limit, TEN_SECONDS, sleep=sleep)
        # Associations have a limit of their own; whether they count towards the other one too is not documented.
        self._links = Pace(limit, TEN_SECONDS, sleep=sleep)
        self._all = (self._searches, self._burst, self._links)
        self._reader: Reader[Any] = read_json
        self._writing = False
        self._usage: Usage | None = None

    def search(self, kind: str, body: dict[str, Any], reader: Reader[Answer]) -> Answer:
        """Search one type of record; searches have a limit of their own.

        Raises:
            AccessError, RateLimited, TransientError, AdapterFault: as mapped in ``refusals``.
        """
        return self._read("POST", self.paths.search(kind), None, body, reader, (self._searches,))

    def post(self, path: str, body: dict[str, Any], reader: Reader[Answer]) -> Answer:
        """Read through a POST; raises as ``search``."""
        links = (self._links,) if "/associations/" in path else ()
        return self._read("POST", path, None, body, reader, (*links, self._burst))

    def get(self, path: str, query: Mapping[str, object], reader: Reader[Answer]) -> Answer:
        """Read; raises as ``search``."""
        return self._read("GET", path, query, None, reader, (self._burst,))

    def write(self, path: str, body: dict[str, Any]) -> Written:
        """Send a POST that changes something, once; a refusal is an answer like any other.

        Raises:
            AccessError, RateLimited, TransientError: certainly nothing was done.
            OutcomeUnknown: sent, and no clear answer came.
        """
        response = self._respond("POST", path, None, body, read_json, (self._burst,), writing=True)
        if response.status_code >= 300:
            try:
                return Written(response.status_code, read_json(response.content))
            except ValueError:
                return Written(response.status_code, None)
        return Written(response.status_code, vars(response)["parsed_body"])

    def unhurried(self, *, unhurried: bool) -> None:
        """Say whether what is asked from now on can wait for what is in a hurry."""
        for pace in self._all:
            pace.unhurried = unhurried

    def meanwhile(self, work: Callable[[], None] | None) -> None:
        """Do something once, after the next request has gone out."""
        self._session.meanwhile = work

    def fence(self, may_send: Callable[[], None]) -> None:
        """Ask before each request whether it may still go."""
        self._session.may_send = may_send

    @property
    def seen_clock(self) -> datetime | None:
        """The vendor's clock as last seen, or None before the first answer."""
        return self._session.clock

    @property
    def calls(self) -> int:
        """Requests sent so far."""
        return self._session.calls

    @property
    def circuit(self) -> Circuit:
        """Whether the account is asked at present."""
        return self._session.circuit

    @property
    def waits(self) -> Waits:
        """Retries and waits so far, those that keep our pace included."""
        waits = self._session.waits
        return replace(waits, seconds=waits.seconds + sum(pace.waited for pace in self._all))

    @property
    def usage(self) -> Usage | None:
        """The account's own count of today's calls as last seen."""
        return self._usage

    def clock(self, now: datetime) -> datetime:
        """Give the vendor's clock as last seen, or ``now`` before the first answer."""
        return self._session.clock or now

    def close(self) -> None:
        """Give back connections."""
        self._session.close()

    def _read(
        self,
        method: str,
        path: str,
        query: Mapping[str, object] | None,
        body: Any,
        reader: Reader[Answer],
        paces: tuple[Pace, ...],
    ) -> Answer:
        """Ask; once more when rows of the answer are unreadable, since they may be whole the next time."""
        answer = self._ask(method, path, query, body, reader, paces)
        if isinstance(answer, Rows) and answer.bad:
            again = self._ask(method, path, query, body, reader, paces)
            if isinstance(again, Rows) and len(again.bad) < len(answer.bad):
                return again
        return answer

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, object] | None,
        body: Any,
        reader: Reader[Answer],
        paces: tuple[Pace, ...],
    ) -> Answer:
        response = self._respond(method, path, query, body, reader, paces)
        if response.status_code >= 300:
            raise refusal(response, at=self._at)
        answer: Answer = vars(response)["parsed_body"]
        return answer

    def _respond(self, method: str, path: str, *about: Any, writing: bool = False) -> requests.Response:
        """Ask with a token that is good: what an expired one was refused for was certainly not done."""
        if self._settings.oauth and not self._client.access_token:
            self._refresh()
        try:
            return self._send(method, path, *about, writing=writing)
        except AccessError as error:
            # Only an expired token is worth a new one; other 401s would be refused again (hubspot.md section 2).
            if not (self._settings.oauth and error.code == "hubspot.expired_authentication"):
                raise
            self._refresh()
            return self._send(method, path, *about, writing=writing)

    def _send(
        self,
        method: str,
        path: str,
        query: object,
        body: object,
        reader: Reader[Any],
        paces: tuple[Pace, ...],
        *,
        writing: bool,
    ) -> requests.Response:
        self._reader = reader
        self._writing = writing
        options: dict[str, Any] = {"method": method, "path": path}
        if query:
            options["qs"] = query
        if body is not None:
            options["body"] = body
        self._session.paces = paces
        response = self._client.api_request(options, repeatable=not writing)
        self._note_limits(response, paces)
        return response

    def _refresh(self) -> None:
        """Fetch an access token; it lives 1800 seconds (hubspot.md section 2)."""
        settings = self._settings
        self._reader, self._writing = read_json, False
        self._session.paces = ()
        response = self._anonymous.api_request(
            {
                "method": "POST",
                "path": self.paths.token,
                "default_json": False,
                "body": {
                    "grant_type": "refresh_token",
                    "client_id": settings.client_id,
                    "client_secret": settings.client_secret,
                    "refresh_token": settings.refresh_token,
                },
            }
        )
        answer = vars(response).get("parsed_body")
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if response.status_code >= 300 or not isinstance(token, str):
            raise AccessError(
                "hubspot.refused_authentication",
                "HubSpot refuses our refresh token",
                cure="install the app again and give the new refresh token",
                at=self._at,
            )
        self._client.access_token = token

    def _judge(self, response: requests.Response) -> HandoffError | None:
        if response.status_code >= 300:
            return (
                self._unclear() if self._writing and response.status_code == NO_ANSWER else judge(response, at=self._at)
            )
        try:
            # The session keeps a parsed body here and would otherwise parse it a second time, strictly and slowly.
            vars(response)["parsed_body"] = self._reader(response.content)
        except ValueError:
            if self._writing:
                return self._unclear()
            return self._session.fault("not_json", "the answer is cut or is no JSON", response=response)
        return None

    def _unclear(self) -> OutcomeUnknown:
        return OutcomeUnknown("hubspot.no_answer", "a write was sent and no whole answer came back", at=self._at)

    def _note_limits(self, response: requests.Response, paces: tuple[Pace, ...]) -> None:
        burst = _number(response, "X-HubSpot-RateLimit-Max")
        if burst and self._settings.calls_per_10s is None and paces[0] is not self._searches:
            paces[0].limit = burst
            # In every edition the limit of associations is the smaller one (hubspot.md section 3).
            self._burst.limit = max(self._burst.limit, burst)
        daily = _number(response, "X-HubSpot-RateLimit-Daily")
        left = _number(response, "X-HubSpot-RateLimit-Daily-Remaining")
        if daily is not None and left is not None:
            seen_at = self._session.clock or datetime.now(UTC)
            self._usage = Usage(used=max(0, daily - left), limit=daily, seen_at=seen_at)


def _number(response: requests.Response, name: str) -> int | None:
    text = response.headers.get(name, "")
    return int(text) if text.isdecimal() else None
