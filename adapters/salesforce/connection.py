"""The request side: simple-salesforce on our own session, with its traps taken out.

The library builds https addresses whatever it is given, knows no timeouts, and signs in again by itself without bound
and without the caller's headers (salesforce.md section 17). So it gets a ready token, our addresses and our session;
signing in again, once per request, happens here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError

from adapters.http import VendorSession, body_of, json_of
from adapters.salesforce.classify import quota_is_daily
from adapters.salesforce.options import Options
from adapters.salesforce.signin import SignIn
from adapters.salesforce.vendor_errors import ApiError, VendorError, read_errors
from connector.errors import AccessError, HandoffError, OutcomeUnknown, RateLimited, TransientError
from connector.ports.traits import Usage

#: Above this a query travels inside a composite request: address and headers together may have 16,384 bytes
#: (REST62 status 414 and 431), and proxies cut earlier.
LONGEST_QUERY_BYTES = 6000
#: Most queries and collections in one composite request (REST62 Composite).
QUERIES_PER_COMPOSITE = 5
#: Refusals with status 401 for which a new token would not help, and asking for one loops (salesforce.md section 2).
_NOT_ABOUT_THE_TOKEN = ("not valid for use with the REST API", "Connected app is not attached")

#: Sent with every write. Assignment rules would take the owner from us; alert-only duplicate rules would refuse.
WRITE_HEADERS: Mapping[str, str] = {
    "Sforce-Auto-Assign": "FALSE",
    "Sforce-Duplicate-Rule-Header": "allowSave=true",
    "Sforce-Mru": "updateMru=false",
}
_USER_ID = re.compile(r"(?:^|/)(005\w{12,15})/?$")
_CLIENT = {"Sforce-Call-Options": "client=handoff"}


@dataclass(frozen=True, slots=True)
class Sub:
    """One part of a composite request; ``path`` is relative to the version, as in ``Connection.call``."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class SubAnswer:
    """The answer to one part."""

    status: int
    body: Any

    def checked(self) -> Any:
        """Give the body of a part that went well.

        Raises:
            ApiError: it did not.
        """
        if self.status >= 300:
            raise ApiError(self.status, read_errors(self.body))
        return self.body


class _Api(Salesforce):
    """simple-salesforce with the addresses it was told, plain http for loopback included."""

    def __init__(self, options: Options, token: str, session: requests.Session) -> None:
        super().__init__(
            instance_url=options.instance_url, session_id=token, session=session, version=options.api_version
        )
        self.base_url = f"{options.instance_url}/services/data/v{options.api_version}/"
        # Indented answers cost bytes; nobody reads them.
        del self.headers["X-PrettyPrint"]

    def ask(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        return self._call_salesforce(method, url, **kwargs)


class Connection:
    """One org, for one thread at a time."""

    def __init__(
        self,
        options: Options,
        *,
        system: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare; sends nothing."""
        self._options = options
        self._system = system
        self.session = VendorSession(system, ca_file=options.ca_file, judge=self._judge, sleep=sleep)
        self._sign_in = SignIn(options.auth, self.session, system=system)
        self._api: _Api | None = None
        self._usage: Usage | None = None
        self._user_id: str | None = None

    @property
    def usage(self) -> Usage | None:
        """The org's own count of calls as last seen in an answer."""
        return self._usage

    def clock(self) -> datetime | None:
        """Give the vendor's clock as last seen."""
        return self.session.clock

    def ahead(self) -> timedelta | None:
        """Give how far this machine's clock was ahead of the vendor's at the last answer."""
        return self.session.ahead

    def close(self) -> None:
        """Give back connections. Safe to call twice."""
        self.session.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
    ) -> Any:
        """Send one request and give the parsed body, None for an empty one.

        ``path`` is relative to ``/services/data/vXX.0/``, or begins with ``/`` to be relative to the host. A refused
        token is renewed once and the request sent again with all of its headers: a 401 was certainly not acted upon.

        Raises:
            ApiError: a status of 300 and above that means neither access nor quota.
            AccessError, RateLimited, TransientError, OutcomeUnknown: as ports promise.
        """
        base = self._options.instance_url
        url = base + path if path.startswith("/") else f"{base}/services/data/v{self._options.api_version}/{path}"
        sent: dict[str, Any] = {"headers": {**_CLIENT, **(headers or {})}, "repeatable": repeatable}
        if body is not None:
            sent["data"] = json_of(body)
            sent["headers"].setdefault("Content-Type", "application/json")
        if params:
            sent["params"] = dict(params)
        try:
            response = self._ask(method, url, sent)
        except ApiError as error:
            if error.status != 401:
                raise self._access(error, read=method == "GET" if repeatable is None else repeatable) or error from None
            response = self._ask_again(method, url, sent, error)
        try:
            return body_of(response)
        except ValueError:
            # Reads are checked by the session; what is left is a write whose answer cannot be read.
            raise OutcomeUnknown(
                f"{self._system}.not_json", "the answer to a write cannot be read", at=self._system
            ) from None

    def content(self, method: str, path: str, text: str | None = None) -> str:
        """Send or read a table (CSV) and give the answer's text. Sent once: a table is no JSON, and cannot be checked.

        Raises: as ``call``; ``OutcomeUnknown`` also for a table that could not be read to its end.
        """
        url = f"{self._options.instance_url}/services/data/v{self._options.api_version}/{path}"
        headers = {**_CLIENT, "Accept": "text/csv" if text is None else "application/json"}
        sent: dict[str, Any] = {"headers": headers, "repeatable": False}
        if text is not None:
            headers["Content-Type"] = "text/csv; charset=UTF-8"
            sent["data"] = text.encode()
        try:
            response = self._ask(method, url, sent)
        except ApiError as error:
            if error.status != 401:
                raise self._access(error, read=False) or error from None
            response = self._ask_again(method, url, sent, error)
        return response.content.decode("utf-8", "replace")

    def query(self, soql: str, *, deleted_too: bool = False) -> dict[str, Any]:
        """Ask one query and give its first page; long ones travel in a composite request, at the same price."""
        if len(quote_plus(soql)) > LONGEST_QUERY_BYTES:
            [answer] = self.composite([query_part(soql, deleted_too=deleted_too)], repeatable=True)
            return page_of(answer.checked(), self._system)
        path = "queryAll" if deleted_too else "query"
        return page_of(self.call("GET", path, params={"q": soql}), self._system)

    def more(self, next_records_url: str) -> dict[str, Any]:
        """Read the next page; the vendor gives its address from the root of the host."""
        return page_of(self.call("GET", next_records_url), self._system)

    def query_all(self, soql: str, *, deleted_too: bool = False) -> list[dict[str, Any]]:
        """Ask one query and read all of its pages."""
        page = self.query(soql, deleted_too=deleted_too)
        rows: list[dict[str, Any]] = list(page["records"])
        while not page["done"]:
            page = self.more(page["nextRecordsUrl"])
            rows += page["records"]
        return rows

    def composite(self, parts: Sequence[Sub], *, repeatable: bool) -> list[SubAnswer]:
        """Send at most 25 parts (five of them queries or collections) as one call, in order; one answer per part."""
        root = f"/services/data/v{self._options.api_version}/"
        body = {
            "allOrNone": False,
            "collateSubrequests": False,
            "compositeRequest": [_part_json(root, index, part) for index, part in enumerate(parts)],
        }
        answer = self.call(
            "POST", "composite", body=body, headers=None if repeatable else WRITE_HEADERS, repeatable=repeatable
        )
        given = answer.get("compositeResponse") if isinstance(answer, dict) else None
        by_reference = {entry.get("referenceId"): entry for entry in given or () if isinstance(entry, dict)}
        try:
            return [_sub_answer(by_reference[f"r{index}"]) for index in range(len(parts))]
        except (KeyError, TypeError, ValueError):
            if repeatable:
                raise self.session.fault("odd_answer", "a composite answer lacks some of its parts") from None
            raise OutcomeUnknown(
                f"{self._system}.odd_answer", "a composite answer lacks some of its parts", at=self._system
            ) from None

    def user_id(self) -> str:
        """Give the id of our own user: one call per process.

        The list of resources names it in the address of our identity, whatever the sign-in flow.
        """
        if self._user_id is None:
            found = _USER_ID.search(_text_of(self.call("GET", ""), "identity"))
            if found is None:
                found = _USER_ID.search(_text_of(self.call("GET", "/services/oauth2/userinfo"), "user_id"))
            if found is None:
                raise self.session.fault("identity", "the org does not say who we are")
            self._user_id = found[1]
        return self._user_id

    def _ask(self, method: str, url: str, sent: dict[str, Any]) -> requests.Response:
        if self._api is None:
            self._api = _Api(self._options, self._sign_in.token(), self.session)
        try:
            return self._api.ask(method, url, **sent)
        except SalesforceError as error:
            # The library's error holds address and body: neither may travel on.
            raise ApiError(error.status, read_errors(error.content)) from None

    def _ask_again(self, method: str, url: str, sent: dict[str, Any], error: ApiError) -> requests.Response:
        about_token = not any(text in known.message for known in error.errors for text in _NOT_ABOUT_THE_TOKEN)
        if not about_token:
            raise self._not_let_in(error)
        # A token that was given to us cannot be renewed, but one more try tells a hiccup from the end of a session.
        self._api = None
        try:
            return self._ask(method, url, sent)
        except ApiError as again:
            if again.status == 401:
                raise self._not_let_in(again) from None
            raise self._access(again, read=False) or again from None

    def _not_let_in(self, error: ApiError) -> AccessError:
        cure = "" if self._sign_in.renewable else "give a fresh access token, or use a flow that can renew it"
        return AccessError(
            f"{self._system}.authentication.{error.code.lower()}",
            "the org refuses our token",
            cure=cure,
            at=self._system,
        )

    def _access(self, error: ApiError, *, read: bool) -> AccessError | None:
        """Recognise refusals that concern the whole org, not this request."""
        if read and not error.errors and error.status < 500:
            # Whoever answers a read without the vendor's error list is not the vendor; of a write nobody knows.
            return AccessError(
                f"{self._system}.not_an_org",
                f"the host does not answer like an org (status {error.status})",
                cure="instance_url is the org's My Domain address; a proxy or login page may answer in its place",
                at=self._system,
            )
        if error.has("API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED", "INVALID_OPERATION_WITH_EXPIRED_PASSWORD"):
            return AccessError(
                f"{self._system}.{error.code.lower()}", "the org does not let our user use its API", at=self._system
            )
        if error.status == 410:
            return AccessError(
                f"{self._system}.version_retired",
                "this API version is retired",
                cure="raise api_version",
                at=self._system,
            )
        return None

    def _judge(self, response: requests.Response) -> HandoffError | None:
        self._note_usage(response)
        if response.status_code != 403:
            return None
        try:
            errors = read_errors(body_of(response))
        except ValueError:
            return None
        spent = next((error for error in errors if error.code == "REQUEST_LIMIT_EXCEEDED"), None)
        return self._quota(spent) if spent else None

    def _quota(self, error: VendorError) -> RateLimited:
        daily = quota_is_daily(error.message)
        what = "the org's calls of the last 24 hours are spent" if daily else "the org is busy with other requests"
        return RateLimited(f"{self._system}.request_limit_exceeded", what, daily=daily, at=self._system)

    def _note_usage(self, response: requests.Response) -> None:
        # Longer forms follow the pair after ";" or ","; per-app pairs must not be taken for the org's (section 3).
        found = re.search(r"(?:^|[;,\s])api-usage=(\d+)/(\d+)", response.headers.get("Sforce-Limit-Info", ""))
        clock = self.session.clock
        if found and clock:
            self._usage = Usage(used=int(found[1]), limit=int(found[2]), seen_at=clock)


def query_part(soql: str, *, deleted_too: bool) -> Sub:
    """Make a query part of a composite request."""
    return Sub("GET", f"{'queryAll' if deleted_too else 'query'}?q={quote_plus(soql)}")


def page_of(body: Any, system: str) -> dict[str, Any]:
    """Check that a query's answer is a page, and says whether and where it goes on: a guess would end a stream early.

    Raises:
        TransientError: it is not, or does not.
    """
    if isinstance(body, dict) and isinstance(body.get("records"), list):
        done, following = body.get("done"), body.get("nextRecordsUrl")
        page = {"records": body["records"], "done": done, "totalSize": body.get("totalSize")}
        if done is True:
            return {**page, "nextRecordsUrl": None}
        if done is False and isinstance(following, str) and following.startswith("/services/data/"):
            return {**page, "nextRecordsUrl": following}
    raise TransientError(
        f"{system}.odd_answer",
        "the answer to a query is no page of records",
        cure="run again; if it stays, check that no proxy answers in the org's place",
        at=system,
    )


def _part_json(root: str, index: int, part: Sub) -> dict[str, Any]:
    made: dict[str, Any] = {"method": part.method, "url": root + part.path, "referenceId": f"r{index}"}
    if part.body is not None:
        made["body"] = part.body
    if part.headers:
        made["httpHeaders"] = dict(part.headers)
    return made


def _sub_answer(entry: Mapping[str, Any]) -> SubAnswer:
    return SubAnswer(int(entry["httpStatusCode"]), entry.get("body"))


def _text_of(body: Any, name: str) -> str:
    return str(body.get(name, "")) if isinstance(body, dict) else ""
