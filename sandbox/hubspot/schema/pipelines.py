"""The pipelines of deals and tickets with their stages, and who changed them when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.hubspot.answers import PORTAL_ID, invalid, iso
from sandbox.hubspot.definitions import PIPELINES
from sandbox.hubspot.objects import STAGED

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.core.records import Record
    from sandbox.hubspot.portal import Portal


class Pipelines:
    """Keep pipelines and stages as rows, and the properties that offer them in step."""

    def __init__(self, portal: Portal) -> None:
        """Keep them in the portal's store."""
        self._portal = portal
        for obj, (_, stage_name) in STAGED.items():
            portal.computed[obj, "hs_is_closed"] = self._reader(obj, stage_name, "isClosed")
        portal.computed["deals", "hs_is_closed_won"] = self._won
        portal.computed["deals", "hs_deal_stage_probability"] = self._reader("deals", "dealstage", "probability")

    def fill(self, at: datetime) -> None:
        """Give a fresh account its pipelines."""
        for obj, (pipeline_id, label, stages) in PIPELINES.items():
            values = {"objectType": obj, "id": pipeline_id, "label": label, "displayOrder": 0}
            self._portal.insert("pipeline", f"{obj}.{pipeline_id}", values, at=at)
            for order, (stage, text, metadata) in enumerate(stages):
                self._insert_stage(obj, pipeline_id, stage, text, order, metadata, at)

    def _insert_stage(
        self, obj: str, pipeline: str, stage: str, label: str, order: int, metadata: dict[str, str], at: datetime
    ) -> Record:
        values = {"objectType": obj, "pipeline": pipeline, "id": stage, "label": label, "displayOrder": order}
        return self._portal.insert("stage", f"{obj}.{pipeline}.{stage}", {**values, "metadata": metadata}, at=at)

    # -- reading -------------------------------------------------------------------------------

    def all(self, obj: str) -> list[Record]:
        """Return the living pipelines of a type in their order."""
        rows = (row for row in self._portal.records.rows("pipeline") if row.values["objectType"] == obj)
        return sorted((row for row in rows if not row.deleted), key=_place)

    def find(self, obj: str, pipeline_id: str) -> Record | None:
        """Return a living pipeline."""
        return self._portal.row("pipeline", f"{obj}.{pipeline_id}")

    def stages(self, pipeline: Record) -> list[Record]:
        """Return the living stages of a pipeline in their order."""
        ends = pipeline.values["objectType"], pipeline.values["id"]
        rows = (row for row in self._portal.records.rows("stage") if not row.deleted)
        return sorted((row for row in rows if (row.values["objectType"], row.values["pipeline"]) == ends), key=_place)

    def stage(self, pipeline: Record, stage_id: str) -> Record | None:
        """Return a living stage of a pipeline."""
        return self._portal.row("stage", f"{pipeline.id}.{stage_id}")

    def audit(self, what: str) -> list[dict[str, Any]]:
        """Return what was done to a pipeline or a stage, newest first."""
        return list(reversed(self._portal.records.kept(f"audit/{what}", ())))

    # -- writing -------------------------------------------------------------------------------

    def create(self, obj: str, label: str, order: int, stages: list[dict[str, Any]], wanted_id: str | None) -> Record:
        """Add a pipeline with its stages.

        Raises:
            Refusal: 400 when the label or the id is taken.
        """
        if any(row.values["label"] == label for row in self.all(obj)):
            raise invalid(f"A pipeline with the label {label[:60]} already exists")
        pipeline_id = wanted_id or self._portal.new_id()
        if self._portal.records.get("pipeline", f"{obj}.{pipeline_id}") is not None:
            raise invalid(f"A pipeline with the id {pipeline_id[:60]} already exists")
        values = {"objectType": obj, "id": pipeline_id, "label": label, "displayOrder": order}
        row = self._portal.insert("pipeline", f"{obj}.{pipeline_id}", values)
        for entry in stages:
            self.add_stage(row, entry)
        self._note(row.id, "CREATE", row)
        self._offer(obj)
        return row

    def add_stage(self, pipeline: Record, entry: dict[str, Any]) -> Record:
        """Add a stage; ``entry`` holds label, displayOrder, metadata and perhaps stageId, all checked.

        Raises:
            Refusal: 400 when the label or the id is taken.
        """
        if any(row.values["label"] == entry["label"] for row in self.stages(pipeline)):
            raise invalid(f"A stage with the label {entry['label'][:60]} already exists")
        stage = entry.get("stageId") or self._portal.new_id()
        obj, place = pipeline.values["objectType"], pipeline.values["id"]
        if self._portal.records.get("stage", f"{pipeline.id}.{stage}") is not None:
            raise invalid(f"A stage with the id {stage[:60]} already exists")
        moment = self._portal.now()
        label, order, metadata = entry["label"], entry["displayOrder"], entry["metadata"]
        row = self._insert_stage(obj, place, stage, label, order, metadata, moment)
        self._note(row.id, "CREATE", row)
        self._offer(obj)
        return row

    def change(self, row: Record, values: dict[str, Any]) -> Record:
        """Change a pipeline or a stage."""
        after = self._portal.update(row, values)
        if after is not row:
            self._note(row.id, "UPDATE", after)
            self._offer(row.values["objectType"])
        return after

    def drop(self, row: Record) -> None:
        """Archive a pipeline with its stages, or one stage.

        Raises:
            Refusal: 400 while a record stands in it.
        """
        obj = row.values["objectType"]
        pipeline_name, stage_name = STAGED[obj]
        name = pipeline_name if row.obj == "pipeline" else stage_name
        found = self._portal.records.find(obj, name, row.values["id"])
        if any(record.values.get(name) == row.values["id"] for record in found):
            sub = "PipelineError.STAGE_ID_IN_USE"
            raise invalid(f"{row.values['id']} is in use", subCategory=sub, context={"ids": [found[0].id]})
        if row.obj == "pipeline":
            if len(self.all(obj)) == 1:
                raise invalid("The last pipeline of a type cannot be deleted")
            for stage in self.stages(row):
                self._portal.remove(stage)
        self._portal.remove(row)
        self._note(row.id, "DELETE", row)
        self._offer(obj)

    def _note(self, what: str, action: str, row: Record) -> None:
        entry = {
            "portalId": PORTAL_ID,
            "identifier": str(row.values["id"]),
            "action": action,
            "timestamp": iso(self._portal.now()),
            "message": f"{row.obj} {action.lower()}d",
            "rawObject": {name: row.values[name] for name in ("id", "label", "displayOrder")},
        }
        self._portal.records.keep(f"audit/{what}", [*self._portal.records.kept(f"audit/{what}", ()), entry])

    def _offer(self, obj: str) -> None:
        """Let the properties offer exactly the pipelines and stages there are."""
        pipeline_name, stage_name = STAGED[obj]
        pipelines = self.all(obj)
        stages = [stage for pipeline in pipelines for stage in self.stages(pipeline)]
        for name, rows in ((pipeline_name, pipelines), (stage_name, stages)):
            known = self._portal.records.get("property", f"{obj}.{name}")
            assert known is not None
            options = [
                {"label": row.values["label"], "value": row.values["id"], "displayOrder": order, "hidden": False}
                for order, row in enumerate(rows)
            ]
            self._portal.update(known, {"options": options})

    # -- what a stage says of a record ---------------------------------------------------------

    def place_of(self, obj: str, stage_id: str) -> tuple[str, dict[str, str]] | None:
        """Return the pipeline that holds a stage, and the stage's metadata."""
        for row in self._portal.records.rows("stage"):
            if not row.deleted and (row.values["objectType"], row.values["id"]) == (obj, stage_id):
                return row.values["pipeline"], row.values["metadata"]
        return None

    def _reader(self, obj: str, stage_name: str, member: str) -> Any:
        def read(record: Record) -> str | None:
            found = self.place_of(obj, str(record.values.get(stage_name)))
            return None if found is None else found[1].get(member)

        return read

    def _won(self, record: Record) -> str | None:
        found = self.place_of("deals", str(record.values.get("dealstage")))
        if found is None:
            return None
        closed = found[1].get("isClosed") == "true" and float(found[1].get("probability", "0")) == 1.0
        return str(closed).lower()


def _place(row: Record) -> tuple[int, Any]:
    return row.values["displayOrder"], row.created_at
