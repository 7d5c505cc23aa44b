"""Collections: up to 200 rows in one call, positional results (reference: multi-record resources)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.salesforce.accounting import LARGEST_BATCH
from sandbox.salesforce.errors import ApiError, bad_json
from sandbox.salesforce.ids import full_id
from sandbox.salesforce.objects.absent import absent_object, not_built
from sandbox.salesforce.rows.dml import Author, Outcome, SeveralRows

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.router import Router
    from sandbox.salesforce.api import Api
    from sandbox.salesforce.objects.schema import Field, SObject

BASE = "/services/data/{version}/composite/sobjects"
#: Runs of rows of one type in one call.
LARGEST_RUNS = 10
LARGEST_GET = 800
LARGEST_RETRIEVE = 2000
ROLLED_BACK = ApiError(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)


def install(router: Router, api: Api) -> None:
    """Add the resources."""
    many = ManyRows(api)
    router.add("POST", BASE, many.create)
    router.add("PATCH", BASE, many.update)
    router.add("DELETE", BASE, many.delete)
    router.add("GET", BASE + "/{object}", many.retrieve)
    router.add("POST", BASE + "/{object}", many.retrieve)
    router.add("PATCH", BASE + "/{object}/{field}", many.upsert)


@dataclass(slots=True)
class _Job:
    """One row's write, ready to be carried out."""

    obj: str
    kind: str
    run: Callable[[], Outcome]
    #: Shown when the row fails.
    known_id: str | None = None


class ManyRows:
    """The collection resources of one org."""

    def __init__(self, api: Api) -> None:
        """Take the org's rooms."""
        self._api = api

    # -- reading the request -------------------------------------------------------------------

    def _records(self, request: Request) -> tuple[list[dict[str, Any]], bool]:
        body = self._api.body(request)
        records, together = body.get("records"), body.get("allOrNone")
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            raise bad_json("records must be a list of objects")
        # null is what django-salesforce sends for "as usual"
        if together is not None and not isinstance(together, bool):
            raise bad_json("allOrNone must be a boolean")
        self._limit(len(records), LARGEST_BATCH)
        kinds = [_type(record) for record in records]
        runs = sum(1 for place, kind in enumerate(kinds) if place == 0 or kinds[place - 1] != kind)
        if runs > LARGEST_RUNS:
            self._api.trace.violation = True
            words = f"Cannot have more than {LARGEST_RUNS} chunks in a single operation. Please rearrange the data."
            raise ApiError("INVALID_INPUT", words)
        return records, together is True

    def _limit(self, number: int, largest: int) -> None:
        if number > largest:
            self._api.trace.violation = True
            words = f"record limit reached. cannot submit more than {largest} records in this request"
            raise ApiError("EXCEEDED_ID_LIMIT", words)

    def _object(self, name: str | None) -> SObject:
        found = None if name is None else self._api.state.schema.object(name)
        if found is None and name is not None and absent_object(name):
            raise not_built(f"object {name}")
        if found is None:
            raise ApiError("INVALID_TYPE", f"sObject type '{name}' is not supported.", ())
        return found

    # -- the resources -------------------------------------------------------------------------

    def create(self, request: Request, _: dict[str, str]) -> Response:
        """Answer POST: create rows, of several types if need be."""
        records, together = self._records(request)
        by = self._api.author(request)
        jobs = [_Job(_type(record) or "", "create", self._creation(record, by)) for record in records]
        return self._answer(jobs, together=together)

    def _creation(self, record: dict[str, Any], by: Author) -> Callable[[], Outcome]:
        return lambda: self._api.dml.create(self._object(_type(record)), record, by)

    def update(self, request: Request, _: dict[str, str]) -> Response:
        """Answer PATCH: update rows by id."""
        records, together = self._records(request)
        by = self._api.author(request)
        jobs = []
        for record in records:
            row_id = record.get("id", record.get("Id"))
            jobs.append(_Job(_type(record) or "", "update", self._change(record, row_id, by), full_id(row_id)))
        return self._answer(jobs, together=together)

    def _change(self, record: dict[str, Any], row_id: Any, by: Author) -> Callable[[], Outcome]:
        def run() -> Outcome:
            obj = self._object(_type(record))
            if row_id in (None, ""):
                raise ApiError("MISSING_ARGUMENT", "Id not specified in an update call", ())
            if full_id(row_id) is None:
                raise ApiError("MALFORMED_ID", f"{obj.label} ID: id value of incorrect type: {row_id}", ("Id",))
            values = {name: value for name, value in record.items() if name.lower() != "id"}
            return self._api.dml.update(obj, str(row_id), values, by)

        return run

    def upsert(self, request: Request, params: dict[str, str]) -> Response:
        """Answer PATCH with an external id field in the path."""
        records, together = self._records(request)
        by = self._api.author(request)
        obj = self._api.dml.object(params["object"])
        key = self._api.dml.key_field(obj, params["field"], by.user)
        counts = Counter(_folded(_valued(record, key)) for record in records)
        jobs = []
        for record in records:
            value = _valued(record, key)
            twice = value not in (None, "") and counts[_folded(value)] > 1
            jobs.append(_Job(obj.name, "upsert", self._put(obj, key, value, record, by, twice=twice)))
        return self._answer(jobs, together=together)

    def _put(
        self, obj: SObject, key: Field, value: Any, record: dict[str, Any], by: Author, *, twice: bool
    ) -> Callable[[], Outcome]:
        def run() -> Outcome:
            named = _type(record)
            if named is not None and named.lower() != obj.name.lower():
                raise ApiError("INVALID_TYPE", f"sObject type '{named}' does not match the resource.", ())
            if twice:
                raise ApiError("DUPLICATE_VALUE", f"Duplicate external id specified: {value}", (key.name,))
            if value in (None, "") and key.name != "Id":
                raise ApiError("MISSING_ARGUMENT", f"{key.name} not specified", ())
            body = {name: entry for name, entry in record.items() if name.lower() not in (key.name.lower(), "id")}
            try:
                return self._api.dml.upsert(obj, key, value, body, by)
            except SeveralRows as several:
                words = f"{key.name}: more than one record found for external id field: [{', '.join(several.ids)}]"
                raise ApiError("DUPLICATE_EXTERNAL_ID", words, ()) from several

        return run

    def delete(self, request: Request, _: dict[str, str]) -> Response:
        """Answer DELETE with ids in the address."""
        ids = request.args("ids")
        self._limit(len(ids), LARGEST_BATCH)
        if not ids:
            raise ApiError("MISSING_ARGUMENT", "The ids parameter is required")
        by = self._api.author(request)
        together = (request.arg("allOrNone") or "").lower() == "true"
        jobs = [
            _Job(self._api.state.object_of(row_id) or "", "delete", self._removal(row_id, by), full_id(row_id))
            for row_id in ids
        ]
        return self._answer(jobs, together=together)

    def _removal(self, row_id: str, by: Author) -> Callable[[], Outcome]:
        def run() -> Outcome:
            name = self._api.state.object_of(row_id)
            if full_id(row_id) is None or name is None:
                raise ApiError("MALFORMED_ID", f"malformed id {row_id}", ())
            return self._api.dml.delete(self._object(name), row_id, by)

        return run

    # -- carrying out --------------------------------------------------------------------------

    def _answer(self, jobs: list[_Job], *, together: bool) -> Response:
        """Carry the jobs out, each for itself or all together; the status is 200 whatever became of them."""
        api = self._api
        results: list[dict[str, Any]] = []
        done: list[Outcome | None] = []
        with api.state.records.transaction() as whole:
            for job in jobs:
                outcome: Outcome | None = None
                try:
                    with api.state.records.transaction():
                        outcome = job.run()
                    results.append(_good(job, outcome))
                except ApiError as error:
                    results.append(_bad(job, error))
                done.append(outcome)
            if together and not all(done):
                whole.roll_back()
                results = [_rolled_back(job, result) for job, result in zip(jobs, results, strict=True)]
                done = [None] * len(done)
        api.state.rights_changed()
        for job, outcome in zip(jobs, done, strict=True):
            found = api.state.schema.object(job.obj)
            api.trace.wrote(found.name if found is not None else job.obj, job.kind, outcome)
        return Response(200, results)

    # -- retrieving ----------------------------------------------------------------------------

    def retrieve(self, request: Request, params: dict[str, str]) -> Response:
        """Answer GET and POST with ids and fields: rows in the order asked for, null where there is none."""
        api = self._api
        obj = api.dml.object(params["object"])
        ids: Any
        fields: Any
        if request.method == "GET":
            ids, fields, largest = request.args("ids"), request.args("fields"), LARGEST_GET
        else:
            body = api.body(request)
            ids, fields, largest = body.get("ids"), body.get("fields"), LARGEST_RETRIEVE
        if not isinstance(ids, list) or not isinstance(fields, list) or not ids or not fields:
            raise ApiError("MISSING_ARGUMENT", "ids and fields are required")
        self._limit(len(ids), largest)
        api.trace.apart("look_up")
        shown: list[Any] = []
        for row_id in ids:
            row = api.state.records.get(obj.name, full_id(row_id) or "")
            readable = row is not None and not row.deleted and api.state.may(obj.name, "read", api.user)
            shown.append(api.show(obj, row, fields, params["version"]) if row is not None and readable else None)
        return Response(200, shown)


def _type(record: dict[str, Any]) -> str | None:
    attributes = record.get("attributes")
    named = attributes.get("type") if isinstance(attributes, dict) else None
    return named if isinstance(named, str) else None


def _valued(record: dict[str, Any], key: Field) -> Any:
    return next((value for name, value in record.items() if name.lower() == key.name.lower()), None)


def _folded(value: Any) -> str:
    return str(value).casefold()


def _good(job: _Job, outcome: Outcome) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": outcome.id, "success": True, "errors": []}
    return {**shown, "created": outcome.created} if job.kind == "upsert" else shown


def _bad(job: _Job, error: ApiError) -> dict[str, Any]:
    shown: dict[str, Any] = {"success": False, "errors": [error.row()]}
    # A failed row that was addressed by id still carries it: only ``success`` tells (reference: collections).
    return {"id": job.known_id, **shown} if job.known_id is not None else shown


def _rolled_back(job: _Job, result: dict[str, Any]) -> dict[str, Any]:
    shown = {**result, "success": False, "errors": result["errors"] or [ROLLED_BACK.row()]}
    return {**shown, "created": True} if job.kind == "upsert" else shown
