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
from sandbox.core.router import RouteHandler, Router
from sandbox.hubspot import fault_play, shapes
from sandbox.hubspot.access.account_routes import AccountRoutes, fill_teams
from sandbox.hubspot.access.gate import Gate, Limits, needed_scopes
from sandbox.hubspot.access.oauth_routes import OAuthRoutes
from sandbox.hubspot.access.tokens import Credentials, Tokens
from sandbox.hubspot.activity.activity_log import ActivityLog
from sandbox.hubspot.activity.event_routes import EventRoutes
from sandbox.hubspot.activity.event_types import EventTypes
from sandbox.hubspot.activity.form_routes import FormRoutes
from sandbox.hubspot.activity.intake import Intake
from sandbox.hubspot.activity.mail_log_routes import MailLogRoutes
from sandbox.hubspot.activity.mail_routes import MailRoutes
from sandbox.hubspot.acts import Acts
from sandbox.hubspot.answers import Refusal, invalid, not_emulated
from sandbox.hubspot.audience.consent import Consent
from sandbox.hubspot.audience.consent_routes import ConsentRoutes
from sandbox.hubspot.audience.export_routes import ExportRoutes
from sandbox.hubspot.audience.list_routes import ListRoutes
from sandbox.hubspot.audience.lists import Lists
from sandbox.hubspot.audience.membership_routes import MembershipRoutes
from sandbox.hubspot.objects import object_type
from sandbox.hubspot.paths import absent, place
from sandbox.hubspot.portal import APP, SYSTEM, Portal
from sandbox.hubspot.records.association_book import AssociationBook
from sandbox.hubspot.records.association_routes import AssociationRoutes
from sandbox.hubspot.records.batch_routes import BatchRoutes
from sandbox.hubspot.records.label_routes import LabelRoutes
from sandbox.hubspot.records.record_answers import RecordAnswers
from sandbox.hubspot.records.record_routes import RecordRoutes
from sandbox.hubspot.records.search import Search
from sandbox.hubspot.records.writing import Writing
from sandbox.hubspot.schema.pipeline_routes import PipelineRoutes
from sandbox.hubspot.schema.pipelines import Pipelines
from sandbox.hubspot.schema.schema_routes import SchemaRoutes
from sandbox.hubspot.seed.fill import Seed
from sandbox.hubspot.webhooks.messages import Event, Webhooks
from sandbox.hubspot.webhooks.webhook_post import Courier
from sandbox.hubspot.webhooks.webhook_routes import WebhookRoutes
from sandbox.people.build import build_world

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.core.clock import OrgClock
    from sandbox.core.faults import Fault
    from sandbox.core.http import Request
    from sandbox.core.org import Proceed
    from sandbox.people.world import World

LONGEST_ADDRESS = 16_384
READS_BY_POST = re.compile(r"/(search|batch/read|statuses/batch/unsubscribe-all/read)/?$")
#: Resources without a bearer token: OAuth itself, and forms as a visitor's browser sends them.
OPEN = re.compile(r"/oauth/.*|/submissions/v3/integration/submit/.*|/exports/files/.*")


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
        tokens = Tokens(self._portal, self.credentials)
        self._gate = Gate(self._portal, tokens, limits or Limits())
        self._webhooks = Webhooks(self._portal)
        self._courier = Courier(clock, self.credentials.client_secret)
        self._pipelines = Pipelines(self._portal)
        self._event_types = EventTypes(self._portal, self._writing)
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
            self._portal.author = SYSTEM
            with self._records.transaction():
                self._pipelines.fill(filled.users[0].created_at)
                self._event_types.fill(filled.users[0].created_at)
                fill_teams(self._portal, filled.users)
            self._records.seal()
        self._portal.author = APP

    def _routes(self, associations: AssociationBook) -> Router:
        portal, router = self._portal, Router()
        answers = RecordAnswers(portal, self._writing, associations)
        search = Search(portal, associations)
        single = RecordRoutes(portal, self._writing, answers, search, associations)
        batches = BatchRoutes(portal, self._writing, answers, single)
        lists, consent = Lists(portal), Consent(portal)
        portal.computed.update(consent.reckoners())
        for room in (
            batches,
            single,
            AssociationRoutes(portal, associations, batches),
            LabelRoutes(portal, associations, batches),
            SchemaRoutes(portal, batches),
            AccountRoutes(portal, self._gate),
            PipelineRoutes(portal, self._pipelines),
            FormRoutes(portal, self._log, Intake(portal, self._writing, self._log)),
            MailLogRoutes(portal, self._log),
            MailRoutes(portal, self._log),
            EventRoutes(portal, self._log, self._event_types, batches),
            self._event_types,
            ListRoutes(portal, lists),
            MembershipRoutes(portal, lists, batches),
            ConsentRoutes(portal, consent),
            WebhookRoutes(portal, self._webhooks, batches),
            OAuthRoutes(portal, self._gate.tokens),
            ExportRoutes(portal, search, lists),
        ):
            room.add_to(router)
        return router

    # -- requests ------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """Answer one request by the account's rules and put it into the ledger."""
        portal = self._portal
        portal.author = APP
        portal.call = Call(request.method, request.path)
        where = place(request.path)
        plain, portal.edition = replace(request, path=where.path), where.edition
        portal.news = [] if self._webhooks.listening() else None
        faulted = portal.search_horizon
        if self._search_lag:
            portal.search_horizon = min(faulted or self.clock.now(), self.clock.now() - self._search_lag)
        kept, logged = False, portal.activity_changes
        try:
            with self._records.transaction():
                response = self._answer(plain)
                sent = self._told()
                portal.keep_ids()
            kept = True
            self._courier.send(*sent)
        except Refusal as refusal:
            portal.call.reads.clear()
            portal.call.writes.clear()
            response = refusal.response(portal.ticket())
        finally:
            portal.search_horizon = faulted
            if not kept:  # what was written is rolled back: nothing remembered from it may stay
                portal.touch()
                if portal.activity_changes != logged:
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
            raise self._nowhere(request, match.allowed)
        kind = object_type(match.params.get("type") or match.params.get("from") or "")
        self._portal.call.endpoint = _shown_template(match.route.template, match.params)
        if OPEN.fullmatch(request.path):
            return self._played(match.route.handler, request, match.params, {})
        caller = self._gate.admit(request)
        headers = self._gate.count(_bucket(request.path), oauth=caller.oauth)
        by_post = request.method == "POST" and READS_BY_POST.search(request.path) is not None
        scopes = needed_scopes(request.method, request.path, kind.name if kind else None, reads_by_post=by_post)
        try:
            self._gate.allow(caller, scopes)
        except Refusal as refusal:
            refusal.headers.update(headers)
            raise
        return self._played(match.route.handler, request, match.params, headers)

    def _played(
        self, handler: RouteHandler, request: Request, params: dict[str, str], headers: dict[str, str]
    ) -> Response:
        """Let a handler answer, with the headers of the limits on whatever it says."""
        try:
            response = handler(request, params)
        except BadBody as error:
            cause = error.__cause__
            line, column = (cause.lineno, cause.colno) if isinstance(cause, json.JSONDecodeError) else (1, 1)
            refusal = invalid(f"Invalid input JSON on line {line}, column {column}")
            refusal.headers.update(headers)
            raise refusal from None
        except Refusal as refusal:
            refusal.headers.update(headers)
            raise
        response.headers.update(headers)
        return response

    def _nowhere(self, request: Request, allowed: list[str]) -> Refusal:
        """Return the answer to a request that no room takes."""
        name = absent(request.path)
        if name is not None:
            self._portal.call.endpoint = f"({name})"
            return not_emulated(f"{name} ({request.method} {request.path[:120]})", name)
        if allowed:
            return Refusal(405, "Method Not Allowed", None)
        return Refusal(404, "The requested resource was not found", None)

    def _told(self) -> tuple[list[Event], dict[str, str]]:
        """Return the events that subscribers get of the call at work, and where each app's go."""
        news, self._portal.news = self._portal.news, None
        events = self._webhooks.events(news) if news else []
        apps = {event.app_id for event in events}
        return events, {app: row.values["targetUrl"] for app in apps if (row := self._webhooks.settings(app))}

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
        self._portal.news = [] if self._webhooks.listening() else None
        try:
            done = self._acts.play(json.loads(json.dumps(acts)))
            self._courier.send(*self._told())
            return done
        finally:
            self._portal.news = None

    def reset(self) -> None:
        """Go back to the start of the seed."""
        self._courier.forget()
        self._records.restore()
        self._portal.reload()
        self._gate.reset()

    def close(self) -> None:
        """Close the file; webhooks that wait are lost."""
        self._courier.close()
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
