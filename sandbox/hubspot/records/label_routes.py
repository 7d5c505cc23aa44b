"""The labels of associations and how many of each a record may have ("Associate records" guide)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.hubspot.answers import PORTAL_ID, Refusal, invalid, not_found
from sandbox.hubspot.body_members import body_of, whole_of
from sandbox.hubspot.records.record_routes import kind_of

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.core.router import Router
    from sandbox.hubspot.objects import ObjectType
    from sandbox.hubspot.portal import Portal
    from sandbox.hubspot.records.association_book import AssociationBook
    from sandbox.hubspot.records.batch_routes import BatchRoutes

MOST_TO = 50_000


class LabelRoutes:
    """Answer the calls on association definitions."""

    def __init__(self, portal: Portal, book: AssociationBook, batches: BatchRoutes) -> None:
        """Serve a portal."""
        self._portal, self._book, self._batches = portal, book, batches

    def add_to(self, router: Router) -> None:
        """Add the routes."""
        base = "/crm/v4/associations"
        limits = f"{base}/definitions/configurations"
        router.add("GET", f"{limits}/all", self.all_limits)
        router.add("GET", f"{limits}/{{from}}/{{to}}", self.limits)
        router.add("POST", f"{limits}/{{from}}/{{to}}/batch/create", self.set_limits)
        router.add("POST", f"{limits}/{{from}}/{{to}}/batch/update", self.set_limits)
        router.add("POST", f"{limits}/{{from}}/{{to}}/batch/purge", self.drop_limits)
        labels = f"{base}/{{from}}/{{to}}/labels"
        router.add("GET", labels, self.labels)
        router.add("POST", labels, self.define)
        router.add("PUT", labels, self.rename)
        router.add("DELETE", f"{labels}/{{type_id}}", self.drop)

    def _ends(self, params: dict[str, str]) -> tuple[ObjectType, ObjectType]:
        return kind_of(params, "from"), kind_of(params, "to")

    # -- labels --------------------------------------------------------------------------------

    def labels(self, request: Request, params: dict[str, str]) -> Response:
        """List the labels between two types."""
        del request
        kind, to = self._ends(params)
        self._portal.apart("describe")
        return Response(200, {"results": self._book.labels(kind.name, to.name)})

    def define(self, request: Request, params: dict[str, str]) -> Response:
        """Add a label of the account's own."""
        kind, to = self._ends(params)
        wish = body_of(request)
        if not wish.get("label") or not wish.get("name"):
            raise invalid("label and name are required", context={"portalId": [str(PORTAL_ID)]})
        self._portal.apart("provision")
        self._check_label(kind, to, str(wish["label"]))
        made = self._book.define(kind.name, to.name, str(wish["name"]), str(wish["label"]), wish.get("inverseLabel"))
        return Response(200, {"results": made})

    def _check_label(self, kind: ObjectType, to: ObjectType, label: str, own: int | None = None) -> None:
        for entry in self._book.labels(kind.name, to.name):
            if entry["label"] == label and entry["typeId"] != own:
                raise Refusal(409, f"An association label {label[:60]} already exists", "OBJECT_ALREADY_EXISTS")

    def _own(self, kind: ObjectType, to: ObjectType, type_id: str) -> Record:
        row = self._portal.row("association_label", f"label:{type_id}")
        if row is None or (row.values["from"], row.values["to"]) != (kind.name, to.name):
            raise not_found()
        return row

    def rename(self, request: Request, params: dict[str, str]) -> Response:
        """Give a label of the account's own another text."""
        kind, to = self._ends(params)
        wish = body_of(request)
        self._portal.apart("provision")
        row = self._own(kind, to, str(wish.get("associationTypeId")))
        if not wish.get("label"):
            raise invalid("label is required")
        self._check_label(kind, to, str(wish["label"]), row.values["typeId"])
        self._portal.update(row, {"label": str(wish["label"])})
        inverse = self._portal.records.get("association_label", f"label:{row.values['inverse']}")
        if inverse is not None and wish.get("inverseLabel"):
            self._portal.update(inverse, {"label": str(wish["inverseLabel"])})
        return Response(204)

    def drop(self, request: Request, params: dict[str, str]) -> Response:
        """Delete a label of the account's own, in both directions."""
        del request
        kind, to = self._ends(params)
        self._portal.apart("provision")
        row = self._own(kind, to, params["type_id"])
        numbers = {row.values["typeId"], row.values["inverse"]}
        used = any(number in numbers for link in self._links() for _, number in link.values["types"])
        if used:
            raise invalid("The label is in use")
        inverse = self._portal.records.get("association_label", f"label:{row.values['inverse']}")
        for gone in (row, inverse):
            if gone is not None and not gone.deleted:
                self._portal.remove(gone)
        return Response(204)

    def _links(self) -> list[Record]:
        return [row for row in self._portal.records.rows("association") if not row.deleted]

    # -- limits --------------------------------------------------------------------------------

    def all_limits(self, request: Request, params: dict[str, str]) -> Response:
        """List every limit that an administrator set."""
        del request, params
        self._portal.apart("describe")
        rows = [row for row in self._portal.records.rows("association_limit") if not row.deleted]
        return Response(200, {"results": [self._limit(row) for row in rows]})

    def limits(self, request: Request, params: dict[str, str]) -> Response:
        """List the limits between two types."""
        del request
        kind, to = self._ends(params)
        self._portal.apart("describe")
        rows = [row for row in self._portal.records.rows("association_limit") if not row.deleted]
        rows = [row for row in rows if (row.values["from"], row.values["to"]) == (kind.name, to.name)]
        return Response(200, {"results": [self._limit(row) for row in rows]})

    def _limit(self, row: Record) -> dict[str, Any]:
        values = row.values
        shown = {"category": values["category"], "typeId": values["typeId"]}
        shown["userEnforcedMaxToObjectIds"] = values["most"]
        label = self._book.label_text((values["category"], values["typeId"]))
        return {**shown, "label": label} if label else shown

    def set_limits(self, request: Request, params: dict[str, str]) -> Response:
        """Say how many records of the far type a record may have under each label."""
        kind, to = self._ends(params)
        started = self._portal.now()
        self._portal.apart("provision")
        known = {(entry["category"], entry["typeId"]) for entry in self._book.labels(kind.name, to.name)}
        results = []
        for entry in self._batches.inputs(request):
            label = (str(entry.get("category")), whole_of(entry.get("typeId"), "typeId", 0))
            most = whole_of(entry.get("maxToObjectIds"), "maxToObjectIds", 0)
            if label not in known:
                raise invalid(f"{label[1]} is no association type from {kind.name} to {to.name}")
            if not 1 <= most <= MOST_TO:
                raise invalid(f"maxToObjectIds must lie between 1 and {MOST_TO}")
            values = {"from": kind.name, "to": to.name, "category": label[0], "typeId": label[1], "most": most}
            row_id = f"limit:{kind.name}:{to.name}:{label[0]}:{label[1]}"
            row = self._portal.records.get("association_limit", row_id)
            if row is None:
                row = self._portal.insert("association_limit", row_id, values)
            else:
                row = self._portal.revive(row, values) if row.deleted else self._portal.update(row, values)
            results.append(self._limit(row))
        created = request.path.rstrip("/").endswith("create")
        return self._batches.answer(201 if created else 200, results, [], started)

    def drop_limits(self, request: Request, params: dict[str, str]) -> Response:
        """Take limits away."""
        kind, to = self._ends(params)
        self._portal.apart("provision")
        for entry in self._batches.inputs(request):
            row_id = f"limit:{kind.name}:{to.name}:{entry.get('category')}:{entry.get('typeId')}"
            row = self._portal.row("association_limit", row_id)
            if row is not None:
                self._portal.remove(row)
        return Response(204)
