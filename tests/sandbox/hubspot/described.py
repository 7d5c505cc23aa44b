"""Hold what the account is asked and answers against HubSpot's own descriptions (``specs/hubspot`` of HANDOFF_SHARED).

The v3/v4 descriptions are OpenAPI documents, those of 2026-03 a list of routes with the schemas of what they return;
2026-09 has none: what is asked there is held against its 2026-03 twin and listed apart.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

SHARED = os.environ.get("HANDOFF_SHARED")
METHODS = ("get", "post", "put", "patch", "delete")
FORMATS = FormatChecker(formats=())
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
ENVELOPE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "status": {"type": "string"},
        "message": {"type": "string", "minLength": 1},
        "correlationId": {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"},
        "category": {"type": "string"},
        "subCategory": {"type": "string"},
        "context": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
        "links": {"type": "object", "additionalProperties": {"type": "string"}},
        "errors": {"type": "array", "items": {"type": "object", "required": ["message"]}},
    },
    "required": ["status", "message", "correlationId"],
}
#: Where the answers differ from the descriptions on purpose: name -> (schemas, what is changed in them, why).
EXCEPTIONS: dict[str, str] = {
    "property values may be null": "hubspot.md section 4: a requested property without value is null",
    "toObjectId is a number": "hubspot.md section 6: in what a read of associations returns it is a number",
    "batch errors without errors and links": "hubspot.md section 4 shows a 207 literally: they have context only",
    "labels may be null": "the plain association of two types has no label; the descriptions know no null",
    "sorts are objects": "hubspot.md section 5 shows a search literally: propertyName and direction",
    "a submitted list request needs no filters": "the client's one class for all filter kinds demands all members",
    "parts of a form are of one kind": "the client's one class for all field kinds demands every kind's members",
    "an inactive token is only inactive": "RFC 7662: nothing else is said of it; the route's return type is untyped",
}


#: Schemas that stand for one of several kinds, with all kinds' members thrown together by the client's generator.
ONE_OF_MANY = {
    "DependentFieldDependentField": [
        f"{kind}Field" for kind in (
            "Email", "Phone", "MobilePhone", "SingleLineText", "MultiLineText", "Number", "SingleCheckbox",
            "MultipleCheckboxes", "Dropdown", "Radio", "Datepicker", "File", "PaymentLinkRadio")
    ],
    "HubSpotFormDefinitionAllOfLegalConsentOptions": [
        f"LegalConsentOptions{kind}"
        for kind in ("None", "LegitimateInterest", "ExplicitConsentToProcess", "ImplicitConsentToProcess")
    ],
}  # fmt: skip


#: Paths without a description -> those of the same operations that have one.
TWINS = (
    ("/app-webhooks/2026-09", "/webhooks/2026-03"),
    ("2026-09", "2026-03"),
    ("/events/custom/2026-03/send", "/events/2026-03/send"),
    ("/communication-preferences/v4", "/communication-preferences/2026-03"),
    ("/account-info/v3", "/account-info/2026-03"),
    ("/events/v3/event-definitions", "/events/2026-03/event-definitions"),
)


@FORMATS.checks("date-time")
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or TIME.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Operation:
    """One described operation."""

    source: str
    method: str
    template: str
    pattern: re.Pattern[str] = field(hash=False, compare=False)
    query: frozenset[str] = field(hash=False, compare=False)
    body: Any = field(hash=False, compare=False)
    #: Status -> schema of the answer, None where there is no body.
    answers: dict[int, Any] = field(hash=False, compare=False)
    schemas: dict[str, Any] = field(hash=False, compare=False)

    @property
    def name(self) -> str:
        return f"{self.source}: {self.method} {self.template}"


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(template.rstrip("/"))) + "/?")


def _relaxed(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with the exceptions above."""
    schema = json.loads(json.dumps(schema))
    if schema.get("$ref", "").endswith(f"/{name}"):
        return {}  # a recursive type that the derivation left as a reference to itself: nothing is known of it
    members = schema.get("properties", {})
    if re.match(r"SimplePublic(Upsert)?Object", name) and "properties" in members:
        members["properties"]["additionalProperties"] = {"type": ["string", "null"]}
    if name in {"MultiAssociatedObjectWithLabel", "AssociationSpecWithLabel"}:
        for member in ("toObjectId", "label"):
            if member in members:
                members[member] = {"type": ["integer", "null"] if member == "toObjectId" else ["string", "null"]}
    if name == "StandardError":
        schema["required"] = ["category", "message", "status"]
    if name == "PublicObjectSearchRequest":
        members["sorts"] = {"type": "array"}
    if re.match(r"Public(PropertyAssociation|SurveyMonkey).*Inner$|PublicSurveyMonkeyValueFilterValueComparison", name):
        return {"type": "object"}
    if name in ONE_OF_MANY:
        return {"anyOf": [{"$ref": f"#/components/schemas/{kind}"} for kind in ONE_OF_MANY[name]]}
    if name.startswith("FormDefinitionCreateRequest"):
        schema["required"] = ["formType", "name"]
    if name == "PublicExportRequest":
        return {"type": "object", "required": ["exportType", "format", "exportName", "objectType"]}
    return schema


@cache
def operations() -> tuple[Operation, ...]:
    """Return every described operation, those without placeholders first."""
    assert SHARED is not None
    root = Path(SHARED) / "specs" / "hubspot"
    found = [op for path in sorted((root / "v3").glob("*.json")) for op in _open_api(path)]
    found += _dated(root / "2026-03")
    return tuple(sorted(found, key=lambda op: (op.template.count("{"), op.template)))


def _open_api(path: Path) -> list[Operation]:
    document = json.loads(path.read_text())
    schemas = {name: _relaxed(name, schema) for name, schema in document["components"]["schemas"].items()}
    found = []
    for template, resource in document["paths"].items():
        for method in METHODS:
            if method not in resource:
                continue
            described = resource[method]
            query = frozenset(p["name"] for p in described.get("parameters", ()) if p["in"] == "query")
            contents = described.get("requestBody", {}).get("content", {})
            body = contents.get("application/json", {}).get("schema")
            answers = {
                int(code): next(iter(answer["content"].values()))["schema"] if "content" in answer else None
                for code, answer in described["responses"].items()
                if code.isdigit()
            }
            found.append(
                Operation(path.stem, method.upper(), template, _pattern(template), query, body, answers, schemas)
            )
    return found


def _dated(root: Path) -> list[Operation]:
    schemas: dict[str, Any] = {}
    for path in sorted(root.glob("schemas-*.json")):
        own = json.loads(path.read_text())["schemas"]
        prefix = path.stem.removeprefix("schemas-")
        text = json.dumps({name: _relaxed(name, schema) for name, schema in own.items()})
        renamed = json.loads(text.replace("#/schemas/", f"#/components/schemas/{prefix}."))
        schemas |= {f"{prefix}.{name}": schema for name, schema in renamed.items()}
    found = []
    for route in json.loads((root / "routes.json").read_text())["routes"]:
        room = {"crm": "crm", "crm-object-schemas": "crm", "communication-preferences": "communication_preferences",
                "account-info": "account", "oauth": "auth"}.get(
                    route["path"].split("/")[1], route["path"].split("/")[1])  # fmt: skip
        paged = re.fullmatch(r"Page\[(\w+)\]", route["returns"])
        name = f"{room}.{paged[1] if paged else route['returns']}"
        schema: Any = {"$ref": f"#/components/schemas/{name}"} if name in schemas else {}
        if paged:
            schema = {"type": "object", "required": ["results"], "properties": {"results": {"items": schema}}}
        empty = route["returns"] == "NoneType"
        answers = {204: None} if empty else {200: schema, 201: schema, 202: schema, 207: schema}
        query = frozenset(route["query"] or ())
        template = re.sub(r"\{\w+\}", "{}", route["path"])
        found.append(Operation("2026-03", route["method"], template, _pattern(template), query, None, answers, schemas))
    return found


def _twin(path: str) -> str:
    for own, described in TWINS:
        path = path.replace(own, described)
    return path


#: Kept for good, as are the schemas: their ids stand for them.
_VALIDATORS: dict[tuple[int, int], Draft202012Validator] = {}
NO_SCHEMAS: dict[str, Any] = {}


class Judge:
    """Watch exchanges and remember what was covered and what did not fit."""

    def __init__(self, *, strict_requests: bool = False) -> None:
        self.strict_requests = strict_requests
        self.covered: set[Operation] = set()
        self.without_description: set[str] = set()
        self.problems: list[str] = []
        self.checked = 0

    def find(self, method: str, path: str) -> Operation | None:
        for operation in operations():
            if operation.method == method and operation.pattern.fullmatch(path):
                return operation
        return None

    def watch(self, method: str, path: str, query: list[tuple[str, str]], sent: Any, status: int, answer: Any) -> None:
        """Judge one exchange; ``answer`` is the decoded JSON, None without a body."""
        twin = _twin(path)
        operation = self.find(method, twin)
        self.checked += 1
        where = f"{method} {path} -> {status}"
        if status >= 400:
            self._fits(ENVELOPE, NO_SCHEMAS, answer, where)
            if status == 501:
                assert answer["context"]["operation"][0], where
            return
        if twin != path or operation is None:
            self.without_description.add(f"{method} {re.sub(r'[0-9a-f-]{36}|(?<=/)[0-9]+(?=/|$)', '{id}', path)}")
        if operation is None:
            return
        if twin == path:
            self.covered.add(operation)
        if status not in operation.answers:
            self.problems.append(f"{where}: documented are {sorted(operation.answers)}")
            return
        schema = operation.answers[status]
        if schema is not None:
            self._fits(schema, operation.schemas, answer, where)
        elif answer is not None:
            self.problems.append(f"{where}: a body where none is described")
        self._fits_request(operation, query, sent, where)

    def _fits_request(self, operation: Operation, query: list[tuple[str, str]], sent: Any, where: str) -> None:
        for name, _ in query:
            if name not in operation.query and not name.startswith(("objectProperty.", "property.", "hapikey")):
                self.problems.append(f"{where}: the parameter {name} is not described")
        if self.strict_requests and operation.body is not None:
            self._fits(operation.body, operation.schemas, sent, f"{where} (request)")

    def _fits(self, schema: Any, schemas: dict[str, Any], value: Any, where: str) -> None:
        validator = _VALIDATORS.get((id(schema), id(schemas)))
        if validator is None:
            whole = {**schema, "components": {"schemas": schemas}}
            validator = Draft202012Validator(whole, format_checker=FORMATS)
            _VALIDATORS[id(schema), id(schemas)] = validator
        for error in validator.iter_errors(value):
            place = "/".join(str(part) for part in error.absolute_path)
            self.problems.append(f"{where}: {place}: {error.message[:160]}")
