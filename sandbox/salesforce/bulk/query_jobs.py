"""Query jobs: create, look, fetch results page by page."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.salesforce.bulk.jobs import ENDED, NOT_BULK, Job, Jobs, dialect, refused
from sandbox.salesforce.bulk.tables import DELIMITERS, LINE_ENDS, table_of
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.ids import to18
from sandbox.salesforce.soql.answers import Result
from sandbox.salesforce.soql.scope import Scope
from sandbox.salesforce.soql.tree import Aggregate, Call, FieldSet, Path, Query, TypeOf

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.core.router import Router
    from sandbox.salesforce.api import Api
    from sandbox.salesforce.rows.view import Getter

BASE = "/services/data/{version}/jobs/query"
ID_CHARS = 15
#: Rows of a page of results when the client asks for no number.
USUAL_PAGE = 100_000


def install(router: Router, api: Api) -> None:
    """Add the resources."""
    room = QueryJobs(api, api.jobs)
    router.add("POST", BASE, room.create)
    router.add("GET", BASE, room.listed)
    router.add("GET", BASE + "/{id}", room.look)
    router.add("PATCH", BASE + "/{id}", room.abort)
    router.add("DELETE", BASE + "/{id}", room.delete)
    router.add("GET", BASE + "/{id}/results", room.results)


class QueryJobs:
    """Query jobs of one org."""

    def __init__(self, api: Api, jobs: Jobs) -> None:
        """Take the org's rooms."""
        self._api, self._jobs = api, jobs
        #: Rows as they were when the job was carried out; after a restart those of the present.
        self._rows: dict[str, list[Record]] = {}
        jobs.work["V2Query"] = self._carry_out

    def create(self, request: Request, params: dict[str, str]) -> Response:
        """Answer POST: check the query and put the job among those to be carried out."""
        api, body = self._api, self._api.body(request)
        api.trace.counted()
        operation, text = body.get("operation"), body.get("query")
        if operation not in ("query", "queryAll") or not isinstance(text, str) or not text.strip():
            raise refused("InvalidJob : operation must be query or queryAll, and query must be given")
        scope, query = api.queries.resolved(text, user=api.user)
        if scope.obj.name in NOT_BULK:
            raise refused(f"Entity '{scope.obj.name}' is not supported by the Bulk API.", "INVALIDENTITY")
        self._columns(scope, query)
        api.queries.rows(scope, _without_rows(query), deleted=False)
        if self._jobs.today()[1] >= self._jobs.limits()[1]:
            api.trace.violation = True
            raise ApiError("LIMIT_EXCEEDED", "DailyBulkV2QueryJobs Limit exceeded.")
        about: dict[str, Any] = {"operation": operation, "object": scope.obj.name, **dialect(body)}
        job = self._jobs.create("V2Query", params["version"], api.user, about)
        job["_query"] = text
        self._jobs.close(job)
        return Response(200, self._jobs.shown(job, detail=False))

    def _columns(self, scope: Scope, query: Query) -> list[tuple[str, Getter]]:
        """Return the columns of the results.

        Raises: ApiError for what a bulk query does not take.
        """
        found: list[tuple[str, Getter]] = []
        grouped = query.group or query.having or any(isinstance(item, Aggregate) for item in query.select)
        if grouped or any(isinstance(item, Query) for item in query.select):
            words = "Aggregate Relationships not supported in Bulk V2 Query with CSV content type"
            raise refused(words, "FUNCTIONALITY_NOT_ENABLED")
        if query.offset or any(isinstance(item, TypeOf) for item in query.select):
            raise refused("OFFSET and TYPEOF are not supported in Bulk Query", "FUNCTIONALITY_NOT_ENABLED")
        for item in query.select:
            if isinstance(item, FieldSet):
                raise refused("FIELDS() is not supported in Bulk Query", "FUNCTIONALITY_NOT_ENABLED")
            if not isinstance(item, Path | Call):
                raise refused("Only fields are supported in Bulk Query", "FUNCTIONALITY_NOT_ENABLED")
            column = scope.value_of(item)
            if column.field.type == "address":
                raise refused("Selecting compound data not supported in Bulk Query", "FUNCTIONALITY_NOT_ENABLED")
            name = ".".join([*(str(link.relationship) for link in column.links), column.field.name])
            found.append((item.alias if isinstance(item, Call) and item.alias else name, column.read))
        return found

    def _carry_out(self, job: Job) -> None:
        scope, query = self._api.queries.resolved(job["_query"], user=job["createdById"])
        try:
            rows = self._api.queries.rows(scope, query, deleted=job["operation"] == "queryAll")
        except ApiError as error:
            self._jobs.end(job, "Failed", errorMessage=f"{error.code}: {error.message}")
            return
        self._rows[job["id"]] = rows
        self._jobs.put_data(job, "rows", "".join([row.id[:ID_CHARS] for row in rows]))
        self._jobs.end(job, "JobComplete", numberRecordsProcessed=len(rows), totalProcessingTime=100 + len(rows) // 50)

    # -- looking -------------------------------------------------------------------------------

    def look(self, _: Request, params: dict[str, str]) -> Response:
        """Answer GET: the job's state."""
        self._api.trace.apart("bulk_poll")
        job = self._jobs.find(params["id"], "V2Query")
        return Response(200, {"numberRecordsProcessed": 0, **self._jobs.shown(job), "isPkChunkingSupported": True})

    def listed(self, request: Request, params: dict[str, str]) -> Response:
        """Answer GET: all query jobs."""
        self._api.trace.apart("bulk_poll")
        return Response(200, self._jobs.listed(request, "V2Query", f"/services/data/{params['version']}/jobs/query"))

    def abort(self, request: Request, params: dict[str, str]) -> Response:
        """Answer PATCH: stop a job that is not carried out yet."""
        self._api.trace.counted()
        job = self._jobs.find(params["id"], "V2Query")
        if self._api.body(request).get("state") != "Aborted":
            raise refused("InvalidJob : state must be Aborted")
        if job["state"] in ENDED:
            raise refused(f"Aborting a job in state {job['state']} is not allowed", "INVALIDJOBSTATE")
        self._jobs.end(job, "Aborted")
        return Response(200, self._jobs.shown(job, detail=False))

    def delete(self, _: Request, params: dict[str, str]) -> Response:
        """Answer DELETE: forget a job that has ended."""
        self._api.trace.counted()
        job = self._jobs.find(params["id"], "V2Query")
        if job["state"] not in ENDED:
            raise refused(f"Deleting a job in state {job['state']} is not allowed", "INVALIDJOBSTATE")
        self._rows.pop(job["id"], None)
        self._jobs.drop(job)
        return Response(204)

    # -- results -------------------------------------------------------------------------------

    def _found(self, job: Job) -> list[Record]:
        rows = self._rows.get(job["id"])
        if rows is None:
            ids, obj = self._jobs.data(job, "rows") or "", job["object"]
            every = (to18(ids[place : place + ID_CHARS]) for place in range(0, len(ids), ID_CHARS))
            found = (self._api.state.records.get(obj, row_id) for row_id in every)
            rows = self._rows[job["id"]] = [row for row in found if row is not None]
        return rows

    def results(self, request: Request, params: dict[str, str]) -> Response:
        """Answer GET: a page of rows as a table, and where the next one begins."""
        job = self._jobs.find(params["id"], "V2Query")
        if job["state"] != "JobComplete":
            raise refused(f"Results of a job in state {job['state']} are not available", "INVALIDJOBSTATE")
        wanted = request.arg("maxRecords")
        if wanted is not None and (not wanted.isdecimal() or int(wanted) < 1):
            raise refused("maxRecords must be a positive number")
        place = _place(request.arg("locator"))
        scope, query = self._api.queries.resolved(job["_query"], user=job["createdById"])
        columns, rows = self._columns(scope, query), self._found(job)
        page = rows[place : place + (int(wanted) if wanted is not None else USUAL_PAGE)]
        reached = place + len(page)
        result = Result({}, page, query, job["object"], full=reached < len(rows))
        self._api.trace.page(self._api.state, result, deleted=job["operation"] == "queryAll")
        table = table_of(
            [[name for name, _ in columns], *([read(row) for _, read in columns] for row in page)],
            DELIMITERS[job["columnDelimiter"]],
            LINE_ENDS[job["lineEnding"]],
        )
        headers = {
            "Content-Type": "text/csv",
            "Sforce-NumberOfRecords": str(len(page)),
            "Sforce-Locator": "null" if reached >= len(rows) else _locator(reached),
        }
        return Response(200, table.encode(), headers)


def _without_rows(query: Query) -> Query:
    """Return the query with a limit of none, to see whether it can be answered at all."""
    return Query(
        query.text, query.select, query.source, query.source_start, query.alias, query.scope, query.where, limit=0
    )


def _locator(place: int) -> str:
    return base64.urlsafe_b64encode(str(place).encode()).decode().rstrip("=")


def _place(locator: str | None) -> int:
    if not locator:
        return 0
    try:
        return int(base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)).decode("ascii"))
    except (binascii.Error, ValueError) as error:
        raise ApiError("INVALID_QUERY_LOCATOR", "invalid query locator") from error
