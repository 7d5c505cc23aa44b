"""Custom fields through the Tooling API (reference: custom fields, field-level security, permission sets)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.salesforce.errors import ApiError, missing
from sandbox.salesforce.metadata.custom_fields import FieldBook
from sandbox.salesforce.objects.absent import not_built

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.router import Router
    from sandbox.salesforce.api import Api

BASE = "/services/data/{version}/tooling"


def install(router: Router, api: Api) -> None:
    """Add the resources; of what else the vendor keeps here, each is refused by its name."""
    tooling = Tooling(api)
    router.add("POST", BASE + "/sobjects/CustomField", tooling.create)
    router.add("GET", BASE + "/sobjects/CustomField/{id}", tooling.read)
    router.add("PATCH", BASE + "/sobjects/CustomField/{id}", tooling.update)
    router.add("DELETE", BASE + "/sobjects/CustomField/{id}", tooling.delete)
    for method in ("GET", "POST", "PATCH", "DELETE"):
        router.add(method, BASE + "/sobjects/{object}", tooling.absent)
        router.add(method, BASE + "/sobjects/{object}/{rest*}", tooling.absent)
    for name in (
        "executeAnonymous",
        "runTestsAsynchronous",
        "runTestsSynchronous",
        "completions",
        "search",
        "composite",
    ):
        for method in ("GET", "POST"):
            router.add(method, f"{BASE}/{name}", tooling.absent)


class Tooling:
    """The CustomField resource of one org."""

    def __init__(self, api: Api) -> None:
        """Take the org's rooms."""
        self._api = api
        self._book = FieldBook(api.state, api.options)

    def absent(self, request: Request, params: dict[str, str]) -> Response:
        """Refuse a tooling resource that is not built.

        Raises: ApiError.
        """
        if params.get("object") == "CustomField" and "rest" not in params:
            words = f"HTTP Method '{request.method}' not allowed. Allowed are POST"
            raise ApiError("METHOD_NOT_ALLOWED", words, status=405)
        raise not_built(f"tooling {params.get('object') or request.path.rstrip('/').rpartition('/')[2]}")

    def create(self, request: Request, _: dict[str, str]) -> Response:
        """Answer POST: a new field, seen by nobody until it is granted."""
        body = self._api.body(request)
        self._api.trace.apart("provision")
        metadata = body.get("Metadata")
        if not isinstance(metadata, dict):
            raise missing(["Metadata"])
        row_id = self._book.create(body.get("FullName"), metadata)
        shown = {"id": row_id, "success": True, "errors": [], "warnings": [], "infos": []}
        return Response(201, shown, {"Location": f"{request.path.rstrip('/')}/{row_id}"})

    def read(self, _: Request, params: dict[str, str]) -> Response:
        """Answer GET by id, with the definition."""
        if params["id"] == "describe":
            raise not_built("tooling describe")
        entry = self._book.by_id(params["id"])
        self._api.trace.apart("describe")
        url = f"/services/data/{params['version']}/tooling/sobjects/CustomField/{entry.id}"
        shown: dict[str, Any] = {
            "attributes": {"type": "CustomField", "url": url},
            "Id": entry.id,
            "DeveloperName": entry.field.name.removesuffix("__c"),
            "TableEnumOrId": entry.base,
            "NamespacePrefix": None,
            "ManageableState": "unmanaged",
            "FullName": entry.full_name,
            "Metadata": entry.metadata,
        }
        return Response(200, shown)

    def update(self, request: Request, params: dict[str, str]) -> Response:
        """Answer PATCH by id: another definition for the same field."""
        entry = self._book.by_id(params["id"])
        self._api.trace.apart("provision")
        metadata = self._api.body(request).get("Metadata")
        if not isinstance(metadata, dict):
            raise missing(["Metadata"])
        self._book.change(entry, metadata)
        return Response(204)

    def delete(self, _: Request, params: dict[str, str]) -> Response:
        """Answer DELETE by id."""
        self._api.trace.apart("provision")
        self._book.delete(self._book.by_id(params["id"]))
        return Response(204)
