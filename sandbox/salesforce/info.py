"""What the org says of itself: versions, resources, limits, counts, describe."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.salesforce.access.identity import base_of, identity
from sandbox.salesforce.conditions import http_date
from sandbox.salesforce.errors import not_found
from sandbox.salesforce.metadata.describe import describe_global, describe_object, outline
from sandbox.salesforce.objects.absent import absent_object, not_built

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.router import Router
    from sandbox.salesforce.api import Api

BASE = "/services/data/{version}"
FIRST_VERSION, LAST_VERSION = 20, 66
#: Older ones are answered too, but not shown: nothing was compared with them.
FIRST_LISTED = 58
SEASONS = ("Spring", "Summer", "Winter")
OTHER_LIMITS = {
    "DailyBulkApiBatches": 15_000,
    "DailyBulkV2QueryJobs": 10_000,
    "DailyBulkV2QueryFileStorageMB": 976_562,
    "DailyAsyncApexExecutions": 250_000,
    "DailyDeliveredPlatformEvents": 10_000,
    "HourlyPublishedPlatformEvents": 50_000,
    "DataStorageMB": 5,
    "FileStorageMB": 20,
    "SingleEmail": 15,
    "MassEmail": 10,
    "PermissionSets": 1500,
}


def label_of(version: int) -> str:
    """Return the season a version came with: 59 is Winter '24, and there are three a year."""
    season = SEASONS[(version - 60) % 3]
    year = 24 + (version - 60) // 3 + (season == "Winter")
    return f"{season} '{year:02d}"


def versions() -> Response:
    """Answer ``GET /services/data``, which is open to all."""
    return Response(
        200,
        [
            {"label": label_of(number), "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
            for number in range(FIRST_LISTED, LAST_VERSION + 1)
        ],
    )


def install(router: Router, api: Api) -> None:
    """Add the resources."""
    info = Info(api)
    router.add("GET", BASE, info.resources)
    router.add("GET", "/id/{org}/{user}", info.identity)
    router.add("GET", BASE + "/limits", info.limits)
    router.add("GET", BASE + "/limits/recordCount", info.counts)
    for base in (BASE, BASE + "/tooling"):
        router.add("GET", base + "/sobjects", info.describe_all)
        router.add("GET", base + "/sobjects/{object}/describe", info.describe)
    router.add("GET", BASE + "/sobjects/{object}", info.about)


class Info:
    """The resources about the org itself."""

    def __init__(self, api: Api) -> None:
        """Take the org's rooms."""
        self._api = api

    def resources(self, request: Request, params: dict[str, str]) -> Response:
        """Name the resources of a version."""
        self._api.trace.apart("describe")
        base = f"/services/data/{params['version']}"
        names = ("sobjects", "query", "queryAll", "limits", "composite", "tooling")
        host = request.headers.get("host", "127.0.0.1")
        identity = f"http{'s' if request.secure else ''}://{host}/id/{self._api.org_id}/{self._api.user}"
        return Response(200, {**{name: f"{base}/{name}" for name in names}, "identity": identity})

    def identity(self, request: Request, params: dict[str, str]) -> Response:
        """Say who the token belongs to, at the address that the token endpoint and the resources name."""
        self._api.trace.apart("sign_in")
        row = self._api.state.records.get("User", params["user"])
        if row is None or params["org"] != self._api.org_id:
            raise not_found()
        return Response(200, identity(self._api.state, row, base_of(request)))

    def limits(self, _: Request, __: dict[str, str]) -> Response:
        """Show the daily limits and what is left."""
        self._api.trace.apart("limits")
        used, most = self._api.usage()
        shown: dict[str, Any] = {"DailyApiRequests": {"Max": most, "Remaining": max(0, most - used)}}
        shown |= {name: {"Max": number, "Remaining": number} for name, number in OTHER_LIMITS.items()}
        names = ("DailyBulkApiBatches", "DailyBulkV2QueryJobs")
        for name, number, spent in zip(names, self._api.jobs.limits(), self._api.jobs.today(), strict=True):
            shown[name] = {"Max": number, "Remaining": max(0, number - spent)}
        return Response(200, shown)

    def counts(self, request: Request, _: dict[str, str]) -> Response:
        """Count the rows of objects; objects without rows are left out.

        Raises: ApiError for an object that is not built.
        """
        self._api.trace.apart("limits")
        state = self._api.state
        wanted = request.args("sObjects") or [obj.name for obj in state.schema.objects.values()]
        shown = []
        for name in wanted:
            obj = state.schema.object(name)
            if obj is None and absent_object(name):
                raise not_built(f"object {name}")
            number = 0 if obj is None else sum(1 for row in state.records.rows(obj.name) if not row.deleted)
            if obj is not None and number:
                shown.append({"count": number, "name": obj.name})
        return Response(200, {"sObjects": shown})

    def _dated(self, request: Request, version: str, body: Callable[[], dict[str, Any]]) -> Response:
        """Answer with what describes the org, or 304 when that is older than what the client has."""
        changed = self._api.state.described_at()
        tag = hashlib.blake2b(f"{changed.isoformat()} {version} {request.path}".encode(), digest_size=4).hexdigest()
        headers = {"ETag": f'"{tag}"', "Last-Modified": format_datetime(changed, usegmt=True)}
        since = request.headers.get("if-modified-since")
        if since is not None and changed <= http_date(since):
            return Response(304, None, headers)
        return Response(200, body(), headers)

    def describe_all(self, request: Request, params: dict[str, str]) -> Response:
        """Describe all objects briefly."""
        self._api.trace.apart("describe")
        version = params["version"]
        return self._dated(request, version, lambda: describe_global(self._api.state, version, self._api.user))

    def describe(self, request: Request, params: dict[str, str]) -> Response:
        """Describe one object in full."""
        self._api.trace.apart("describe")
        obj = self._api.dml.object(params["object"])
        if not self._api.state.may(obj.name, "read", self._api.user):
            raise not_found()
        version = params["version"]
        return self._dated(request, version, lambda: describe_object(self._api.state, obj, version, self._api.user))

    def about(self, _: Request, params: dict[str, str]) -> Response:
        """Describe one object briefly."""
        self._api.trace.apart("describe")
        obj = self._api.dml.object(params["object"])
        brief = outline(self._api.state, obj, params["version"], self._api.user)
        return Response(200, {"objectDescribe": brief, "recentItems": []})
