"""The account itself, its owners, and how much of the day's calls is used."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.hubspot.answers import PORTAL_ID, iso, not_found
from sandbox.hubspot.portal import SYSTEM
from sandbox.hubspot.records.record_answers import bounded, flag, start_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.core.router import Router
    from sandbox.hubspot.access.gate import Gate
    from sandbox.hubspot.portal import Portal
    from sandbox.people.world import User

OWNERS_PAGE = 500
#: What users do -> id and name of their team.
TEAMS = {
    "rep": (178588, "Sales"),
    "ex_rep": (178588, "Sales"),
    "manager": (178589, "Sales management"),
    "ops": (178590, "Operations"),
    "integration": (178590, "Operations"),
}


class AccountRoutes:
    """Answer the calls on owners and the account."""

    def __init__(self, portal: Portal, gate: Gate) -> None:
        """Serve a portal."""
        self._portal, self._gate = portal, gate

    def add_to(self, router: Router) -> None:
        """Add the routes."""
        router.add("GET", "/crm/v3/owners", self.owners)
        router.add("GET", "/crm/v3/owners/{id}", self.owner)
        router.add("GET", "/account-info/v3/api-usage/daily/private-apps", self.usage)
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

    def usage(self, request: Request, params: dict[str, str]) -> Response:
        """Tell how much of the private apps' daily limit is used."""
        del request, params
        self._portal.apart("limits")
        now = self._portal.now()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        entry = {"name": "private-apps-api-calls-daily", "usageLimit": self._gate.limits.daily}
        entry |= {"currentUsage": self._gate.used_today(), "collectedAt": iso(now), "fetchStatus": "SUCCESS"}
        return Response(200, {"results": [{**entry, "resetsAt": iso(midnight)}]})

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


def fill_teams(portal: Portal, users: Sequence[User]) -> None:
    """Put the owners of a fresh account into teams, by what they do."""
    for user in users:
        number, name = TEAMS[user.role]
        for row in portal.records.find("owner", "email", user.email):
            teams = [{"id": str(number), "name": name, "primary": True}]
            portal.records.update("owner", row.id, {"teams": teams}, at=row.modified_at, by=SYSTEM)


def _owner(row: Record) -> dict[str, Any]:
    """Return an owner; one whose user left has no user id any more, except as the one it had."""
    values = row.values
    user = {} if row.deleted else {"userId": values["userId"]}
    return {
        "id": row.id,
        "email": values["email"],
        "type": "PERSON",
        "firstName": values["firstName"],
        "lastName": values["lastName"],
        **user,
        "userIdIncludingInactive": values["userId"],
        "createdAt": iso(row.created_at),
        "updatedAt": iso(row.modified_at),
        "archived": row.deleted,
        "teams": values.get("teams", []),
    }
