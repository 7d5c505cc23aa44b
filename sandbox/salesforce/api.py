"""The REST resources of the org and what they share while one request is answered."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.core.http import BadBody, Request, Response
from sandbox.core.router import Match, Router
from sandbox.salesforce import composite, info
from sandbox.salesforce.access.session import TOKEN_PATHS, Sessions
from sandbox.salesforce.accounting import Trace
from sandbox.salesforce.bulk import ingest, query_jobs
from sandbox.salesforce.bulk.jobs import Jobs
from sandbox.salesforce.errors import ApiError, bad_json, limit_exceeded, not_found, session_expired
from sandbox.salesforce.metadata import tooling
from sandbox.salesforce.objects.absent import absent_object, absent_resource, not_built
from sandbox.salesforce.rows import many_rows, replication, single_rows
from sandbox.salesforce.rows.dml import Author, Dml
from sandbox.salesforce.rows.duplicates import DuplicateHeader
from sandbox.salesforce.soap_door import PREFIX as SOAP
from sandbox.salesforce.soap_door import SoapDoor
from sandbox.salesforce.soql.answers import PAGE, Queries, Result
from sandbox.salesforce.state import DAILY_CALLS, OrgState

if TYPE_CHECKING:
    from sandbox.core.calls import Call
    from sandbox.core.org import OrgOptions
    from sandbox.core.records import Record
    from sandbox.salesforce.objects.schema import SObject

#: Bytes of an address, and of address and headers together (reference: query).
LONGEST_URI = 16_384
VERSIONED = re.compile(r"/services/data/(v\d+\.0)(/.*)?")
BATCH_SIZE = re.compile(r"batchSize\s*=\s*(\d+)", re.IGNORECASE)
#: A client that takes XML and neither JSON nor anything else.
WANTS_XML = re.compile(r"^(?!.*(?:json|\*/\*|csv)).*\bxml\b", re.IGNORECASE)
#: Refusals that come before the org knows who asks: they carry no usage.
UNCOUNTED = frozenset({"INVALID_SESSION_ID", "URI_TOO_LONG", "HEADERS_TOO_LONG"})
#: The daily limit counts the last 24 hours, in buckets of one hour.
DAY = timedelta(hours=24)


class Api:
    """Answer requests; the trace belongs to the request at work."""

    def __init__(self, state: OrgState, sessions: Sessions, options: OrgOptions) -> None:
        """Lay out the resources."""
        self.state, self.options, self.sessions = state, options, sessions
        self.dml, self.queries, self.jobs = Dml(state), Queries(state), Jobs(state)
        #: Rows written by bulk jobs that the ledger has not seen yet, by kind of write and object.
        self.loaded: dict[tuple[str, str], int] = {}
        self.trace = Trace()
        self._soap = SoapDoor(self)
        self._router = Router()
        for path, handler in (("/query", self._query), ("/queryAll", self._query_all), ("/tooling/query", self._query)):
            self._router.add("GET", info.BASE + path, handler)
        self._router.add("GET", info.BASE + "/query/{locator}", self._more)
        self._router.add("GET", info.BASE + "/queryAll/{locator}", self._more)
        for room in (tooling, many_rows, composite, info, replication, single_rows, ingest, query_jobs):
            room.install(self._router, self)

    @property
    def user(self) -> str:
        """Return the id of the user on whose behalf the request at work runs."""
        return self.state.me

    @property
    def org_id(self) -> str:
        """Return the org's own id."""
        return str(self.state.records.kept("org_id"))

    # -- one request ---------------------------------------------------------------------------

    def answer(self, request: Request) -> tuple[Response, Call]:
        """Answer a request and say what the ledger should know of it."""
        self.jobs.run_due()
        self.trace = Trace(written=self.loaded)
        self.loaded = {}
        path = request.path.rstrip("/") or "/"
        if path in TOKEN_PATHS:
            self.trace.apart("sign_in")
            response = self.sessions.answer(request)
            return response, self.trace.call(request.method, path, response.status)
        if path.startswith(SOAP):
            return self._soap.answer(request)
        if path == "/services/data":
            self.trace.apart("describe")
            return info.versions(), self.trace.call(request.method, path, 200)
        try:
            self._admit(request)
        except ApiError as error:
            refused = Response(error.status, error.body())
            if error.code not in UNCOUNTED:
                refused.headers["Sforce-Limit-Info"] = self._usage_text()
            return refused, self.trace.call(request.method, "refused", error.status)
        with self.state.records.transaction():
            response, endpoint = self._dispatch(request)
            self.count(self.trace.cost)
        response.headers["Sforce-Limit-Info"] = self._usage_text()
        return response, self.trace.call(request.method, endpoint, response.status)

    def part(self, request: Request) -> Response:
        """Answer a request inside a request, under the same trace."""
        found = VERSIONED.fullmatch(request.path)
        if found is None:
            return Response(404, not_found().body())
        with self.state.records.transaction() as own:
            response, _ = self._dispatch(request)
            if response.status >= 400:
                own.roll_back()
        return response

    def _admit(self, request: Request) -> None:
        """Check address, version, token and daily limit, in this order.

        Raises: ApiError.
        """
        target = len(request.target.encode())
        if target > LONGEST_URI:
            self.trace.violation = True
            raise ApiError("URI_TOO_LONG", "The length of the URI exceeds the limit", status=414)
        if target + sum(len(name) + len(value) + 4 for name, value in request.headers.items()) > LONGEST_URI:
            self.trace.violation = True
            raise ApiError("HEADERS_TOO_LONG", "The length of the URI and headers exceeds the limit", status=431)
        found = VERSIONED.fullmatch(request.path)
        missing = absent_resource(request.path) if found is None else None
        if missing is not None:
            # before the token: the older bulk door takes it in another header, the doors for signing in take none
            raise not_built(missing)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "oauth") or not self.sessions.valid(token.strip()):
            self.trace.apart("sign_in")
            raise session_expired()
        if found is None and not request.path.startswith("/id/"):
            raise not_found()
        if WANTS_XML.search(request.headers.get("accept", "")):
            raise not_built("XML answers")
        number = info.LAST_VERSION if found is None else float(found[1][1:])
        if number < info.FIRST_VERSION:
            raise ApiError("GONE", "The requested resource is no longer available", status=410)
        if number > info.LAST_VERSION:
            raise not_found()
        used, most = self.usage()
        if used >= most:
            self.trace.violation = True
            raise limit_exceeded()

    def _dispatch(self, request: Request) -> tuple[Response, str]:
        method = "GET" if request.method == "HEAD" else request.method
        if method == "POST":
            # For clients that cannot send PATCH: the method stands in the address.
            method = (request.arg("_HttpMethod") or method).upper()
        asked = Request(
            method,
            request.path,
            request.query,
            request.headers,
            request.body,
            request.target,
            request.secure,
        )
        match = self._router.match(asked)
        absent = self._absent(asked, match)
        if absent is not None:
            return Response(absent.status, absent.body()), "absent"
        if match.route is None:
            if not match.allowed:
                return Response(404, not_found().body()), "unknown"
            allowed = ",".join((["HEAD"] if "GET" in match.allowed else []) + match.allowed)
            words = f"HTTP Method '{request.method}' not allowed. Allowed are {allowed}"
            error = ApiError("METHOD_NOT_ALLOWED", words, status=405)
            return Response(405, error.body(), {"Allow": allowed}), "not allowed"
        try:
            with self.state.records.transaction():
                return match.route.handler(asked, match.params), match.route.template
        except ApiError as error:
            self.state.rights_changed()
            return Response(error.status, error.body()), match.route.template

    def _absent(self, request: Request, match: Match) -> ApiError | None:
        """Return the refusal of what the vendor has and this org has not."""
        found = VERSIONED.fullmatch(request.path)
        name = match.params.get("object", "")
        if name and self.state.schema.object(name) is None and absent_object(name):
            return not_built(f"object {name}")
        path = "" if found is None else found[2] or ""
        missing = absent_resource(path)
        if request.arg("explain") is not None and path.strip("/") == "query":
            missing = "resource query?explain"
        return None if missing is None else not_built(missing)

    # -- what the resources ask for ------------------------------------------------------------

    def body(self, request: Request) -> dict[str, Any]:
        """Return the JSON object a client sent.

        Raises: ApiError JSON_PARSER_ERROR, UNSUPPORTED_MEDIA_TYPE.
        """
        kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise ApiError("UNSUPPORTED_MEDIA_TYPE", f"Content type {kind} not supported", status=415)
        try:
            found = request.json()
        except BadBody as error:
            raise bad_json(f"Unexpected character at [line:1, column:1]: {error}") from error
        if not isinstance(found, dict):
            raise bad_json("Unable to find start token for object at [line:1, column:1]")
        return found

    def author(self, request: Request) -> Author:
        """Return who writes; anything but FALSE lets assignment rules run (reference: headers)."""
        header = request.headers.get("sforce-auto-assign", "TRUE").strip().lower()
        duplicates = DuplicateHeader.read(request.headers.get("sforce-duplicate-rule-header", ""))
        return Author(self.user, auto_assign=header != "false", duplicates=duplicates)

    def show(self, obj: SObject, row: Record, wanted: list[str] | None, version: str) -> dict[str, Any]:
        """Return a row as the row resources show it.

        Raises: ApiError INVALID_FIELD.
        """
        return single_rows.shown_row(self, obj, row, wanted, version)

    # -- queries -------------------------------------------------------------------------------

    def _query(self, request: Request, params: dict[str, str]) -> Response:
        return self._run(request, params, deleted=False)

    def _query_all(self, request: Request, params: dict[str, str]) -> Response:
        return self._run(request, params, deleted=True)

    def _run(self, request: Request, params: dict[str, str], *, deleted: bool) -> Response:
        text = request.arg("q")
        if not text:
            raise ApiError("MALFORMED_QUERY", "A query string has to be specified")
        size = BATCH_SIZE.search(request.headers.get("sforce-query-options", ""))
        wanted = int(size[1]) if size is not None else PAGE
        tooling_call = "/tooling/" in request.path
        result = self.queries.start(
            text, version=params["version"], user=self.user, size=wanted, deleted=deleted, tooling=tooling_call
        )
        return self._paged(result, deleted=deleted)

    def _more(self, _: Request, params: dict[str, str]) -> Response:
        return self._paged(self.queries.follow(params["locator"]), deleted=False)

    def _paged(self, result: Result, *, deleted: bool) -> Response:
        self.trace.page(self.state, result, deleted=deleted)
        return Response(200, result.body)

    # -- the daily limit -----------------------------------------------------------------------

    def _hour(self) -> int:
        return int(self.state.clock.now().timestamp() // 3600)

    def usage(self) -> tuple[int, int]:
        """Return the calls of the last 24 hours on the org's clock, and how many are allowed."""
        oldest = self._hour() - int(DAY.total_seconds() // 3600)
        buckets: dict[str, int] = self.state.records.kept("usage", {})
        used = sum(number for hour, number in buckets.items() if int(hour) > oldest)
        return used, int(self.state.records.kept("daily_calls", DAILY_CALLS))

    def _usage_text(self) -> str:
        used, most = self.usage()
        return f"api-usage={used}/{most}"

    def count(self, calls: int) -> None:
        """Count calls towards the daily limit."""
        hour = self._hour()
        buckets: dict[str, int] = self.state.records.kept("usage", {})
        kept = {key: number for key, number in buckets.items() if hour - int(key) < 24}
        kept[str(hour)] = kept.get(str(hour), 0) + calls
        self.state.records.keep("usage", kept)
