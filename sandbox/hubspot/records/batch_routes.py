"""Batches of up to 100 records, with partial answers (207) as the "Error handling" guide shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.hubspot.answers import Refusal, invalid, iso
from sandbox.hubspot.body_members import body_of, entry_of, words_of
from sandbox.hubspot.records.record_answers import flag
from sandbox.hubspot.records.record_routes import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.core.router import Router
    from sandbox.hubspot.objects import ObjectType
    from sandbox.hubspot.portal import Portal
    from sandbox.hubspot.records.record_answers import RecordAnswers
    from sandbox.hubspot.records.record_routes import RecordRoutes
    from sandbox.hubspot.records.writing import Writing

LARGEST_BATCH = 100


class BatchRoutes:
    """Answer the batch calls."""

    def __init__(self, portal: Portal, writing: Writing, answers: RecordAnswers, single: RecordRoutes) -> None:
        """Serve a portal."""
        self._portal, self._writing, self._answers, self._single = portal, writing, answers, single

    def add_to(self, router: Router) -> None:
        """Add the routes."""
        base = "/crm/v3/objects/{type}/batch"
        for name, handler in (
            ("read", self.read),
            ("create", self.create),
            ("update", self.update),
            ("upsert", self.upsert),
            ("archive", self.archive),
        ):
            router.add("POST", f"{base}/{name}", handler)

    def inputs(self, request: Request, most: int = LARGEST_BATCH) -> list[dict[str, Any]]:
        """Return the inputs of a batch.

        Raises:
            Refusal: 400 when there are none, too many or malformed ones.
        """
        found = body_of(request).get("inputs")
        if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
            raise invalid("Invalid input JSON: inputs must be a list of objects")
        if len(found) > most:
            self._portal.call.violation = True
            raise invalid(f"The maximum number of inputs supported in a batch request is {most}, was {len(found)}")
        return found

    # -- reading and archiving -----------------------------------------------------------------

    def read(self, request: Request, params: dict[str, str]) -> Response:
        """Read records by id or a unique property; those not found stand in one error."""
        kind, body, started = kind_of(params), body_of(request), self._portal.now()
        inputs = self.inputs(request)
        wanted = words_of(body.get("properties"), "properties")
        history = words_of(body.get("propertiesWithHistory"), "propertiesWithHistory")
        by = body.get("idProperty")
        name = self._single.unique_name(kind, str(by)) if by else None
        archived = flag(request, "archived")
        found: dict[str, Record] = {}
        missing: list[str] = []
        for entry in inputs:
            row_id = str(entry.get("id"))
            record = self._find(kind, row_id, name, archived=archived)
            if record is None:
                missing.append(row_id)
            else:
                found[record.id] = record
        self._portal.apart("look_up")
        results = [self._answers.show(kind, record, wanted, history=history) for record in found.values()]
        errors: list[dict[str, Any]] = []
        if missing:
            message = (
                f"Could not get some {kind.singular.upper()} objects, they may be deleted or not exist. "
                "Check that ids are valid."
            )
            errors = [
                {"status": "error", "category": "OBJECT_NOT_FOUND", "message": message, "context": {"ids": missing}}
            ]
        return self.answer(200, results, errors, started)

    def _find(self, kind: ObjectType, row_id: str, name: str | None, *, archived: bool) -> Record | None:
        if archived:
            return self._portal.archived(kind, row_id)
        return self._portal.by_property(kind, name, row_id) if name else self._portal.find(kind, row_id)

    def archive(self, request: Request, params: dict[str, str]) -> Response:
        """Archive records; unknown ids are passed over."""
        kind = kind_of(params)
        done = [self._writing.archive(kind, str(entry.get("id"))) for entry in self.inputs(request)]
        self._portal.wrote(kind.name, "delete", sum(done))
        return Response(204)

    # -- writing -------------------------------------------------------------------------------

    def create(self, request: Request, params: dict[str, str]) -> Response:
        """Create records."""
        kind = kind_of(params)

        def one(entry: dict[str, Any]) -> tuple[Record, bool, dict[str, Any]]:
            return self._single.create_one(kind, entry), True, {}

        return self._write(request, kind, "create", 201, one)

    def update(self, request: Request, params: dict[str, str]) -> Response:
        """Change records; ids of merged records are not followed here."""
        kind = kind_of(params)

        def one(entry: dict[str, Any]) -> tuple[Record, bool, dict[str, Any]]:
            row_id, by = str(entry.get("id")), entry.get("idProperty")
            if by:
                record = self._portal.by_property(kind, self._single.unique_name(kind, str(by)), row_id)
            else:
                record = self._portal.row(kind.name, row_id)
            if record is None:
                raise Refusal(
                    404, f"{kind.singular.capitalize()} does not exist", "OBJECT_NOT_FOUND", context={"ids": [row_id]}
                )
            after = self._writing.change(kind, record, entry.get("properties"))
            return after, after is not record, {}

        return self._write(request, kind, "update", 200, one)

    def upsert(self, request: Request, params: dict[str, str]) -> Response:
        """Create or change records by a unique property."""
        kind = kind_of(params)

        def one(entry: dict[str, Any]) -> tuple[Record, bool, dict[str, Any]]:
            row_id, by = str(entry.get("id")), str(entry.get("idProperty") or "")
            name = self._single.unique_name(kind, by)
            properties = {**entry_of(entry.get("properties"), "properties")}
            properties.setdefault(name, row_id)
            record = self._portal.by_property(kind, name, row_id)
            if record is None:
                return self._writing.create(kind, properties), True, {"new": True}
            after = self._writing.change(kind, record, properties)
            return after, after is not record, {"new": False}

        return self._write(request, kind, "upsert", 200, one)

    def _write(
        self,
        request: Request,
        kind: ObjectType,
        verb: str,
        success: int,
        one: Callable[[dict[str, Any]], tuple[Record, bool, dict[str, Any]]],
    ) -> Response:
        """Write all inputs; with a trace id on every input what fails is told apart, else one failure refuses all.

        ``one`` writes an input and returns the record as it is now, whether something changed, and what else to answer.
        """
        inputs, started = self.inputs(request), self._portal.now()
        if verb != "create":
            _refuse_repeats(inputs)
        traced = bool(inputs) and all(entry.get("objectWriteTraceId") for entry in inputs)
        results: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        changed = 0
        with self._portal.records.transaction():
            for entry in inputs:
                trace = entry.get("objectWriteTraceId")
                try:
                    with self._portal.records.transaction():
                        record, effect, more = one(entry)
                except Refusal as refusal:
                    if not traced:
                        raise
                    errors.append(_error(refusal, str(trace), self._portal.ticket()))
                    continue
                changed += effect
                shown = self._answers.show(kind, record, list(entry.get("properties") or {}))
                results.append({**shown, **more, **({"objectWriteTraceId": trace} if trace else {})})
        self._portal.wrote(kind.name, verb, changed, LARGEST_BATCH)
        return self.answer(success, results, errors, started)

    def answer(self, success: int, results: list[Any], errors: list[Any], started: Any) -> Response:
        """Return the answer to a batch: 207 where something stands in the errors."""
        body: dict[str, Any] = {"status": "COMPLETE", "results": results}
        if errors:
            body.update(numErrors=len(errors), errors=errors)
        body.update(startedAt=iso(started), completedAt=iso(self._portal.now()))
        return Response(207 if errors else success, body)


def _refuse_repeats(inputs: list[dict[str, Any]]) -> None:
    """Refuse a batch that names one record twice, trace ids or not: public issue threads show it so.

    Raises:
        Refusal: 400 for the batch as a whole.
    """
    ids = [str(entry.get("id")) for entry in inputs]
    repeated = sorted({row_id for row_id in ids if ids.count(row_id) > 1}) if len(set(ids)) < len(ids) else []
    if repeated:
        raise invalid(f"Duplicate IDs found in batch input: {repeated}. IDs must be unique")


def _error(refusal: Refusal, trace: str, ticket: str) -> dict[str, Any]:
    body = refusal.body(ticket)
    del body["correlationId"]
    context = {name: [str(v) for v in values] for name, values in (body.get("context") or {}).items()}
    return {**body, "context": {**context, "objectWriteTraceId": [trace]}}
