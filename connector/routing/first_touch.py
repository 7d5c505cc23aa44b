"""How soon somebody whom sales was given wants a first touch: the clock of the stage's pool, per stage entry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from connector.mapping.hours import check_hours
from connector.mapping.routing import RoutingFile, Sla
from connector.routing.hours import working_due
from connector.routing.route import fallback_assignment


def stages_with_a_clock(routing: RoutingFile) -> Mapping[str, Sla]:
    """Give the stages that want a first touch, and what follows when there is none."""
    return {stage: sla for stage, sla in routing.sla.items() if isinstance(sla, Sla)}


def pool_of(routing: RoutingFile, stage: str) -> str:
    """Name the pool in whose hours a stage's clock runs: where its task goes, else who takes everybody."""
    goes_to = (task.to for task in routing.stage_tasks if task.on_enter == stage and task.to in routing.pools)
    return next(goes_to, fallback_assignment(routing))


def touch_due(routing: RoutingFile, stage: str, since: datetime) -> datetime | None:
    """Say by when whoever entered ``stage`` at ``since`` is to be touched; None where the stage has no clock."""
    sla = stages_with_a_clock(routing).get(stage)
    if sla is None:
        return None
    pool = routing.pools.get(pool_of(routing, stage))
    if pool is None or pool.hours is None:
        return since + sla.first_touch
    return working_due(check_hours(pool.hours), since, sla.first_touch)
