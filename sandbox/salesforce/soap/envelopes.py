"""SOAP envelopes: what a client sent as plain values, and answers and faults as the vendor writes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from sandbox.core.http import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
PARTNER = "urn:partner.soap.sforce.com"
ENTERPRISE = "urn:enterprise.soap.sforce.com"
METADATA = "http://soap.sforce.com/2006/04/metadata"
FAULTS = {
    PARTNER: "urn:fault.partner.soap.sforce.com",
    ENTERPRISE: "urn:fault.enterprise.soap.sforce.com",
    METADATA: METADATA,
}
#: Characters that XML 1.0 cannot hold.
UNSPEAKABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: The kind an element claims for itself, among the values of ``plain``.
KIND = "@type"

#: A leaf is text or, when it says nil, None; anything else maps names to the values that occur under them, in order.
Plain = str | None | dict[str, list[Any]]


class SoapFault(Exception):
    """A call is refused as a whole."""

    def __init__(self, code: str, message: str, *, status: int = 500, login: bool = False) -> None:
        """Take the vendor's code and words; a refused sign-in has a fault of its own kind."""
        super().__init__(code)
        self.code, self.message, self.status, self.login = code, message, status, login


def local(tag: str) -> str:
    return tag.rpartition("}")[2]


def plain(element: ET.Element) -> Plain:
    """Return an element's content without namespaces."""
    if element.get(f"{XSI}nil") in ("true", "1"):
        return None
    kind = element.get(f"{XSI}type")
    if len(element) == 0 and kind is None:
        return element.text or ""
    found: dict[str, list[Any]] = {}
    if kind is not None:
        found[KIND] = [kind.rpartition(":")[2]]
    for child in element:
        found.setdefault(local(child.tag), []).append(plain(child))
    return found if len(element) or local(kind or "") not in ("string", "ID", "boolean", "int") else element.text or ""


def first(value: Plain, name: str) -> Any:
    """Return the first value under a name, None where there is none."""
    return value[name][0] if isinstance(value, dict) and value.get(name) else None


def every(value: Plain, name: str) -> list[Any]:
    """Return all values under a name."""
    return value.get(name, []) if isinstance(value, dict) else []


def yes(value: Any) -> bool:
    return str(value).strip().lower() in ("true", "1")


def parse_xml(body: bytes) -> ET.Element:
    """Read a document; entities are refused before anything could expand.

    Raises: SoapFault.
    """
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise SoapFault("INVALID_OPERATION", "document types are not accepted")
    try:
        return ET.fromstring(body)  # noqa: S314 - without a document type nothing expands
    except ET.ParseError as error:
        raise SoapFault("soapenv:Client", f"Premature end of file or malformed XML: {error}") from error


def parse_call(body: bytes) -> tuple[Plain, str, Plain]:
    """Return the headers, the operation and its arguments of an envelope.

    Raises: SoapFault.
    """
    root = parse_xml(body)
    header, found = root.find(f"{ENVELOPE}Header"), root.find(f"{ENVELOPE}Body")
    if local(root.tag) != "Envelope" or found is None or len(found) == 0:
        raise SoapFault("soapenv:Client", "No operation available for request")
    call = found[0]
    return ({} if header is None else plain(header)), local(call.tag), plain(call)


def text_of(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(UNSPEAKABLE.sub("\ufffd", str(value)))


def render(name: str, value: Any) -> str:
    """Return one element, or one per entry of a list; a mapping's ``@type`` becomes the element's kind."""
    if isinstance(value, list):
        return "".join(render(name, entry) for entry in value)
    if value is None:
        return f'<{name} xsi:nil="true"/>'
    if isinstance(value, dict):
        kind = f' xsi:type="{value[KIND]}"' if KIND in value else ""
        inner = "".join(render(key, entry) for key, entry in value.items() if key != KIND)
        return f"<{name}{kind}>{inner}</{name}>"
    return f"<{name}>{text_of(value)}</{name}>"


def _envelope(namespace: str, content: str, more: str = "") -> bytes:
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    spaces = f'xmlns:soapenv="{ENVELOPE[1:-1]}" xmlns="{namespace}"{more} xmlns:xsi="{XSI[1:-1]}"'
    return f"{head}<soapenv:Envelope {spaces}><soapenv:Body>{content}</soapenv:Body></soapenv:Envelope>".encode()


def answer(namespace: str, operation: str, results: Any) -> Response:
    """Return the answer of an operation; a list of results gives as many ``result`` elements."""
    name = f"{operation}Response"
    inner = "" if results == {} else render("result", results)
    return Response(200, _envelope(namespace, f"<{name}>{inner}</{name}>"), {"Content-Type": "text/xml;charset=UTF-8"})


def fault(namespace: str, error: SoapFault) -> Response:
    """Return a refusal."""
    own = FAULTS[namespace]
    code = error.code if ":" in error.code else f"sf:{error.code}"
    words = error.message if ":" in error.code else f"{error.code}: {error.message}"
    kind = "LoginFault" if error.login else "UnexpectedErrorFault"
    shown = text_of(error.message)
    detail = (
        f'<detail><sf:{kind} xsi:type="sf:{kind}"><sf:exceptionCode>{text_of(error.code)}</sf:exceptionCode>'
        f"<sf:exceptionMessage>{shown}</sf:exceptionMessage></sf:{kind}></detail>"
    )
    inner = f"<faultcode>{code}</faultcode><faultstring>{text_of(words)}</faultstring>{detail}"
    body = _envelope(namespace, f"<soapenv:Fault>{inner}</soapenv:Fault>", f' xmlns:sf="{own}"')
    return Response(error.status, body, {"Content-Type": "text/xml;charset=UTF-8"})


def save_result(row_id: str | None, errors: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the result of one row: its id, or what is wrong with it."""
    shown: dict[str, Any] = {}
    if errors:
        shown["errors"] = [
            {"fields": list(entry.get("fields", ())), "message": entry["message"], "statusCode": entry["statusCode"]}
            for entry in errors
        ]
    return {**shown, "id": row_id, "success": not errors}
