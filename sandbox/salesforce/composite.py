"""Composite, batch, tree and graph: several requests in one (reference: multi-record resources)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Request, Response
from sandbox.salesforce.errors import ApiError, bad_json

if TYPE_CHECKING:
    from sandbox.core.router import Router
    from sandbox.salesforce.api import Api

BASE = "/services/data/{version}/composite"
LARGEST_COMPOSITE = 25
#: Of these, at most so many may be collections or queries.
LARGEST_HEAVY = 5
LARGEST_TREE = 200
LARGEST_GRAPHS = 75
LARGEST_NODES = 500
DEEPEST_GRAPH, MOST_KINDS = 15, 15
#: When more graphs than these have failed, the rest is not tried.
MOST_FAILED_GRAPHS = 14
GRAPHS_HALTED = "The request was halted because too many graphs failed."
REFERENCE = re.compile(r"@\{([^}]+)\}")
NAME = re.compile(r"[A-Za-z0-9_]+")
HEAVY = re.compile(r"/services/data/v[\d.]+/(?:query|queryAll|composite/sobjects)\b")
GRAPH_URL = re.compile(r"/services/data/v[\d.]+/sobjects/[^/?]+(?:/[^/?]+){0,2}/?")
HALTED = "The transaction was rolled back since another operation in the same transaction failed."
#: Headers of a part's answer that come back with it.
SHOWN_HEADERS = frozenset({"Location", "ETag", "Last-Modified"})
FORBIDDEN_HEADERS = frozenset({"accept", "authorization", "content-type"})


def install(router: Router, api: Api) -> None:
    """Add the resources."""
    rooms = Composite(api)
    router.add("POST", BASE, rooms.composite)
    router.add("POST", BASE + "/batch", rooms.batch)
    router.add("POST", BASE + "/graph", rooms.graph)
    router.add("POST", BASE + "/tree/{object}", rooms.tree)


class _NoValue(LookupError):
    """A reference leads nowhere."""


class Composite:
    """The resources that carry other requests."""

    def __init__(self, api: Api) -> None:
        """Take the org's rooms."""
        self._api = api

    def _refuse(self, words: str) -> ApiError:
        self._api.trace.violation = True
        return ApiError("LIMIT_EXCEEDED", words)

    # -- composite and graph -------------------------------------------------------------------

    def composite(self, request: Request, _: dict[str, str]) -> Response:
        """Answer up to 25 requests that may refer to each other."""
        body = self._api.body(request)
        parts = _parts(body, "compositeRequest")
        if len(parts) > LARGEST_COMPOSITE:
            words = f"Limit of {LARGEST_COMPOSITE} reached. Cannot submit more than {LARGEST_COMPOSITE} operations"
            raise self._refuse(words)
        if sum(1 for part in parts if HEAVY.match(str(part.get("url")))) > LARGEST_HEAVY:
            raise self._refuse(f"Limit of {LARGEST_HEAVY} query and sObject collections operations reached")
        together = body.get("allOrNone", False)
        answers, _good = self._sequence(request, parts, together=together is True)
        return Response(200, {"compositeResponse": answers})

    def graph(self, request: Request, params: dict[str, str]) -> Response:
        """Answer graphs of requests, each of them all or nothing."""
        if float(params["version"][1:]) < 50:
            raise ApiError("NOT_FOUND", "The requested resource does not exist", status=404)
        graphs = _parts(self._api.body(request), "graphs")
        nodes = [part for graph in graphs for part in _parts(graph, "compositeRequest")]
        if len(graphs) > LARGEST_GRAPHS or len(nodes) > LARGEST_NODES:
            raise self._refuse(f"Limit of {LARGEST_GRAPHS} graphs and {LARGEST_NODES} nodes exceeded")
        if not all(GRAPH_URL.fullmatch(str(node.get("url")).partition("?")[0]) for node in nodes):
            raise ApiError("INVALID_INPUT", "Only sObject row resources are supported in a graph")
        shown: list[dict[str, Any]] = []
        failed = 0
        for graph in graphs:
            parts = _parts(graph, "compositeRequest")
            self._check_graph(parts)
            if failed > MOST_FAILED_GRAPHS:
                answers, good = [_halted(str(part.get("referenceId")), GRAPHS_HALTED) for part in parts], False
            else:
                answers, good = self._sequence(request, parts, together=True)
            failed += not good
            shown.append(
                {
                    "graphId": graph.get("graphId"),
                    "graphResponse": {"compositeResponse": answers},
                    "isSuccessful": good,
                }
            )
        return Response(200, {"graphs": shown})

    def _check_graph(self, parts: list[dict[str, Any]]) -> None:
        """Hold a graph to its depth and to the number of different kinds of nodes.

        Raises: ApiError.
        """
        kinds = {tuple(str(part.get("url")).split("/")[3:6]) for part in parts}
        depths: dict[str, int] = {}
        for part in parts:
            needed = {found.split(".")[0] for found in REFERENCE.findall(json.dumps(part))}
            depths[str(part.get("referenceId"))] = 1 + max((depths.get(name, 0) for name in needed), default=0)
        if len(kinds) > MOST_KINDS:
            raise self._refuse(f"Limit of {MOST_KINDS} distinct nodes in a graph exceeded")
        if max(depths.values(), default=0) > DEEPEST_GRAPH:
            raise self._refuse(f"Limit of {DEEPEST_GRAPH} on the depth of a graph exceeded")

    def _sequence(
        self, outer: Request, parts: list[dict[str, Any]], *, together: bool
    ) -> tuple[list[dict[str, Any]], bool]:
        """Carry requests out in order; return their answers and whether none failed."""
        _check_names(parts)
        answers: list[dict[str, Any]] = []
        known: dict[str, Any] = {}
        trace = self._api.trace
        written_before = dict(trace.written)
        broken: int | None = None
        with self._api.state.records.transaction() as whole:
            for place, part in enumerate(parts):
                name = part["referenceId"]
                if together and broken is not None:
                    answers.append(_halted(name, HALTED))
                    continue
                try:
                    inner = _resolved(outer, part, known)
                except _NoValue as error:
                    answers.append(_halted(name, f"Invalid reference specified. {error.args[0]}"))
                    broken = place if broken is None else broken
                    continue
                response = self._api.part(inner)
                body = json.loads(response.payload()) if response.payload() else None
                if response.status < 300:
                    known[name] = body
                headers = {key: value for key, value in response.headers.items() if key in SHOWN_HEADERS}
                answers.append(
                    {"body": body, "httpHeaders": headers, "httpStatusCode": response.status, "referenceId": name}
                )
                if broken is None and (response.status >= 300 or (together and _holds_failures(body))):
                    broken = place
            if together and broken is not None:
                whole.roll_back()
                trace.written = written_before
                _halt_others(answers, broken)
        if together and broken is not None:
            self._api.state.resync_fields()
        return answers, broken is None

    # -- batch ---------------------------------------------------------------------------------

    def batch(self, request: Request, _: dict[str, str]) -> Response:
        """Answer up to 25 independent requests, each of which the vendor counts."""
        body = self._api.body(request)
        parts = _parts(body, "batchRequests")
        if len(parts) > LARGEST_COMPOSITE:
            raise self._refuse(f"Cannot submit more than {LARGEST_COMPOSITE} requests in a batch")
        self._api.trace.cost = max(1, len(parts))
        results: list[dict[str, Any]] = []
        failed = False
        for part in parts:
            if failed and body.get("haltOnError") is True:
                words = "Batch processing was halted as requested after an error occurred"
                error = ApiError("BATCH_PROCESSING_HALTED", words)
                results.append({"statusCode": 412, "result": error.body()})
                continue
            target = str(part.get("url", ""))
            target = target if target.startswith("/") else f"/services/data/{target}"
            inner = Request.make(str(part.get("method", "GET")), target, _plain(request), part.get("richInput") or b"")
            response = self._api.part(inner)
            failed = failed or response.status >= 400
            payload = response.payload()
            results.append({"statusCode": response.status, "result": json.loads(payload) if payload else None})
        return Response(200, {"hasErrors": failed, "results": results})

    # -- tree ----------------------------------------------------------------------------------

    def tree(self, request: Request, params: dict[str, str]) -> Response:
        """Create up to 200 rows with their children, all or nothing."""
        api = self._api
        obj = api.dml.object(params["object"])
        records = _parts(api.body(request), "records")
        results: list[dict[str, Any]] = []
        failures: list[dict[str, Any]] = []
        with api.state.records.transaction() as whole:
            self._plant(request, obj.name, records, None, results, failures)
            if len(results) + len(failures) > LARGEST_TREE:
                whole.roll_back()
                raise self._refuse(
                    f"record limit reached. cannot submit more than {LARGEST_TREE} records in this request"
                )
            if failures:
                whole.roll_back()
        if failures:
            api.trace.written.clear()
            return Response(400, {"hasErrors": True, "results": failures})
        return Response(201, {"hasErrors": False, "results": results})

    def _plant(
        self,
        request: Request,
        kind: str,
        records: list[dict[str, Any]],
        parent: tuple[str, str] | None,
        results: list[dict[str, Any]],
        failures: list[dict[str, Any]],
    ) -> None:
        api = self._api
        obj = api.dml.object(kind)
        children = {name.lower(): (child, link.name) for child, link, name in api.state.schema.children(obj.name)}
        for record in records:
            about = record.get("attributes")
            name = about.get("referenceId") if isinstance(about, dict) else None
            own = {key: value for key, value in record.items() if not (isinstance(value, dict) and "records" in value)}
            if parent is not None:
                own[parent[0]] = parent[1]
            try:
                with api.state.records.transaction():
                    outcome = api.dml.create(obj, own, api.author(request))
            except ApiError as error:
                failures.append({"referenceId": name, "errors": [error.row()]})
                continue
            api.trace.wrote(obj.name, "create", outcome)
            results.append({"referenceId": name, "id": outcome.id})
            for key, value in record.items():
                if isinstance(value, dict) and "records" in value and key.lower() in children:
                    child, link = children[key.lower()]
                    self._plant(request, child, _parts(value, "records"), (link, outcome.id), results, failures)


def _parts(body: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = body.get(key)
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise bad_json(f"{key} must be a list of objects")
    return found


def _check_names(parts: list[dict[str, Any]]) -> None:
    names = [part.get("referenceId") for part in parts]
    for name in names:
        if not isinstance(name, str) or NAME.fullmatch(name) is None:
            raise ApiError("INVALID_INPUT", f"Provided referenceId ('{name}') must start with a letter or a number")
    if len(set(names)) != len(names):
        raise ApiError("INVALID_INPUT", "referenceId must be unique")


def _halted(name: str, words: str) -> dict[str, Any]:
    body = [{"errorCode": "PROCESSING_HALTED", "message": words}]
    return {"body": body, "httpHeaders": {}, "httpStatusCode": 400, "referenceId": name}


def _holds_failures(body: Any) -> bool:
    return isinstance(body, list) and any(isinstance(entry, dict) and entry.get("success") is False for entry in body)


def _halt_others(answers: list[dict[str, Any]], broken: int) -> None:
    """Show siblings of a failure as halted; an inner collection keeps its rows' words (REST guide, case 4)."""
    for place, answer in enumerate(answers):
        inner = isinstance(answer["body"], list) and answer["httpStatusCode"] == 200
        if place != broken and not inner and answer["httpStatusCode"] < 300:
            answers[place] = _halted(answer["referenceId"], HALTED)


def _plain(request: Request) -> list[tuple[str, str]]:
    return [(name, value) for name, value in request.headers.items() if name not in ("content-type", "content-length")]


def _resolved(outer: Request, part: dict[str, Any], known: dict[str, Any]) -> Request:
    """Return a part as a request of its own; headers of the outer request do not reach it, but for who asks."""
    headers = [("authorization", outer.headers.get("authorization", ""))]
    own = part.get("httpHeaders") or {}
    if not isinstance(own, dict):
        raise bad_json("httpHeaders must be an object")
    for name, value in own.items():
        if name.lower() in FORBIDDEN_HEADERS:
            raise ApiError("INVALID_INPUT", f"Header {name} is not allowed in a subrequest")
        headers.append((name, str(value)))
    target = str(_filled(str(part.get("url", "")), known)).replace(" ", "+")
    body = part.get("body")
    return Request.make(str(part.get("method", "GET")), target, headers, b"" if body is None else _filled(body, known))


def _filled(value: Any, known: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(entry, known) for key, entry in value.items()}
    if isinstance(value, list):
        return [_filled(entry, known) for entry in value]
    if not isinstance(value, str):
        return value
    whole = REFERENCE.fullmatch(value)
    if whole is not None:
        return _looked_up(whole[1], known)
    return REFERENCE.sub(lambda found: str(_looked_up(found[1], known)), value)


def _looked_up(path: str, known: dict[str, Any]) -> Any:
    name, *steps = re.findall(r"[A-Za-z0-9_]+", path)
    here = known.get(name)
    for step in steps:
        if isinstance(here, list) and step.isdigit() and int(step) < len(here):
            here = here[int(step)]
        elif isinstance(here, dict) and step in here:
            here = here[step]
        else:
            raise _NoValue(f"No value for {path} found in {name}. ")
    if here is None:
        raise _NoValue(f"No value for {path} found in {name}. ")
    return here
