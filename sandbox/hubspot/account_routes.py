"""The account itself, its owners and its deal pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.hubspot.answers import PORTAL_ID, iso, not_found
from sandbox.hubspot.definitions import DEAL_STAGES
from sandbox.hubspot.record_answers import bounded, flag, start_at
from sandbox.hubspot.record_routes import kind_of

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.core.router import Router
    from sandbox.hubspot.portal import Portal

OWNERS_PAGE = 500


class AccountRoutes:
    """Answer the calls on owners, pipelines and the account."""

    def __init__(self, portal: Portal) -> None:
        """Serve a portal."""
        self._portal = portal

    def add_to(self, router: Router) -> None:
        """Add the routes."""
        router.add("GET", "/crm/v3/owners", self.owners)
        router.add("GET", "/crm/v3/owners/{id}", self.owner)
        router.add("GET", "/crm/v3/pipelines/{type}", self.pipelines)
        router.add("GET", "/crm/v3/pipelines/{type}/{id}", self.pipeline)
        router.add("GET", "/crm/v3/pipelines/{type}/{id}/stages", self.stages)
        router.add("GET", "/account-info/v3/details", self.account)

    def owners(self, request: Request, params: dict[str, str]) -> Response:
        """List owners; those whose user left are archived."""
        del params
        self._portal.apart("describe")
        limit = bounded(request, "limit", 100, OWNERS_PAGE)
        email, archived = (request.arg("email") or "").lower(), flag(request, "archived")
        rows = [row for row in self._portal.records.rows("owner") if row.deleted == archived]
        rows = [row for row in rows if not email or row.values["email"] == email]
        start = start_at(request)
        body: dict[str, Any] = {"results": [_owner(row) for row in rows[start : start + limit]]}
        if start + limit < len(rows):
            body["paging"] = {"next": {"after": str(start + limit), "link": request.path}}
        return Response(200, body)

    def owner(self, request: Request, params: dict[str, str]) -> Response:
        """Read one owner, by owner id or by user id."""
        self._portal.apart("describe")
        archived = flag(request, "archived")
        by_user = request.arg("idProperty") == "userId"
        for row in self._portal.records.rows("owner"):
            if row.deleted == archived and params["id"] == (str(row.values["userId"]) if by_user else row.id):
                return Response(200, _owner(row))
        raise not_found()

    def pipelines(self, request: Request, params: dict[str, str]) -> Response:
        """List the pipelines of a type."""
        del request
        self._portal.apart("describe")
        return Response(200, {"results": [self._pipeline()] if kind_of(params).name == "deals" else []})

    def pipeline(self, request: Request, params: dict[str, str]) -> Response:
        """Read one pipeline."""
        del request
        self._portal.apart("describe")
        if kind_of(params).name != "deals" or params["id"] != "default":
            raise not_found()
        return Response(200, self._pipeline())

    def stages(self, request: Request, params: dict[str, str]) -> Response:
        """List the stages of a pipeline."""
        found: Any = self.pipeline(request, params).body
        return Response(200, {"results": found["stages"]})

    def _pipeline(self) -> dict[str, Any]:
        stamp = iso(next(iter(self._portal.records.rows("property"))).created_at)
        common = {"createdAt": stamp, "updatedAt": stamp, "archived": False}
        stages = [
            {
                "id": stage,
                "label": label,
                "displayOrder": order,
                "metadata": {"isClosed": str(stage.startswith("closed")).lower(), "probability": probability},
                "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
                **common,
            }
            for order, (stage, label, probability) in enumerate(DEAL_STAGES)
        ]
        return {"id": "default", "label": "Sales Pipeline", "displayOrder": 0, "stages": stages, **common}

    def account(self, request: Request, params: dict[str, str]) -> Response:
        """Describe the account."""
        del request, params
        self._portal.apart("describe")
        return Response(
            200,
            {
                "portalId": PORTAL_ID,
                "accountType": "STANDARD",
                "timeZone": "UTC",
                "companyCurrency": "EUR",
                "additionalCurrencies": [],
                "utcOffset": "+00:00",
                "utcOffsetMilliseconds": 0,
                "uiDomain": "app.hubspot.com",
                "dataHostingLocation": "na1",
            },
        )


def _owner(row: Record) -> dict[str, Any]:
    values = row.values
    return {
        "id": row.id,
        "email": values["email"],
        "type": "PERSON",
        "firstName": values["firstName"],
        "lastName": values["lastName"],
        "userId": None if row.deleted else values["userId"],
        "userIdIncludingInactive": values["userId"],
        "createdAt": iso(row.created_at),
        "updatedAt": iso(row.modified_at),
        "archived": row.deleted,
        "teams": [],
    }
