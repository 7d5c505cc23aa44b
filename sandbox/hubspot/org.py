"""The HubSpot account as an org of the sandbox."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.core.calls import Call, CallLedger
from sandbox.core.faults import VENDOR_FAULTS, WIRE_FAULTS, FaultList
from sandbox.core.http import BadBody, Response
from sandbox.core.org import OrgOptions
from sandbox.core.records import Records
from sandbox.core.router import Router
from sandbox.hubspot import fault_play, shapes
from sandbox.hubspot.account_routes import AccountRoutes
from sandbox.hubspot.activity import ActivityLog
from sandbox.hubspot.activity_routes import ActivityRoutes
from sandbox.hubspot.acts import Acts
from sandbox.hubspot.answers import Refusal, invalid
from sandbox.hubspot.association_book import AssociationBook
from sandbox.hubspot.association_routes import AssociationRoutes
from sandbox.hubspot.audience_routes import AudienceRoutes
from sandbox.hubspot.batch_routes import BatchRoutes
from sandbox.hubspot.gate import Credentials, Gate, Limits, needed_scopes
from sandbox.hubspot.objects import object_type
from sandbox.hubspot.portal import APP, Portal
from sandbox.hubspot.record_answers import RecordAnswers
from sandbox.hubspot.record_routes import RecordRoutes
from sandbox.hubspot.schema_routes import SchemaRoutes
from sandbox.hubspot.search import Search
from sandbox.hubspot.seed import Seed
from sandbox.hubspot.writing import Writing
from sandbox.people.build import build_world

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.core.clock import OrgClock
    from sandbox.core.faults import Fault
    from sandbox.core.http import Request
    from sandbox.core.org import Proceed
    from sandbox.people.world import World

DATED = r"(?:2026-03|2026-09)"
#: Dated trees and the v3/v4 paths they stand for; the first that fits is taken.
CANONICAL: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), path)
    for pattern, path in (
        (rf"/crm/objects/{DATED}/([^/]+/[^/]+/associations)(?=/|$)", r"/crm/v4/objects/\1"),
        (rf"/crm/associations/{DATED}(?=/|$)", "/crm/v4/associations"),
        (rf"/crm/(objects|properties|owners|pipelines|lists)/{DATED}(?=/|$)", r"/crm/v3/\1"),
        (rf"/events/event-occurrences/{DATED}(?=/|$)", "/events/v3/events"),
        (rf"/account-info/{DATED}(?=/|$)", "/account-info/v3"),
        (rf"/communication-preferences/{DATED}(?=/|$)", "/communication-preferences/v4"),
        (rf"/oauth/(?:v1|v3|{DATED})/token(?=/|$)", "/oauth/v1/token"),
    )
)
TOKEN_PATH = "/oauth/v1/token"  # noqa: S105 - a path
LONGEST_ADDRESS = 16_384
READS_BY_POST = re.compile(r"/(search|batch/read)/?$")


def canonical(path: str) -> str:
    """Return the v3/v4 path of a path in a dated tree, or the path itself."""
    for pattern, plain in CANONICAL:
        changed, count = pattern.subn(plain, path, count=1)
        if count and pattern.match(path):
            return changed
    return path


class HubSpotOrg:
    """A HubSpot account in a directory; ``world`` fills it when the directory holds none yet (None: no people)."""

    vendor = "hubspot"

    def __init__(
        self,
        directory: Path,
        clock: OrgClock,
        *,
        world: World | None = None,
        options: OrgOptions | None = None,
        limits: Limits | None = None,
        search_lag: timedelta = timedelta(0),
    ) -> None:
        """Open the account. ``search_lag`` keeps changes out of search for that span of the account's clock."""
        self.clock, self._options = clock, options or OrgOptions()
        #: Shown in the sandbox's JSON line.
        self.credentials = Credentials.of_seed(self._options.seed)
        self.faults = FaultList(WIRE_FAULTS | VENDOR_FAULTS)
        self.calls = CallLedger()
        self._search_lag = search_lag
        self._records = Records(directory / "hubspot.sqlite")
        self._portal = Portal(self._records, clock, unique_task_key=self._options.unique_task_key)
        associations = AssociationBook(self._portal)
        self._writing = Writing(self._portal, associations)
        self._log = ActivityLog(self._portal)
        self._gate = Gate(self._portal, self.credentials, limits or Limits())
        self._acts = Acts(self._portal, self._writing, associations, self._log, self._gate)
        self._portal.computed["contacts", "associatedcompanyid"] = lambda record: associations.primary(
            "contacts", record.id, "companies"
        )
        self._portal.computed["contacts", "hs_email_domain"] = lambda record: (
            str(record.values["email"]).rpartition("@")[2] if "email" in record.values else None
        )
        self._portal.computed["companies", "hs_parent_company_id"] = _parent(associations)
        self._router = self._routes(associations)
        if not self._records.sealed:
            filled = world if world is not None else build_world(self._options.seed, clock.now(), 0)
            Seed(self._portal, associations, self._writing, self._log, filled).fill()
            self._records.seal()
        self._portal.author = APP

    def _routes(self, associations: AssociationBook) -> Router:
        portal, router = self._portal, Router()
        answers = RecordAnswers(portal, self._writing, associations)
        search = Search(portal, associations)
        single = RecordRoutes(portal, self._writing, answers, search, associations)
        batches = BatchRoutes(portal, self._writing, answers, single)
        for room in (
            batches,
            single,
            AssociationRoutes(portal, associations, batches),
            SchemaRoutes(portal, batches),
            AccountRoutes(portal),
            ActivityRoutes(portal, self._log),
            AudienceRoutes(portal),
        ):
            room.add_to(router)
        router.add("POST", TOKEN_PATH, lambda request, _: self._token(request))
        return router

    # -- requests ------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """Answer one request by the account's rules and put it into the ledger."""
        portal = self._portal
        portal.author = APP
        portal.call = Call(request.method, request.path)
        plain = replace(request, path=canonical(request.path))
        faulted = portal.search_horizon
        if self._search_lag:
            portal.search_horizon = min(faulted or self.clock.now(), self.clock.now() - self._search_lag)
        kept = False
        try:
            with self._records.transaction():
                response = self._answer(plain)
                portal.keep_ids()
            kept = True
        except Refusal as refusal:
            portal.call.reads.clear()
            portal.call.writes.clear()
            response = refusal.response(portal.ticket())
        finally:
            portal.search_horizon = faulted
            if not kept:  # what was written is rolled back: nothing remembered from it may stay
                portal.touch()
                portal.activity_changes += 1
        portal.call.status = response.status
        self.calls.record(portal.call)
        return response

    def _answer(self, request: Request) -> Response:
        match = self._router.match(request)
        if len(request.target) > LONGEST_ADDRESS:
            self._portal.call.violation = True
            raise Refusal(414, "URI too long", None)
        if match.route is None:
            if match.allowed:
                raise Refusal(405, "Method Not Allowed", None)
            raise Refusal(404, "The requested resource was not found", None)
        kind = object_type(match.params.get("type") or match.params.get("from") or "")
        self._portal.call.endpoint = _shown_template(match.route.template, match.params)
        if request.path.rstrip("/") == TOKEN_PATH:
            return match.route.handler(request, match.params)
        oauth = self._gate.admit(request)
        headers = self._gate.count(_bucket(request.path), oauth=oauth)
        by_post = request.method == "POST" and READS_BY_POST.search(request.path) is not None
        scopes = needed_scopes(request.method, request.path, kind.name if kind else None, reads_by_post=by_post)
        try:
            self._gate.allow(scopes)
            response = match.route.handler(request, match.params)
        except BadBody:
            refusal = invalid("Invalid input JSON on line 1, column 1")
            refusal.headers.update(headers)
            raise refusal from None
        except Refusal as refusal:
            refusal.headers.update(headers)
            raise
        response.headers.update(headers)
        return response

    def _token(self, request: Request) -> Response:
        self._portal.apart("sign_in")
        return self._gate.grant(request)

    # -- what the door asks --------------------------------------------------------------------

    def spoil(self, fault: Fault, request: Request, proceed: Proceed) -> Response:
        """Play a vendor fault on a request."""
        return fault_play.play(self._portal, self._gate, self.calls, fault, request, proceed)

    def snapshot(self) -> bytes:
        """Return the canonical content."""
        return shapes.take(self._portal)

    def act(self, acts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Do what people do.

        Raises:
            BadAct: an act cannot be done; none of the list is.
        """
        return self._acts.play(json.loads(json.dumps(acts)))

    def reset(self) -> None:
        """Go back to the start of the seed."""
        self._records.restore()
        self._portal.reload()
        self._gate.reset()

    def close(self) -> None:
        """Close the file."""
        self._records.close()


def _parent(associations: AssociationBook) -> Any:
    def parent(record: Any) -> str | None:
        for other, labels, _ in associations.of("companies", record.id, "companies"):
            if ("HUBSPOT_DEFINED", 14) in labels:
                return other
        return None

    return parent


def _bucket(path: str) -> str:
    if path.rstrip("/").endswith("/search") and path.startswith("/crm/v3/objects"):
        return "search"
    return "associations" if path.startswith("/crm/v4/") else "general"


def _shown_template(template: str, params: dict[str, str]) -> str:
    """Return the path for the ledger: object types by name, ids as placeholders."""
    for name in ("type", "from", "to"):
        kind = object_type(params.get(name, ""))
        if kind is not None:
            template = template.replace(f"{{{name}}}", kind.name)
    return template
