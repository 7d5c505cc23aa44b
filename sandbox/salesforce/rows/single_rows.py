"""Single rows: create, read, update, delete, by id and by external id (reference: single-record writes)."""

from __future__ import annotations

from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.salesforce.conditions import check_unchanged, not_modified, tag_of
from sandbox.salesforce.errors import ApiError, deleted_row, no_external_field, not_found
from sandbox.salesforce.ids import full_id
from sandbox.salesforce.objects.absent import not_built
from sandbox.salesforce.rows.dml import SeveralRows
from sandbox.salesforce.rows.view import getter, row_url

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.core.router import Router
    from sandbox.salesforce.api import Api
    from sandbox.salesforce.objects.schema import SObject

BASE = "/services/data/{version}/sobjects"


def install(router: Router, api: Api) -> None:
    """Add the resources."""
    rows = Rows(api)
    router.add("POST", BASE + "/{object}", rows.create)
    router.add("POST", BASE + "/{object}/Id", rows.create)
    for method, handler in (("GET", rows.read), ("PATCH", rows.update), ("DELETE", rows.delete)):
        router.add(method, BASE + "/{object}/{id}", handler)
    for method, handler in (("GET", rows.read_by), ("PATCH", rows.upsert), ("DELETE", rows.delete_by)):
        router.add(method, BASE + "/{object}/{field}/{value*}", handler)


class Rows:
    """The row resources of one org."""

    def __init__(self, api: Api) -> None:
        """Take the org's rooms."""
        self._api = api

    def create(self, request: Request, params: dict[str, str]) -> Response:
        """Answer POST: 201 with the new id."""
        api = self._api
        obj = api.dml.object(params["object"])
        outcome = api.dml.create(obj, api.body(request), api.author(request))
        api.trace.wrote(obj.name, "create", outcome)
        location = f"/services/data/{params['version']}/sobjects/{obj.name}/{outcome.id}"
        return Response(201, {"id": outcome.id, "success": True, "errors": []}, {"Location": location})

    def read(self, request: Request, params: dict[str, str]) -> Response:
        """Answer GET by id."""
        obj = self._api.dml.object(params["object"])
        row = self._find(obj, params["id"])
        self._api.trace.apart("look_up")
        return self._shown(request, obj, row, params["version"])

    def _find(self, obj: SObject, row_id: str) -> Record:
        full = full_id(row_id)
        if full is None:
            raise no_external_field(row_id)
        row = self._api.state.records.get(obj.name, full)
        if row is None or not self._api.state.may(obj.name, "read", self._api.user):
            raise not_found()
        if row.deleted:
            raise deleted_row()
        return row

    def _shown(self, request: Request, obj: SObject, row: Record, version: str) -> Response:
        early = not_modified(request, row)
        if early is not None:
            return early
        wanted = request.args("fields")
        headers = {"Last-Modified": format_datetime(row.modified_at, usegmt=True)}
        tag = tag_of(row)
        if tag is not None:
            headers["ETag"] = tag
        return Response(200, self._api.show(obj, row, wanted or None, version), headers)

    def update(self, request: Request, params: dict[str, str]) -> Response:
        """Answer PATCH by id: 204."""
        api = self._api
        obj = api.dml.object(params["object"])
        row = api.dml.living(obj, params["id"])
        check_unchanged(request, row)
        outcome = api.dml.update(obj, params["id"], api.body(request), api.author(request))
        api.trace.wrote(obj.name, "update", outcome)
        return Response(204)

    def delete(self, request: Request, params: dict[str, str]) -> Response:
        """Answer DELETE by id: 204."""
        api = self._api
        obj = api.dml.object(params["object"])
        outcome = api.dml.delete(obj, params["id"], api.author(request))
        api.trace.wrote(obj.name, "delete", outcome)
        return Response(204)

    # -- by external id ------------------------------------------------------------------------

    def _keyed(self, params: dict[str, str]) -> tuple[SObject, list[Record]]:
        obj = self._api.dml.object(params["object"])
        key = self._api.dml.key_field(obj, params["field"], self._api.user)
        return obj, self._api.dml.by_key(obj, key, params["value"])

    def _several(self, params: dict[str, str], ids: list[str]) -> Response:
        base = f"/services/data/{params['version']}/sobjects/{self._api.dml.object(params['object']).name}"
        return Response(300, [f"{base}/{row_id}" for row_id in ids])

    def _along(self, request: Request, params: dict[str, str]) -> Response:
        """Answer GET of what a row refers to: ``/sobjects/Contact/{id}/Account``.

        Raises: ApiError NOT_FOUND when the reference is empty or no such path exists.
        """
        obj = self._api.dml.object(params["object"])
        row = self._find(obj, params["field"])
        self._api.trace.apart("look_up")
        link = obj.relationship(params["value"])
        if link is None:
            names = {name.lower() for _, _, name in self._api.state.schema.children(obj.name)}
            if params["value"].lower() in names or "/" in params["value"] or params["value"] == "password":
                raise not_built(f"address {obj.name}/{{id}}/{params['value']}")
            raise not_found()
        target = self._api.state.row(row.get(link.name))
        if target is None:
            raise not_found()
        kind = self._api.dml.object(target.obj)
        return self._shown(request, kind, self._find(kind, target.id), params["version"])

    def read_by(self, request: Request, params: dict[str, str]) -> Response:
        """Answer GET by external id, or of what a row refers to."""
        if (
            full_id(params["field"]) is not None
            and self._api.dml.object(params["object"]).field_of(params["field"]) is None
        ):
            return self._along(request, params)
        obj, found = self._keyed(params)
        self._api.trace.apart("look_up")
        if not found:
            raise not_found()
        if len(found) > 1:
            return self._several(params, [row.id for row in found])
        return self._shown(request, obj, found[0], params["version"])

    def upsert(self, request: Request, params: dict[str, str]) -> Response:
        """Answer PATCH by external id: 201 created, 200 updated, 300 when several rows match."""
        api = self._api
        if full_id(params["field"]) is not None and api.dml.object(params["object"]).field_of(params["field"]) is None:
            raise not_built("writing along a relationship path")
        obj = api.dml.object(params["object"])
        key = api.dml.key_field(obj, params["field"], api.user)
        body = api.body(request)
        if any(name.lower() == key.name.lower() for name in body) and key.name != "Id":
            words = f"The {key.name} field should not be specified in the sobject data."
            raise ApiError("INVALID_FIELD", words, (key.name,))
        only = (request.arg("updateOnly") or "").lower() == "true"
        try:
            outcome = api.dml.upsert(obj, key, params["value"], body, api.author(request), only=only)
        except SeveralRows as several:
            return self._several(params, several.ids)
        api.trace.wrote(obj.name, "upsert", outcome)
        shown = {"id": outcome.id, "success": True, "errors": [], "created": outcome.created}
        if outcome.created:
            location = f"/services/data/{params['version']}/sobjects/{obj.name}/{outcome.id}"
            return Response(201, shown, {"Location": location})
        return Response(204) if float(params["version"][1:]) < 46 else Response(200, shown)

    def delete_by(self, request: Request, params: dict[str, str]) -> Response:
        """Answer DELETE by external id."""
        obj, found = self._keyed(params)
        if not found:
            raise not_found()
        if len(found) > 1:
            return self._several(params, [row.id for row in found])
        outcome = self._api.dml.delete(obj, found[0].id, self._api.author(request))
        self._api.trace.wrote(obj.name, "delete", outcome)
        return Response(204)


def shown_row(api: Api, obj: SObject, row: Record, wanted: list[str] | None, version: str) -> dict[str, Any]:
    """Return a row with the wanted fields, or with all the user may see.

    Raises: ApiError INVALID_FIELD.
    """
    shown: dict[str, Any] = {"attributes": {"type": obj.name, "url": row_url(row, version)}}
    if wanted is None:
        # Of every row, every field is asked about: what is usual is told at once.
        usual, state, user = not api.state.removed_rights(), api.state, api.user
        fields = [
            field for field in obj.fields.values() if (usual and not field.custom) or state.visible(obj, field, user)
        ]
    else:
        fields = []
        for name in ["Id", *wanted]:
            found = api.state.visible_field(obj, name, api.user)
            if found is None:
                raise ApiError("INVALID_FIELD", f"No such column '{name}' on sobject of type {obj.name}")
            fields.append(found)
    for field in fields:
        shown[field.name] = getter(api.state, obj.name, field)(row)
    return shown
