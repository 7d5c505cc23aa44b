"""Whatever is sent to the SOAP door, it answers in XML: a result, or a fault with the vendor's code."""

from __future__ import annotations

import base64
import io
import zipfile
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sandbox.core.http import Request
from sandbox.salesforce.soap.envelopes import METADATA, PARTNER, first, parse_xml, plain, render

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WORDS = st.sampled_from(
    ["", "x", "00QHf0000000001MAA", "003Hf0000000001IAA", "true", "9", "Lead.A__c", "Closed - Converted", "CustomField"]
)
NAMES = st.sampled_from(
    [
        "leadConverts",
        "leadId",
        "convertedStatus",
        "accountId",
        "contactId",
        "ownerId",
        "request",
        "masterRecord",
        "Id",
        "type",
        "recordToMergeIds",
        "ids",
        "metadata",
        "fullName",
        "label",
        "length",
        "valueSet",
        "value",
        "fullNames",
        "fieldPermissions",
        "field",
        "objectPermissions",
        "object",
        "queries",
        "ZipFile",
        "DeployOptions",
        "scale",
        "valueSetDefinition",
        "username",
        "password",
        "asyncProcessId",
        "LastName",
        "Nonsense",
        "referenceTo",
    ]
)
VALUES = st.recursive(
    WORDS | st.none(),
    lambda inner: st.dictionaries(NAMES, inner | st.lists(inner, max_size=3), max_size=4),
    max_leaves=12,
)
CALLS = {
    "u": ["convertLead", "merge", "undelete", "getUserInfo", "getServerTimestamp", "login", "create", "nonsense"],
    "m": [
        "createMetadata",
        "updateMetadata",
        "upsertMetadata",
        "deleteMetadata",
        "readMetadata",
        "listMetadata",
        "describeMetadata",
        "deploy",
        "checkDeployStatus",
        "retrieve",
        "nonsense",
    ],
}


def sent(client, service, operation, body):
    space = METADATA if service == "m" else PARTNER
    text = (
        f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns="{space}" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><s:Header><SessionHeader>'
        f"<sessionId>{escape(client.token)}</sessionId></SessionHeader></s:Header>"
        f"<s:Body>{render(operation, body)}</s:Body></s:Envelope>"
    )
    return understood(client, service, text)


def understood(client, service, text):
    request = Request.make("POST", f"/services/Soap/{service}/62.0", [("Host", "127.0.0.1")], text)
    answer = client.door.handle(request)
    body = first(plain(parse_xml(answer.payload())), "Body")
    assert answer.status in (200, 500, 501)
    assert ("Fault" in body) == (answer.status != 200)
    return answer.status, body


@st.composite
def calls(draw):
    service = draw(st.sampled_from(sorted(CALLS)))
    operation = draw(st.sampled_from(CALLS[service]))
    body = draw(st.dictionaries(NAMES, VALUES | st.lists(VALUES, max_size=3), max_size=4))
    return service, operation, body


@given(calls())
@example(("u", "merge", {"request": [{"masterRecord": "x", "recordToMergeIds": [{"Id": "x"}]}]}))
@example(("u", "convertLead", {"leadConverts": "x"}))
@example(("m", "createMetadata", {"metadata": [{"@type": "n:CustomField", "fullName": {"label": "x"}}]}))
@example(("m", "createMetadata", {"metadata": [{"@type": "CustomField", "fullName": "Lead.A__c", "type": {"a": "b"}}]}))
@example(("m", "upsertMetadata", {"metadata": [{"@type": "PermissionSet", "fullName": "A", "fieldPermissions": "x"}]}))
@QUICK
def test_any_call_is_answered(empty, call):
    sent(empty, *call)


KINDS = st.sampled_from(["Text", "Number", "Picklist", "Checkbox", "Lookup", "Nonsense"])
METADATA_OF_FIELDS = st.fixed_dictionaries(
    {"@type": st.sampled_from(["CustomField", "PermissionSet"]), "fullName": WORDS | VALUES},
    optional={"type": KINDS | VALUES, "label": WORDS, "length": VALUES, "valueSet": VALUES, "precision": VALUES}
    | {"fieldPermissions": VALUES, "objectPermissions": VALUES, "scale": VALUES, "unique": VALUES},
)


@given(
    st.sampled_from(["createMetadata", "upsertMetadata", "updateMetadata"]), st.lists(METADATA_OF_FIELDS, max_size=3)
)
@QUICK
def test_any_metadata_is_taken_or_refused(empty, operation, components):
    sent(empty, "m", operation, {"metadata": components})


@given(st.text(max_size=40))
@example("<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body/></s:Envelope>")
@example("<Envelope><Body><login/></Body></Envelope>")
@QUICK
def test_what_is_no_envelope_is_a_fault(empty, text):
    assert understood(empty, "u", text.encode("utf-8", "replace"))[0] == 500


@pytest.mark.parametrize(
    "content", [b"x", b"<a", b"<CustomObject><fields/></CustomObject>", b"<CustomObject><x/></CustomObject>"]
)
@pytest.mark.parametrize(
    "name", ["objects/Lead.object", "objects/Nope.object", "permissionsets/A.permissionset", "x.flow"]
)
def test_any_package_is_taken_or_refused(empty, name, content):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr("package.xml", "<Package/>")
        archive.writestr(name, content)
    before = empty.fields("Lead")
    sent(
        empty,
        "m",
        "deploy",
        {"ZipFile": base64.b64encode(raw.getvalue()).decode(), "DeployOptions": {"checkOnly": "x"}},
    )
    assert empty.fields("Lead") == before
