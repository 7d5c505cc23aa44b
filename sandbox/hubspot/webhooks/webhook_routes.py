"""Where an app's events go, and to which it is subscribed ("Webhooks API" guide)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.hubspot.answers import Refusal, invalid, iso, not_emulated, not_found
from sandbox.hubspot.body_members import body_of, entry_of, whole_of
from sandbox.hubspot.webhooks.messages import GENERIC, NAMED, Webhooks
from sandbox.hubspot.webhooks.webhook_post import loopback

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.core.router import Router
    from sandbox.hubspot.portal import Portal
    from sandbox.hubspot.records.batch_routes import BatchRoutes

MOST_SUBSCRIPTIONS = 1_000
MOST_AT_ONCE = 10
#: Families of events that HubSpot has and the sandbox does not raise.
UNRAISED = ("conversation.", "product.", "line_item.", "event.")


class WebhookRoutes:
    """Answer the calls on webhook settings and subscriptions."""

    def __init__(self, portal: Portal, webhooks: Webhooks, batches: BatchRoutes) -> None:
        """Serve a portal."""
        self._portal, self._webhooks, self._batches = portal, webhooks, batches

    def add_to(self, router: Router) -> None:
        """Add the routes."""
        base = "/webhooks/v3/{app}"
        router.add("GET", f"{base}/settings", self.settings)
        router.add("PUT", f"{base}/settings", self.put_settings)
        router.add("DELETE", f"{base}/settings", self.drop_settings)
        router.add("GET", f"{base}/subscriptions", self.subscriptions)
        router.add("POST", f"{base}/subscriptions", self.create)
        router.add("POST", f"{base}/subscriptions/batch/update", self.update_batch)
        router.add("GET", f"{base}/subscriptions/{{id}}", self.subscription)
        router.add("PATCH", f"{base}/subscriptions/{{id}}", self.change)
        router.add("DELETE", f"{base}/subscriptions/{{id}}", self.drop)

    # -- settings ------------------------------------------------------------------------------

    def settings(self, request: Request, params: dict[str, str]) -> Response:
        """Tell where an app's events go."""
        del request
        self._portal.apart("describe")
        row = self._webhooks.settings(_app(params))
        if row is None:
            raise not_found()
        return Response(200, _settings(row))

    def put_settings(self, request: Request, params: dict[str, str]) -> Response:
        """Say where an app's events go."""
        app_id, wish = _app(params), body_of(request)
        self._portal.apart("provision")
        address = str(wish.get("targetUrl") or "")
        if not loopback(address):
            raise invalid("targetUrl must be a loopback address: the sandbox sends to its own machine only")
        throttling = entry_of(wish.get("throttling"), "throttling")
        most = whole_of(throttling.get("maxConcurrentRequests"), "maxConcurrentRequests", 0)
        if not 1 <= most <= MOST_AT_ONCE:
            raise invalid(f"maxConcurrentRequests must lie between 1 and {MOST_AT_ONCE}")
        values = {"targetUrl": address, "maxConcurrentRequests": most}
        known = self._portal.records.get("webhook_settings", app_id)
        if known is None:
            return Response(200, _settings(self._portal.insert("webhook_settings", app_id, values)))
        if known.deleted:
            return Response(200, _settings(self._portal.revive(known, values)))
        return Response(200, _settings(self._portal.update(known, values)))

    def drop_settings(self, request: Request, params: dict[str, str]) -> Response:
        """Send nothing any more; subscriptions stay."""
        del request
        self._portal.apart("provision")
        row = self._webhooks.settings(_app(params))
        if row is None:
            raise not_found()
        self._portal.remove(row)
        return Response(204)

    # -- subscriptions -------------------------------------------------------------------------

    def subscriptions(self, request: Request, params: dict[str, str]) -> Response:
        """List an app's subscriptions."""
        del request
        self._portal.apart("describe")
        return Response(200, {"results": [_shown(row) for row in self._webhooks.subscriptions(_app(params))]})

    def subscription(self, request: Request, params: dict[str, str]) -> Response:
        """Read one subscription."""
        del request
        self._portal.apart("describe")
        return Response(200, _shown(self._found(params)))

    def _found(self, params: dict[str, str]) -> Record:
        row = self._portal.row("subscription", params["id"])
        if row is None or row.values["appId"] != _app(params):
            raise not_found()
        return row

    def create(self, request: Request, params: dict[str, str]) -> Response:
        """Subscribe an app to a kind of event."""
        app_id, wish = _app(params), body_of(request)
        self._portal.apart("provision")
        kind, name = str(wish.get("eventType") or ""), wish.get("propertyName")
        if kind not in NAMED | GENERIC:
            if kind.startswith(UNRAISED):
                raise not_emulated(f"webhooks of {kind}")
            raise invalid(f"{kind[:60]} is not a valid subscription type")
        if kind.endswith("propertyChange") and not name:
            raise invalid("propertyName is required for propertyChange subscriptions")
        if kind in GENERIC and not wish.get("objectTypeId"):
            raise invalid("objectTypeId is required for object subscriptions")
        rows = self._webhooks.subscriptions(app_id)
        values = {"appId": app_id, "eventType": kind, "active": bool(wish.get("active"))}
        values |= {key: str(wish[key]) for key in ("propertyName", "objectTypeId") if wish.get(key)}
        same = [row for row in rows if all(row.values.get(k) == v for k, v in values.items() if k != "active")]
        if same:
            raise Refusal(409, "Subscription already exists", "CONFLICT", context={"id": [same[0].id]})
        if len(rows) >= MOST_SUBSCRIPTIONS:
            raise invalid(f"There is a limit of {MOST_SUBSCRIPTIONS} subscriptions per app")
        return Response(201, _shown(self._portal.insert("subscription", self._portal.new_id(), values)))

    def change(self, request: Request, params: dict[str, str]) -> Response:
        """Pause a subscription or take it up again."""
        row, wish = self._found(params), body_of(request)
        self._portal.apart("provision")
        values = {"active": bool(wish["active"])} if "active" in wish else {}
        return Response(200, _shown(self._portal.update(row, values)))

    def drop(self, request: Request, params: dict[str, str]) -> Response:
        """End a subscription."""
        del request
        self._portal.apart("provision")
        self._portal.remove(self._found(params))
        return Response(204)

    def update_batch(self, request: Request, params: dict[str, str]) -> Response:
        """Pause subscriptions or take them up again; unknown ones stand in the errors."""
        started = self._portal.now()
        self._portal.apart("provision")
        results: list[dict[str, Any]] = []
        missing: list[str] = []
        for entry in self._batches.inputs(request):
            try:
                row = self._found({**params, "id": str(entry.get("id"))})
            except Refusal:
                missing.append(str(entry.get("id")))
                continue
            results.append(_shown(self._portal.update(row, {"active": bool(entry.get("active"))})))
        error = {"status": "error", "category": "OBJECT_NOT_FOUND", "message": "No such subscription"}
        errors = [{**error, "context": {"ids": missing}}] if missing else []
        return self._batches.answer(200, results, errors, started)


def _app(params: dict[str, str]) -> str:
    if not params["app"].isdigit():
        raise invalid("appId must be a number")
    return params["app"]


def _settings(row: Record) -> dict[str, Any]:
    throttling = {"maxConcurrentRequests": row.values["maxConcurrentRequests"]}
    stamps = {"createdAt": iso(row.created_at), "updatedAt": iso(row.modified_at)}
    return {"targetUrl": row.values["targetUrl"], "throttling": throttling, **stamps}


def _shown(row: Record) -> dict[str, Any]:
    names = ("eventType", "propertyName", "objectTypeId", "active")
    shown = {name: row.values[name] for name in names if name in row.values}
    return {"id": row.id, **shown, "createdAt": iso(row.created_at), "updatedAt": iso(row.modified_at)}
