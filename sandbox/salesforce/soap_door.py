"""Take SOAP requests in: which service they ask for, whose session they come in, and what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core.http import Response
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.metadata.metadata_calls import MetadataCalls
from sandbox.salesforce.soap import envelopes
from sandbox.salesforce.soap.envelopes import SoapFault, first
from sandbox.salesforce.soap.partner import ADDRESS, BAD_SESSION, NAMESPACES, Partner

if TYPE_CHECKING:
    from sandbox.core.calls import Call
    from sandbox.core.http import Request
    from sandbox.salesforce.api import Api

PREFIX = "/services/Soap/"


class SoapDoor:
    """The SOAP services of one org."""

    def __init__(self, api: Api) -> None:
        """Take the org's rooms."""
        self._api = api
        self._partner, self._metadata = Partner(api), MetadataCalls(api)

    def answer(self, request: Request) -> tuple[Response, Call]:
        """Answer a request and say what the ledger should know of it."""
        trace = self._api.trace
        found = ADDRESS.fullmatch(request.path.rstrip("/"))
        service, version = ("", "") if found is None else (found[1], found[2])
        namespace = NAMESPACES.get(service, envelopes.PARTNER)
        endpoint = f"{PREFIX}{service or 'unknown'}/{{version}}"
        try:
            self._check(request, service)
            headers, operation, call = envelopes.parse_call(request.body)
            endpoint = f"{endpoint}/{operation}"
            if operation == "login":
                result = self._partner.login(request, version, call)
                return envelopes.answer(namespace, operation, result), trace.call("POST", endpoint, 200)
            session = first(first(headers, "SessionHeader"), "sessionId") or ""
            if operation == "logout":
                return self._log_out(namespace, str(session)), trace.call("POST", endpoint, 200)
            response = self._admitted(request, namespace, version, operation, call, str(session))
        except SoapFault as error:
            response = envelopes.fault(namespace, error)
        except ApiError as error:
            response = envelopes.fault(namespace, SoapFault(error.code, error.message, status=500))
        return response, trace.call("POST", endpoint, response.status)

    def _check(self, request: Request, service: str) -> None:
        if service not in NAMESPACES:
            raise SoapFault("SANDBOX_NOT_BUILT", "The sandbox does not have this SOAP service", status=501)
        if request.method != "POST":
            raise SoapFault("soapenv:Client", f"{request.method} is not supported", status=405)

    def _log_out(self, namespace: str, session: str) -> Response:
        self._api.trace.apart("sign_in")
        if not self._api.sessions.revoke(session):
            raise SoapFault("INVALID_SESSION_ID", BAD_SESSION)
        return envelopes.answer(namespace, "logout", {})

    def _admitted(
        self, request: Request, namespace: str, version: str, operation: str, call: envelopes.Plain, session: str
    ) -> Response:
        api = self._api
        if not api.sessions.valid(session):
            api.trace.apart("sign_in")
            raise SoapFault("INVALID_SESSION_ID", BAD_SESSION)
        used, most = api.usage()
        if used >= most:
            api.trace.violation = True
            raise SoapFault("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        with api.state.records.transaction():
            room = self._metadata if namespace == envelopes.METADATA else self._partner
            with api.state.records.transaction():
                result = room.call(request, version, operation, call)
            api.count(1)
        api.state.rights_changed()
        return envelopes.answer(namespace, operation, result)
