"""The Metadata API by SOAP: components one by one, and packages deployed whole (reference: custom fields)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.metadata.deploy import Deploys
from sandbox.salesforce.metadata.metadata_store import BUILT, FIELD, MetadataStore
from sandbox.salesforce.objects.values import stamp_text
from sandbox.salesforce.soap.envelopes import KIND, Plain, SoapFault, every, first

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.salesforce.api import Api

#: Components per call, queries per listMetadata.
MOST_COMPONENTS, MOST_QUERIES = 10, 3
NOT_BUILT = frozenset(
    {"renameMetadata", "retrieve", "checkRetrieveStatus", "cancelDeploy", "deployRecentValidation"}
    | {"describeValueType", "checkStatus"}
)

_Operation = Callable[["MetadataCalls", Plain], Any]


class MetadataCalls:
    """The metadata SOAP calls of one org."""

    def __init__(self, api: Api) -> None:
        """Take the org's rooms."""
        self._api = api
        self._store = MetadataStore(api)
        self._deploys = Deploys(api, self._store)

    def call(self, _: Request, version: str, operation: str, call: Plain) -> Any:
        """Carry an operation out and return its result or results.

        Raises: SoapFault, ApiError.
        """
        self._api.trace.apart("provision")
        play = OPERATIONS.get(operation)
        if play is not None:
            return play(self, call)
        if operation == "describeMetadata":
            return self._describe(version)
        if operation in NOT_BUILT:
            raise SoapFault("SANDBOX_NOT_BUILT", f"The sandbox does not have this: metadata {operation}", status=501)
        raise SoapFault("soapenv:Client", f"No operation available for request {operation}")

    # -- one by one ----------------------------------------------------------------------------

    def _components(self, call: Plain) -> list[tuple[str, Plain]]:
        found = every(call, "metadata")
        self._limit(len(found))
        return [(self._store.check_kind(first(entry, KIND)), entry) for entry in found]

    def _limit(self, number: int) -> None:
        if number > MOST_COMPONENTS:
            self._api.trace.violation = True
            words = f"record limit reached. cannot submit more than {MOST_COMPONENTS} records into this operation"
            raise SoapFault("LIMIT_EXCEEDED", words)

    def _each(self, full_name: Any, run: Callable[[], bool | None]) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        try:
            with self._api.state.records.transaction():
                created = run()
        except ApiError as error:
            self._api.state.resync_fields()
            shown["errors"] = {
                "fields": list(error.fields or ()),
                "message": error.message,
                "statusCode": error.code,
            }
        else:
            shown |= {} if created is None else {"created": created}
        return {**shown, "fullName": full_name, "success": "errors" not in shown}

    def create(self, call: Plain) -> Any:
        """Add components, each for itself."""
        return [
            self._each(first(entry, "fullName"), partial(self._store.create, kind, entry))
            for kind, entry in self._components(call)
        ]

    def update(self, call: Plain) -> Any:
        """Change components, each for itself."""
        return [
            self._each(first(entry, "fullName"), partial(self._store.update, kind, entry))
            for kind, entry in self._components(call)
        ]

    def upsert(self, call: Plain) -> Any:
        """Add or change components, and say which."""
        return [
            self._each(first(entry, "fullName"), partial(self._upserted, kind, entry))
            for kind, entry in self._components(call)
        ]

    def _upserted(self, kind: str, entry: Plain) -> bool:
        fresh = not self._store.exists(kind, str(first(entry, "fullName")))
        (self._store.create if fresh else self._store.update)(kind, entry)
        return fresh

    def delete(self, call: Plain) -> Any:
        """Take components away, each for itself."""
        kind, names = self._store.check_kind(first(call, "type")), every(call, "fullNames")
        self._limit(len(names))
        return [self._each(name, partial(self._store.delete, kind, str(name))) for name in names]

    def read(self, call: Plain) -> Any:
        """Return components; those that are not there are empty records."""
        kind, names = self._store.check_kind(first(call, "type")), every(call, "fullNames")
        self._limit(len(names))
        return {"records": [self._store.read(kind, str(name)) for name in names]}

    def listed(self, call: Plain) -> Any:
        """Name the components of up to three kinds."""
        queries = every(call, "queries")
        if len(queries) > MOST_QUERIES:
            raise SoapFault("LIMIT_EXCEEDED", f"cannot submit more than {MOST_QUERIES} queries")
        state, me = self._api.state, self._api.user
        moment = stamp_text(state.described_at()).replace("+0000", "Z")
        found = []
        for query in queries:
            kind = self._store.check_kind(first(query, "type"))
            for name, row_id in self._store.names(kind):
                place = f"objects/{name.partition('.')[0]}.object" if kind == FIELD else f"permissionsets/{name}"
                found.append(
                    {
                        "createdById": me,
                        "createdByName": "User",
                        "createdDate": moment,
                        "fileName": place if kind == FIELD else f"{place}.permissionset",
                        "fullName": name,
                        "id": row_id,
                        "lastModifiedById": me,
                        "lastModifiedByName": "User",
                        "lastModifiedDate": moment,
                        "manageableState": "unmanaged",
                        "type": kind,
                    }
                )
        return found

    def _describe(self, _: str) -> Any:
        """Name the kinds of metadata that are built here, which are few of the vendor's."""
        folders = {"CustomField": "objects", "PermissionSet": "permissionsets"}
        objects: list[dict[str, Any]] = [
            {
                "childXmlNames": [],
                "directoryName": folders[kind],
                "inFolder": False,
                "metaFile": False,
                "suffix": "object" if kind == FIELD else "permissionset",
                "xmlName": kind,
            }
            for kind in BUILT
        ]
        return {
            "metadataObjects": objects,
            "organizationNamespace": "",
            "partialSaveAllowed": True,
            "testRequired": False,
        }

    # -- packages ------------------------------------------------------------------------------

    def deploy(self, call: Plain) -> Any:
        """Take a package in."""
        return self._deploys.start(call)

    def deploy_status(self, call: Plain) -> Any:
        """Say what became of a package."""
        return self._deploys.status(str(first(call, "asyncProcessId") or first(call, "id")))


OPERATIONS: dict[str, _Operation] = {
    "createMetadata": MetadataCalls.create,
    "updateMetadata": MetadataCalls.update,
    "upsertMetadata": MetadataCalls.upsert,
    "deleteMetadata": MetadataCalls.delete,
    "readMetadata": MetadataCalls.read,
    "listMetadata": MetadataCalls.listed,
    "deploy": MetadataCalls.deploy,
    "checkDeployStatus": MetadataCalls.deploy_status,
}
