"""getUpdated and getDeleted: ids of what changed in a window (reference: query)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.salesforce.errors import ApiError, no_access
from sandbox.salesforce.objects.values import parse_datetime

if TYPE_CHECKING:
    from sandbox.core.calls import Version
    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.core.router import Router
    from sandbox.salesforce.api import Api
    from sandbox.salesforce.objects.schema import SObject

BASE = "/services/data/{version}/sobjects/{object}"
#: How far back each of them looks.
UPDATED_DAYS, DELETED_DAYS = 30, 15
MOST_IDS = 600_000


def install(router: Router, api: Api) -> None:
    """Add the resources."""
    room = Replication(api)
    router.add("GET", BASE + "/updated", room.updated)
    router.add("GET", BASE + "/deleted", room.deleted)


class Replication:
    """The resources about what changed."""

    def __init__(self, api: Api) -> None:
        """Take the org's rooms."""
        self._api = api

    def _window(self, request: Request, days: int) -> tuple[datetime, datetime]:
        """Return start and end, both cut to the minute: their seconds are ignored.

        Raises: ApiError.
        """
        span = []
        for name in ("start", "end"):
            text = request.arg(name)
            if text is None:
                raise ApiError("MISSING_ARGUMENT", f"{name} is a required parameter")
            try:
                span.append(parse_datetime(text.replace(" ", "+")).replace(second=0))
            except ValueError as error:
                raise ApiError("INVALID_REPLICATION_DATE", f"{name} is not a date") from error
        start, end = span
        if start >= end:
            raise ApiError("INVALID_REPLICATION_DATE", "startDate must be before endDate")
        if start < self._now() - timedelta(days=days):
            raise ApiError("INVALID_REPLICATION_DATE", f"startDate must be within the last {days} days")
        return start, end

    def _now(self) -> datetime:
        """Return the present, cut to the minute."""
        return self._api.state.clock.now().astimezone(UTC).replace(second=0, microsecond=0)

    def _object(self, name: str) -> SObject:
        obj = self._api.dml.object(name)
        if not self._api.state.may(obj.name, "read", self._api.user):
            raise no_access()
        return obj

    def _changed(self, request: Request, obj: SObject, days: int, *, gone: bool) -> tuple[list[Record], datetime]:
        """Return the rows of a window, and up to when the answer is complete.

        Raises: ApiError.
        """
        start, end = self._window(request, days)
        state = self._api.state
        rows = [row for row in state.records.changed_since(obj.name, start, before=end) if row.deleted is gone]
        if len(rows) > MOST_IDS:
            raise ApiError("EXCEEDED_ID_LIMIT", f"The window holds more than {MOST_IDS} ids; ask for a shorter one")
        versions: list[Version] = [(row.id, row.modified_at, row.modified_by == state.me) for row in rows]
        name = f"{obj.name} {'deleted' if gone else 'updated'}"
        self._api.trace.ids(state, name, obj.name, versions, only_deleted=gone)
        return rows, min(end, self._now())

    def updated(self, request: Request, params: dict[str, str]) -> Response:
        """Answer getUpdated: ids of living rows created or changed in the window."""
        rows, covered = self._changed(request, self._object(params["object"]), UPDATED_DAYS, gone=False)
        return Response(200, {"ids": [row.id for row in rows], "latestDateCovered": _text(covered)})

    def deleted(self, request: Request, params: dict[str, str]) -> Response:
        """Answer getDeleted: ids of rows deleted in the window, with the time."""
        rows, covered = self._changed(request, self._object(params["object"]), DELETED_DAYS, gone=True)
        body: dict[str, Any] = {
            "deletedRecords": [{"id": row.id, "deletedDate": _text(row.modified_at)} for row in rows],
            "earliestDateAvailable": _text(self._now() - timedelta(days=DELETED_DAYS)),
            "latestDateCovered": _text(covered),
        }
        return Response(200, body)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
