"""Faults in HubSpot's own language, and records that no client expects."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from sandbox.core.calls import Call
from sandbox.core.http import Response
from sandbox.hubspot.access.gate import expired, missing_scopes, too_many
from sandbox.hubspot.answers import Refusal
from sandbox.hubspot.objects import object_type
from sandbox.hubspot.portal import SYSTEM

if TYPE_CHECKING:
    from sandbox.core.calls import CallLedger
    from sandbox.core.faults import Fault
    from sandbox.core.http import Request
    from sandbox.core.org import Proceed
    from sandbox.hubspot.access.gate import Gate
    from sandbox.hubspot.portal import Portal

HUGE = 5_000_000
LISTED = ("results", "events")
ODD_TEXT = "bad \x00 text \x1b[31m \ud83d \u202e \ufffe"


def play(portal: Portal, gate: Gate, ledger: CallLedger, fault: Fault, request: Request, proceed: Proceed) -> Response:
    """Answer a request that a fault hits; a refusal goes into the ledger apart from the client's calls."""
    what = fault.what
    if what in {"search_lag", "late_record"}:
        return _hidden(portal, fault, request, proceed)
    if what in {"malformed_record", "huge_record", "bad_text"}:
        return _odd(what, proceed(request))
    if what in {"field_deleted", "field_retyped"}:
        _change_field(portal, fault)
        return proceed(request)
    refusal = _refusal(portal, gate, fault)
    ledger.record(Call(request.method, request.path, refusal.status, apart="fault"))
    return refusal.response(portal.ticket())


def _refusal(portal: Portal, gate: Gate, fault: Fault) -> Refusal:
    what = fault.what
    if what == "429":
        refusal = too_many("TEN_SECONDLY_ROLLING", "ten_secondly_rolling", portal.ticket())
        if "retry_after" in fault.details:
            refusal.headers["Retry-After"] = str(fault.details["retry_after"])
        return refusal
    if what == "503":
        refusal = Refusal(503, "Service Unavailable", None)
        if "retry_after" in fault.details:
            refusal.headers["Retry-After"] = str(fault.details["retry_after"])
        return refusal
    if what == "expire_token":
        gate.tokens.expire_all()
        return expired()
    if what == "lock_row":
        return Refusal(423, "The resource is locked. Please wait at least 2 seconds and try again.", "LOCKED")
    scope = str(fault.details.get("field") or "crm.objects.contacts.write")
    return missing_scopes((scope,))


def _hidden(portal: Portal, fault: Fault, request: Request, proceed: Proceed) -> Response:
    """Answer as if nothing of the last span had reached the index (searches), or the account's reads at all."""
    horizon = portal.clock.now() - fault.after
    portal.search_horizon = horizon
    if fault.what == "late_record":
        portal.read_horizon = horizon
    try:
        return proceed(request)
    finally:
        portal.search_horizon = portal.read_horizon = None


def _odd(what: str, response: Response) -> Response:
    """Spoil the first record of an answer."""
    # A copy: what is shown may be part of what is stored.
    body: Any = copy.deepcopy(response.body)
    if not isinstance(body, dict):
        return response
    found = next((body[name] for name in LISTED if isinstance(body.get(name), list) and body[name]), None)
    entry: Any = body if found is None else found[0]
    if what == "malformed_record":
        if found is None:
            body.pop("properties", None)
        else:
            found[0] = {"id": None, "properties": "oops", "createdAt": 17, "updatedAt": "not a time", "unexpected": [1]}
    else:
        _fill(entry, "x" * HUGE if what == "huge_record" else ODD_TEXT)
    # Escaped on the wire, for half a surrogate pair has no bytes of its own.
    response.body = json.dumps(body).encode()
    response.headers["Content-Type"] = "application/json;charset=UTF-8"
    return response


def _fill(entry: Any, text: str) -> None:
    holder = entry.get("properties") if isinstance(entry, dict) else None
    if isinstance(holder, dict):
        name = next((name for name in ("lastname", "name", "firstname", "hs_title") if name in holder), None)
        holder[name or "lastname"] = text
    elif isinstance(entry, dict):
        entry["values" if "values" in entry else "note"] = (
            [{"name": "message", "value": text, "objectTypeId": "0-1"}] if "values" in entry else text
        )


def _change_field(portal: Portal, fault: Fault) -> None:
    """Let an administrator delete a property, or turn it into a number."""
    kind = object_type(str(fault.details.get("object", "contacts")))
    row = portal.row("property", f"{kind.name}.{fault.details.get('field')}") if kind is not None else None
    if row is None:
        return
    portal.author = SYSTEM
    if fault.what == "field_deleted":
        portal.remove(row)
    else:
        portal.update(row, {"type": "number", "fieldType": "number", "options": []})
