"""The resources of ingest jobs: create, upload, close, look, fetch results, delete."""

from __future__ import annotations

import email.parser
import email.policy
import json
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.salesforce.bulk.jobs import ENDED, NOT_BULK, Job, Jobs, dialect, refused
from sandbox.salesforce.bulk.loading import Loading, Outcome
from sandbox.salesforce.bulk.tables import DELIMITERS, LINE_ENDS, rows_of, table_of
from sandbox.salesforce.errors import ApiError, bad_json, no_access
from sandbox.salesforce.objects.absent import absent_object, not_built

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.router import Router
    from sandbox.salesforce.api import Api
    from sandbox.salesforce.objects.schema import SObject

BASE = "/services/data/{version}/jobs/ingest"
OPERATIONS = {"insert": "create", "update": "edit", "upsert": "create", "delete": "delete", "hardDelete": "delete"}
#: Bytes of an upload; the limit of 150 MB counts its base64 form (reference: Bulk API 2.0).
LARGEST_UPLOAD = 150_000_000 * 3 // 4
#: Characters of content that a request with both parts may carry.
LARGEST_PART = 100_000
HARD_DELETE = "system.bulkapiharddelete"


def install(router: Router, api: Api) -> None:
    """Add the resources."""
    room = Ingest(api, api.jobs)
    router.add("POST", BASE, room.create)
    router.add("GET", BASE, room.listed)
    router.add("GET", BASE + "/{id}", room.look)
    router.add("PATCH", BASE + "/{id}", room.close)
    router.add("DELETE", BASE + "/{id}", room.delete)
    router.add("PUT", BASE + "/{id}/batches", room.upload)
    for name, kind in (
        ("successfulResults", "good"),
        ("failedResults", "bad"),
        ("unprocessedrecords", "left"),
        ("unprocessedRecords", "left"),
    ):
        router.add("GET", BASE + "/{id}/" + name, room.results(kind))


class Ingest:
    """Ingest jobs of one org."""

    def __init__(self, api: Api, jobs: Jobs) -> None:
        """Take the org's rooms."""
        self._api, self._jobs = api, jobs
        jobs.work["V2Ingest"] = Loading(api, jobs).carry_out

    # -- creating ------------------------------------------------------------------------------

    def create(self, request: Request, params: dict[str, str]) -> Response:
        """Answer POST: a job, or with a multipart body a job and its content at once."""
        self._api.trace.counted()
        kind = request.headers.get("content-type", "")
        if not kind.lower().startswith("multipart/form-data"):
            return Response(200, self._shown(self._made(self._api.body(request), params["version"])))
        about, content = _parts(kind, request.body)
        if len(content) > LARGEST_PART:
            raise refused(f"The content of a multipart request must not exceed {LARGEST_PART} characters")
        job = self._made(about, params["version"])
        self._take(job, content)
        self._jobs.close(job)
        return Response(200, self._shown(job))

    def _made(self, body: dict[str, Any], version: str) -> Job:
        name, operation = body.get("object"), body.get("operation")
        if not isinstance(name, str) or not isinstance(operation, str):
            raise refused("InvalidJob : object and operation are required")
        if operation not in OPERATIONS:
            raise bad_json(f"{operation} is not one of {', '.join(OPERATIONS)}")
        api = self._api
        obj = api.state.schema.object(name)
        if obj is None and absent_object(name):
            raise not_built(f"object {name}")
        if obj is None or not api.state.may(obj.name, "read", api.user):
            raise refused(f"InvalidEntity : Unable to find object: {name}", "INVALIDENTITY")
        if obj.name in NOT_BULK or OPERATIONS[operation][0] not in obj.flags.replace("u", "e"):
            raise refused(f"Entity '{obj.name}' is not supported by the Bulk API.", "INVALIDENTITY")
        if not api.state.may(obj.name, OPERATIONS[operation], api.user):
            raise no_access()
        if operation == "hardDelete" and HARD_DELETE in api.state.removed_rights():
            words = "hardDelete operation requires special user profile permission, please contact your administrator."
            raise refused(f"FeatureNotEnabled : {words}", "FEATURENOTENABLED")
        if self._jobs.today()[0] >= self._jobs.limits()[0]:
            api.trace.violation = True
            raise ApiError("LIMIT_EXCEEDED", "DailyBulkApiBatches Limit exceeded.")
        about: dict[str, Any] = {"object": obj.name, "operation": operation, **dialect(body)}
        if operation == "upsert":
            about["externalIdFieldName"] = self._key(obj, body.get("externalIdFieldName"))
        if body.get("assignmentRuleId"):
            about["assignmentRuleId"] = body["assignmentRuleId"]
        return self._jobs.create("V2Ingest", version, api.user, about)

    def _key(self, obj: SObject, name: Any) -> str:
        if not isinstance(name, str) or not name:
            raise refused("InvalidJob : externalIdFieldName is required for the upsert operation")
        field = self._api.state.visible_field(obj, name, self._api.user)
        if field is None or not (field.external_id or field.id_lookup):
            words = f"Field name provided, {name} does not match an External ID, Salesforce Id, or indexed field"
            raise refused(f"InvalidJob : {words} for {obj.name}")
        return field.name

    def _shown(self, job: Job) -> dict[str, Any]:
        found = self._jobs.shown(job, detail=False)
        if job["state"] == "Open":
            found["contentUrl"] = f"services/data/v{job['apiVersion']}/jobs/ingest/{job['id']}/batches"
        return found

    # -- content -------------------------------------------------------------------------------

    def upload(self, request: Request, params: dict[str, str]) -> Response:
        """Answer PUT: take the whole content of a job."""
        self._api.trace.counted()
        job = self._jobs.find(params["id"], "V2Ingest")
        if job["state"] != "Open":
            raise refused(f"InvalidJobState : a job in state {job['state']} takes no data", "INVALIDJOBSTATE")
        kind = request.headers.get("content-type", "text/csv").partition(";")[0].strip().lower()
        if kind not in ("text/csv", "application/octet-stream"):
            raise ApiError("UNSUPPORTED_MEDIA_TYPE", f"Content type {kind} not supported", status=415)
        if len(request.body) > LARGEST_UPLOAD:
            self._api.trace.violation = True
            raise refused("ClientInputError : the content exceeds the limit of 150 MB in base64", status=413)
        try:
            text = request.body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise refused("ClientInputError : the content is not UTF-8") from error
        self._take(job, text)
        return Response(201)

    def _take(self, job: Job, text: str) -> None:
        job["_uploads"] = int(job.get("_uploads", 0)) + 1
        if job["_uploads"] == 1:
            self._jobs.put_data(job, "content", text)
        self._jobs.store(job)

    def close(self, request: Request, params: dict[str, str]) -> Response:
        """Answer PATCH: close the job for uploads, or abort it."""
        self._api.trace.counted()
        job = self._jobs.find(params["id"], "V2Ingest")
        wanted = self._api.body(request).get("state")
        if wanted == "Aborted":
            if job["state"] in ENDED:
                raise refused(f"Aborting a job in state {job['state']} is not allowed", "INVALIDJOBSTATE")
            self._jobs.end(job, "Aborted")
            return Response(200, self._shown(job))
        if wanted != "UploadComplete":
            raise refused("InvalidJob : state must be UploadComplete or Aborted")
        if job["state"] != "Open":
            raise refused(f"Closing a job in state {job['state']} is not allowed", "INVALIDJOBSTATE")
        if int(job.get("_uploads", 0)) > 1:
            words = (
                f"Found multiple contents for job: <{job['id']}>, please 'Close' / 'Abort' / 'Delete' the current Job "
                "then create a new Job and make sure you only do 'PUT' once on a given Job."
            )
            raise refused(words)
        self._jobs.close(job)
        return Response(200, self._shown(job))

    # -- looking -------------------------------------------------------------------------------

    def look(self, _: Request, params: dict[str, str]) -> Response:
        """Answer GET: the job's state and counts."""
        self._api.trace.apart("bulk_poll")
        job = self._jobs.find(params["id"], "V2Ingest")
        counts = {"apiActiveProcessingTime": 0, "apexProcessingTime": 0}
        counts |= {"numberRecordsProcessed": 0, "numberRecordsFailed": 0}
        return Response(200, {**self._shown(job), "jobType": "V2Ingest", **counts, **self._jobs.shown(job)})

    def listed(self, request: Request, params: dict[str, str]) -> Response:
        """Answer GET: all ingest jobs."""
        self._api.trace.apart("bulk_poll")
        return Response(200, self._jobs.listed(request, "V2Ingest", f"/services/data/{params['version']}/jobs/ingest"))

    def delete(self, _: Request, params: dict[str, str]) -> Response:
        """Answer DELETE: forget a job that has ended."""
        self._api.trace.counted()
        job = self._jobs.find(params["id"], "V2Ingest")
        if job["state"] not in ENDED:
            raise refused(f"Deleting a job in state {job['state']} is not allowed", "INVALIDJOBSTATE")
        self._jobs.drop(job)
        return Response(204)

    def results(self, kind: str) -> Any:
        """Return the handler that answers with the rows that went well, failed or were not looked at."""

        def answer(_: Request, params: dict[str, str]) -> Response:
            self._api.trace.counted()
            job = self._jobs.find(params["id"], "V2Ingest")
            if job["state"] not in ENDED:
                words = f"Results of a job in state {job['state']} are not available"
                raise refused(words, "INVALIDJOBSTATE")
            return Response(200, self._table(job, kind).encode(), {"Content-Type": "text/csv"})

        return answer

    def _table(self, job: Job, kind: str) -> str:
        delimiter, line_end = DELIMITERS[job["columnDelimiter"]], LINE_ENDS[job["lineEnding"]]
        outcomes: list[Outcome] = self._jobs.outcomes(job)
        try:
            rows = list(rows_of(self._jobs.data(job, "content") or "", delimiter, line_end))
        except ValueError:
            rows = []
        header, body = (rows[0], rows[1:]) if rows else ([], [])
        found: list[list[Any]] = []
        if kind == "left":
            return table_of([header, *body[len(outcomes) :]], delimiter, line_end)
        for row, (row_id, created, error) in zip(body, outcomes, strict=False):
            if kind == "good" and error is None:
                found.append([row_id, created, *row])
            elif kind == "bad" and error is not None:
                found.append([row_id, error, *row])
        head = ["sf__Id", "sf__Created" if kind == "good" else "sf__Error", *header]
        return table_of([head, *found], delimiter, line_end)


def _parts(kind: str, body: bytes) -> tuple[dict[str, Any], str]:
    """Return the job and the content of a multipart body.

    Raises: ApiError.
    """
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    message = parser.parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    found: dict[str, bytes] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            found[name] = payload
    if set(found) != {"job", "content"}:
        raise refused("InvalidJob : a multipart request has the parts job and content")
    try:
        about = json.loads(found["job"])
        text = found["content"].decode("utf-8")
    except ValueError as error:
        raise bad_json("Unexpected character at [line:1, column:1]") from error
    if not isinstance(about, dict):
        raise bad_json("Unable to find start token for object at [line:1, column:1]")
    return about, text
