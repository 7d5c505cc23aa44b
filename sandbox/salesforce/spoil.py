"""Faults in the vendor's own language, and those that change the org or an answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sandbox.core.calls import Call
from sandbox.core.http import Response
from sandbox.salesforce.errors import ApiError, concurrency_exceeded, limit_exceeded, session_expired
from sandbox.salesforce.objects.schema import Field
from sandbox.salesforce.soap import envelopes
from sandbox.salesforce.soap.envelopes import SoapFault
from sandbox.salesforce.soap_door import PREFIX as SOAP

if TYPE_CHECKING:
    from sandbox.core.faults import Fault
    from sandbox.core.http import Request
    from sandbox.core.org import Proceed
    from sandbox.salesforce.api import Api

#: A text beyond what any text field of the org holds.
HUGE_CHARS = 5_000_000
#: Control characters, half a surrogate pair, a right-to-left override, a NUL, a line separator.
BAD_TEXT = "\x00\x07 \ud83d \u202e \ufffe 'x\"\\ \u2028"
TEXT_FIELDS = ("Description", "Subject", "LastName", "Name", "Company")
UNAVAILABLE = ApiError("SERVER_UNAVAILABLE", "Server Unavailable", status=503)


class Spoiler:
    """Play the faults of one org; ``object`` and ``field`` in a fault choose what is hit."""

    def __init__(self, api: Api) -> None:
        """Take the org's rooms."""
        self._api = api
        self._late = 0

    def play(self, fault: Fault, request: Request, proceed: Proceed) -> tuple[Response, Call | None]:
        """Answer a request that a fault hits; a refusal comes with its entry for the ledger."""
        # The daily limit, or the one on requests that run at the same time for long.
        quota = concurrency_exceeded() if fault.details.get("limit") == "concurrent" else limit_exceeded()
        refusal = {"429": quota, "503": UNAVAILABLE, "expire_token": session_expired()}.get(fault.what)
        if refusal is not None:
            if fault.what == "expire_token":
                self._api.sessions.expire(_token_of(request))
            response = _refused(request, refusal)
            return response, Call(request.method, request.path, response.status, apart="fault")
        return PLAYS[fault.what](self, fault, request, proceed), None

    # -- faults around a request ---------------------------------------------------------------

    def lock_row(self, fault: Fault, request: Request, proceed: Proceed) -> Response:
        """Let somebody else hold the first row written, and every second one after it."""
        self._api.dml.lock(fault.dice)
        try:
            return proceed(request)
        finally:
            self._api.dml.lock(None)

    def search_lag(self, fault: Fault, request: Request, proceed: Proceed) -> Response:
        """Let a query not yet see what is younger than the fault's span."""
        self._api.queries.lag = fault.after
        try:
            return proceed(request)
        finally:
            self._api.queries.lag = None

    def late_record(self, fault: Fault, request: Request, proceed: Proceed) -> Response:
        """Let a long transaction commit after the answer: its row carries a stamp from before."""
        response = proceed(request)
        state = self._api.state
        self._late += 1
        name = str(fault.details.get("object", "Lead"))
        number = state.records.count(name) + 1
        values = {
            "LastName": f"Late {number}",
            "Email": f"late{number}@late.example",
            "OwnerId": state.admin,
            **({"Company": "Late Example", "Status": "Open - Not Contacted"} if name == "Lead" else {}),
        }
        moment = state.clock.now().replace(microsecond=0) - fault.after
        state.records.insert(name, state.next_id(name), values, at=moment, by=state.admin)
        return response

    # -- faults that change the org ------------------------------------------------------------

    def right_removed(self, fault: Fault, request: Request, proceed: Proceed) -> Response:
        """Take the right to edit an object, or to see one of its fields, from our user."""
        name = str(fault.details.get("object", "Lead"))
        self._api.state.remove_right(f"{name}.{fault.details.get('field', 'edit')}")
        return proceed(request)

    def _custom(self, fault: Fault) -> tuple[str, Field, dict[str, Any]] | None:
        wanted, obj = fault.details.get("field"), fault.details.get("object")
        for name, field, entry in self._api.state.custom_fields():
            ours = field.name != "External_Id__c" if wanted is None else field.name.lower() == str(wanted).lower()
            if ours and obj in (None, name):
                return name, field, entry
        return None

    def field_deleted(self, fault: Fault, request: Request, proceed: Proceed) -> Response:
        """Delete a custom field: the named one, else the first that was added."""
        found = self._custom(fault)
        if found is not None:
            self._api.state.drop_field(found[0], found[1].name)
        return proceed(request)

    def field_retyped(self, fault: Fault, request: Request, proceed: Proceed) -> Response:
        """Turn a text field into a number, and any other into a short text."""
        found = self._custom(fault)
        if found is not None:
            obj, field, entry = found
            text = field.type in ("string", "textarea", "picklist")
            about: dict[str, Any] = (
                {"type": "double", "length": 0, "precision": 18, "scale": 0}
                if text
                else {"type": "string", "length": 2}
            )
            changed = replace(
                field, **about, unique=False, external_id=False, values=(), restricted=False, default=None
            )
            self._api.state.add_field(obj, changed, entry=entry)
        return proceed(request)

    # -- faults in the answer ------------------------------------------------------------------

    def _twisted(self, response: Response, twist: Callable[[dict[str, Any]], None]) -> Response:
        body = response.body
        records = _rows_of(body)
        if response.status == 200 and isinstance(records, list) and records and isinstance(records[0], dict):
            twist(records[len(records) // 2])
            # Escapes keep the half pair that no encoding would take.
            response.body = json.dumps(body).encode()
            response.headers["Content-Type"] = "application/json;charset=UTF-8"
        return response

    def malformed_record(self, _: Fault, request: Request, proceed: Proceed) -> Response:
        """Break one row of the answer: no id, and values of kinds the schema does not promise."""

        def twist(row: dict[str, Any]) -> None:
            row.pop("Id", None)
            for name in ("Email", "LastName", "Name", "Subject"):
                if name in row:
                    row[name] = {"unexpected": 1}
            for name in ("SystemModstamp", "LastModifiedDate", "CreatedDate"):
                if name in row:
                    row[name] = "not a date"

        return self._twisted(proceed(request), twist)

    def huge_record(self, _: Fault, request: Request, proceed: Proceed) -> Response:
        """Put a text of 5,000,000 characters into one row of the answer."""
        return self._twisted(proceed(request), lambda row: _fill(row, "x" * HUGE_CHARS))

    def bad_text(self, _: Fault, request: Request, proceed: Proceed) -> Response:
        """Put characters into one row of the answer that many a store refuses."""
        return self._twisted(proceed(request), lambda row: _fill(row, BAD_TEXT))


def _rows_of(body: Any) -> Any:
    """Return the rows of an answer: of a query, or of the first query with any inside a composite answer."""
    if not isinstance(body, dict):
        return body
    parts = body.get("compositeResponse")
    if isinstance(parts, list):
        found = [
            part["body"]["records"]
            for part in parts
            if isinstance(part.get("body"), dict) and part["body"].get("records")
        ]
        return found[0] if found else None
    return body.get("records")


def _token_of(request: Request) -> str:
    if not request.path.startswith(SOAP):
        return request.headers.get("authorization", "").partition(" ")[2].strip()
    try:
        headers, _, _ = envelopes.parse_call(request.body)
    except SoapFault:
        return ""
    return str(envelopes.first(envelopes.first(headers, "SessionHeader"), "sessionId") or "")


def _refused(request: Request, refusal: ApiError) -> Response:
    """Return a refusal in the language of the door that was knocked at."""
    if not request.path.startswith(SOAP):
        return Response(refusal.status, refusal.body())
    space = envelopes.METADATA if request.path.startswith(SOAP + "m/") else envelopes.PARTNER
    status = refusal.status if refusal.status == 503 else 500
    return envelopes.fault(space, SoapFault(refusal.code, refusal.message, status=status))


def _fill(row: dict[str, Any], text: str) -> None:
    for name in TEXT_FIELDS:
        if name in row:
            row[name] = text
            return


PLAYS: dict[str, Callable[[Spoiler, Fault, Request, Proceed], Response]] = {
    "lock_row": Spoiler.lock_row,
    "search_lag": Spoiler.search_lag,
    "late_record": Spoiler.late_record,
    "right_removed": Spoiler.right_removed,
    "field_deleted": Spoiler.field_deleted,
    "field_retyped": Spoiler.field_retyped,
    "malformed_record": Spoiler.malformed_record,
    "huge_record": Spoiler.huge_record,
    "bad_text": Spoiler.bad_text,
}
PLAYED = frozenset({"429", "503", "expire_token", *PLAYS})
