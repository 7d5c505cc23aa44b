"""Form definitions, and what was sent through forms ("Forms" guides)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.hubspot.activity.activity_log import shown_submission
from sandbox.hubspot.activity.form_shapes import field_names, required_names, shown_form, stored_form
from sandbox.hubspot.activity.log_pages import backward, packed, unpacked
from sandbox.hubspot.answers import PORTAL_ID, Refusal, from_ms, invalid, not_found
from sandbox.hubspot.body_members import body_of, entries_of, entry_of
from sandbox.hubspot.portal import tick, version
from sandbox.hubspot.records.record_answers import bounded, flag, start_at
from sandbox.hubspot.streams import SUBMISSION_PAGE, log_stream

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.core.router import Router
    from sandbox.hubspot.activity.activity_log import ActivityLog
    from sandbox.hubspot.activity.intake import Intake
    from sandbox.hubspot.portal import Portal

FORMS_PAGE = 500
MOST_FIELDS = 1_000
KINDS = frozenset({"hubspot", "captured", "flow", "blog_comment", "all"})


class FormRoutes:
    """Answer the calls on forms and submissions."""

    def __init__(self, portal: Portal, log: ActivityLog, intake: Intake) -> None:
        """Serve a portal."""
        self._portal, self._log, self._intake = portal, log, intake

    def add_to(self, router: Router) -> None:
        """Add the routes; forms have no dated tree."""
        base = "/marketing/v3/forms"
        router.add("GET", base, self.forms)
        router.add("POST", base, self.create)
        router.add("GET", f"{base}/{{id}}", self.form)
        router.add("PUT", f"{base}/{{id}}", self.put)
        router.add("PATCH", f"{base}/{{id}}", self.patch)
        router.add("DELETE", f"{base}/{{id}}", self.archive)
        router.add("GET", "/form-integrations/v1/submissions/forms/{id}", self.submissions)
        # On api.hsforms.com at HubSpot; here on the same port.
        router.add("POST", "/submissions/v3/integration/submit/{portal}/{id}", self.submit)
        router.add("POST", "/submissions/v3/integration/secure/submit/{portal}/{id}", self.submit)

    # -- definitions ---------------------------------------------------------------------------

    def forms(self, request: Request, params: dict[str, str]) -> Response:
        """List form definitions."""
        del params
        limit = bounded(request, "limit", 50, FORMS_PAGE)
        kinds = set(request.args("formTypes")) or {"hubspot"}
        if kinds - KINDS:
            raise invalid(f"formTypes must be among {sorted(KINDS)}")
        rows = [row for row in self._portal.records.rows("form") if row.deleted == flag(request, "archived")]
        rows = rows if kinds & {"hubspot", "all"} else []
        start = start_at(request)
        page = rows[start : start + limit]
        stream = log_stream(self._portal, "forms", "form", FORMS_PAGE)
        self._portal.read(stream, [version(row) for row in page], page=limit)
        body: dict[str, Any] = {"results": [shown_form(row) for row in page]}
        if start + limit < len(rows):
            body["paging"] = {"next": {"after": str(start + limit), "link": request.path}}
        return Response(200, body)

    def form(self, request: Request, params: dict[str, str]) -> Response:
        """Read one form definition."""
        self._portal.apart("describe")
        row = self._portal.row("form", params["id"], archived=flag(request, "archived"))
        if row is None:
            raise not_found()
        return Response(200, shown_form(row))

    def _form(self, guid: str) -> Record:
        row = self._portal.row("form", guid)
        if row is None:
            raise not_found()
        return row

    def create(self, request: Request, params: dict[str, str]) -> Response:
        """Define a form."""
        del params
        self._portal.apart("provision")
        values = stored_form(body_of(request), None)
        guid = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{PORTAL_ID}/form/{self._portal.new_id()}"))
        return Response(201, shown_form(self._portal.insert("form", guid, values)))

    def put(self, request: Request, params: dict[str, str]) -> Response:
        """Replace a definition."""
        self._portal.apart("provision")
        row = self._form(params["id"])
        wish = body_of(request)
        after = self._portal.update(row, {**stored_form(wish, None), "page": row.values["page"]})
        if wish.get("archived"):
            after = self._portal.remove(after)
        return Response(200, shown_form(after))

    def patch(self, request: Request, params: dict[str, str]) -> Response:
        """Change the given parts of a definition."""
        self._portal.apart("provision")
        row, wish = self._form(params["id"]), body_of(request)
        after = self._portal.update(row, stored_form(wish, row))
        if wish.get("archived"):
            after = self._portal.remove(after)
        return Response(200, shown_form(after))

    def archive(self, request: Request, params: dict[str, str]) -> Response:
        """Archive a form: it takes nothing any more."""
        del request
        self._portal.apart("provision")
        self._portal.remove(self._form(params["id"]))
        return Response(204)

    # -- submissions ---------------------------------------------------------------------------

    def submissions(self, request: Request, params: dict[str, str]) -> Response:
        """Page through a form's submissions, newest first; there is no way to ask for a time."""
        form = self._portal.records.get("form", params["id"])
        if form is None:
            raise not_found()
        limit = bounded(request, "limit", 20, SUBMISSION_PAGE)
        rows = self._log.ordered("submission", "form", form.id)
        page, following = backward(rows, unpacked(request.arg("after")), limit)
        name = f"submissions {form.values['name']}"
        stream = log_stream(self._portal, name, "submission", SUBMISSION_PAGE, where=("form", form.id))
        self._portal.read(stream, [version(row) for row in page], page=limit)
        body: dict[str, Any] = {"results": [shown_submission(row) for row in page]}
        if following is not None:
            token = packed(following)
            body["paging"] = {"next": {"after": token, "link": f"{request.path}?after={token}&limit={limit}"}}
        return Response(200, body)

    def submit(self, request: Request, params: dict[str, str]) -> Response:
        """Take a submission in, as a website sends it; only fields of the form are taken."""
        form, wish = self._form(params["id"]), body_of(request)
        if params["portal"] != str(PORTAL_ID):
            raise not_found()
        given: dict[str, str] = {}
        for entry in entries_of(wish.get("fields"), "fields"):
            pair = entry_of(entry, "fields")
            given[str(pair.get("name"))] = str(pair.get("value") or "")
        if len(given) > MOST_FIELDS:
            raise _unfit([("NUMBER_OUT_OF_RANGE", f"At most {MOST_FIELDS} fields may be sent")])
        known = set(field_names(form))
        problems = [
            ("FIELD_NOT_IN_FORM_DEFINITION", f"Error in 'fields.{name}'. '{name}' isn't present on the form definition")
            for name in given
            if name not in known
        ]
        problems += [
            ("REQUIRED_FIELD", f"Error in 'fields'. Required field '{name}' is missing")
            for name in required_names(form)
            if not given.get(name)
        ]
        if problems and not wish.get("skipValidation"):
            raise _unfit(problems)
        if "@" not in given.get("email", ""):
            raise _unfit([("INVALID_EMAIL", "Error in 'fields.email'. Invalid email address")])
        stamp = str(wish.get("submittedAt") or "")
        at = tick(from_ms(int(stamp))) if stamp.isdigit() and len(stamp) < 15 else self._portal.now()
        page = entry_of(wish.get("context"), "context").get("pageUri")
        self._intake.submit(form, given.pop("email"), given, at, noted=self._portal.now(), page=page)
        self._portal.wrote("form submissions", "create", 1, 1)
        return Response(200, {"inlineMessage": "Thanks for submitting the form."})


def _unfit(problems: list[tuple[str, str]]) -> Refusal:
    errors = [{"message": message, "errorType": kind} for kind, message in problems]
    return Refusal(400, "The request is not valid", None, errors=errors)
