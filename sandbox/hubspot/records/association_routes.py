"""Associations v4, single and in batches, and the older per-type form ("Associate records" guide)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.hubspot.answers import Refusal, invalid, iso, not_found
from sandbox.hubspot.body_members import entries_of, entry_of, json_of, whole_of
from sandbox.hubspot.links import HUBSPOT_DEFINED, default_type
from sandbox.hubspot.objects import ObjectType
from sandbox.hubspot.records.record_answers import bounded, start_at
from sandbox.hubspot.records.record_routes import kind_of, label_list
from sandbox.hubspot.streams import ASSOCIATION_PAGE, association_stream, association_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.core.router import Router
    from sandbox.hubspot.portal import Portal
    from sandbox.hubspot.records.association_book import AssociationBook, Label
    from sandbox.hubspot.records.batch_routes import BatchRoutes

MOST_READ, MOST_WRITTEN = 1_000, 2_000
PAGE = 500


class AssociationRoutes:
    """Answer the calls on associations."""

    def __init__(self, portal: Portal, book: AssociationBook, batches: BatchRoutes) -> None:
        """Serve a portal."""
        self._portal, self._book, self._batches = portal, book, batches

    def add_to(self, router: Router) -> None:
        """Add the routes."""
        single = "/crm/v4/objects/{from}/{id}/associations"
        router.add("PUT", f"{single}/default/{{to}}/{{other}}", self.put_default)
        router.add("PUT", f"{single}/{{to}}/{{other}}", self.put)
        router.add("DELETE", f"{single}/{{to}}/{{other}}", self.drop)
        router.add("GET", f"{single}/{{to}}", self.read)
        older = "/crm/v3/objects/{from}/{id}/associations"
        router.add("GET", f"{older}/{{to}}", self.read_older)
        router.add("PUT", f"{older}/{{to}}/{{other}}/{{label}}", self.put_older)
        router.add("DELETE", f"{older}/{{to}}/{{other}}/{{label}}", self.drop_older)
        pair = "/crm/v4/associations/{from}/{to}"
        router.add("POST", f"{pair}/batch/read", self.read_batch)
        router.add("POST", f"{pair}/batch/create", self.create_batch)
        router.add("POST", f"{pair}/batch/associate/default", self.default_batch)
        router.add("POST", f"{pair}/batch/archive", self.archive_batch)
        router.add("POST", f"{pair}/batch/labels/archive", self.archive_labels)

    def _ends(self, params: dict[str, str]) -> tuple[ObjectType, ObjectType]:
        return kind_of(params, "from"), kind_of(params, "to")

    def _living(self, kind: ObjectType, row_id: str) -> Record:
        record = self._portal.find(kind, row_id)
        if record is None:
            raise not_found()
        return record

    # -- one record ----------------------------------------------------------------------------

    def read(self, request: Request, params: dict[str, str]) -> Response:
        """Page through one record's associates of a type."""
        kind, to = self._ends(params)
        limit = bounded(request, "limit", PAGE, PAGE)
        record = self._living(kind, params["id"])
        found = self._book.of(kind.name, record.id, to.name)
        start = start_at(request)
        page = found[start : start + limit]
        row = association_version(record, [link for _, _, link in found])
        self._portal.read(association_stream(self._portal, kind, to), [row])
        body: dict[str, Any] = {"results": [self._shown(other, labels) for other, labels, _ in page]}
        if start + limit < len(found):
            body["paging"] = {"next": {"after": str(start + limit), "link": request.path}}
        return Response(200, body)

    def _shown(self, other: str, labels: list[Label]) -> dict[str, Any]:
        types = [
            {"category": category, "typeId": number, "label": self._book.label_text((category, number))}
            for category, number in sorted(labels, key=lambda label: label[1])
        ]
        return {"toObjectId": int(other), "associationTypes": types}

    def read_older(self, request: Request, params: dict[str, str]) -> Response:
        """Answer the v3 form: ids as text and a type's name."""
        del request
        kind, to = self._ends(params)
        record = self._living(kind, params["id"])
        found = self._book.of(kind.name, record.id, to.name)
        row = association_version(record, [link for _, _, link in found])
        self._portal.read(association_stream(self._portal, kind, to), [row])
        name = f"{kind.singular}_to_{to.singular}"
        return Response(200, {"results": [{"id": other, "type": name} for other, labels, _ in found for _ in labels]})

    def put(self, request: Request, params: dict[str, str]) -> Response:
        """Give a pair exactly the labels of the body."""
        kind, to = self._ends(params)
        given = json_of(request)
        if not isinstance(given, list) or not given:
            raise invalid("Invalid input JSON: a list of association types is needed")
        labels = label_list(given)
        record, other = self._living(kind, params["id"]), self._living(to, params["other"])
        self._link(kind, record, to, other, labels, replace=True)
        self._portal.wrote("associations", "create", 1, MOST_WRITTEN)
        return Response(201, self._pair(kind, record.id, to, other.id, labels))

    def _pair(self, kind: ObjectType, row_id: str, to: ObjectType, other: str, labels: list[Label]) -> dict[str, Any]:
        texts = [self._book.label_text(label) for label in labels]
        return {
            "fromObjectTypeId": kind.type_id,
            "fromObjectId": row_id,
            "toObjectTypeId": to.type_id,
            "toObjectId": other,
            "labels": [text for text in texts if text],
        }

    def _link(
        self, kind: ObjectType, record: Record, to: ObjectType, other: Record, labels: list[Label], *, replace: bool
    ) -> None:
        write: Callable[..., Record] = self._book.put if replace else self._book.add
        before = self._portal.changes
        write(kind.name, record.id, to.name, other.id, labels)
        if self._portal.changes != before:
            self._bump(kind, record, to, other)

    def _bump(self, kind: ObjectType, record: Record, to: ObjectType, other: Record) -> None:
        """Move a contact's time of change up: its company is one of its properties."""
        for left, right, row in ((kind, to, record), (to, kind, other)):
            if (left.name, right.name) == ("contacts", "companies"):
                self._portal.stamp(row)

    def put_default(self, request: Request, params: dict[str, str]) -> Response:
        """Associate a pair in the plain way."""
        del request
        kind, to = self._ends(params)
        started = self._portal.now()
        shown = self._default(kind, params["id"], to, params["other"])
        self._portal.wrote("associations", "create", 1, MOST_WRITTEN)
        body = {"status": "COMPLETE", "results": shown, "startedAt": iso(started), "completedAt": iso(started)}
        return Response(200, body)

    def _default(self, kind: ObjectType, row_id: str, to: ObjectType, other_id: str) -> list[dict[str, Any]]:
        number = default_type(kind.name, to.name)
        if number is None:
            raise invalid(f"{kind.name} and {to.name} have no default association")
        record, other = self._living(kind, row_id), self._living(to, other_id)
        self._link(kind, record, to, other, [(HUBSPOT_DEFINED, number)], replace=False)
        inverse = default_type(to.name, kind.name)
        ends = ((record.id, other.id, number), (other.id, record.id, inverse))
        return [
            {
                "from": {"id": start},
                "to": {"id": end},
                "associationSpec": {"associationCategory": HUBSPOT_DEFINED, "associationTypeId": sort},
            }
            for start, end, sort in ends
        ]

    def put_older(self, request: Request, params: dict[str, str]) -> Response:
        """Associate a pair by the id or the name of one type."""
        del request
        kind, to = self._ends(params)
        record, other = self._living(kind, params["id"]), self._living(to, params["other"])
        self._link(kind, record, to, other, [self._older_label(kind, to, params["label"])], replace=False)
        self._portal.wrote("associations", "create", 1, 1)
        return Response(200, {"id": record.id, "archived": False})

    def _older_label(self, kind: ObjectType, to: ObjectType, text: str) -> Label:
        number = int(text) if text.isdigit() else default_type(kind.name, to.name)
        if number is None:
            raise invalid(f"{text[:40]} is no association type")
        return HUBSPOT_DEFINED, number

    def drop(self, request: Request, params: dict[str, str]) -> Response:
        """Take all labels of a pair away."""
        del request
        kind, to = self._ends(params)
        gone = self._unlink(kind, params["id"], to, params["other"], None)
        self._portal.wrote("associations", "delete", int(gone), MOST_WRITTEN)
        return Response(204)

    def drop_older(self, request: Request, params: dict[str, str]) -> Response:
        """Take one label of a pair away."""
        del request
        kind, to = self._ends(params)
        label = self._older_label(kind, to, params["label"])
        gone = self._unlink(kind, params["id"], to, params["other"], [label])
        self._portal.wrote("associations", "delete", int(gone), 1)
        return Response(204)

    def _unlink(self, kind: ObjectType, row_id: str, to: ObjectType, other_id: str, labels: list[Label] | None) -> bool:
        record, other = self._portal.find(kind, row_id), self._portal.find(to, other_id)
        if record is None or other is None:
            return False
        gone = self._book.drop(kind.name, record.id, to.name, other.id, labels)
        if gone:
            self._bump(kind, record, to, other)
        return gone

    # -- batches -------------------------------------------------------------------------------

    def read_batch(self, request: Request, params: dict[str, str]) -> Response:
        """Read the associates of up to 1,000 records; those without any stand in one error."""
        kind, to = self._ends(params)
        inputs, started = self._batches.inputs(request, MOST_READ), self._portal.now()
        results: list[dict[str, Any]] = []
        lone: list[str] = []
        versions = []
        for entry in inputs:
            record = self._portal.find(kind, str(entry.get("id")))
            found = self._book.of(kind.name, record.id, to.name) if record is not None else []
            if record is not None:
                versions.append(association_version(record, [row for _, _, row in found]))
            if not found:
                lone.append(str(entry.get("id")))
                continue
            start = max(0, whole_of(entry.get("after"), "after", 0))
            shown: dict[str, Any] = {"from": {"id": str(entry.get("id"))}}
            shown["to"] = [self._shown(other, labels) for other, labels, _ in found[start : start + PAGE]]
            if start + PAGE < len(found):
                shown["paging"] = {"next": {"after": str(start + PAGE)}}
            results.append(shown)
        self._portal.read(association_stream(self._portal, kind, to), versions, page=ASSOCIATION_PAGE)
        errors = [self._lone(kind, to, row_id) for row_id in lone]
        return self._batch(207 if errors else 200, results, errors, started)

    def _lone(self, kind: ObjectType, to: ObjectType, row_id: str) -> dict[str, Any]:
        return {
            "status": "error",
            "category": "OBJECT_NOT_FOUND",
            "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
            "message": f"No {to.singular} is associated with {kind.singular} {row_id}.",
            "context": {"fromObjectId": [row_id], "fromObjectType": [kind.type_id], "toObjectType": [to.type_id]},
        }

    def _batch(self, status: int, results: list[Any], errors: list[Any], started: Any) -> Response:
        body: dict[str, Any] = {"status": "COMPLETE", "results": results}
        if errors:
            body.update(numErrors=len(errors), errors=errors)
        return Response(status, {**body, "startedAt": iso(started), "completedAt": iso(self._portal.now())})

    def _each(
        self, request: Request, write: Callable[[dict[str, Any]], list[dict[str, Any]]], success: int
    ) -> Response:
        """Write every pair of a batch; those that cannot be written stand in the errors."""
        started = self._portal.now()
        results: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        inputs = self._batches.inputs(request, MOST_WRITTEN)
        for entry in inputs:
            try:
                with self._portal.records.transaction():
                    results += write(entry)
            except Refusal as refusal:
                body = refusal.body(self._portal.ticket())
                ends = {name: [_shown_id(entry.get(name))] for name in ("from", "to")}
                errors.append({**body, "context": ends})
        self._portal.wrote("associations", "create", len(inputs) - len(errors), MOST_WRITTEN)
        return self._batch(207 if errors else success, results, errors, started)

    def create_batch(self, request: Request, params: dict[str, str]) -> Response:
        """Associate up to 2,000 pairs with labels."""
        kind, to = self._ends(params)

        def write(entry: dict[str, Any]) -> list[dict[str, Any]]:
            labels = label_list(entry.get("types"))
            record, other = self._living(kind, _id_in(entry, "from")), self._living(to, _id_in(entry, "to"))
            self._link(kind, record, to, other, labels, replace=False)
            return [self._pair(kind, record.id, to, other.id, labels)]

        return self._each(request, write, 201)

    def default_batch(self, request: Request, params: dict[str, str]) -> Response:
        """Associate up to 2,000 pairs in the plain way."""
        kind, to = self._ends(params)
        return self._each(request, lambda e: self._default(kind, _id_in(e, "from"), to, _id_in(e, "to")), 200)

    def archive_batch(self, request: Request, params: dict[str, str]) -> Response:
        """Take all labels of many pairs away; ``to`` is a list here."""
        kind, to = self._ends(params)
        gone = 0
        for entry in self._batches.inputs(request, MOST_WRITTEN):
            for other in entries_of(entry.get("to"), "to"):
                far = str(entry_of(other, "to").get("id"))
                gone += self._unlink(kind, _id_in(entry, "from"), to, far, None)
        self._portal.wrote("associations", "delete", gone, MOST_WRITTEN)
        return Response(204)

    def archive_labels(self, request: Request, params: dict[str, str]) -> Response:
        """Take certain labels of many pairs away."""
        kind, to = self._ends(params)
        gone = 0
        for entry in self._batches.inputs(request, MOST_WRITTEN):
            labels = label_list(entry.get("types"))
            gone += self._unlink(kind, _id_in(entry, "from"), to, _id_in(entry, "to"), labels)
        self._portal.wrote("associations", "delete", gone, MOST_WRITTEN)
        return Response(204)


def _id_in(entry: dict[str, Any], name: str) -> str:
    return str(entry_of(entry.get(name), name).get("id"))


def _shown_id(value: Any) -> str:
    return str(value.get("id")) if isinstance(value, dict) else str(value)[:40]
