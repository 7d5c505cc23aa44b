"""Pipelines and stages, read and written ("Pipelines" guide)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.hubspot.answers import invalid, iso, not_found
from sandbox.hubspot.body_members import body_of, entries_of, entry_of, whole_of
from sandbox.hubspot.objects import STAGED
from sandbox.hubspot.records.record_routes import kind_of

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.core.router import Router
    from sandbox.hubspot.portal import Portal
    from sandbox.hubspot.schema.pipelines import Pipelines


class PipelineRoutes:
    """Answer the calls on pipelines."""

    def __init__(self, portal: Portal, pipelines: Pipelines) -> None:
        """Serve a portal."""
        self._portal, self._pipelines = portal, pipelines

    def add_to(self, router: Router) -> None:
        """Add the routes."""
        base = "/crm/v3/pipelines/{type}"
        router.add("GET", base, self.pipelines)
        router.add("POST", base, self.create)
        router.add("GET", f"{base}/{{id}}", self.pipeline)
        router.add("PUT", f"{base}/{{id}}", self.put)
        router.add("PATCH", f"{base}/{{id}}", self.patch)
        router.add("DELETE", f"{base}/{{id}}", self.drop)
        router.add("GET", f"{base}/{{id}}/audit", self.audit)
        stages = f"{base}/{{id}}/stages"
        router.add("GET", stages, self.stages)
        router.add("POST", stages, self.create_stage)
        router.add("GET", f"{stages}/{{stage}}", self.stage)
        router.add("PUT", f"{stages}/{{stage}}", self.put_stage)
        router.add("PATCH", f"{stages}/{{stage}}", self.patch_stage)
        router.add("DELETE", f"{stages}/{{stage}}", self.drop_stage)
        router.add("GET", f"{stages}/{{stage}}/audit", self.stage_audit)

    # -- reading -------------------------------------------------------------------------------

    def pipelines(self, request: Request, params: dict[str, str]) -> Response:
        """List the pipelines of a type."""
        del request
        self._portal.apart("describe")
        rows = self._pipelines.all(kind_of(params).name)
        return Response(200, {"results": [self._shown(row) for row in rows]})

    def pipeline(self, request: Request, params: dict[str, str]) -> Response:
        """Read one pipeline."""
        del request
        self._portal.apart("describe")
        return Response(200, self._shown(self._found(params)))

    def stages(self, request: Request, params: dict[str, str]) -> Response:
        """List the stages of a pipeline."""
        del request
        self._portal.apart("describe")
        rows = self._pipelines.stages(self._found(params))
        return Response(200, {"results": [_stage(row) for row in rows]})

    def stage(self, request: Request, params: dict[str, str]) -> Response:
        """Read one stage."""
        del request
        self._portal.apart("describe")
        return Response(200, _stage(self._found_stage(params)))

    def audit(self, request: Request, params: dict[str, str]) -> Response:
        """List what was done to a pipeline, newest first."""
        del request
        self._portal.apart("describe")
        return Response(200, {"results": self._pipelines.audit(f"{kind_of(params).name}.{params['id']}")})

    def stage_audit(self, request: Request, params: dict[str, str]) -> Response:
        """List what was done to a stage, newest first."""
        del request
        self._portal.apart("describe")
        name = f"{kind_of(params).name}.{params['id']}.{params['stage']}"
        return Response(200, {"results": self._pipelines.audit(name)})

    def _found(self, params: dict[str, str]) -> Record:
        row = self._pipelines.find(kind_of(params).name, params["id"])
        if row is None:
            raise not_found()
        return row

    def _found_stage(self, params: dict[str, str]) -> Record:
        row = self._pipelines.stage(self._found(params), params["stage"])
        if row is None:
            raise not_found()
        return row

    def _shown(self, row: Record) -> dict[str, Any]:
        return {**_common(row), "stages": [_stage(stage) for stage in self._pipelines.stages(row)]}

    # -- writing -------------------------------------------------------------------------------

    def create(self, request: Request, params: dict[str, str]) -> Response:
        """Add a pipeline with its stages."""
        kind, wish = kind_of(params), body_of(request)
        self._portal.apart("provision")
        if kind.name not in STAGED:
            raise invalid(f"{kind.name} have no pipelines")
        label, order = _named(wish)
        stages = [self._stage_wish(kind.name, entry_of(entry, "stages")) for entry in _stages(wish)]
        wanted = str(wish["pipelineId"]) if wish.get("pipelineId") else None
        return Response(201, self._shown(self._pipelines.create(kind.name, label, order, stages, wanted)))

    def put(self, request: Request, params: dict[str, str]) -> Response:
        """Replace a pipeline: its stages are those of the body afterwards."""
        row, wish = self._found(params), body_of(request)
        self._portal.apart("provision")
        label, order = _named(wish)
        obj = row.values["objectType"]
        wanted = [self._stage_wish(obj, entry_of(entry, "stages")) for entry in _stages(wish)]
        known = {stage.values["id"]: stage for stage in self._pipelines.stages(row)}
        by_label = {stage.values["label"]: stage for stage in known.values()}
        kept = set()
        for entry in wanted:
            stage = known.get(entry.get("stageId") or "") or by_label.get(entry["label"])
            if stage is None:
                self._pipelines.add_stage(row, entry)
            else:
                kept.add(stage.id)
                self._pipelines.change(stage, {name: entry[name] for name in ("label", "displayOrder", "metadata")})
        for stage in known.values():
            if stage.id not in kept:
                self._pipelines.drop(stage)
        return Response(200, self._shown(self._pipelines.change(row, {"label": label, "displayOrder": order})))

    def patch(self, request: Request, params: dict[str, str]) -> Response:
        """Change a pipeline."""
        row = self._found(params)
        self._portal.apart("provision")
        return Response(200, self._shown(self._pipelines.change(row, _changes(body_of(request)))))

    def drop(self, request: Request, params: dict[str, str]) -> Response:
        """Delete a pipeline that no record stands in."""
        del request
        self._portal.apart("provision")
        self._pipelines.drop(self._found(params))
        return Response(204)

    def create_stage(self, request: Request, params: dict[str, str]) -> Response:
        """Add a stage."""
        row, wish = self._found(params), body_of(request)
        self._portal.apart("provision")
        entry = self._stage_wish(row.values["objectType"], wish)
        return Response(201, _stage(self._pipelines.add_stage(row, entry)))

    def put_stage(self, request: Request, params: dict[str, str]) -> Response:
        """Replace a stage."""
        row, wish = self._found_stage(params), body_of(request)
        self._portal.apart("provision")
        entry = self._stage_wish(row.values["objectType"], wish)
        values = {name: entry[name] for name in ("label", "displayOrder", "metadata")}
        return Response(200, _stage(self._pipelines.change(row, values)))

    def patch_stage(self, request: Request, params: dict[str, str]) -> Response:
        """Change a stage."""
        row, wish = self._found_stage(params), body_of(request)
        self._portal.apart("provision")
        values = _changes(wish)
        if "metadata" in wish:
            given = {**row.values["metadata"], **entry_of(wish["metadata"], "metadata")}
            values["metadata"] = _metadata(row.values["objectType"], given)
        return Response(200, _stage(self._pipelines.change(row, values)))

    def drop_stage(self, request: Request, params: dict[str, str]) -> Response:
        """Delete a stage that no record stands in."""
        del request
        self._portal.apart("provision")
        self._pipelines.drop(self._found_stage(params))
        return Response(204)

    def _stage_wish(self, obj: str, wish: dict[str, Any]) -> dict[str, Any]:
        label, order = _named(wish)
        entry: dict[str, Any] = {"label": label, "displayOrder": order}
        entry["metadata"] = _metadata(obj, entry_of(wish.get("metadata"), "metadata"))
        stage_id = wish.get("stageId")
        return {**entry, "stageId": str(stage_id)} if stage_id else entry


def _named(wish: dict[str, Any]) -> tuple[str, int]:
    if not wish.get("label") or wish.get("displayOrder") is None:
        raise invalid("Invalid input JSON: label and displayOrder are required")
    return str(wish["label"]), whole_of(wish["displayOrder"], "displayOrder", 0)


def _stages(wish: dict[str, Any]) -> list[Any]:
    stages = entries_of(wish.get("stages"), "stages")
    if not stages:
        raise invalid("Invalid input JSON: a pipeline needs at least one stage")
    return stages


def _changes(wish: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {"label": str(wish["label"])} if wish.get("label") else {}
    if wish.get("displayOrder") is not None:
        values["displayOrder"] = whole_of(wish["displayOrder"], "displayOrder", 0)
    return values


def _metadata(obj: str, given: dict[str, Any]) -> dict[str, str]:
    """Return a stage's metadata as texts; a deal's stage needs its probability.

    Raises:
        Refusal: 400 without one between 0 and 1.
    """
    texts = {str(name): str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()}
    if obj != "deals":
        closed = texts.get("ticketState", "OPEN") == "CLOSED"
        return {**texts, "ticketState": texts.get("ticketState", "OPEN"), "isClosed": str(closed).lower()}
    try:
        probability = float(texts.get("probability", ""))
    except ValueError:
        raise invalid("metadata.probability is required for deal stages, between 0.0 and 1.0") from None
    if not 0 <= probability <= 1:
        raise invalid("metadata.probability must lie between 0.0 and 1.0")
    closed = probability in {0.0, 1.0}
    return {**texts, "probability": str(probability), "isClosed": texts.get("isClosed", str(closed).lower())}


def _common(row: Record) -> dict[str, Any]:
    shown = {name: row.values[name] for name in ("id", "label", "displayOrder")}
    return {**shown, "createdAt": iso(row.created_at), "updatedAt": iso(row.modified_at), "archived": row.deleted}


def _stage(row: Record) -> dict[str, Any]:
    return {
        **_common(row),
        "metadata": row.values["metadata"],
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
    }
